"""The reader of .safetensors files, on one that the public library wrote and on broken ones."""

import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.formats import safetensors

PUBLIC = Path(__file__).parents[1] / "golden/torch.safetensors"


def written(path: Path, header, data: bytes = bytes(16)) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype="F32", shape=(2, 2), begin=0, end=16) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def test_every_array_is_what_the_library_wrote(golden):
    read, expected = safetensors.read(PUBLIC), golden("torch_arrays")
    assert read.keys() == expected.keys()
    for name, array in read.items():
        np.testing.assert_array_equal(array, expected[name])
        assert array.dtype == expected[name].dtype
    assert list(safetensors.read(PUBLIC, "sha")) == ["red"]


def test_a_file_by_hand(tmp_path):
    path = written(tmp_path / "x.safetensors", {"__metadata__": {"a": "b"}, "w": entry()}, np.arange(4, dtype="<f4").tobytes())
    np.testing.assert_array_equal(safetensors.read(path)["w"], [[0, 1], [2, 3]])


@pytest.mark.parametrize("header, says", [
    ({"w": entry(end=20)}, "invalid shape"), ({"w": entry(shape=(2, 3))}, "invalid shape"),
    ({"w": entry(begin=4, end=20)}, "invalid"),
    ({"w": entry(end=12, shape=(3,))}, "not fully covered"), ({"w": entry(), "v": entry()}, "invalid"),
    ({"w": entry(shape=(-2, -2))}, "invalid"), ({"w": entry(shape=(2.0, 2))}, "invalid"),
    ({"w": entry(shape=(2**40, 2**40))}, "overflow"), ({"w": entry("F8")}, "F8"), ({"w": entry("O")}, "O"),
    ({"w": entry(shape=(1,) * 100 + (4,))}, "dimension"), ({"w": entry("C64", (2,))}, "found complex64"),
    ({"w": {"dtype": "F32"}}, "shape"), ([1], "sequence"), (b"{", "Expecting|property"), (b"[" * 10**5, "recursion|damaged"),
    (json.dumps({"w": entry()}).encode().replace(b"}}", b'}, "w": ' + json.dumps(entry()).encode() + b"}"), "occurs twice"),
    ({}, "not fully covered")])
def test_what_is_not_sound_is_refused(tmp_path, header, says):
    with pytest.raises(InputError, match=r"bad\.safetensors: expected a \.safetensors file") as error:
        safetensors.read(written(tmp_path / "bad.safetensors", header))
    assert re.search(says, str(error.value))


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(InputError, match="a header of"):
        safetensors.read(tmp_path / "bad.safetensors")


def test_a_large_header_costs_no_memory(tmp_path):
    """90 MB of names for arrays of nothing are a sound file; it took 1.4 GB and more to say so."""
    entries = b", ".join(b'"%07d": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}' % number
                         for number in range(1_300_000))
    path = written(tmp_path / "bad.safetensors", b"{" + entries + b"}", b"")
    ended = call_limited(safetensors.read, path, mebibytes=128)
    assert "a header of" in ended.error and ended.mebibytes < 16


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_by_the_name_of_their_array(tmp_path, bad):
    path = written(tmp_path / "bad.safetensors", {"w": entry()}, np.array([0, 1, bad, 3], "<f4").tobytes())
    with pytest.raises(InputError, match="w: expected numbers, found NaN or infinity"):
        safetensors.read(path)


def test_a_file_cut_off_anywhere_is_named(tmp_path):
    whole = PUBLIC.read_bytes()
    for end in range(0, len(whole), 31):
        (tmp_path / "cut.safetensors").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.safetensors"):
            safetensors.read(tmp_path / "cut.safetensors")
