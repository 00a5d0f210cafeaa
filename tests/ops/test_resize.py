"""Resizing against PyTorch's recorded results and against loops."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.ops import resize

SIZES = [(25, 33), (9, 8), (52, 68), (13, 17), (6, 30)]
sides = st.integers(1, 40)


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("interpolate")


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_equals_pytorch(recorded, size):
    expected = recorded[f"bilinear_hp_{size[0]}x{size[1]}"].transpose(0, 2, 3, 1)
    result = resize.bilinear(recorded["x"].transpose(0, 2, 3, 1), size)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("compiled", [False, True])
def test_bicubic_equals_pytorch(recorded, size, compiled):
    expected = recorded[f"bicubic_hp_{size[0]}x{size[1]}"].transpose(0, 2, 3, 1)
    function = tf.function(resize.bicubic) if compiled else resize.bicubic
    np.testing.assert_allclose(function(recorded["x"].transpose(0, 2, 3, 1), size), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.75, 1.5, 2.0, 4.0])
@pytest.mark.parametrize("compiled", [False, True])
def test_bilinear_by_factor_equals_pytorch(recorded, factor, compiled):
    expected = recorded[f"scale_hp_{factor}"].transpose(0, 2, 3, 1)
    function = tf.function(resize.bilinear_by_factor) if compiled else resize.bilinear_by_factor
    result = function(recorded["x"].transpose(0, 2, 3, 1), factor)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_nearest_labels_equals_pytorch(recorded, size):
    maps = recorded["x"].reshape(-1, 13, 17)
    expected = recorded[f"nearest_{size[0]}x{size[1]}"].reshape(-1, *size)
    np.testing.assert_array_equal(resize.nearest_labels(maps, size), expected)


def half_pixel(length: int, wanted: int) -> np.ndarray:
    """Matrix [wanted, length] of half-pixel bilinear weights along one axis."""
    weights = np.zeros([wanted, length])
    for i in range(wanted):
        place = max((i + 0.5) * length / wanted - 0.5, 0)
        low = int(place)
        weights[i, low] += 1 - (place - low)
        weights[i, min(low + 1, length - 1)] += place - low
    return weights


@settings(max_examples=25, deadline=None)
@given(sides, sides, sides, sides)
def test_bilinear_equals_matrices(height, width, tall, wide):
    maps = np.random.default_rng(height).normal(size=[1, height, width, 2]).astype(np.float32)
    expected = np.einsum("ah,bw,nhwk->nabk", half_pixel(height, tall), half_pixel(width, wide), maps)
    np.testing.assert_allclose(resize.bilinear(maps, (tall, wide)), expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(*[st.integers(1, 21)] * 4)  # beyond, float32 rounds a few quotients down, here as in PyTorch
def test_nearest_takes_the_floor(height, width, tall, wide):
    labels = np.arange(height * width, dtype=np.int32).reshape(1, height, width)
    rows, columns = np.arange(tall) * height // tall, np.arange(wide) * width // wide
    np.testing.assert_array_equal(resize.nearest_labels(labels, (tall, wide))[0], labels[0][rows][:, columns])


@pytest.mark.parametrize("size, scale, expected", [
    ((321, 200), 1.0, (321, 200)), ((321, 200), 0.75, (241, 150)), ((321, 10), 0.5, (161, 5)), ((10, 3), 0.1, (1, 1)),
    ((100, 333), 1.5, (150, 500)),
])
def test_scaled_size(size, scale, expected):
    assert tuple(resize.scaled_size(size, scale).numpy()) == expected
