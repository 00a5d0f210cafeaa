import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from wsss_tf.data.advice import FEW_PHOTOS, advice
from wsss_tf.example import Dataset, Example

CLASSES = ("background", "cat", "dog", "sofa")


def dataset(*tags: tuple[int, ...], **fields) -> Dataset:
    train = tuple(Example(f"p{number}", Path(f"absent/p{number}.jpg"), own) for number, own in enumerate(tags))
    return Dataset("own", CLASSES, train, **{"val": (), **fields})


GOOD = (*[(1,)] * FEW_PHOTOS, *[(2,)] * FEW_PHOTOS, *[(3,)] * FEW_PHOTOS)


def test_nothing_to_say_about_a_good_set():
    assert advice(dataset(*GOOD)) == []


@pytest.mark.parametrize("tags, line", [
    ([(1,)] * 6 + [(2,)] * 6, "class 'sofa': expected training images, found none"),
    ([(1,)] * 6 + [(2,)] * 6 + [(3,)], "class 'sofa': only 1 training image: add"),
    ([(1,)] * 6 + [(2,)] * 6 + [(3,)] * 4, "class 'sofa': only 4 training images: add"),
    ([(1, 2)] * 6 + [(2,)] * 6 + [(2, 3)] * 6 + [(3, 2)], "class 'dog': it is in all 19 training images"),
    ([(1,)] * 6 + [(1, 2)] * 6 + [(3,)] * 6, "class 'dog': never without 'cat'"),
    ([(1, 2, 3)] * 6 + [(1,), (2,)], "class 'sofa': never without 'cat' and 'dog'"),
])
def test_tags_that_are_hard_to_learn_from(tags, line):
    assert any(found.startswith(line) for found in advice(dataset(*tags)))


def test_two_classes_that_always_come_together_are_both_named():
    found = advice(dataset(*[(1, 2)] * 6, *[(3,)] * 6))
    assert [line.split(":")[0] for line in found] == ["class 'cat'", "class 'dog'"]


def test_photos_that_are_not_trained_on_are_named_where_all_get_masks():
    more = (*dataset(*GOOD).train, Example("extra", Path("absent/extra.jpg"), ()))
    assert advice(dataset(*GOOD, val=more)) == [], "evaluation images need no tags"
    found = advice(dataset(*GOOD, val=more, masks_wanted=True))
    assert len(found) == 1 and found[0].startswith("1 of 16 photos are not trained on, e.g. 'extra'")


def test_large_photos(tmp_path):
    Image.new("RGB", (1600, 40)).save(tmp_path / "p0.jpg")
    good = dataset(*GOOD)
    first = dataclasses.replace(good.train[0], image=tmp_path / "p0.jpg")
    found = advice(dataclasses.replace(good, train=(first, *good.train[1:])))
    assert len(found) == 1 and found[0].startswith(f"{tmp_path / 'p0.jpg'}: 1600x40 pixels") and "about 500" in found[0]


def test_notes_of_the_files_come_first():
    assert advice(dataset(*GOOD, notes=("6 masks fit no photo",))) == ["6 masks fit no photo"]


def test_photos_that_show_nothing_are_told_where_they_are_meant():
    found = advice(dataset(*GOOD, (), (), untagged=True))
    assert found == ["2 of 17 training images show none of the classes, as the labels say, e.g. 'p15': if they do show some, "
                     "name them"]


def test_one_class_needs_photos_without_it():
    own = dataclasses.replace(dataset(*[(1,)] * 6), class_names=("background", "crack"))
    assert "photos that show none of the classes (an empty cell in labels.csv)" in advice(own)[0]
    with_others = dataclasses.replace(dataset(*[(1,)] * 6, *[()] * 6, untagged=True), class_names=("background", "crack"))
    assert len(advice(with_others)) == 1 and advice(with_others)[0].startswith("6 of 12 training images show none")


@pytest.mark.parametrize("size", [(16320, 12240), (12000, 9000)])
def test_photos_of_a_hundred_megapixels_end_nothing(tmp_path, size):
    Image.new("L", size, 90).save(tmp_path / "p0.jpg", quality=30)
    good = dataset(*GOOD)
    first = dataclasses.replace(good.train[0], image=tmp_path / "p0.jpg")
    found = advice(dataclasses.replace(good, train=(first, *good.train[1:])))
    assert found == [], "what cannot be read is a problem, told by the check"


def test_photos_of_a_hundred_megapixels_give_an_error_and_no_warning_of_pillow(tmp_path):
    Image.new("L", (12000, 9000), 90).save(tmp_path / "p0.jpg", quality=30)
    program = "import sys; from wsss_tf.files.images import image_size; image_size(sys.argv[1])"
    ended = subprocess.run([sys.executable, "-c", program, tmp_path / "p0.jpg"], capture_output=True, text=True, check=False)
    assert "found 12000x9000: make it smaller or cut it" in ended.stderr and "DecompressionBombWarning" not in ended.stderr


def test_photos_that_declare_too_many_pixels_are_left_to_the_check(tmp_path):
    """20,000 x 20,000, at which Pillow raises an error of its own."""
    Image.new("1", (20000, 20000)).save(tmp_path / "p0.png")
    good = dataset(*GOOD)
    first = dataclasses.replace(good.train[0], image=tmp_path / "p0.png")
    assert advice(dataclasses.replace(good, train=(first, *good.train[1:]))) == []
