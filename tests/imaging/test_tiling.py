"""Tiles cover the image, their weights add up to 1, and what a tile knows for sure is what the whole image gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.imaging.tiling import blend, tiles

SIDES = st.sampled_from([128, 256, 384])


def blended(size, side, function) -> np.ndarray:
    return np.concatenate(list(blend(size, side, map(function, tiles(size, side)))))


@settings(deadline=None)
@given(st.integers(16, 900), st.integers(16, 900), SIDES)
def test_tiles_cover_every_pixel_and_are_never_small(height, width, side):
    count = np.zeros([height, width], int)
    for rows, columns in tiles((height, width), side):
        count[rows, columns] += 1
        for span, length in ((rows, height), (columns, width)):
            whole = (span.start, span.stop) == (0, length)
            assert whole or (span.start % 96 == 0 and side // 4 < span.stop - span.start <= side)
    assert count.min() >= 1 and count.max() <= 4
    assert (len(tiles((height, width), side)) == 1) == (max(height, width) <= side)


@settings(deadline=None, max_examples=30)  # other programs may take the machine
@given(st.integers(16, 700), st.integers(16, 700), SIDES)
def test_blending_tiles_of_one_image_gives_it_back(height, width, side):
    image = np.random.default_rng(0).random([height, width, 2], np.float32)
    np.testing.assert_allclose(blended((height, width), side, lambda box: image[box]), image, rtol=0, atol=1e-6)


def test_a_single_tile_is_left_as_it_is():
    image = np.random.default_rng(0).random([128, 90, 3], np.float32)
    np.testing.assert_array_equal(blended((128, 90), 128, lambda box: image[box]), image)


def test_between_two_tiles_the_one_that_sees_further_counts():
    """224 pixels in tiles of 128 that share 32: 8 of the left one alone, 16 mixed, 8 of the right one alone."""
    image = np.zeros([20, 224, 1], np.float32)
    row = blended((20, 224), 128, lambda box: image[box] + (box[1].start > 0))[0, :, 0]
    np.testing.assert_array_equal(row[:104], 0)
    np.testing.assert_allclose(row[104:120], (np.arange(16) + 0.5) / 16)
    np.testing.assert_array_equal(row[120:], 1)


def test_bands_come_before_all_maps_are_made():
    made = []

    def maps():
        for box in tiles((700, 100), 128):
            made.append(box)
            yield np.zeros([box[0].stop - box[0].start, 100, 1], np.float32)

    next(blend((700, 100), 128, maps()))
    assert len(made) == 1


@pytest.mark.parametrize("side", [0, 100, -128])
def test_a_side_that_is_no_multiple_is_refused(side):
    with pytest.raises(InputError, match=f"--tile={side}: expected a multiple of 128"):
        tiles((300, 300), side)
