"""The reader of .safetensors files, on one that the public library wrote and on broken ones."""

import json
import re
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


@pytest.mark.parametrize("header, says", [
    ({"w": entry(end=20)}, "do not fill"), ({"w": entry(shape=(2, 3))}, "do not fill"),
    ({"w": entry(begin=4, end=20)}, "do not"),
    ({"w": entry(end=12, shape=(3,))}, "bytes of arrays"), ({"w": entry(), "v": entry()}, "do not fill"),
    ({"w": entry(shape=(-2, -2))}, "no natural numbers"), ({"w": entry(shape=(2.0, 2))}, "no natural numbers"),
    ({"w": entry(shape=(2**40, 2**40))}, "do not fill"), ({"w": entry("F8")}, "F8"), ({"w": entry("O")}, "O"),
    ({"w": {"dtype": "F32"}}, "shape"), ([1], "pop|list"), (b"{", "Expecting|property"), (b"[" * 10**5, "recursion|damaged"),
    (b'{"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "w": 1}', "occurs twice"), ({}, "bytes of arrays")])
def test_what_is_not_sound_is_refused(tmp_path, header, says):
    with pytest.raises(InputError, match=r"bad\.safetensors: expected a \.safetensors file") as error:
        safetensors.read(written(tmp_path / "bad.safetensors", header))
    assert re.search(says, str(error.value))


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(InputError, match="a header of"):
        safetensors.read(tmp_path / "bad.safetensors")


def test_a_file_cut_off_anywhere_is_named(tmp_path):
    whole = PUBLIC.read_bytes()
    for end in range(0, len(whole), 31):
        (tmp_path / "cut.safetensors").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.safetensors"):
            safetensors.read(tmp_path / "cut.safetensors")
