"""Photos of a bare folder."""

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
