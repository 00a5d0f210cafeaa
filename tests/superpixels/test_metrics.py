"""Superpixel scores against recorded values, OpenCV's contours and loops over regions."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.superpixels.metrics import borders, superpixel_scores

seeds = st.integers(0, 10**6)


def blocks(rng, high: int, size: int) -> np.ndarray:
    """A random label map in blocks of `size` pixels, cut at odd places."""
    coarse = rng.integers(0, high, rng.integers(2, 7, 2))
    return np.kron(coarse, np.ones([size, size], int))[rng.integers(0, size) :, rng.integers(0, size) :]


def contours(labels: np.ndarray, void: int) -> np.ndarray:
    """Points of the contours of all regions, which go on beyond the frame: there no contour ends."""
    continued = np.pad(labels, 2, mode="edge")
    found = np.zeros(continued.shape, bool)
    for label in set(np.unique(labels)) - {void}:
        region = (continued == label).astype(np.uint8)
        for contour in cv2.findContours(region, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)[0]:
            found[contour[:, 0, 1], contour[:, 0, 0]] = True
    return found[2:-2, 2:-2]


def by_loops(ids: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Eqs 3.9-3.12 region by region and pixel by pixel."""
    classes = sorted(set(np.unique(truth)) - {UNKNOWN})
    pieces = [(ids == number) & (truth != UNKNOWN) for number in np.unique(ids)]
    total = sum((truth == label).sum() for label in classes)
    leaks = sum(min((piece & (truth == label)).sum(), (piece & (truth != label)).sum())
                for piece in pieces for label in classes)
    right = sum(max((piece & (truth == label)).sum() for label in classes) for piece in pieces)
    ours, true = np.argwhere(contours(ids, -1)), np.argwhere(contours(truth, UNKNOWN))
    distance = np.sqrt(((ours[:, None] - true[None]) ** 2).sum(axis=-1))
    return {
        "count": len(pieces), "under_segmentation": leaks / total, "achievable_accuracy": right / total,
        "boundary_precision": (distance.min(axis=1, initial=np.inf) < 2).mean() if len(ours) else np.nan,
        "boundary_recall": (distance.min(axis=0, initial=np.inf) < 2).mean() if len(true) else np.nan,
    }


def test_scores_equal_the_recorded_ones(golden):
    """Its borders and what comes of them were made again without the frame, by loops over pixels."""
    recorded = golden("thesis_ch3_reference")
    scores = superpixel_scores(recorded["superpixels"], recorded["gt"])
    for name, key in (("under_segmentation", "ue"), ("achievable_accuracy", "asa"), ("boundary_recall", "br"),
                      ("boundary_precision", "bp")):
        assert getattr(scores, name) == pytest.approx(float(recorded[key]), rel=1e-12)
    np.testing.assert_array_equal(borders(recorded["superpixels"]), recorded["boundary_sp"])
    np.testing.assert_array_equal(borders(recorded["gt"], void=UNKNOWN), recorded["boundary_gt"])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, size=st.integers(1, 5))
def test_borders_are_the_points_of_contours(seed, size):
    labels = blocks(np.random.default_rng(seed), 4, size)
    np.testing.assert_array_equal(borders(labels), contours(labels, -1))
    np.testing.assert_array_equal(borders(labels, void=2), contours(labels, 2))


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_scores_equal_loops(seed):
    rng = np.random.default_rng(seed)
    truth, ids = blocks(rng, 4, 3), blocks(rng, 9, 4)
    height, width = np.minimum(truth.shape, ids.shape)
    truth, ids = truth[:height, :width].astype(np.uint8), ids[:height, :width]
    truth[rng.random(truth.shape) < 0.1] = UNKNOWN
    truth[0, 0] = 0  # never nothing but void
    assert dataclasses.asdict(superpixel_scores(ids, truth)) == pytest.approx(by_loops(ids, truth), nan_ok=True)


def test_the_truth_itself_is_perfect():
    truth = blocks(np.random.default_rng(3), 4, 4).astype(np.uint8)
    scores = superpixel_scores(truth.astype(np.int32), truth)
    assert (scores.under_segmentation, scores.achievable_accuracy) == (0, 1)
    assert scores.boundary_precision == scores.boundary_recall == 1


def test_the_frame_is_no_border():
    """One superpixel has no border; two halves have one, the two columns where they meet."""
    truth = np.zeros([6, 8], np.uint8)
    assert not borders(truth).any() and np.isnan(superpixel_scores(truth.astype(int), truth).boundary_recall)
    halves = np.arange(8) // 4 + np.zeros([6, 1], int)
    assert set(np.flatnonzero(borders(halves)) % 8) == {3, 4} and borders(halves).sum() == 12
    scores = superpixel_scores(np.zeros([6, 8], int), halves.astype(np.uint8))
    assert scores.boundary_recall == 0 and np.isnan(scores.boundary_precision)


def test_superpixels_within_void_count():
    ids = np.repeat([[0, 0, 1, 1, 2, 2]], 3, axis=0)
    truth = np.repeat([[0, 0, 1, 1, UNKNOWN, UNKNOWN]], 3, axis=0).astype(np.uint8)
    scores = superpixel_scores(ids, truth)
    assert (scores.count, scores.under_segmentation, scores.achievable_accuracy) == (3, 0, 1)


def test_numbers_of_superpixels_do_not_matter():
    rng = np.random.default_rng(4)
    truth, ids = rng.integers(0, 3, [9, 9]).astype(np.uint8), rng.integers(0, 5, [9, 9])
    assert superpixel_scores(ids, truth) == superpixel_scores(1000 - 7 * ids, truth)


def test_nothing_but_void_gives_nan():
    scores = superpixel_scores(np.zeros([4, 4], int), np.full([4, 4], UNKNOWN, np.uint8))
    assert scores.count == 1 and np.isnan([scores.under_segmentation, scores.boundary_recall]).all()


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="expected 5x4 pixels .* found 4x5"):
        superpixel_scores(np.zeros([5, 4], int), np.zeros([4, 5], np.uint8))
