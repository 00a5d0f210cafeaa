"""How often what stands beside an object is taken for it: the confusion ratio of co-occurring classes.

m(k, c) = FP(k, c) / TP(c): the pixels of the coincident class k (water) that
are predicted as the target class c (boat), over the rightly predicted pixels of
c. Coincident classes need label maps that know them, such as PASCAL-Context's.

Ref: EPS, Table 2.
"""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np

from wsss_tf.data.text import read_text
from wsss_tf.errors import InputError
from wsss_tf.evaluate.confusion import check_size
from wsss_tf.example import UNKNOWN
from wsss_tf.files.images import read_indices
from wsss_tf.files.store import json_safe
from wsss_tf.formats.matlab import CONTEXT_FIELDS, read_label_matrix


@dataclasses.dataclass(frozen=True)
class Pair:
    """A target class and a class that comes with it.

    Attributes:
      name: 'target:coincident', as the user wrote it.
      target: label value of the target class.
      coincident: value of the coincident class in the context maps.
    """

    name: str
    target: int
    coincident: int


@dataclasses.dataclass(frozen=True)
class PairScores:
    """What one pair gives, over the images that show both.

    Attributes:
      name: 'target:coincident'.
      images: how many images show both classes.
      confusion_ratio: m(k, c), 0 or more; NaN if no target pixel is right.
      target_iou: IoU of the target class on these images.
    """

    name: str
    images: int
    confusion_ratio: float
    target_iou: float

    def as_dict(self) -> dict:
        """The scores as plain JSON values, NaN as None."""
        return json_safe(dataclasses.asdict(self))


def parse_pairs(text: str, class_names: tuple[str, ...], context_names: dict[str, int]) -> tuple[Pair, ...]:
    """The pairs of 'boat:water,train:track'.

    Args:
      text: pairs separated by commas.
      class_names: classes of the predictions, by label value.
      context_names: name -> value in the context maps.

    Raises:
      InputError: a pair is malformed or names an unknown class.
    """
    pairs = []
    for item in text.split(","):
        target, colon, coincident = (part.strip() for part in item.partition(":"))
        if not colon:
            raise InputError(f"--pairs={text}: expected TARGET:COINCIDENT,..., found '{item}': write e.g. boat:water")
        for name, known in ((target, class_names[1:]), (coincident, context_names)):
            if name not in known:
                raise InputError(f"--pairs={text}: expected one of {', '.join(sorted(known)[:30])}, found '{name}': "
                                 "correct the name")
        pairs.append(Pair(item.strip(), class_names.index(target), context_names[coincident]))
    return tuple(pairs)


def read_context_names(path: Path) -> dict[str, int]:
    """Name -> value from lines 'NUMBER: NAME', as in PASCAL-Context's labels.txt.

    Raises:
      InputError: unreadable, or a line of another form.
    """
    names = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        found = re.fullmatch(r"\s*([0-9]{1,5})\s*[:,\s]\s*(\S.*?)\s*", line)
        if line.strip() and not found:
            raise InputError(f"{path}: line {number}: expected 'NUMBER: NAME', found '{line}': correct it")
        if found:
            names[found[2]] = int(found[1])
    return names


def context_file(folder: Path, image_id: str) -> Path | None:
    """The context map <image_id>.mat or .png of an image, or None: PASCAL-Context has not all of VOC 2012."""
    return next((path for suffix in (".mat", ".png") if (path := folder / f"{image_id}{suffix}").is_file()), None)


def read_context(path: Path) -> np.ndarray:
    """Context map int32 [H, W] from an 8- or 16-bit PNG or PASCAL-Context's .mat.

    Raises:
      InputError: missing, damaged, or no such map.
    """
    if path.suffix == ".mat":
        return read_label_matrix(path, *CONTEXT_FIELDS).astype(np.int32)
    return read_indices(path)


def pair_counts(truth: np.ndarray, prediction: np.ndarray, context: np.ndarray, pairs: tuple[Pair, ...],
                truth_name: object = "truth", context_name: object = "context") -> np.ndarray:
    """Counts the pixels of one image for each pair; void pixels of the truth never count.

    Returns:
      int64 [P, 4]: 1 if the image shows both classes, FP(k, c), TP(c), and the
      union of true and predicted pixels of c; all 0 if it does not.

    Raises:
      InputError: the sizes differ.
    """
    check_size(context.shape, truth.shape, truth_name, context_name)
    known = truth != UNKNOWN
    counts = np.zeros([len(pairs), 4], np.int64)
    for row, pair in enumerate(pairs):
        true, ours = truth == pair.target, (prediction == pair.target) & known
        beside = (context == pair.coincident) & known & ~true
        if true.any() and beside.any():
            counts[row] = 1, (ours & beside).sum(), (ours & true).sum(), (ours | true).sum()
    return counts


def pair_scores(counts: np.ndarray, pairs: tuple[Pair, ...]) -> tuple[PairScores, ...]:
    """The scores that summed counts int64 [P, 4] give."""
    return tuple(PairScores(pair.name, int(images), wrong / right if right else math.nan,
                            right / union if union else math.nan)
                 for pair, (images, wrong, right, union) in zip(pairs, counts.tolist()))
