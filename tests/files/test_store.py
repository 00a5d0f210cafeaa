import builtins
import errno
import json
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.files import store
from wsss_tf.files.images import read_labels

# Label -> colour in the development kit of PASCAL VOC.
VOC_COLOURS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128), 5: (128, 0, 128),
               6: (0, 128, 128), 7: (128, 128, 128), 8: (64, 0, 0), 9: (192, 0, 0), 10: (64, 128, 0),
               11: (192, 128, 0), 12: (64, 0, 128), 13: (192, 0, 128), 14: (64, 128, 128), 15: (192, 128, 128),
               16: (0, 64, 0), 17: (128, 64, 0), 18: (0, 192, 0), 19: (128, 192, 0), 20: (0, 64, 128),
               255: (224, 224, 192)}
LABELS = np.uint8([[0, 1, 20], [255, 254, 3]])


def test_voc_palette():
    palette = store.voc_palette()
    assert palette.shape == (256, 3) and palette.dtype == np.uint8
    assert {label: tuple(palette[label].tolist()) for label in VOC_COLOURS} == VOC_COLOURS
    assert len(np.unique(palette, axis=0)) == 256


def test_label_maps_come_back_and_have_colours(tmp_path):
    store.write_labels(tmp_path / "x.png", LABELS)
    np.testing.assert_array_equal(read_labels(tmp_path / "x.png"), LABELS)
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == "P"
        assert image.convert("RGB").getpixel((2, 0)) == VOC_COLOURS[20]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_images_come_back(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    store.write_image(tmp_path / "x.png", pixels[:, ::-1])  # not contiguous
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), pixels[:, ::-1])


def test_arrays_text_and_json_come_back(tmp_path):
    store.write_npz(tmp_path / "x.npz", cam=np.float32([[1, 2]]), keys=np.int64([3]))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["cam"], [[1, 2]])
        np.testing.assert_array_equal(arrays["keys"], [3])
    store.write_text(tmp_path / "x.txt", "Zürich\n")
    assert (tmp_path / "x.txt").read_bytes() == "Zürich\n".encode()
    store.write_json(tmp_path / "x.json", {"b": 1, "a": [2.5, None]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [2.5, None], "b": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.npz", "x.txt"]


def test_folders_are_made_and_old_files_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "x.txt"
    store.write_text(path, "old")
    store.write_text(path, "new")
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


def test_target_is_untouched_until_the_block_ends(tmp_path):
    path = tmp_path / "x.png"
    path.write_text("old")
    with store.writing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old" and temporary.suffix == ".png" and temporary.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
@pytest.mark.parametrize("old", [True, False])
def test_error_in_the_block_changes_nothing(tmp_path, error, old):
    path = tmp_path / "x.txt"
    if old:
        path.write_text("old")
    with pytest.raises(error):
        with store.writing(path) as temporary:
            temporary.write_text("half")
            raise error
    assert [p.name for p in tmp_path.iterdir()] == (["x.txt"] if old else [])
    assert not old or path.read_text() == "old"


@pytest.mark.parametrize("code, words", [
    (errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"),
])
@pytest.mark.parametrize("place", [(os, "replace"), (os, "fsync"), (pathlib.Path, "mkdir"), (builtins, "open")])
def test_disk_errors_are_told_and_leave_nothing(tmp_path, monkeypatch, code, words, place):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    path = tmp_path / "x.npz"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(*place, fail)
        with pytest.raises(InputError, match=f"x.npz: cannot write it: .*{words}"):
            store.write_npz(path, x=np.zeros(3))
    assert list(tmp_path.iterdir()) == [path] and path.read_text() == "old"


def test_unknown_disk_errors_stay_as_they_are(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="input/output"):
        store.write_text(tmp_path / "x.txt", "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["x.txt", "folder/x.txt"])
def test_file_in_place_of_a_folder_is_told(tmp_path, below):
    (tmp_path / "file").write_text("old")
    with pytest.raises(InputError, match="x.txt: cannot write it: a parent of it is a file"):
        store.write_text(tmp_path / "file" / below, "new")
    assert (tmp_path / "file").read_text() == "old"
