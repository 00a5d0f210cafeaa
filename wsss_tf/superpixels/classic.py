"""Superpixels from colours alone, by OpenCV: SLIC, SEEDS and LSC (baselines of thesis Table 3.5).

The thesis gives the region sizes of SLIC and LSC, the numbers of SEEDS and its 30
iterations (section 3.4.3), but not which row of the table has which. That follows
from its numbers of superpixels: on the 1464 training photos of VOC 2012 the grids
of size 50, 80, 100 and 130 have on average 75.1, 27.6, 18.2 and 11.7 cells in
SLIC (thesis 75.0, 27.7, 18.2, 11.7) and 67.5, 24.5, 16.1 and 9.0 in LSC (67.4,
24.5, 16.1, 9.0), those of SEEDS for 30, 50, 80 and 100 superpixels on 4 levels
13.1, 30.9, 48.1 and 59.7 (13.1, 31.0, 48.0, 59.9).

So enforceLabelConnectivity was not called: it takes about one superpixel in six
from SLIC and adds some to LSC. Scattered pixels stay, which shows in the thesis
as a boundary recall far above that of SEEDS.

Nor are colours converted, which the numbers of superpixels cannot tell. OpenCV
advises CIE Lab, but on 40 COCO photos the ratio of the under-segmentation of SLIC
and SEEDS, on average over the four settings, was 4 % off the thesis in RGB, 6 % in
HSV, 9 % in Lab and 14 % in blurred Lab: a hint, no proof. A caller may pass a
converted photo.
"""

import contextlib
import math
from collections.abc import Iterator

import cv2
import numpy as np

from wsss_tf.errors import InputError

_ITERATIONS = 30
_LEVELS = 4


def slic(photo: np.ndarray, region_size: int) -> np.ndarray:
    """Plain SLIC (not SLICO) with OpenCV's compactness of 10; its superpixels need not be connected.

    Args:
      photo: uint8 [H, W, 3] RGB.
      region_size: side of the cells it starts from, in pixels.

    Returns:
      int32 [H, W], ids 0..n-1 without gaps.

    Raises:
      ValueError: the photo has another shape or dtype.
      InputError: the photo is too small, or OpenCV lacks its contributed modules.

    Ref: Achanta et al., "SLIC Superpixels", PAMI 2012.
    """
    height, width = _sides(photo)
    _require(2 * min(height, width) >= region_size, "SLIC", region_size, photo)
    ximgproc = _ximgproc()
    algorithm = ximgproc.createSuperpixelSLIC(photo, ximgproc.SLIC, region_size)
    algorithm.iterate(_ITERATIONS)
    return _without_gaps(algorithm.getLabels())


def lsc(photo: np.ndarray, region_size: int) -> np.ndarray:
    """Linear spectral clustering with OpenCV's compactness of 0.075; arguments, result and errors as in slic.

    Ref: Li & Chen, "Superpixel Segmentation using Linear Spectral Clustering", CVPR 2015.
    """
    height, width = _sides(photo)
    cells = height * width // region_size**2
    columns = int(math.sqrt(cells * width / height))
    _require(0 < columns <= cells, "LSC", region_size, photo)
    with _one_thread():
        algorithm = _ximgproc().createSuperpixelLSC(photo, region_size)
        algorithm.iterate(_ITERATIONS)
    return _without_gaps(algorithm.getLabels())


def seeds(photo: np.ndarray, count: int) -> np.ndarray:
    """SEEDS from a grid of about half to all of `count` cells, at least 10; the rest as in slic.

    Ref: Van den Bergh et al., "SEEDS: Superpixels Extracted via Energy-Driven Sampling", ECCV 2012.
    """
    height, width = _sides(photo)
    rows = int(np.sqrt(np.float32(max(count, 10)) * height / width))
    columns = rows * width // height
    # Two at least, because blocks are paired, and two pixels in each.
    _require(2 <= rows <= height / 2 and 2 <= columns <= width / 2, "SEEDS", count, photo)
    algorithm = _ximgproc().createSuperpixelSEEDS(width, height, photo.shape[2], count, _LEVELS)
    algorithm.iterate(photo, _ITERATIONS)
    return _without_gaps(algorithm.getLabels())


def _sides(photo: np.ndarray) -> tuple[int, int]:
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"photo: expected uint8 [H, W, 3], found {photo.dtype} {list(photo.shape)}")
    return photo.shape[:2]


def _require(possible: bool, name: str, size: int, photo: np.ndarray) -> None:
    """OpenCV divides by a number of cells that may be 0, and ends the program."""
    if not possible:
        raise InputError(f"{name} superpixels {size}: expected a photo that the grid fits into, found "
                         f"{photo.shape[1]}x{photo.shape[0]} pixels: leave it out, or choose another number")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV's LSC adds up in the order in which its threads end: with two, no two runs agree."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _ximgproc():
    """OpenCV's module for superpixels, which the main package has not."""
    if not hasattr(cv2, "ximgproc"):
        raise InputError("OpenCV: expected the module ximgproc, found a build without it: pip uninstall opencv-python "
                         "opencv-python-headless; pip install opencv-contrib-python-headless")
    return cv2.ximgproc


def _without_gaps(labels: np.ndarray) -> np.ndarray:
    """The same regions numbered 0..n-1 in the same order, int32."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


METHODS = {"slic": slic, "seeds": seeds, "lsc": lsc}
