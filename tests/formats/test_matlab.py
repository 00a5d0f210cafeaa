"""The reader of label maps in MATLAB files, on what scipy writes and on files made to do harm."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.formats.matlab import SBD_FIELDS, read_label_matrix

LABELS = np.array([[0, 0, 3], [0, 12, 3]], np.uint8)


def write_sbd_mask(path, labels, **options):
    """A struct GTcls with the fields of SBD's files: sparse boundaries in a cell, the mask, the classes."""
    boundaries = np.empty([20, 1], object)
    for label in range(20):
        boundaries[label, 0] = scipy.sparse.csc_matrix(labels == label + 1)
    present = np.unique(labels[labels > 0])[:, None].astype(float)
    scipy.io.savemat(path, {"GTcls": {"Boundaries": boundaries, "Segmentation": labels, "CategoriesPresent": present}},
                     **options)


def element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(name: bytes, kind: int = 9, *more: bytes) -> bytes:
    """A matrix of a name and class, 1x1, with further elements."""
    return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", 1, 1)) + element(1, name)
                   + b"".join(more))


def written(path: Path, *elements: bytes) -> Path:
    path.write_bytes(bytes(124) + b"\0\1IM" + b"".join(elements))
    return path


def compressed(content: bytes) -> bytes:
    packed = zlib.compress(content, 9)
    return struct.pack("<II", 15, len(packed)) + packed


def bomb(path):
    """A few kilobytes that inflate to 80 MiB."""
    write_sbd_mask(path, LABELS)
    content = zlib.compress(bytes(80 << 20))
    path.write_bytes(path.read_bytes()[:128] + struct.pack("<II", 15, len(content)) + content)


@pytest.mark.parametrize("damage, words", [
    (lambda path: path.write_bytes(b"no MATLAB file"), "none of version 5 to 7.2"),
    (lambda path: path.write_bytes(path.read_bytes()[:300]), "GTcls.Segmentation"),
    (lambda path: scipy.io.savemat(path, {"other": LABELS}), "no GTcls in it"),
    (lambda path: scipy.io.savemat(path, {"GTcls": {"Boundaries": LABELS}}), "Segmentation"),
    (lambda path: scipy.io.savemat(path, {"GTcls": {"Segmentation": LABELS.astype(float)}}), "no matrix of 8- or 16-bit numbers"),
    (lambda path: scipy.io.savemat(path, {"GTcls": {"Segmentation": LABELS[:0]}}), "sides of 1 to"),
    (lambda path: path.unlink(), "no such file"),
    (bomb, "more than 64 MiB"),
])
def test_damaged_and_hostile_files_are_refused_in_one_line(tmp_path, damage, words):
    path = tmp_path / "a.mat"
    write_sbd_mask(path, LABELS)
    damage(path)
    with pytest.raises(InputError) as error:
        read_label_matrix(path, *SBD_FIELDS)
    assert words in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_every_cut_and_flipped_byte_is_refused_or_read(tmp_path, compressed):
    path = tmp_path / "a.mat"
    write_sbd_mask(path, LABELS, do_compression=compressed)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for position in random.integers(124, len(whole), 100):
        for data in (whole[:position], whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :]):
            path.write_bytes(data)
            try:
                found = read_label_matrix(path, *SBD_FIELDS)
            except InputError:
                continue
            assert found.dtype in (np.uint8, np.uint16) and found.ndim == 2


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype, shape", [(np.uint8, (375, 500)), (np.uint16, (7, 5)), (np.uint8, (1, 3)),
                                          (np.uint8, (4, 1))])
def test_matrices_are_those_that_scipy_reads(tmp_path, dtype, shape, compressed):
    labels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    write_sbd_mask(tmp_path / "a.mat", labels, do_compression=compressed)
    scipy.io.savemat(tmp_path / "b.mat", {"first": labels + 1, "LabelMap": labels}, do_compression=compressed)
    np.testing.assert_array_equal(scipy.io.loadmat(tmp_path / "a.mat")["GTcls"][0, 0]["Segmentation"], labels)
    for found in (read_label_matrix(tmp_path / "a.mat", *SBD_FIELDS), read_label_matrix(tmp_path / "b.mat", "LabelMap")):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, labels)


def test_numbers_of_big_endian_machines(tmp_path):
    parts = (element(6, struct.pack(">II", 11, 0), ">") + element(5, struct.pack(">ii", 2, 2), ">")
             + element(1, b"LabelMap", ">") + element(4, struct.pack(">4H", 1, 2, 300, 4), ">"))
    (tmp_path / "a.mat").write_bytes(bytes(124) + b"\1\0MI" + element(14, parts, ">"))
    assert read_label_matrix(tmp_path / "a.mat", "LabelMap").tolist() == [[1, 300], [2, 4]]


def test_a_file_by_hand(tmp_path):
    path = written(tmp_path / "a.mat", matrix(b"LabelMap", 9, element(2, b"\7")))
    assert read_label_matrix(path, "LabelMap").tolist() == [[7]]


def harmful(kind: str) -> list[bytes]:
    """Files of 0.1 to 5 MB; in memory or time some of them are thousands of times as large."""
    return {
        "variables that inflate": [compressed(matrix(b"other") + bytes(60 << 20))] * 90,
        "many variables": [compressed(matrix(b"other"))] * 50_000,
        "parts without end": [compressed(element(14, element(1, b"") * 3_000_000))],
        "fields without end": [matrix(b"GTcls", 2, element(5, struct.pack("<i", 1)), element(1, b"a" * 2_000_000))],
        "fields of no width": [matrix(b"GTcls", 2, element(5, struct.pack("<i", 0)), element(1, b"a" * 2_000_000))],
        "fields of negative width": [matrix(b"GTcls", 2, element(5, struct.pack("<i", -64)), element(1, b"a" * 2_000_000))],
        "sides without end": [element(14, element(6, struct.pack("<II", 9, 0)) + element(5, b"\1\0\0\0" * 500_000)
                                      + element(1, b"GTcls") + element(2, b"\7"))],
    }[kind]


@pytest.mark.parametrize("kind", ["variables that inflate", "many variables", "parts without end", "fields without end",
                                  "fields of no width", "fields of negative width", "sides without end"])
def test_small_files_cost_neither_memory_nor_time(tmp_path, kind):
    ended = call_limited(read_label_matrix, written(tmp_path / "a.mat", *harmful(kind)), *SBD_FIELDS)
    assert ended.error.startswith(f"InputError: {tmp_path / 'a.mat'}: expected a MATLAB file with GTcls.Segmentation")
    assert ended.seconds < 1 and ended.mebibytes < 200


def test_a_giant_is_not_read(tmp_path):
    path = written(tmp_path / "a.mat")
    with open(path, "r+b") as file:
        file.truncate(2**33)
    assert "more than 64 MiB" in call_limited(read_label_matrix, path, "LabelMap", mebibytes=64).error
