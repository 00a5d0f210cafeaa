import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.pseudo_labels.saliency import binarise, refine

VARIANTS = {"unlabeled": 255, "all_labeled": 0}  # what a doubtful salient pixel becomes
fractions = st.floats(0, 1, width=32)
anything = (st.integers(0, 2**32 - 1), st.integers(0, 4), fractions, fractions)


def case(seed, maps):
    """Random object mask [6, 7] and rectified maps [K, 6, 7] of any scale."""
    rng = np.random.default_rng(seed)
    cam = np.maximum(rng.normal(size=[maps, 6, 7]), 0).astype(np.float32) * np.float32(rng.choice([1e-6, 1, 50]))
    return rng.integers(0, 2, [6, 7], np.uint8), cam


def strength_at(cam, y, x):
    return max([cam[k, y, x] / (cam[k].max() + 1e-5) for k in range(len(cam))], default=0)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60, deadline=None)
@given(*anything)
def test_refine_pixel_by_pixel(variant, seed, maps, tau_low, tau_high):
    binary, cam = case(seed, maps)
    expected = binary.copy()
    for y, x in np.ndindex(6, 7):
        if strength_at(cam, y, x) > tau_high and binary[y, x] == 0:
            expected[y, x] = 1
        if strength_at(cam, y, x) < tau_low and binary[y, x] == 1:
            expected[y, x] = VARIANTS[variant]
    result = refine(binary, cam, tau_high, tau_low, variant)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60, deadline=None)
@given(*anything)
def test_refine_changes_only_missed_and_doubtful_pixels(variant, seed, maps, tau_low, tau_high):
    binary, cam = case(seed, maps)
    before = binary.copy(), cam.copy()
    result = refine(binary, cam, tau_high, tau_low, variant)
    added, doubted = (result != binary) & (binary == 0), (result != binary) & (binary == 1)
    strength = np.array([[strength_at(cam, y, x) for x in range(7)] for y in range(6)])
    assert np.all(result[added] == 1) and np.all(strength[added] > tau_high)
    assert np.all(result[doubted] == VARIANTS[variant]) and np.all(strength[doubted] < tau_low)
    np.testing.assert_array_equal(binary, before[0])
    np.testing.assert_array_equal(cam, before[1])


@settings(max_examples=60, deadline=None)
@given(*anything)
def test_variants_differ_in_unlabeled_pixels_only(seed, maps, tau_low, tau_high):
    binary, cam = case(seed, maps)
    unlabeled, all_labeled = (refine(binary, cam, tau_high, tau_low, variant) for variant in VARIANTS)
    assert 255 not in all_labeled
    np.testing.assert_array_equal(np.where(unlabeled == 255, 0, unlabeled), all_labeled)


@settings(max_examples=60, deadline=None)
@given(*anything, st.sampled_from(list(VARIANTS)))
def test_limits_that_no_map_passes_change_nothing(seed, maps, tau_low, tau_high, variant):
    binary, cam = case(seed, maps)
    np.testing.assert_array_equal(refine(binary, cam, 1, 0, variant), binary)


@pytest.mark.parametrize("variant, doubted", VARIANTS.items())
def test_without_tags_there_is_no_cam(variant, doubted):
    """An untagged photo has maps of length 0: nothing is added, all that is salient is doubted."""
    binary = np.uint8([[0, 1], [1, 0]])
    result = refine(binary, np.zeros([0, 2, 2], np.float32), 0.8, 0.3, variant)
    np.testing.assert_array_equal(result, [[0, doubted], [doubted, 0]])


@pytest.mark.parametrize("variant", VARIANTS)
def test_both_limits_are_strict(variant):
    cam = np.float32([[[1e6, 5e5]]])  # normalised: 1 and 0.5
    np.testing.assert_array_equal(refine(np.uint8([[1, 0]]), cam, 0.5, 0.5, variant), [[1, 0]])


@pytest.mark.parametrize("threshold, first_salient", [(0.5, 128), (0.0, 1), (1.0, 256), (0.2, 52), (0.6, 154)])
def test_binarise_is_above_the_threshold(threshold, first_salient):
    values = np.arange(256)[None]
    result = binarise((values / np.float32(255)).astype(np.float32), threshold)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, values >= first_salient)
