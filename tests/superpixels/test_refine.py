"""Refinement against the recorded one, OpenCV's nearest pixel and its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.superpixels.refine import enlarge, refine

BACKEND = "lattice"


def photo_of(ids: np.ndarray, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A photo in which every superpixel has a colour of its own, with grain."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(20, 235, [ids.max() + 1, 3])[enlarge(ids, size)]
    return np.clip(colours + rng.normal(0, 3, [*size, 3]), 0, 255).astype(np.uint8)


def test_ids_equal_the_recorded_ones(golden):
    recorded = golden("thesis_superpixel")
    ids, photo = recorded["ids_tau0.3"], recorded["image"]
    np.testing.assert_array_equal(enlarge(ids, photo.shape[:2]), recorded["upsampled_tau03"])
    refined = refine(ids, photo, backend=BACKEND)
    assert refined.dtype == np.int32 and refined.shape == photo.shape[:2]
    assert (refined == recorded["crf_tau03"]).mean() >= 0.995


@settings(max_examples=100, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300), patch=st.sampled_from([8, 16]))
def test_grid_covers_the_photo(height, width, patch):
    """Also where the sides are no multiples of the patch; rounding moves a border by a pixel at most."""
    rows, columns = -(-height // patch), -(-width // patch)
    pixels = enlarge(np.arange(rows * columns, dtype=np.int32).reshape(rows, columns), (height, width))
    row, column = np.divmod(pixels, columns)
    assert pixels.dtype == np.int32 and (row[:, :1] == row).all() and (column[:1] == column).all()
    for found, side, cells in ((row[:, 0], height, rows), (column[0], width, columns)):
        exact = np.arange(side) * cells // side
        wrong = found != exact
        assert found[0] == 0 and found[-1] == cells - 1
        assert (found[wrong] == exact[wrong] - 1).all() and (np.arange(side) * cells % side)[wrong].max(initial=0) == 0


def test_borders_move_to_those_of_colours():
    """Patches are coarse: a border that runs through them is found again."""
    truth = (np.indices([64, 80])[1] + np.indices([64, 80])[0] // 2 > 55).astype(np.int32)
    photo = np.where(truth[..., None], 200, 60).astype(np.uint8).repeat(3, axis=2)
    ids = truth[4::8, 4::8]
    assert (enlarge(ids, truth.shape) == truth).mean() < 0.98
    assert (refine(ids, photo, backend=BACKEND) == truth).mean() > 0.995


def test_what_vanishes_leaves_no_gap_and_no_other_order():
    ids = np.zeros([8, 10], np.int32)
    ids[2, 3], ids[4:, 5:] = 1, 2  # a single patch in the colour of its neighbours, and a whole corner
    photo = photo_of(np.where(ids == 1, 0, ids), (64, 80))
    refined = refine(ids, photo, backend=BACKEND)
    assert set(np.unique(refined)) == {0, 1}
    np.testing.assert_array_equal(refined, enlarge((ids == 2).astype(np.int32), (64, 80)))


def test_a_single_superpixel_stays():
    photo = np.random.default_rng(0).integers(0, 256, [37, 50, 3], np.uint8)
    refined = refine(np.zeros([5, 7], np.int32), photo, backend=BACKEND)
    assert refined.dtype == np.int32 and refined.shape == (37, 50) and not refined.any()


@pytest.mark.parametrize("ids", [
    np.zeros([5], np.int32), np.zeros([0, 7], np.int32), np.zeros([5, 7]), np.full([5, 7], -1, np.int32)])
def test_wrong_ids(ids):
    with pytest.raises(ValueError, match="labels|ids"):
        refine(ids, np.zeros([37, 50, 3], np.uint8), backend=BACKEND)


def test_wrong_photo():
    with pytest.raises(ValueError, match="image"):
        refine(np.zeros([5, 7], np.int32), np.zeros([37, 50, 3], np.float32), backend=BACKEND)
