"""Which photos a user means, and what they are called."""

import json
import os
from pathlib import Path

import pytest

from wsss_tf.data.photo_inputs import find_inputs
from wsss_tf.errors import InputError


@pytest.fixture
def photos(tmp_path):
    """The function (names) -> folder with these files."""
    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "photos"

    return make


def names(pattern, without=Path("/nowhere")) -> dict[str, str]:
    """File name -> image id."""
    return {example.image.name: example.image_id for example in find_inputs(str(pattern), without)[0]}


def test_a_folder_gives_its_photos_and_names_the_rest(photos):
    root = photos("b.JPG", "a.png", "c.jpeg", "notes.txt", "._a.jpg", "below/d.jpg")
    examples, others = find_inputs(str(root), Path("/nowhere"))
    assert [example.image_id for example in examples] == ["a", "b", "c"]
    assert [path.name for path in others] == ["._a.jpg", "notes.txt"]


def test_a_single_photo(photos):
    assert names(photos("a[1].jpg", "b.jpg") / "a[1].jpg") == {"a[1].jpg": "a[1]"}


def test_a_pattern_keeps_the_folders_below_the_common_one(photos):
    root = photos("x/a.jpg", "y/a.jpg", "y/deep/b.jpg", "y/b.txt")
    assert [example.image_id for example in find_inputs(f"{root}/**/*.jpg", Path("/nowhere"))[0]] == ["x/a", "y/a", "y/deep/b"]


@pytest.mark.parametrize("files, expected", [
    (("a.jpg", "a.png", "b.jpg"), ["a.jpg", "a.png", "b"]), (("A.jpg", "a.png"), ["A.jpg", "a.png"]),
    (("a.jpg", "a.png", "a.jpg.png"), ["a.jpg", "a.jpg.png", "a.png"])])
def test_photos_of_one_name_keep_their_suffix(files, expected, photos):
    assert sorted(names(photos(*files)).values()) == expected


def test_results_are_no_photos(photos):
    root = photos("a.jpg", "out/overlays/a.jpg")
    assert names(f"{root}/**/*.jpg", without=root / "out") == {"a.jpg": "a"}


def test_home_and_variables(photos, monkeypatch):
    root = photos("a.jpg")
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("ALBUM", str(root))
    assert names("~/photos") == names("${ALBUM}") == {"a.jpg": "a"}


@pytest.mark.parametrize("pattern", ["absent", "absent/*.jpg", "notes.txt"])
def test_nothing_to_predict_is_told(pattern, photos):
    root = photos("notes.txt")
    with pytest.raises(InputError, match=r"--input=.*expected a photo, a folder of photos or a pattern"):
        find_inputs(str(root / pattern), Path("/nowhere"))


@pytest.mark.parametrize("folder", ["album [2020]", "[x]", "a]b["])
def test_brackets_are_those_of_names(photos, folder):
    root = photos(f"{folder}/a.jpg", "2/b.jpg", "x/c.jpg")
    assert names(root / folder / "*.jpg") == {"a.jpg": "a"}


def test_brackets_are_a_set_of_letters_where_no_name_has_them(photos):
    assert names(photos("a1.jpg", "a2.jpg", "a3.jpg") / "a[12].jpg") == {"a1.jpg": "a1", "a2.jpg": "a2"}


def test_names_that_are_not_utf8_get_results_of_another_name(photos):
    root = photos("b.jpg")
    (root / os.fsdecode(b"caf\xe9.jpg")).touch()
    found, _ = find_inputs(str(root), Path("/nowhere"))
    assert [example.image_id for example in found] == ["b", "caf_xe9"]
    json.dumps([example.image_id for example in found], ensure_ascii=False).encode("utf-8")


def test_dead_links_and_folders_are_no_photos(photos):
    root = photos("a.jpg")
    (root / "old.jpg").mkdir()
    (root / "gone.jpg").symlink_to("/nowhere.jpg")
    assert names(root) == {"a.jpg": "a"}


def test_photos_of_other_formats_are_named_with_the_remedy(photos):
    with pytest.raises(InputError, match="found 2 other files .a.webp: `wsss data convert`"):
        find_inputs(str(photos("a.webp", "b.tif")), Path("/nowhere"))
