"""Figures 2.7, 2.8 and 3.18 to 3.20: the masks that several runs give for the same photos."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from wsss_tf.evaluate.confusion import confusion_matrix
from wsss_tf.evaluate.scores import scores_from_confusion
from wsss_tf.example import UNKNOWN, Example
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, over, titled_once
from wsss_tf.figures.sources import Sources
from wsss_tf.files.images import read_labels, read_photo

_NOTE = "Under each mask: its mIoU on this photo in percent, over the classes of mask and ground truth."


def masks_page(sources: Sources) -> Page:
    """Figures 2.7, 2.8, 3.18 and 3.19, a row per photo: photo, ground truth if any photo has it, and the masks.

    Raises:
      InputError: a run or file is missing or damaged, or a mask does not fit its
        photo or the classes.
    """
    return side_by_side(sources.val(), sources.class_names, sources.masks())


def outlines_page(sources: Sources) -> Page:
    """The page of `masks_page` with every mask as outlines of its objects over the photo.

    Raises:
      InputError: see `masks_page`.
    """
    page = masks_page(sources)
    rows = tuple((row[0], *(over(row[0].image, panel) for panel in row[1:])) for row in page.rows)
    return dataclasses.replace(page, rows=rows)


def failures_page(sources: Sources) -> Page:
    """Figure 3.20 (b): the page of `masks_page` for the photos on which the first masks are worst.

    Raises:
      InputError: see `masks_page`; no photo has a ground truth.
    """
    names, masks = sources.class_names, sources.masks()

    def score(example: Example) -> float:
        size = read_photo(example.image).shape[:2]
        truth, mask = (_read_mask(path, example, size, names)
                       for path in (example.mask, masks[0][1] / f"{example.image_id}.png"))
        return _miou(truth, mask, names)

    return side_by_side(sources.worst(sources.run.dataset.val, "evaluation", score), names, masks)


def side_by_side(examples: tuple[Example, ...], class_names: tuple[str, ...], folders: tuple[tuple[str, Path], ...]) -> Page:
    """The page of given photos.

    Args:
      examples: the photos.
      class_names: names by label value.
      folders: (title, folder of <image_id>.png) for each column of masks.

    Raises:
      InputError: see `masks_page`.
    """
    with_truth = any(example.mask for example in examples)
    rows = []
    for example in examples:
        photo = read_photo(example.image)
        row = [Panel(photo, ("photo",), (example.image_id,))]
        truth = np.full(photo.shape[:2], UNKNOWN, np.uint8)
        if example.mask:
            truth = _read_mask(example.mask, example, photo.shape[:2], class_names)
        if with_truth:
            row.append(Panel(truth, ("ground truth",), () if example.mask else ("none",)))
        for title, folder in folders:
            mask = _read_mask(folder / f"{example.image_id}.png", example, photo.shape[:2], class_names)
            row.append(Panel(mask, (title,), _score(truth, mask, class_names)))
        rows.append(tuple(row))
    return Page(titled_once(rows), class_names, _NOTE if with_truth else "")


def _read_mask(path: Path, example: Example, size: tuple[int, int], class_names: tuple[str, ...]) -> np.ndarray:
    """A label map of a photo, sure to have its size and no label beyond the classes."""
    mask = read_labels(path)
    confusion_matrix(np.zeros(size, np.uint8), mask, len(class_names), example.image, path)
    return mask


def _score(truth: np.ndarray, mask: np.ndarray, class_names: tuple[str, ...]) -> tuple[str, ...]:
    miou = _miou(truth, mask, class_names)
    return () if math.isnan(miou) else (f"mIoU {100 * miou:.1f}",)


def _miou(truth: np.ndarray, mask: np.ndarray, class_names: tuple[str, ...]) -> float:
    """mIoU of one photo; NaN if no pixel of it has a true label."""
    return scores_from_confusion(confusion_matrix(truth, mask, len(class_names)), class_names).miou
