"""Distortions of views against NumPy and SciPy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from wsss_tf.data.stream.distort import blur, solarise, to_grey

IMAGE = np.random.default_rng(0).uniform(0, 255, [20, 27, 3]).astype(np.float32)


def test_grey_has_equal_channels_and_the_luma_of_the_photo():
    grey = to_grey(IMAGE).numpy()
    assert grey.shape == IMAGE.shape and (grey == grey[..., :1]).all()
    np.testing.assert_allclose(grey[..., 0], IMAGE @ [0.299, 0.587, 0.114], rtol=1e-5)


def test_solarise_turns_what_is_bright():
    values = tf.constant([0.0, 127.0, 127.9, 128.0, 200.0, 255.0])
    np.testing.assert_allclose(solarise(values), [0, 127, 127.9, 127, 55, 0], rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_blur_equals_scipy(sigma):
    expected = np.stack([ndimage.gaussian_filter(channel, sigma, mode="reflect", truncate=6 / sigma)
                         for channel in np.moveaxis(IMAGE, -1, 0)], axis=-1)
    np.testing.assert_allclose(blur(IMAGE, sigma, 2.0), expected, rtol=1e-4, atol=1e-2)


def test_blur_keeps_the_mean_and_hardly_any_blur_changes_nothing():
    np.testing.assert_allclose(blur(IMAGE, 1.5, 2.0).numpy().mean(), IMAGE.mean(), rtol=1e-3)
    np.testing.assert_allclose(blur(IMAGE, 0.1, 2.0), IMAGE, rtol=1e-5)


def test_a_window_larger_than_the_photo():
    small = IMAGE[:3, :2]
    expected = ndimage.gaussian_filter(small, (2, 2, 0), mode="reflect", truncate=3)
    np.testing.assert_allclose(blur(small, 2.0, 2.0), expected, rtol=1e-4, atol=1e-2)
