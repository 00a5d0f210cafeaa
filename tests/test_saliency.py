import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.saliency import binarise, refine

fractions = st.floats(0, 1, width=32)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), fractions, fractions)
def test_refine_pixel_by_pixel(seed, maps, tau_low, tau_high):
    rng = np.random.default_rng(seed)
    cam = np.maximum(rng.normal(size=[maps, 6, 7]), 0).astype(np.float32) * np.float32(rng.choice([1e-6, 1, 50]))
    binary = rng.integers(0, 2, [6, 7], np.uint8)
    expected = binary.copy()
    for y, x in np.ndindex(6, 7):
        strength = max(cam[k, y, x] / (cam[k].max() + 1e-5) for k in range(maps))
        if strength > tau_high and binary[y, x] == 0:
            expected[y, x] = 1
        if strength < tau_low and binary[y, x] == 1:
            expected[y, x] = 255
    result = refine(binary, cam, tau_high, tau_low)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


def test_both_limits_are_strict():
    cam = np.float32([[[1e6, 5e5]]])  # normalised: 1 and 0.5
    np.testing.assert_array_equal(refine(np.uint8([[1, 0]]), cam, 0.5, 0.5), [[1, 0]])


@pytest.mark.parametrize("threshold, first_salient", [(0.5, 128), (0.0, 1), (1.0, 256), (0.2, 52)])
def test_binarise_is_above_the_threshold(threshold, first_salient):
    values = np.arange(256, dtype=np.uint8)[None]
    result = binarise(values, threshold)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, values >= first_salient)
