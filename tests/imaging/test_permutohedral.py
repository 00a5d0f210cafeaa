"""The lattice filter against the sum over all pairs, and its algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.imaging import permutohedral as lattice
from wsss_tf.imaging.permutohedral import Permutohedral

SEEDS = st.integers(0, 2**32 - 1)
DIMS = st.integers(1, 5)


def _cloud(seed: int, dims: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Random features float32 [count, dims] and values float32 [count, 2]."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-2, 2, [count, dims]).astype(np.float32), rng.random([count, 2]).astype(np.float32)


def _grid(height: int, width: int, scale: float) -> np.ndarray:
    rows, columns = np.indices([height, width], np.float32)
    return np.stack([columns.ravel(), rows.ravel()], axis=1) / np.float32(scale)


def _exact(features: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Normalised Gaussian average over all pairs, in float64."""
    distance = np.square(features[:, None].astype(float) - features).sum(axis=2)
    kernel = np.exp(-distance / 2)
    return kernel @ values / kernel.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "dims, largest, mean", [(1, 0.01, 0.005), (2, 0.02, 0.005), (3, 0.025, 0.0055), (5, 0.05, 0.0075)]
)
def test_average_is_near_the_sum_over_all_pairs(dims, largest, mean):
    # Bounds close enough that a kernel 10 % too wide or too narrow fails.
    rng = np.random.default_rng(dims)
    features = rng.uniform(-2, 2, [1500, dims]).astype(np.float32)
    values = (features[:, :1] + rng.random([1500, 3])).astype(np.float32)
    field = Permutohedral(features)
    average = field.filter(values) / field.filter(np.ones([1500, 1], np.float32))
    error = np.abs(average - _exact(features, values)) / np.ptp(values)
    assert error.max() < largest
    assert error.mean() < mean


@pytest.mark.parametrize("dims, low, high", [(1, 0.9, 0.95), (2, 0.8, 0.92), (3, 0.72, 0.88)])
def test_mass_is_that_of_the_public_lattice(dims, low, high):
    # Its factor 1 / (1 + 2^-d) leaves the sums a little below those of a Gaussian of height 1.
    features = np.random.default_rng(dims).uniform(-2, 2, [1500, dims]).astype(np.float32)
    exact = np.exp(-np.square(features[:, None].astype(float) - features).sum(axis=2) / 2).sum(axis=1)
    mass = Permutohedral(features).filter(np.ones([1500, 1], np.float32))[:, 0] / exact
    assert low < mass.min() and mass.max() < high


def test_impulse_spreads_with_unit_variance():
    features = _grid(81, 81, 8)
    impulses = np.zeros([81 * 81, 9], np.float32)
    centres = [row * 81 + column for row in (38, 40, 43) for column in (37, 40, 42)]
    impulses[centres, np.arange(9)] = 1
    response = Permutohedral(features).filter(impulses)
    for column, centre in enumerate(centres):
        spread = np.square(features - features[centre]).T @ response[:, column] / response[:, column].sum()
        np.testing.assert_allclose(spread, [1, 1], atol=0.12)


@settings(deadline=None, max_examples=25)
@given(SEEDS, DIMS)
def test_barycentric_weights_rebuild_the_features(seed, dims):
    features, _ = _cloud(seed, dims)
    corner, rank, weights = lattice._enclosing_simplex(features)
    size = dims + 1
    assert weights.min() > -1e-5
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(np.sort(rank, axis=0), np.broadcast_to(np.arange(size)[:, None], rank.shape))
    colours = np.arange(size)[:, None, None]
    corners = size * (corner - (rank > dims - colours)) + colours  # [colour, axis, pixel]
    np.testing.assert_array_equal(corners.sum(axis=1), 0)
    rebuilt = np.einsum("kn,kan->an", weights, corners)
    np.testing.assert_allclose(rebuilt, lattice._elevate(features), atol=1e-4)


@settings(deadline=None, max_examples=25)
@given(SEEDS, DIMS, st.floats(-3, 3), st.floats(-3, 3))
def test_linear(seed, dims, first, second):
    features, values = _cloud(seed, dims)
    field = Permutohedral(features)
    mixed = field.filter(first * values[:, :1] + second * values[:, 1:])
    filtered = field.filter(values)
    np.testing.assert_allclose(mixed, first * filtered[:, :1] + second * filtered[:, 1:], atol=1e-3)


@settings(deadline=None, max_examples=25)
@given(SEEDS, DIMS)
def test_order_of_the_features_does_not_matter(seed, dims):
    features, values = _cloud(seed, dims)
    order = np.random.default_rng(seed).permutation(len(features))
    shuffled = Permutohedral(features[order]).filter(values[order])
    np.testing.assert_allclose(shuffled, Permutohedral(features).filter(values)[order], atol=3e-4)


@settings(deadline=None, max_examples=25)
@given(SEEDS, DIMS)
def test_symmetric_up_to_missing_lattice_points(seed, dims):
    features, values = _cloud(seed, dims, 300)
    field = Permutohedral(features)
    u, v = values[:, :1], values[:, 1:]
    forth, back = (u * field.filter(v)).sum(), (field.filter(u) * v).sum()
    assert forth == pytest.approx(back, rel=[1e-5, 0.003, 0.01, 0.03, 0.08][dims - 1])


@settings(deadline=None, max_examples=25)
@given(SEEDS, DIMS)
def test_normalised_average_keeps_constants_and_bounds(seed, dims):
    features, values = _cloud(seed, dims)
    field = Permutohedral(features)
    filtered = field.filter(np.hstack([values, np.ones_like(values[:, :1]), np.full_like(values[:, :1], 7)]))
    assert filtered[:, 2].min() > 0
    average = filtered / filtered[:, 2:3]
    np.testing.assert_allclose(average[:, 3], 7, rtol=1e-5)
    assert values.min() - 1e-4 <= average[:, :2].min() and average[:, :2].max() <= values.max() + 1e-4


def test_equal_features_share_and_distant_ones_do_not():
    features = np.repeat(np.float32([[0.3, 0.2, 0.1], [90, 80, 70]]), 4, axis=0)
    values = np.float32([[1], [2], [3], [4], [0], [0], [0], [0]])
    field = Permutohedral(features)
    filtered = field.filter(values)[:, 0]
    assert np.ptp(filtered[:4]) == 0 and filtered[0] > 0
    np.testing.assert_array_equal(filtered[4:], 0)


def test_values_of_many_labels_are_filtered_one_by_one():
    features, values = _cloud(5, 5)
    field = Permutohedral(features)
    many = field.filter(np.tile(values, 20))
    np.testing.assert_allclose(many, np.tile(field.filter(values), 20), rtol=1e-6)


@pytest.mark.parametrize("features", [np.zeros([0, 2]), np.zeros([3, 0]), np.zeros(3), np.array([[np.nan]])])
def test_rejects_wrong_features(features):
    with pytest.raises(ValueError, match="features: expected"):
        Permutohedral(features)


def test_rejects_wrong_values():
    with pytest.raises(ValueError, match=r"values: expected \[4, L\], found shape \(5, 1\)"):
        Permutohedral(np.zeros([4, 2], np.float32)).filter(np.zeros([5, 1], np.float32))


def test_rejects_kernels_far_too_narrow():
    with pytest.raises(InputError, match="choose wider kernels"):
        Permutohedral(np.float32([[0] * 5, [1e6] * 5]))
