"""How well superpixels keep to the borders of objects (thesis eqs 3.9-3.12)."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.files.store import json_safe

_NEAR = 1  # pixels along each axis: just these have a Euclidean distance below 2


# Field of SuperpixelScores -> its name in the tables of the thesis.
SHORT_NAMES = {"count": "superpixels", "under_segmentation": "UE", "boundary_precision": "BP", "boundary_recall": "BR",
               "achievable_accuracy": "ASA"}


@dataclasses.dataclass(frozen=True)
class SuperpixelScores:
    """Scores of one image, or their mean over many; void pixels count in no share.

    Attributes:
      count: superpixels, those that lie in void as well.
      under_segmentation: UE, eq. 3.9; 0 if no superpixel crosses a border.
      boundary_precision: BP, share of superpixel borders near a true one.
      boundary_recall: BR, share of true borders near a superpixel's.
      achievable_accuracy: ASA, eq. 3.12, share of pixels that are right if each
        superpixel takes its most frequent class.
    """

    count: float
    under_segmentation: float
    boundary_precision: float
    boundary_recall: float
    achievable_accuracy: float

    def as_dict(self) -> dict:
        """The scores as plain JSON values, NaN as None."""
        return json_safe(dataclasses.asdict(self))


def mean_scores(scores: Sequence[SuperpixelScores]) -> SuperpixelScores:
    """Mean of each score over the images where it is defined; NaN where it is nowhere."""
    values = np.array([dataclasses.astuple(score) for score in scores], np.float64)
    defined = ~np.isnan(values)
    sums = np.where(defined, values, 0).sum(axis=0)
    return SuperpixelScores(*(_share(total, count) for total, count in zip(sums, defined.sum(axis=0))))


def superpixel_scores(ids: np.ndarray, truth: np.ndarray) -> SuperpixelScores:
    """Scores of one image.

    Args:
      ids: int [H, W], superpixel of each pixel, any numbers from 0 on.
      truth: uint8 [H, W], classes with 255 for void.

    Returns:
      The scores; a share of nothing is NaN.

    Raises:
      InputError: the sizes differ.
    """
    if ids.shape != truth.shape:
        raise InputError(f"superpixels: expected {truth.shape[1]}x{truth.shape[0]} pixels (width x height) as in the "
                         f"mask, found {ids.shape[1]}x{ids.shape[0]}: make them from the same photo")
    overlap = _overlap(ids, truth)
    sizes, total = overlap.sum(axis=1, keepdims=True), overlap.sum()
    ours, true = borders(ids), borders(truth, void=UNKNOWN)
    return SuperpixelScores(
        count=len(np.unique(ids)),
        under_segmentation=_share(np.minimum(overlap, sizes - overlap).sum(), total),
        boundary_precision=_share((ours & _widened(true)).sum(), ours.sum()),
        boundary_recall=_share((true & _widened(ours)).sum(), true.sum()),
        achievable_accuracy=_share(overlap.max(axis=1, initial=0).sum(), total),
    )


def borders(labels: np.ndarray, void: int = -1) -> np.ndarray:
    """Border pixels of all regions: int [H, W] of 0 and above -> bool [H, W].

    A pixel is one if a neighbour above, below, left or right has another label.
    These are the points of OpenCV's findContours over each region, at once, but
    for those that only the frame of the photo makes: every superpixel map has
    the frame, so it would give each method the same share of the recall. The
    label `void` is no region, but the ones beside it end there.
    """
    padded = np.pad(labels, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    found = np.logical_or.reduce([centre != other for other in beside])
    return found & (labels != void)


def _overlap(ids: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """int64 [K, C]: pixels of each superpixel in each class, void left out."""
    known = truth != UNKNOWN
    _, superpixel = np.unique(ids[known], return_inverse=True)
    _, label = np.unique(truth[known], return_inverse=True)
    shape = superpixel.max(initial=-1) + 1, label.max(initial=-1) + 1
    return np.bincount(superpixel * shape[1] + label, minlength=shape[0] * shape[1]).reshape(shape)


def _widened(mask: np.ndarray) -> np.ndarray:
    """Pixels closer than 2 to a marked one: the 3x3 neighbourhoods."""
    height, width = mask.shape
    padded = np.pad(mask, _NEAR)
    return np.logical_or.reduce([padded[row : row + height, column : column + width]
                                 for row in range(2 * _NEAR + 1) for column in range(2 * _NEAR + 1)])


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
