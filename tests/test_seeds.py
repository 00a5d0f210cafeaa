import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.seeds import pseudo_label


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 90), min_size=1, max_size=5, unique=True),
       st.floats(0, 1, width=32))
def test_the_strongest_class_above_the_threshold_pixel_by_pixel(seed, keys, threshold):
    rng = np.random.default_rng(seed)
    cam = np.maximum(rng.normal(size=[len(keys), 5, 6]), 0).astype(np.float32) * 7
    expected = np.zeros([5, 6])
    for y, x in np.ndindex(5, 6):
        scores = [cam[k, y, x] / (cam[k].max() + 1e-5) for k in range(len(keys))]
        best = max(range(len(keys)), key=lambda k: (scores[k], -k))
        if scores[best] > threshold:
            expected[y, x] = keys[best]
    label = pseudo_label(np.array(keys), cam, threshold)
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, expected)


def test_classes_compete_by_their_own_maximum():
    """A weak class wins where it is at its strongest."""
    cam = np.float32([[[10, 1]], [[0.1, 0.2]]])
    np.testing.assert_array_equal(pseudo_label(np.array([3, 8]), cam, 0.2), [[3, 8]])


def test_dead_maps_are_background():
    np.testing.assert_array_equal(pseudo_label(np.array([3]), np.zeros([1, 2, 2], np.float32), 0.2), 0)
