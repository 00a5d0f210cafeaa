"""The one schema that every data source delivers."""

import dataclasses
from pathlib import Path

import numpy as np

BACKGROUND = 0  # label of the background in every label map
UNKNOWN = 255  # label of pixels without a decision (void, unlabeled)
MAX_CLASSES = UNKNOWN - 1  # label values are bytes, and two are taken
MASK_SUPERVISION = "mask supervision"  # the mark of what has learned from masks


@dataclasses.dataclass(frozen=True)
class Example:
    """One photo with its image-level tags.

    Attributes:
      image_id: name of the example, unique in its data set.
      image: the photo (JPEG or PNG).
      tags: sorted label values of the classes present, each in 1..C.
      mask: label map for evaluation, or None. Training never opens it, unless
        it is told to use the training masks as saliency.
      saliency: saliency map of the same size as the photo, or None.
    """

    image_id: str
    image: Path
    tags: tuple[int, ...]
    mask: Path | None = None
    saliency: Path | None = None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The examples of one data set.

    Attributes:
      name: short name for reports.
      class_names: names indexed by label value; class_names[0] is the
        background, so there are C = len(class_names) - 1 foreground classes.
      train: examples used for training (tags, never masks).
      val: examples used for evaluation.
      untagged: training images without any tag are meant to be there.
      masks_wanted: no list names evaluation images and no masks are there, so
        val is every photo there is: their masks are predicted, and no score is computed.
      notes: what was left aside when the files were put together, a line each,
        for the user.
    """

    name: str
    class_names: tuple[str, ...]
    train: tuple[Example, ...]
    val: tuple[Example, ...]
    untagged: bool = False
    masks_wanted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """Number C of foreground classes."""
        return len(self.class_names) - 1


def objects(labels: np.ndarray) -> np.ndarray:
    """Objects of any class against the background: uint8 [H, W] labels -> uint8 of 0, 1, and 255 where void."""
    return np.where(labels == UNKNOWN, UNKNOWN, labels != BACKGROUND).astype(np.uint8)


def multi_hot(examples: tuple[Example, ...], num_classes: int) -> np.ndarray:
    """Tags as float32 [N, C] of 0 and 1; column c-1 stands for label c."""
    hot = np.zeros([len(examples), num_classes], np.float32)
    for row, example in enumerate(examples):
        hot[row, [tag - 1 for tag in example.tags]] = 1
    return hot
