"""Colour conventions against the numbers that their nets were published with."""

import numpy as np
import pytest

from wsss_tf.ops import colour

RGB = np.random.default_rng(0).integers(0, 256, [4, 5, 3], np.uint8)


def test_every_value_survives_centring():
    values = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    centred = colour.centre(values)
    assert centred.dtype == np.float32
    np.testing.assert_array_equal(colour.uncentre(centred), values)


def test_uncentre_clips():
    np.testing.assert_array_equal(colour.uncentre(np.float32([[-500, 0, 500]])), [[0, 117, 255]])


def test_caffe_is_bgr_minus_the_mean():
    expected = RGB[..., ::-1] - np.array([104.008, 116.669, 122.675])
    np.testing.assert_allclose(colour.to_caffe(colour.centre(RGB)), expected, atol=1e-4)


def test_torchvision():
    expected = (RGB / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(colour.to_torchvision(colour.centre(RGB)), expected, atol=1e-5)


def test_symmetric_runs_from_minus_1_to_1():
    extremes = np.uint8([[0, 0, 0], [255, 255, 255]])
    np.testing.assert_allclose(colour.to_symmetric(colour.centre(extremes)), [[-1] * 3, [1] * 3], atol=1e-6)
    np.testing.assert_allclose(colour.to_symmetric(colour.centre(RGB)), RGB / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("convert", [colour.to_caffe])
def test_an_erased_pixel_is_the_mean_colour_which_caffe_nets_see_as_zero(convert):
    np.testing.assert_array_equal(convert(np.zeros([1, 3], np.float32)), 0)
