"""Photos of a bare folder."""

import logging
import os

import pytest

from wsss_tf.data.photos import find_photos
from wsss_tf.errors import InputError


def test_photos_of_all_folders_in_the_order_of_their_paths(tmp_path):
    for name in ("b.JPG", "a/c.png", "a/d e/é.jpeg", "a/notes.txt", "a/c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    photos = find_photos(tmp_path)
    assert [photo.image_id for photo in photos] == ["a/c.jpg", "a/c.png", "a/d e/é.jpeg", "b.JPG"]
    assert all(photo.image == tmp_path / photo.image_id and photo.tags == () for photo in photos)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_photos_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"^{tmp_path / name}: expected photos .* found none: correct --dino_photos$"):
        find_photos(tmp_path / name)


def test_hidden_files_and_folders_hold_no_photos(tmp_path):
    for name in ("a.jpg", "._a.jpg", ".cache/b.jpg", "c/.ipynb_checkpoints/a-checkpoint.jpg", "c/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone.jpg").symlink_to("/nowhere.jpg")
    assert [photo.image_id for photo in find_photos(tmp_path)] == ["a.jpg", "c/d.png"]


def test_names_that_are_not_utf8_are_told(tmp_path, caplog):
    (tmp_path / "a.jpg").touch()
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert [photo.image_id for photo in find_photos(tmp_path)] == ["a.jpg"]
    assert "1 names are not in UTF-8, e.g. caf\\xe9.jpg" in caplog.text
