"""Which colour is which class."""

import numpy as np
import pytest

from wsss_tf.data.build.labelmap import labels_of_colours, read_labelmap
from wsss_tf.errors import InputError

CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndisc:48,112,32::\nsquare:176,112,32::\n"
PIXELS = np.uint8([[[0, 0, 0], [48, 112, 32]], [[176, 112, 32], [48, 112, 32]]])


def labelmap(tmp_path, text: str):
    (tmp_path / "labelmap.txt").write_text(text, encoding="utf-8")
    return read_labelmap(tmp_path / "labelmap.txt")


@pytest.mark.parametrize("text", [CVAT, "disc:48,112,32\nsquare: 176, 112, 32\n", CVAT.replace("\n", "\r\n"),
                                  "disc:48,112,32::\n\nsquare:176,112,32::\n_background_:0,0,0::\n"])
def test_colours_of_cvat_and_datumaro(tmp_path, text):
    found = labelmap(tmp_path, text)
    assert found.class_names == ("background", "disc", "square")
    labels = labels_of_colours(found, PIXELS)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [[0, 1], [2, 1]])


def test_void_is_undecided_and_the_background_may_have_a_colour(tmp_path):
    found = labelmap(tmp_path, "void:0,0,0\nbackground:255,255,255\ncrack:255,0,0\n")
    assert found.background == (255, 255, 255)
    labels = labels_of_colours(found, np.uint8([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]]))
    np.testing.assert_array_equal(labels, [[255, 0, 1]])


def test_numbers_of_a_class_list(tmp_path):
    found = labelmap(tmp_path, CVAT + "void:255,255,255\n").numbered_as(("background", "square", "ring", "disc"), tmp_path)
    np.testing.assert_array_equal(labels_of_colours(found, PIXELS), [[0, 3], [1, 3]])
    assert labels_of_colours(found, np.full([1, 1, 3], 255, np.uint8))[0, 0] == 255
    with pytest.raises(InputError, match="class 'square' is not in .*classes.txt"):
        labelmap(tmp_path, CVAT).numbered_as(("background", "disc"), tmp_path / "classes.txt")


@pytest.mark.parametrize("text, words", [
    ("disc\n", "line 1: expected CLASS:RED,GREEN,BLUE, found `disc`"),
    ("disc:1,2\n", "line 1"), ("disc:1,2,256\n", "line 1"), ("disc:#ff0000\n", "line 1"), (":1,2,3\n", "line 1"),
    ("disc:1,2,3\nsquare:1,2,3\n", "line 2: expected a colour for each class"),
    ("disc:1,2,3\ndisc:1,2,4\n", "line 2: class 'disc' comes twice"),
    ("background:0,0,0\n", "expected 1 to 254 classes, found 0"),
])
def test_malformed_files(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as error:
        labelmap(tmp_path, text)
    assert str(tmp_path / "labelmap.txt") in str(error.value)


def test_colours_that_no_line_names(tmp_path):
    pixels = PIXELS.copy()
    pixels[0, 0] = 1, 2, 3
    with pytest.raises(InputError, match=r"found 1 others: 1,2,3 \(1 pixels\): add a line"):
        labels_of_colours(labelmap(tmp_path, CVAT), pixels)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, 2)
    with pytest.raises(InputError, match="found 255 others: .*edges are smooth"):
        labels_of_colours(labelmap(tmp_path, CVAT), ramp)
