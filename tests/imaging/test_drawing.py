"""Pictures over photos: colours, hatches and borders where they belong."""

import matplotlib
import numpy as np

from wsss_tf.example import UNKNOWN
from wsss_tf.files.store import voc_palette
from wsss_tf.imaging.drawing import draw_grey, draw_heat, draw_labels, draw_order, draw_superpixels

YELLOW = (255, 230, 60)


def test_labels_in_the_colours_of_voc():
    photo = np.full([90, 90, 3], 100, np.uint8)
    labels = np.zeros([90, 90], np.uint8)
    labels[:, 30:60], labels[:, 60:] = 2, UNKNOWN
    drawn = draw_labels(photo, labels)
    assert drawn.dtype == np.uint8 and drawn.shape == photo.shape
    assert np.all(drawn[:, 5:25] == 75)  # a dim photo
    np.testing.assert_allclose(drawn[45, 45], 35 + 0.65 * voc_palette()[2].astype(float), atol=1)
    assert np.all(drawn[:, 30] == 255)  # the border of the object
    hatch = drawn[:, 62:]
    assert {tuple(colour) for colour in hatch.reshape(-1, 3).tolist()} == {(216,) * 3, (164,) * 3}
    np.testing.assert_array_equal(hatch[1:, :-1], hatch[:-1, 1:])  # stripes run diagonally
    assert np.any(hatch[0, 1:] != hatch[0, :-1])


def test_maps_as_heat_and_as_grey():
    photo = np.zeros([2, 3, 3], np.uint8)
    heat = np.array([[0, 0.5, 1], [-1, 2, 0.5]])
    drawn = draw_heat(photo, heat)
    expected = np.array(matplotlib.colormaps["inferno"](0.5)[:3]) * 255 * 0.65
    np.testing.assert_allclose(drawn[0, 1], expected, atol=1)
    np.testing.assert_array_equal(drawn[1, :2], drawn[0, [0, 2]])  # clipped to 0..1
    assert draw_grey(heat)[:, :, 1].tolist() == [[0, 128, 255], [0, 255, 128]]
    assert draw_grey(np.array([[7]], np.uint8)).tolist() == [[[7, 7, 7]]]


def test_superpixels_have_a_border_wherever_they_meet():
    ids = np.zeros([6, 8], np.int32)
    ids[:, 4:], ids[3:, :4] = 7, 70000
    photo = np.full([6, 8, 3], 100, np.uint8)
    drawn = draw_superpixels(photo, ids)
    border = (drawn == YELLOW).all(axis=2)
    expected = np.zeros([6, 8], bool)
    expected[:, 4] = expected[3, :4] = True
    np.testing.assert_array_equal(border, expected)
    assert (drawn[~border] == 80).all()


def test_the_order_of_superpixels_is_told_by_their_brightness():
    ids = np.repeat([[0, 3, 4, 900]], 4, axis=1).repeat(5, axis=0)
    drawn = draw_order(ids)
    inside = drawn[2, [1, 6, 10, 14]]
    assert (inside == inside[:, :1]).all() and (np.diff(inside[:, 0].astype(int)) < 0).all(), "first bright, last dark"
    assert np.ptp(np.diff(inside[:, 0].astype(int))) <= 1, "in even steps"
    assert (drawn[:, [4, 8, 12]] == YELLOW).all()
    assert (draw_order(np.zeros([2, 2], np.int32)) == 245).all()
