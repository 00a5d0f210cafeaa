"""Scores that one confusion matrix gives.

The matrix is int64 [L, L + 1], accumulated over a split with the void pixels
left out: rows are true labels, columns predicted labels, and the last column
counts the undecided pixels.
"""

import dataclasses
import math

import numpy as np

from wsss_tf.example import BACKGROUND
from wsss_tf.files.store import json_safe


@dataclasses.dataclass(frozen=True)
class Scores:
    """Segmentation scores of one split, each in 0..1, NaN where undefined.

    The tuples are indexed by label value, background first.

    Attributes:
      class_names: names of the labels.
      miou: mean of `iou` over the classes that occur in truth or prediction.
      pixel_accuracy: share of the pixels with the right label.
      mean_accuracy: mean of `recall` over the classes that occur in the truth.
      frequency_weighted_iou: `iou` weighted by the classes' share of the truth.
      iou: intersection over union per class.
      precision: per class, NaN for classes never predicted.
      recall: per class, NaN for classes absent from the truth.
      num_pixels: pixels counted (void excluded).
    """

    class_names: tuple[str, ...]
    miou: float
    pixel_accuracy: float
    mean_accuracy: float
    frequency_weighted_iou: float
    iou: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    num_pixels: int

    def as_dict(self) -> dict:
        """The scores as plain JSON values, NaN as None."""
        return json_safe(dataclasses.asdict(self))


@dataclasses.dataclass(frozen=True)
class SeedScores:
    """Scores of label maps with undecided pixels, each in 0..1 or NaN.

    Attributes:
      class_names: names of the labels, background first.
      coverage: share of all pixels that carry a label.
      foreground_precision: mean of `precision` over the foreground classes.
      foreground_recall: mean of `recall` over the foreground classes.
      precision: per class, the right ones among the pixels labeled so.
      recall: per class, the rightly labeled ones among its true pixels.
      class_coverage: per class, the labeled ones (right or wrong) among its
        true pixels.
    """

    class_names: tuple[str, ...]
    coverage: float
    foreground_precision: float
    foreground_recall: float
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    class_coverage: tuple[float, ...]

    def as_dict(self) -> dict:
        """The scores as plain JSON values, NaN as None."""
        return json_safe(dataclasses.asdict(self))


def scores_from_confusion(confusion: np.ndarray, class_names: tuple[str, ...]) -> Scores:
    """Scores of int64 [L, L + 1] counts; undecided pixels count as background, as in IRN."""
    counts = confusion[:, :-1].copy()
    counts[:, BACKGROUND] += confusion[:, -1]
    true, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    total = int(counts.sum())
    iou = _ratio(right, true + predicted - right)
    recall = _ratio(right, true)
    return Scores(
        class_names=tuple(class_names),
        miou=_mean(iou),
        pixel_accuracy=float(_ratio(right.sum(), total)),
        mean_accuracy=_mean(recall),
        frequency_weighted_iou=float(_ratio(np.sum(true * np.nan_to_num(iou)), total)),
        iou=tuple(iou.tolist()),
        precision=tuple(_ratio(right, predicted).tolist()),
        recall=tuple(recall.tolist()),
        num_pixels=total,
    )


def seed_scores_from_confusion(confusion: np.ndarray, class_names: tuple[str, ...]) -> SeedScores:
    """Scores of int64 [L, L + 1] counts; undecided pixels are neither right nor wrong."""
    labeled = confusion[:, :-1]
    right = np.diagonal(labeled)
    precision = _ratio(right, labeled.sum(axis=0))
    recall = _ratio(right, confusion.sum(axis=1))
    return SeedScores(
        class_names=tuple(class_names),
        coverage=float(_ratio(labeled.sum(), confusion.sum())),
        foreground_precision=_mean(precision[1:]),
        foreground_recall=_mean(recall[1:]),
        precision=tuple(precision.tolist()),
        recall=tuple(recall.tolist()),
        class_coverage=tuple(_ratio(labeled.sum(axis=1), confusion.sum(axis=1)).tolist()),
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else math.nan
