"""Masks in colours, and the file that says which colour is which class: labelmap.txt of CVAT and Datumaro."""

import dataclasses
from pathlib import Path

import numpy as np

from wsss_tf.data.class_names import checked_class_names, is_classless
from wsss_tf.data.names import composed
from wsss_tf.data.tags import is_background
from wsss_tf.data.text import read_text
from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN

_FORM = "write a line CLASS:RED,GREEN,BLUE for each, e.g. background:0,0,0 and crack:255,255,255"
_NAMED = 3  # foreign colours that a message names


@dataclasses.dataclass(frozen=True)
class Labelmap:
    """Which colour is which class.

    Attributes:
      path: its file.
      class_names: names indexed by label value, in the order of the lines.
      labels: RGB as one number, 65536 R + 256 G + B -> label value.
    """

    path: Path
    class_names: tuple[str, ...]
    labels: dict[int, int]

    def numbered_as(self, class_names: tuple[str, ...], source: Path) -> "Labelmap":
        """The same colours with the numbers of a class list.

        Args:
          class_names: names indexed by label value.
          source: their file, for error messages.

        Raises:
          InputError: a class of the labelmap is not among them.
        """
        foreign = [name for name in self.class_names if name not in class_names]
        if foreign:
            raise InputError(f"{self.path}: class '{foreign[0]}' is not in {source}: correct one of them")
        numbers = {label: class_names.index(name) for label, name in enumerate(self.class_names)} | {UNKNOWN: UNKNOWN}
        return Labelmap(self.path, class_names, {colour: numbers[label] for colour, label in self.labels.items()})

    @property
    def background(self) -> tuple[int, int, int]:
        """RGB of the background."""
        colour = next((colour for colour, label in self.labels.items() if label == BACKGROUND), 0)
        return colour >> 16, colour >> 8 & 255, colour & 255


def read_labelmap(path: Path) -> Labelmap:
    """Reads lines `CLASS:RED,GREEN,BLUE`, of which further parts behind colons and lines behind # do not count.

    The background is label 0, black if no line names it; void, ignore and the
    like are 255; the others are numbered from 1 on, in the order of the lines.

    Raises:
      InputError: malformed, a colour that comes twice, or names that no class can have.
    """
    labels, names = {}, {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colour = _parts(path, number, line)
        if colour in labels:
            raise InputError(f"{path}: line {number}: expected a colour for each class, found one of a line above: correct it")
        if is_background(name):
            labels[colour] = BACKGROUND
        elif is_classless(name):
            labels[colour] = UNKNOWN
        else:
            names[number] = name
            labels[colour] = len(names)
    if BACKGROUND not in labels.values():
        labels.setdefault(0, BACKGROUND)
    return Labelmap(path, checked_class_names(path, names), labels)


def labels_of_colours(labelmap: Labelmap, pixels: np.ndarray) -> np.ndarray:
    """The classes that colours mean: uint8 [H, W, 3] -> uint8 [H, W].

    Raises:
      InputError: colours that no line names.
    """
    numbers = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    colours, where, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    foreign = [(int(count), int(colour)) for colour, count in zip(colours, counts) if int(colour) not in labelmap.labels]
    if foreign:
        often = sorted(foreign, reverse=True)[:_NAMED]
        told = ", ".join(f"{colour >> 16},{colour >> 8 & 255},{colour & 255} ({count} pixels)" for count, colour in often)
        smooth = len(foreign) > _NAMED
        remedy = ("its edges are smooth, by resizing or JPEG: export it again as PNG without smoothing" if smooth else
                  "add a line, or correct the mask")
        raise InputError(f"expected the colours of {labelmap.path}, found {len(foreign)} others: {told}: {remedy}")
    table = np.array([labelmap.labels[int(colour)] for colour in colours], np.uint8)
    return table[where].reshape(numbers.shape)


def _parts(path: Path, number: int, line: str) -> tuple[str, int]:
    name, _, rest = line.partition(":")
    values = rest.split(":")[0].split(",")
    if not name.strip() or len(values) != 3 or not all(value.strip().isdecimal() and int(value) < 256 for value in values):
        raise InputError(f"{path}: line {number}: expected CLASS:RED,GREEN,BLUE, found `{line.strip()}`: {_FORM}")
    red, green, blue = map(int, values)
    return composed(name.strip()), 65536 * red + 256 * green + blue
