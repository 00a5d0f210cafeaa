"""The reader of .safetensors files, on one that the public library wrote and on broken ones."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

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


def test_bfloat16_becomes_float32(tmp_path):
    """One, minus two, and the smallest number above one."""
    path = written(tmp_path / "x.safetensors", {"w": entry("BF16", (3,), 0, 6)}, np.uint16([0x3F80, 0xC000, 0x3F81]).tobytes())
    array = safetensors.read(path)["w"]
    assert array.dtype == np.float32 and array.tolist() == [1, -2, 1 + 2**-7]


@pytest.mark.parametrize("header, says", [
    ({"w": entry(end=20)}, "offset"), ({"w": entry(shape=(2, 3))}, "invalid shape"), ({"w": entry(begin=4, end=20)}, "offset"),
    ({"w": entry(end=12, shape=(3,))}, "not fully covered"), ({"w": entry(), "v": entry()}, "offset"),
    ({"w": entry(shape=(-2, -2))}, "usize"), ({"w": entry(shape=(2.0, 2))}, "usize"),
    ({"w": entry(shape=(2**40, 2**40))}, "overflow"), ({"w": entry("F8")}, "F8"), ({"w": entry("O")}, "`O`"),
    ({"w": entry("F8_E4M3", (16,))}, "float8"), ({"w": {"dtype": "F32"}}, "shape"), ([1], "sequence"), (b"{", "EOF"),
    (b"[" * 10**5, "sequence"), (b'{"w": ' * 10**5, "invalid"), ({}, "not fully covered")])
def test_what_is_not_sound_is_refused(tmp_path, header, says):
    with pytest.raises(InputError, match=r"bad\.safetensors: expected a \.safetensors file") as error:
        safetensors.read(written(tmp_path / "bad.safetensors", header))
    assert says in str(error.value)


def test_a_name_that_occurs_twice_is_one_sound_array(tmp_path):
    header = b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "w": {"dtype": "I64", "shape": [2], '
    path = written(tmp_path / "x.safetensors", header + b'"data_offsets": [0, 16]}}')
    assert safetensors.read(path)["w"].shape == (2,)


def test_a_prefix_that_no_name_has_is_told():
    with pytest.raises(InputError, match=r"no array model/\*"):
        safetensors.read(PUBLIC, "model/")


@pytest.mark.parametrize("seed", range(5))
def test_damage_is_told_and_never_fatal(tmp_path, seed):
    """Bytes changed anywhere in the header, and perhaps the end cut off."""
    rng, whole, told = np.random.default_rng(seed), PUBLIC.read_bytes(), 0
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(0, 8 + int.from_bytes(whole[:8], "little"), 2):
            content[place] = rng.integers(256)
        path = tmp_path / "bad.safetensors"
        path.write_bytes(content[:rng.integers(1, len(content))] if rng.random() < 0.2 else content)
        try:
            assert all(isinstance(array, np.ndarray) for array in safetensors.read(path).values())
        except InputError as error:
            told += "bad.safetensors" in str(error)
    assert told > 150


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(InputError, match="header too large"):
        safetensors.read(tmp_path / "bad.safetensors")


def test_a_file_cut_off_anywhere_is_named(tmp_path):
    whole = PUBLIC.read_bytes()
    for end in range(0, len(whole), 31):
        (tmp_path / "cut.safetensors").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.safetensors"):
            safetensors.read(tmp_path / "cut.safetensors")
