"""Outlines of COCO's annotations as pixels: polygons, run lengths, packed run lengths."""

import reprlib
from collections.abc import Iterable

import numpy as np

from wsss_tf.data.coco_annotations import Outline, Region
from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND

_MIN_COORDINATES = 6  # of a polygon; pycocotools would take 4 numbers for a box
_LONGEST = 10**6  # pixels along a polygon; pycocotools takes 100 bytes for each, and ends the process where there are none


def draw_regions(height: int, width: int, regions: Iterable[Region]) -> np.ndarray:
    """Label map uint8 [H, W] of one image's regions, the smaller area in front.

    Of two regions of the same area the first one is in front.

    Raises:
      InputError: an outline is malformed or belongs to an image of another
        size, or pycocotools is not installed.
    """
    labels = np.full([height, width], BACKGROUND, np.uint8)
    for region in reversed(sorted(regions, key=lambda region: region.area)):
        labels[_covered(region.outline, height, width)] = region.label
    return labels


def require_pycocotools():
    """The module that knows which pixels a polygon covers.

    Raises:
      InputError: it is not installed.
    """
    try:
        from pycocotools import mask  # optional
    except ImportError as error:
        raise InputError("masks from instances need pycocotools, which cannot be imported "
                         f"({error}): pip install 'pycocotools>=2.0.8', or draw them from 'stuff'") from error
    return mask


def _covered(outline: Outline, height: int, width: int) -> np.ndarray:
    """bool [H, W]: the pixels within an outline; polygons by the rules of pycocotools."""
    if isinstance(outline, dict):
        return _run_lengths(outline, height, width)
    polygons = [list(polygon) for polygon in outline if len(polygon) >= _MIN_COORDINATES]
    if not polygons:
        return np.zeros([height, width], bool)
    for polygon in polygons:
        length = np.abs(np.diff(np.reshape(polygon, [-1, 2]), axis=0, append=[polygon[:2]])).max(axis=1).sum()
        if not length <= _LONGEST:
            raise InputError(f"expected polygons of at most {_LONGEST} pixels along their edge, found one of {length:.0f}")
    rle = require_pycocotools()
    return rle.decode(rle.merge(rle.frPyObjects(polygons, height, width))).astype(bool)


def _run_lengths(outline: dict, height: int, width: int) -> np.ndarray:
    """Runs outside and inside in turn, down the columns; COCO 2014 has them for crowds, never packed."""
    size, runs = outline.get("size"), outline.get("counts")
    if size != [height, width]:
        raise InputError(f"expected runs of the image's size {[height, width]} (height, width), found {reprlib.repr(size)}")
    if isinstance(runs, str):
        runs = _unpacked(runs)
    if not isinstance(runs, list) or any(type(run) is not int or run < 0 for run in runs):
        raise InputError("expected polygons or a list of run lengths, found something else")
    if sum(runs) != height * width:
        raise InputError(f"expected runs that sum up to {height * width} pixels, found {reprlib.repr(sum(runs))}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    """The run lengths that pycocotools has packed into a string.

    A letter holds 5 bits from "0" on and a sixth that says whether the number
    goes on; from the third run on the difference to the last but one is kept.
    pycocotools itself shows whatever lies in memory where runs are missing.
    """
    runs, number, shift = [], 0, 0
    for code in text.encode("latin1", "replace"):
        bits = code - ord("0")
        number |= (bits & 31) << shift
        shift += 5
        if not 0 <= bits < 64 or shift > 60:
            raise InputError("expected polygons or a list of run lengths, packed or not, found something else")
        if bits & 32:
            continue
        number -= (bits & 16) << (shift - 4)  # the sign
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number, shift = 0, 0
    return runs
