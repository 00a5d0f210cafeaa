"""How well the edges of masks lie on true ones: precision, recall and F1, whatever the classes.

Ref: EPS, Table 1 (edges of pseudo-masks against the boundaries of SBD, without
classes); SBD (Hariharan et al., ICCV 2011), whose benchmark allows a distance
of 0.02 of the diagonal. docs/evaluation.md says where EPS is silent.
"""

import dataclasses
import math

import cv2
import numpy as np
from scipy import ndimage

from wsss_tf.example import UNKNOWN
from wsss_tf.files.store import json_safe


@dataclasses.dataclass(frozen=True)
class BoundaryScores:
    """Scores of the edges of one split, each in 0..1 or NaN.

    Attributes:
      precision: share of the predicted edge pixels that lie on a true edge.
      recall: share of the true edge pixels that a predicted edge lies on.
      f1: their harmonic mean.
      true_pixels, predicted_pixels: edge pixels counted.
    """

    precision: float
    recall: float
    f1: float
    true_pixels: int
    predicted_pixels: int

    def as_dict(self) -> dict:
        """The scores as plain JSON values, NaN as None."""
        return json_safe(dataclasses.asdict(self))


def boundary_counts(truth: np.ndarray, prediction: np.ndarray, tolerance: float) -> np.ndarray:
    """Counts the edge pixels of one image; an edge pixel is right if one of the other map is near enough.

    Pixels of 255, in either map, take the nearest label, so that a true edge is
    in the middle of the void around an object. What the void hides is not
    counted: true edges deeper in it than the tolerance, and predicted edges in it
    or beside it that meet no true edge.

    Args:
      truth: uint8 [H, W] with 255 for void.
      prediction: uint8 [H, W] with 255 for undecided.
      tolerance: Euclidean distance within which edges meet, as a share of the
        diagonal of the image.

    Returns:
      int64 [4]: predicted edge pixels, the right ones among them, true edge
      pixels, the found ones among them.
    """
    reach = tolerance * math.hypot(*truth.shape)
    filled, depth = _filled(truth)
    true, ours = edges(filled) & (depth <= reach), edges(without_void(prediction))
    near_true, near_ours = _near(true, reach), _near(ours, reach)
    ours &= near_true | ~_near(truth == UNKNOWN, 1)
    return np.array([ours.sum(), (ours & near_true).sum(), true.sum(), (true & near_ours).sum()], np.int64)


def boundary_scores(counts: np.ndarray) -> BoundaryScores:
    """The scores that summed counts int64 [4] give."""
    predicted, right, true, found = map(int, counts)
    precision = right / predicted if predicted else math.nan
    recall = found / true if true else math.nan
    both = precision + recall
    f1 = 2 * precision * recall / both if both > 0 else (0.0 if both == 0 else math.nan)
    return BoundaryScores(precision, recall, f1, true, predicted)


def edges(labels: np.ndarray) -> np.ndarray:
    """Pixels with another label above, below, left or right: uint8 [H, W] -> bool [H, W].

    These are the pixels where the Laplacian (the 4-neighbour stencil) of some
    label's mask is not 0. The margin of the image is no edge.
    """
    found = np.zeros(labels.shape, bool)
    rows, columns = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    found[1:] |= rows
    found[:-1] |= rows
    found[:, 1:] |= columns
    found[:, :-1] |= columns
    return found


def without_void(labels: np.ndarray) -> np.ndarray:
    """Each pixel of 255 with the label nearest to it: uint8 [H, W] -> uint8 [H, W]; nothing but 255 stays."""
    return _filled(labels)[0]


def _filled(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels without void, and the distance [H, W] of each void pixel to the label it takes, 0 elsewhere."""
    void = labels == UNKNOWN
    depth = np.zeros(labels.shape)
    if not void.any() or void.all():
        return labels, depth
    rows, columns = np.flatnonzero(void.any(axis=1)), np.flatnonzero(void.any(axis=0))
    # The nearest label is never beyond the first row or column without void.
    part = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    depth[part], nearest = ndimage.distance_transform_edt(void[part], return_indices=True)
    filled = labels.copy()
    filled[part] = labels[part][tuple(nearest)]
    return filled, depth


def _near(marked: np.ndarray, reach: float) -> np.ndarray:
    """Pixels [H, W] not farther than `reach` from a marked one."""
    steps = np.arange(-int(reach), int(reach) + 1)
    disc = steps[:, None] ** 2 + steps**2 <= reach**2
    return cv2.dilate(marked.astype(np.uint8), disc.astype(np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
