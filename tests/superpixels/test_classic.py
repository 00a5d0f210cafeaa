"""The classic superpixels: their numbers in the thesis, borders of colours, and what OpenCV does not survive."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from wsss_tf.errors import InputError
from wsss_tf.superpixels import classic
from wsss_tf.superpixels.classic import lsc, seeds, slic

pytestmark = pytest.mark.skipif(not hasattr(cv2, "ximgproc"), reason="needs opencv-contrib-python-headless")
REGION_SIZES, COUNTS = (50, 80, 100, 130), (30, 50, 80, 100)  # of the thesis' four settings: SLIC and LSC; SEEDS
METHODS = {slic: 20, lsc: 20, seeds: 30}  # grids for photos of about 80x100


def photo(height: int, width: int) -> np.ndarray:
    """Smooth spots of colour with grain."""
    rng = np.random.default_rng(0)
    spots = ndimage.gaussian_filter(rng.normal(size=[height, width, 3]), (6, 6, 0)) * 700
    return np.clip(128 + spots + rng.normal(0, 4, spots.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("height, width", [(80, 100), (97, 63)])
def test_ids_have_no_gaps(method, height, width):
    ids = method(photo(height, width), METHODS[method])
    assert ids.dtype == np.int32 and ids.shape == (height, width)
    assert sorted(set(ids.ravel())) == list(range(ids.max() + 1)) and 3 < ids.max() < 40


@pytest.mark.parametrize("method", METHODS)
def test_the_same_photo_gives_the_same_superpixels(method):
    """Noise, where every rounding counts, and however many threads OpenCV may use."""
    noise, threads = np.random.default_rng(0).integers(0, 256, [80, 100, 3], np.uint8), cv2.getNumThreads()
    found = [method(noise, METHODS[method]) for _ in range(5)]
    assert cv2.getNumThreads() == threads
    for again in found[1:]:
        np.testing.assert_array_equal(again, found[0])


@pytest.mark.parametrize("method", METHODS)
def test_superpixels_keep_to_a_border_of_colours(method):
    truth = np.add.outer(np.arange(80), 2 * np.arange(100)) > 150
    image = np.where(truth[..., None], (200, 40, 90), (40, 160, 60)).astype(np.uint8)
    ids = method(image, METHODS[method])
    shares = [truth[ids == found].mean() for found in range(ids.max() + 1)]
    right = sum((ids == found).sum() * max(share, 1 - share) for found, share in enumerate(shares))
    assert right / truth.size > 0.97


@pytest.mark.parametrize("size, slics, lscs, seeded", [
    ((375, 500), (80, 30, 20, 12), (70, 24, 16, 9), (12, 35, 48, 56)),
    ((333, 500), (70, 24, 15, 12), (63, 24, 16, 9), (15, 24, 48, 60)),
])
def test_numbers_on_photos_of_voc(monkeypatch, size, slics, lscs, seeded):
    """As counted on VOC's two most frequent sizes; iterations move borders, but take no superpixel away."""
    monkeypatch.setattr(classic, "_ITERATIONS", 1)
    image = photo(*size)
    assert tuple(slic(image, side).max() + 1 for side in REGION_SIZES) == slics
    assert tuple(lsc(image, side).max() + 1 for side in REGION_SIZES) == lscs
    assert tuple(seeds(image, count).max() + 1 for count in COUNTS) == seeded


def test_scattered_pixels_stay():
    """Connectivity is not enforced (the numbers in the thesis)."""
    ids = slic(photo(80, 100), 20)
    assert sum(ndimage.label(ids == found)[1] for found in range(ids.max() + 1)) > 2 * (ids.max() + 1)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_channels_does_not_matter(method):
    image = photo(80, 100)
    turned = method(np.ascontiguousarray(image[..., ::-1]), METHODS[method])
    assert (method(image, METHODS[method]) == turned).mean() > 0.99


@pytest.mark.parametrize("method, size, height, width", [
    (slic, 50, 24, 60), (slic, 50, 60, 20), (slic, 50, 1, 1), (lsc, 50, 49, 49), (lsc, 50, 125, 55), (lsc, 50, 60, 20),
    (lsc, 130, 500, 112), (seeds, 30, 12, 100), (seeds, 30, 61, 500), (seeds, 100, 19, 19), (seeds, 100, 5, 7)])
def test_a_photo_that_no_grid_fits_is_an_error_instead_of_a_crash(method, size, height, width):
    with pytest.raises(InputError, match=f"{width}x{height} pixels"):
        method(np.zeros([height, width, 3], np.uint8), size)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("image", [
    np.zeros([80, 100], np.uint8), np.zeros([80, 100, 3]), np.zeros([80, 100, 4], np.uint8)])
def test_wrong_photo(method, image):
    with pytest.raises(ValueError, match="uint8"):
        method(image, METHODS[method])


@pytest.mark.parametrize("method", METHODS)
def test_opencv_without_its_contributed_modules(monkeypatch, method):
    monkeypatch.delattr(cv2, "ximgproc")
    with pytest.raises(InputError, match="pip install opencv-contrib-python-headless"):
        method(photo(80, 100), METHODS[method])
