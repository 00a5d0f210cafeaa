"""The reader of MXNet's .params files, on one that MXNet 1.9.1 wrote, on older ones by hand, and on broken ones."""

import struct
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.formats import mxnet

PUBLIC = Path(__file__).parents[1] / "golden/mxnet.params"
CPU = struct.pack("<ii", 1, 0)


def array(values: np.ndarray, version: int = 0, kind: int = 0) -> bytes:
    """One array as the versions of MXNet write it; 0 is that of before 2017."""
    sides = values.shape
    start = {0: struct.pack(f"<I{len(sides)}I", len(sides), *sides),
             1: struct.pack(f"<II{len(sides)}q", 0xF993FAC8, len(sides), *sides),
             2: struct.pack(f"<IiI{len(sides)}q", 0xF993FAC9, 0, len(sides), *sides),
             3: struct.pack(f"<IiI{len(sides)}q", 0xF993FACA, 0, len(sides), *sides)}[version]
    return start + CPU + struct.pack("<i", kind) + values.tobytes()


def params(arrays: list[bytes], names: list[str]) -> bytes:
    texts = [struct.pack("<Q", len(name)) + name.encode() for name in names]
    return b"".join([struct.pack("<QQQ", 0x112, 0, len(arrays)), *arrays, struct.pack("<Q", len(names)), *texts])


def test_every_array_is_what_mxnet_wrote(golden):
    read, expected = mxnet.read(PUBLIC), golden("torch_arrays")
    assert list(read) == ["conv", "turned", "double", "half", "long", "byte"]
    for name, values in read.items():
        np.testing.assert_array_equal(values, expected[name])
        assert values.dtype == expected[name].dtype


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_older_and_newer_files(tmp_path, version):
    kernel, mean = np.arange(12, dtype="<f4").reshape(2, 3, 2), np.arange(3, dtype="<f4")
    (tmp_path / "x.params").write_bytes(params([array(kernel, version), array(mean, version)], ["arg:w", "aux:m"]))
    read = mxnet.read(tmp_path / "x.params")
    np.testing.assert_array_equal(read["w"], kernel)
    np.testing.assert_array_equal(read["m"], mean)
    assert list(mxnet.read(tmp_path / "x.params", "m")) == [""]


ONE = array(np.zeros(2, "<f4"))


@pytest.mark.parametrize("content, says", [
    (b"", "wanted"), (bytes(24), "magic"), (params([ONE], []), "zip|shorter"), (params([ONE, ONE], ["a", "a"]), "twice"),
    (params([ONE, ONE], ["arg:a", "aux:a"]), "twice"), (params([ONE, ONE], ["a", "arg:a"]), "twice"),
    (params([array(np.float32([1, np.nan]))], ["a"]), "a: expected numbers, found NaN"),
    (params([array(np.float32([-np.inf, 1]))], ["a"]), "a: expected numbers, found NaN or infinity"),
    (params([ONE], ["a"]) + b"x", "left over"),
    (struct.pack("<QQQ", 0x112, 0, 2**60), "items in"),
    (params([struct.pack("<I2I", 2, 2**31, 2**31) + CPU + struct.pack("<i", 0)], ["a"]), "wanted"),
    (params([struct.pack("<IiI1q", 0xF993FAC9, 0, 1, -8) + CPU + struct.pack("<i", 0)], ["a"]), "wanted"),
    (params([struct.pack("<Ii", 0xF993FAC9, 1) + bytes(40)], ["a"]), "sparse"),
    (params([struct.pack("<I", 0)], ["a"]), "0 axes"),
    (params([struct.pack("<I", 10**6)], ["a"]), "axes"), (params([array(np.zeros(2, "<f4"), kind=99)], ["a"]), "99")])
def test_what_is_not_sound_is_refused(tmp_path, content, says):
    (tmp_path / "bad.params").write_bytes(content)
    with pytest.raises(InputError, match=rf"bad\.params: expected a \.params file.*({says})"):
        mxnet.read(tmp_path / "bad.params")


def test_a_file_cut_off_anywhere_is_named(tmp_path):
    whole = PUBLIC.read_bytes()
    for end in range(0, len(whole), 13):
        (tmp_path / "cut.params").write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"cut\.params"):
            mxnet.read(tmp_path / "cut.params")
