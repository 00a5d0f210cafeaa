"""The reader of PyTorch's files, on files that PyTorch 2.13 wrote and on files made to do harm."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.formats import pytorch

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = ("torch_zip.pth", "torch_legacy.pth")


def zipped(path: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED, **storages: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key.removeprefix('s')}", content)
    return path


def tensor(shape: str, strides: str, count: int = 4, offset: int = 0, kind: str = "FloatStorage") -> bytes:
    """{"w": a tensor of storage 0} in opcodes; sizes as Python would print them."""
    def tuple_of(numbers: str) -> bytes:
        return b"(" + b"".join(b"L" + number.encode() + b"L\n" for number in numbers.split()) + b"t"

    storage = (b"(X\x07\0\0\0storagectorch\n" + kind.encode() + b"\nX\x01\0\0\x000X\x03\0\0\0cpuL"
               + str(count).encode() + b"L\ntQ")
    return (b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"L" + str(offset).encode() + b"L\n"
            + tuple_of(shape) + tuple_of(strides) + b"\x89ccollections\nOrderedDict\n)RtRs.")


@pytest.mark.parametrize("name", FILES)
def test_every_tensor_is_what_pytorch_says(golden, name):
    """All kinds of numbers, views, a transposed one, a shared storage, none at all and a parameter."""
    read, expected = pytorch.read(GOLDEN / name, "state_dict/"), golden("torch_arrays")
    assert list(read) == list(expected) and len(read) == 13
    for key, array in read.items():
        np.testing.assert_array_equal(array, expected[key])
        assert array.dtype == expected[key].dtype and array.flags.writeable | (key == "brain")


@pytest.mark.parametrize("name", FILES)
def test_a_prefix_chooses_and_is_cut_off(name):
    assert list(pytorch.read(GOLDEN / name, "state_dict/sha")) == ["red"]
    with pytest.raises(InputError, match=r"no tensor model/\*"):
        pytorch.read(GOLDEN / name, "model/")


def test_the_opcodes_of_these_tests_are_a_tensor(tmp_path):
    path = zipped(tmp_path / "x.pth", tensor("2 2", "2 1"), s0=np.arange(4, dtype="<f4").tobytes())
    np.testing.assert_array_equal(pytorch.read(path)["w"], [[0, 1], [2, 3]])


class Runs:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("bad", [Runs(os.system, "touch HARM"), Runs(eval, "1"), Runs(getattr, dict, "get"),
                                 {"state_dict": Runs(exec, "1")}, Runs(io.open, "HARM", "w"), pickle.Unpickler, Path("x")])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("wrap", ["zip", "legacy"])
def test_nothing_in_a_file_runs(tmp_path, monkeypatch, bad, protocol, wrap):
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(bad, protocol)
    path = tmp_path / "bad.pth"
    if wrap == "zip":
        zipped(path, pickled)
    else:
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (
            0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})) + pickled)
    with pytest.raises(InputError, match=r"bad\.pth: expected tensors written by torch\.save.*which data do not need"):
        pytorch.read(path)
    assert [file.name for file in tmp_path.iterdir()] == ["bad.pth"]


@pytest.mark.parametrize("opcodes", [
    b"cposix\nsystem\n(X\x0a\0\0\0touch HARMtR.",  # a global and a call
    b"(X\x0a\0\0\0touch HARMiposix\nsystem\n.",  # INST
    b"(cposix\nsystem\nX\x0a\0\0\0touch HARMo.",  # OBJ
    b"X\x05\0\0\0posixX\x06\0\0\0system\x93X\x0a\0\0\0touch HARM\x85R.",  # STACK_GLOBAL
    b"\x82\x01.",  # a registered extension
    b"ctorch\nFloatStorage\nX\x01\0\0\0x\x85R.",  # calls what stands for a kind of storage
    b"ccollections\nOrderedDict\n}X\x06\0\0\0updateX\x01\0\0\0xsb.",  # changes a class
    b"ccollections\nOrderedDict\n(N}X\x06\0\0\0updateX\x01\0\0\0xstb.",
    b"X\x01\0\0\0aQ.", b"P0\n.",  # storages without their parts
])
def test_no_opcode_leads_around_it(tmp_path, monkeypatch, opcodes):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected tensors written by"):
        pytorch.read(zipped(tmp_path / "bad.pth", opcodes))
    assert [file.name for file in tmp_path.iterdir()] == ["bad.pth"]


def test_a_function_that_is_changed_is_changed_for_nobody_else(tmp_path):
    """BUILD may set attributes of what the reader hands out, which is therefore made anew each time."""
    changing = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(N}X\x0c\0\0\0__defaults__(L7L\ntstb."
    with pytest.raises(InputError):
        pytorch.read(zipped(tmp_path / "bad.pth", changing))
    assert len(pytorch.read(GOLDEN / FILES[0], "state_dict/")) == 13


@pytest.mark.parametrize("shape, strides, count, offset, says", [
    ("2 3", "3 1", 4, 0, "beyond its storage"), ("2 2", "2 1", 4, 1, "beyond its storage"),
    ("2 2", "4 1", 4, 0, "beyond its storage"), ("1000000 1000000", "0 0", 4, 0, "beyond its storage"),
    ("-2 -2", "1 1", 4, 0, "impossible sizes"), ("2 2", "-2 1", 4, 3, "impossible sizes"), ("2", "1", 4, -1, "impossible"),
    ("2 2", "1", 4, 0, "zip"), ("2", "1", 10**12, 0, "cut off"), ("2", "1", -1, 0, "unknown kind"),
    ("5", "1", 5, 0, "cut off")])
def test_no_tensor_leaves_its_storage(tmp_path, shape, strides, count, offset, says):
    path = zipped(tmp_path / "bad.pth", tensor(shape, strides, count, offset), s0=bytes(16))
    with pytest.raises(InputError, match=says):
        pytorch.read(path)


def test_a_small_pickle_cannot_unfold_without_end(tmp_path):
    shared = {"x": 1}
    for _ in range(12):
        shared = {str(number): shared for number in range(12)}
    endless = {}
    endless["x"] = endless
    for bomb in (shared, endless):
        with pytest.raises(InputError, match="containers without end"):
            pytorch.read(zipped(tmp_path / "bomb.pth", pickle.dumps(bomb, 2)))


@pytest.mark.parametrize("opcodes", [b"\x80\x02Nr\xff\xff\xff\x7f.",  # 2**31 places of the memo: 16 GB
                                     b"\x80\x02}N" + b"\x85" * 10**6 + b"Ns."])  # a key that overflows the stack
@pytest.mark.parametrize("wrap", ["zip", "legacy"])
def test_a_pickle_costs_neither_memory_nor_the_process(tmp_path, wrap, opcodes):
    path = tmp_path / "bad.pth"
    if wrap == "zip":
        zipped(path, opcodes)
    else:
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in (
            0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})) + opcodes)
    ended = call_limited(pytorch.read, path)
    assert ended.error.startswith(f"InputError: {path}: expected tensors") and ended.mebibytes < 200


def test_many_tensors_over_one_storage(tmp_path):
    """4000 names for 1 MB: 4 GB of arrays, or its bytes read 4000 times; each name alone is sound."""
    one = tensor("262144", "1", 262144)
    start, made = one.index(b"X\x01"), one[one.index(b"ctorch._utils"):-2]
    again = b"".join(b"X\x05\0\0\0%05dh\x00s" % number for number in range(4000))  # of the memo
    path = zipped(tmp_path / "bad.pth", one[:start] + b"X\x01\0\0\0w" + made + b"q\x00s" + again + b".", s0=bytes(2**20))
    ended = call_limited(pytorch.read, path)
    assert "tensors far larger than the file" in ended.error and ended.seconds < 5 and ended.mebibytes < 64
    assert list(pytorch.read(path, "00007")) == [""], "one of them is no trouble"


def test_each_storage_is_read_once(tmp_path, monkeypatch):
    """Thousands of small views of one large storage."""
    one = tensor("4", "1", 262144)
    start, made = one.index(b"X\x01"), one[one.index(b"ctorch._utils"):-2]
    views = b"".join(b"X\x05\0\0\0%05d" % number + made + b"s" for number in range(1000))
    path = zipped(tmp_path / "x.pth", one[:start] + views + b".", s0=bytes(2**20))
    reads, read_member = [], zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, name: reads.append(name) or read_member(self, name))
    assert len(pytorch.read(path)) == 1000 and reads == ["archive/data.pkl", "archive/data/0"]


def test_long_names_do_not_add_up(tmp_path):
    """A megabyte as the name of dictionaries within one another, 16 deep and 12 wide."""
    shared = {"x": 1}
    for _ in range(4):
        shared = {"k" * 10**6: shared} | {str(number): shared for number in range(12)}
    ended = call_limited(pytorch.read, zipped(tmp_path / "bomb.pth", pickle.dumps(shared, 2)))
    assert "a name without end" in ended.error and ended.mebibytes < 64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_by_the_name_of_their_tensor(tmp_path, bad):
    content = np.array([0, 1, bad, 3], "<f4").tobytes()
    with pytest.raises(InputError, match="w: expected numbers, found NaN or infinity"):
        pytorch.read(zipped(tmp_path / "bad.pth", tensor("2 2", "2 1"), s0=content))
    assert pytorch.read(zipped(tmp_path / "x.pth", tensor("2", "1"), s0=content))["w"].tolist() == [0, 1]


def test_one_name_for_two_tensors_is_refused(tmp_path):
    """{"a/b": one, "a": {"b": another}}"""
    made = tensor("2", "1")
    made = made[made.index(b"ctorch._utils"):-2]
    pickled = (b"\x80\x02}X\x03\0\0\0a/b" + made + b"sX\x01\0\0\0a}X\x01\0\0\0b" + made + b"ss.")
    with pytest.raises(InputError, match="a/b, which occurs twice"):
        pytorch.read(zipped(tmp_path / "bad.pth", pickled, s0=bytes(16)))


def test_members_that_overlap_are_refused(tmp_path):
    path = zipped(tmp_path / "bad.pth", tensor("2", "1"), s0=bytes(16), s1=bytes(10**5))
    content = path.read_bytes()
    entry = content.rindex(b"archive/data/0") - 46  # in the directory: its place becomes that of the next member
    place = content.rindex(b"archive/data/1") - 46 + 42
    sizes = struct.pack("<II", 10**5, 10**5)
    changed = bytearray(content)
    changed[entry + 42:entry + 46], changed[entry + 20:entry + 28] = content[place:place + 4], sizes
    path.write_bytes(changed)
    with pytest.raises(InputError, match="overlap"):
        pytorch.read(path)


def test_compressed_members_are_refused(tmp_path):
    with pytest.raises(InputError, match="compressed members"):
        pytorch.read(zipped(tmp_path / "bomb.pth", tensor("2", "1"), zipfile.ZIP_DEFLATED, s0=bytes(10**6)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_off_anywhere_is_named(tmp_path, name):
    whole = (GOLDEN / name).read_bytes()
    for end in range(0, len(whole) - 1, 97):
        (tmp_path / "cut.pth").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.pth: expected tensors.*give the published file, whole") as error:
            pytorch.read(tmp_path / "cut.pth", "state_dict/")
        assert "\n" not in str(error.value)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(FILES),
       places=st.lists(st.tuples(st.integers(0, 2300), st.integers(0, 255)), min_size=1, max_size=6))
def test_wild_bytes_are_read_or_refused(tmp_path_factory, name, places):
    content = bytearray((GOLDEN / name).read_bytes())
    for place, byte in places:
        content[place] = byte
    path = tmp_path_factory.mktemp("wild") / "wild.pth"
    path.write_bytes(content)
    try:
        assert all(isinstance(array, np.ndarray) for array in pytorch.read(path, "state_dict/").values())
    except InputError as error:
        assert "wild.pth" in str(error)


def test_legacy_storages_must_be_of_their_announced_size(tmp_path):
    content = (GOLDEN / FILES[1]).read_bytes()
    count = struct.pack("<q", 24)
    assert content.count(count) == 2  # conv, and the four by six numbers that others share
    (tmp_path / "bad.pth").write_bytes(content.replace(count, struct.pack("<q", 25), 1))
    with pytest.raises(InputError, match="of another size than announced"):
        pytorch.read(tmp_path / "bad.pth", "state_dict/")
