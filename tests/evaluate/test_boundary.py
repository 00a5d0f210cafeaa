"""Edges and their scores against definitions written out pixel by pixel."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.evaluate.boundary import boundary_counts, boundary_scores, edges, without_void

VOID = 255


@st.composite
def maps(draw, labels=(0, 1, 2, 7, VOID)):
    """A label map of blocks, so that there are regions."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blocks = random.choice(labels, [height // 3 + 1, width // 3 + 1]).astype(np.uint8)
    return np.kron(blocks, np.ones([3, 3], np.uint8))[:height, :width]


def brute_edges(labels):
    found = set()
    for row, column in np.ndindex(labels.shape):
        for other in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= other[0] < labels.shape[0] and 0 <= other[1] < labels.shape[1]
            if inside and labels[row, column] != labels[other]:
                found.add((row, column))
    return found


def brute_counts(truth, prediction, tolerance):
    reach = tolerance * math.hypot(*truth.shape)
    true, ours = brute_edges(without_void(truth)), brute_edges(without_void(prediction))

    def meets(point, others):
        return any(math.dist(point, other) <= reach for other in others)

    known = [tuple(point) for point in np.argwhere(truth != VOID)]
    void = [tuple(point) for point in np.argwhere(truth == VOID)]
    true = {point for point in true if meets(point, known)}
    ours = {point for point in ours if meets(point, true) or not any(math.dist(point, other) <= 1 for other in void)}
    return [len(ours), sum(meets(point, true) for point in ours),
            len(true), sum(meets(point, ours) for point in true)]


@given(maps())
@settings(deadline=None, max_examples=60)
def test_edges_are_where_a_neighbour_differs_and_where_the_laplacian_of_a_mask_is_not_0(labels):
    found = edges(labels)
    assert set(zip(*np.nonzero(found))) == brute_edges(labels)
    laplacians = [cv2.Laplacian((labels == label).astype(np.float32), cv2.CV_32F, ksize=1, borderType=cv2.BORDER_REPLICATE)
                  for label in np.unique(labels)]
    np.testing.assert_array_equal(found, np.any(laplacians, axis=0))


@given(maps())
@settings(deadline=None, max_examples=100)
def test_void_takes_a_nearest_label(labels):
    filled = without_void(labels)
    known = np.argwhere(labels != VOID)
    for point in np.ndindex(labels.shape):
        if labels[point] != VOID or not len(known):
            assert filled[point] == labels[point]
        else:
            distances = np.hypot(*(known - point).T)
            nearest = known[distances <= distances.min() + 1e-9]
            assert filled[point] in labels[tuple(nearest.T)]


@given(maps(), st.integers(0, 2**32 - 1), st.sampled_from([0, 0.05, 0.1, 0.3, 1]))
@settings(deadline=None, max_examples=80)
def test_counts_equal_brute_force(truth, seed, tolerance):
    prediction = np.random.default_rng(seed).choice([0, 1, 7], truth.shape).astype(np.uint8)
    prediction[truth == 1] = 1
    assert boundary_counts(truth, prediction, tolerance).tolist() == brute_counts(truth, prediction, tolerance)


def square(top, size=20):
    labels = np.zeros([size, size], np.uint8)
    labels[top : top + 8, 4:12] = 3
    return labels


def test_a_shifted_square_is_right_within_the_tolerance():
    same = boundary_scores(boundary_counts(square(5), square(5), 0))
    assert same.precision == same.recall == same.f1 == 1 and same.true_pixels == same.predicted_pixels > 0
    diagonal = math.hypot(20, 20)
    assert boundary_scores(boundary_counts(square(5), square(8), 3 / diagonal + 1e-9)).f1 == 1
    assert 0 < boundary_scores(boundary_counts(square(5), square(8), 1 / diagonal)).f1 < 1


def test_other_classes_within_the_same_edges_do_not_matter():
    np.testing.assert_array_equal(boundary_counts(square(5), square(5) // 3, 0), boundary_counts(square(5), square(5), 0))


def test_the_true_edge_is_in_the_middle_of_the_void():
    truth = np.repeat(np.array([[0] * 6 + [VOID] * 4 + [3] * 6], np.uint8), 9, axis=0)
    middle = np.repeat(np.array([[0] * 8 + [3] * 8], np.uint8), 9, axis=0)
    np.testing.assert_array_equal(edges(without_void(truth)), edges(middle))
    assert boundary_counts(truth, middle, 2 / math.hypot(9, 16)).tolist() == [18] * 4


def test_edges_deep_in_the_void_are_not_counted():
    truth = np.full([40, 40], VOID, np.uint8)
    truth[:, :4] = 0
    prediction = np.zeros([40, 40], np.uint8)
    prediction[10:30, 15:35] = 1
    assert boundary_counts(truth, prediction, 0.02).tolist() == [0, 0, 0, 0]
    truth[:] = 0
    assert boundary_counts(truth, prediction, 0.02)[0] == len(brute_edges(prediction))


def test_a_void_object_beside_an_object_costs_nothing():
    """VOC marks objects that are too hard as void: what is predicted there, and where it ends, cannot be wrong."""
    truth = np.full([60, 90], 0, np.uint8)
    truth[20:40, 10:30] = 3
    truth[20:40, 30:80] = VOID
    for label in (0, 3, 5):
        scores = boundary_scores(boundary_counts(truth, np.where(truth == VOID, label, truth).astype(np.uint8), 0.02))
        assert scores.precision == 1, label
    deep = boundary_counts(np.where(truth == 3, 5, truth).astype(np.uint8), truth, 0.02)
    assert deep[2] < len(brute_edges(without_void(truth))), "true edges deep in the void are not asked for"


def test_shares_of_nothing_are_undefined():
    flat = np.zeros([5, 5], np.uint8)
    scores = boundary_scores(boundary_counts(flat, flat, 0.1))
    assert math.isnan(scores.precision) and math.isnan(scores.recall) and math.isnan(scores.f1)
    assert scores.as_dict()["f1"] is None
    assert boundary_scores(np.array([4, 0, 4, 0])).f1 == 0
    assert boundary_scores(np.array([4, 2, 8, 2])).f1 == pytest.approx(2 * 0.5 * 0.25 / 0.75)
