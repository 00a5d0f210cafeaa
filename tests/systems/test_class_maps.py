import numpy as np
import tensorflow as tf

from wsss_tf.ops import colour, resize
from wsss_tf.systems import class_maps as classifier

RNG = np.random.default_rng(0)


def test_scores_are_means_of_the_raw_maps():
    maps = RNG.normal(size=[2, 3, 5, 4]).astype(np.float32)
    np.testing.assert_allclose(classifier.scores(maps), maps.mean(axis=(1, 2)), atol=1e-6)


def test_preview_dims_what_no_present_class_sees():
    """The strongest of the normalised, rectified maps of the present classes, as brightness."""
    cam = RNG.normal(size=[2, 4, 5, 3]).astype(np.float32)
    tags = np.float32([[1, 0, 1], [0, 0, 0]])
    image = RNG.uniform(-100, 100, [2, 32, 40, 3]).astype(np.float32)
    result = classifier.preview(lambda x, training: {"cam": tf.constant(cam)}, {"image": image, "tags": tags})
    assert result.dtype == tf.uint8
    strength = np.maximum(*(np.maximum(cam[0, ..., k], 0) / (cam[0, ..., k].max() + 1e-5) for k in (0, 2)))
    bright = resize.bilinear(strength[None, ..., None], (32, 40))[0]
    np.testing.assert_array_equal(result[0], colour.uncentre(image[0] * bright))
    np.testing.assert_array_equal(result[1], colour.uncentre(np.zeros([32, 40, 3], np.float32)))
