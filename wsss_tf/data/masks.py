"""What masks say when they are held against the numbers of classes, the tags of their photos and each other."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from wsss_tf.data.palettes import Colours, differing_palettes, grey_values, used_colours
from wsss_tf.example import BACKGROUND, UNKNOWN

MAX_NAMED = 5  # wrong labels that a line names as examples
FEW_PHOTOS = 5  # with tags and masks, below which nothing is concluded from all of them
_FEW_OF_A_CLASS = 3
_MOST, _SOME = 0.8, 0.05  # shares of the photos that a pattern, or a remark, needs
_WHITE = (f"{UNKNOWN} means undecided: if it is the object, write the number of its class instead, e.g. by "
          "`wsss data convert --labelmap=FILE`")
_THIN = 0.1  # share of a label's pixels in the middle of 3x3 of them, below which it is an edge and no object


@dataclasses.dataclass(frozen=True)
class MaskFacts:
    """What one mask shows.

    Attributes:
      path: its file.
      labels: all values in it, the void ones too.
      tags: of its photo; None if they are not known.
      thin: values that are no tag (if these are known) and form nothing but edges.
      colours: of its labels in its palette.
    """

    path: Path
    labels: frozenset[int]
    tags: frozenset[int] | None
    thin: frozenset[int]
    colours: Colours

    @property
    def drawn(self) -> frozenset[int]:
        """The values that are meant as classes."""
        return self.labels - {BACKGROUND, UNKNOWN}


def mask_facts(path: Path, mask: np.ndarray, palette: np.ndarray | None, tags: Sequence[int] | None) -> MaskFacts:
    """What a mask shows.

    Args:
      path: its file.
      mask: uint8 [H, W].
      palette: uint8 [N, 3] RGB, or None.
      tags: label values of its photo, or None if they are not known.
    """
    labels = [int(value) for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256))]
    untold = set(labels) - {BACKGROUND, UNKNOWN} - set(tags or ())
    thin = frozenset(label for label in untold if _is_thin(mask == label))
    return MaskFacts(path, frozenset(labels), None if tags is None else frozenset(tags), thin,
                     used_colours(labels, palette))


def wrong_labels(facts: MaskFacts, num_classes: int) -> list[str]:
    """A line if the mask holds values that no class has."""
    wrong = sorted(value for value in facts.labels if num_classes < value != UNKNOWN)
    if not wrong:
        return []
    some = ", ".join(map(str, wrong[:MAX_NAMED])) + (", ..." if len(wrong) > MAX_NAMED else "")
    remedy = "correct the mask or add the classes to classes.txt"
    if len(wrong) > MAX_NAMED and facts.thin.issuperset(wrong):
        remedy = "its edges are smooth, by resizing or JPEG: export it again as PNG without smoothing"
    elif facts.drawn <= grey_values(num_classes):
        remedy = "these are VOC's colours turned into grey: save the numbers of the classes"
    return [f"{facts.path}: expected labels 0 to {num_classes} or {UNKNOWN}, found {some}: {remedy}"]


def judge_masks(masks: Sequence[MaskFacts], class_names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Problems and warnings, a line each, that show in many masks together and in none alone.

    Args:
      masks: of one data set.
      class_names: names indexed by label value.
    """
    problems = differing_palettes([(mask.path, mask.colours) for mask in masks]) + _void_only(masks) + _smooth(masks)
    told = [mask for mask in masks if mask.tags]
    if problems or len(told) < FEW_PHOTOS:
        return problems, []
    problems = _moved(told)
    sound = [mask for mask in told if max(mask.drawn, default=0) < len(class_names)]
    return (problems, []) if problems or len(sound) < FEW_PHOTOS else _against_tags(sound, class_names)


def _is_thin(where: np.ndarray) -> bool:
    """Whether hardly a pixel of bool [H, W] lies in the middle of 3x3."""
    return int(cv2.erode(where.astype(np.uint8), np.ones([3, 3], np.uint8)).sum()) < _THIN * int(where.sum())


def _void_only(masks: Sequence[MaskFacts]) -> list[str]:
    if any(mask.drawn for mask in masks) or not any(UNKNOWN in mask.labels for mask in masks):
        return []
    return [f"{masks[0].path.parent}: expected masks that show classes, found nothing but {BACKGROUND} and {UNKNOWN} in all "
            f"{len(masks)}, and {_WHITE}"]


def _smooth(masks: Sequence[MaskFacts]) -> list[str]:
    blurred = [mask for mask in masks if len(mask.thin) > 1]
    if len(masks) < FEW_PHOTOS or 2 * len(blurred) <= len(masks):
        return []
    found = ", ".join(map(str, sorted(blurred[0].thin)[:MAX_NAMED]))
    return [f"{blurred[0].path}: expected numbers of classes, found edges of other numbers ({found}) in it and "
            f"{len(blurred) - 1} more of {len(masks)} masks: JPEG or smooth resizing has changed them: export them again as "
            "PNG without smoothing"]


def _moved(told: Sequence[MaskFacts]) -> list[str]:
    """A line if the numbers of most masks are the tags plus or minus one."""
    shares = {}
    for step in (-1, 0, 1):
        fits = [mask.drawn == {tag + step for tag in mask.tags} - {BACKGROUND} for mask in told]
        shares[step] = sum(fits) / len(told)
    step = max((-1, 1), key=shares.get)
    if shares[step] < _MOST or shares[0] > 1 - _MOST:
        return []
    return [f"{told[0].path}: expected numbers of classes from 1 on, found {'larger' if step > 0 else 'smaller'} ones by one "
            f"in most of {len(told)} masks, as their photos' tags say: does classes.txt {'lack' if step > 0 else 'have'} a "
            "first line that the masks count? Correct it or the masks"]


def _against_tags(told: Sequence[MaskFacts], class_names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    tagged = Counter(tag for mask in told for tag in mask.tags)
    drawn = Counter(label for mask in told for label in mask.drawn)
    both = Counter(label for mask in told for label in mask.drawn & mask.tags)
    often = [tag for tag, count in sorted(tagged.items()) if count >= _FEW_OF_A_CLASS]
    never = [_never_drawn(tag, told, class_names) for tag in often if not both[tag]]
    if never and len(never) == len(often):
        return [f"{line}: classes.txt and the masks number the classes otherwise, or the masks are empty: correct them"
                for line in never], []
    lines = [f"{line}: draw it, or correct the numbers" for line in never]
    lines += [f"class '{class_names[label]}': drawn in {count} masks, tagged in no photo of theirs: correct the tags or the "
              "numbers in the masks"
              for label, count in sorted(drawn.items()) if count >= _FEW_OF_A_CLASS and not tagged[label]]
    white = [mask for mask in told if not mask.drawn and UNKNOWN in mask.labels]
    if len(white) > _SOME * len(told):
        lines.append(f"{len(white)} of {len(told)} masks of tagged photos hold nothing but {BACKGROUND} and {UNKNOWN}, e.g. "
                     f"{white[0].path}, and {_WHITE}")
    foreign = [mask for mask in told if mask.drawn - mask.tags]
    if len(foreign) > _SOME * len(told):
        mask = foreign[0]
        lines.append(f"{len(foreign)} of {len(told)} masks show classes that the tags of their photos do not name, e.g. "
                     f"{mask.path} {_names(mask.drawn - mask.tags, class_names)} beside {_names(mask.tags, class_names)}: "
                     "complete the tags, or correct the masks")
    return [], lines


def _never_drawn(tag: int, told: Sequence[MaskFacts], class_names: tuple[str, ...]) -> str:
    masks = [mask for mask in told if tag in mask.tags]
    instead = Counter(label for mask in masks for label in mask.drawn - mask.tags).most_common(1)
    there = f" ({_names([instead[0][0]], class_names)} is there instead)" if instead else ""
    return f"class '{class_names[tag]}': tagged in {len(masks)} photos with masks, drawn in none of them{there}"


def _names(labels: Iterable[int], class_names: tuple[str, ...]) -> str:
    return " and ".join(f"'{class_names[label]}'" for label in sorted(labels))
