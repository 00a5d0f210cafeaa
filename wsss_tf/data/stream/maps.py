"""The kinds of maps that move with the photos of a training stream."""

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN, Example
from wsss_tf.files.images import image_size, read_grey, read_ids, read_labels, read_photo

_MAX_NAMED = 5  # wrong labels that a message names


@dataclasses.dataclass(frozen=True)
class MapKind:
    """How the stream reads a map and moves it.

    Attributes:
      depth: "uint8" or "uint16", of the file.
      resize: "nearest" for numbers that name something; "bilinear" without
        antialiasing or "bicubic" with it for quantities.
      outside: what the batch holds beyond the borders of the photo.
      unit: value in the file that means 1. With it the batch holds float32 in
        0..1, without it the numbers of the file as int32.
    """

    depth: str
    resize: str
    outside: float
    unit: float | None = None

    def __post_init__(self):
        if self.unit is None and self.resize != "nearest":
            raise ValueError(f"resize={self.resize}: whole numbers have no values in between: give a unit, or nearest")

    @property
    def labels(self) -> bool:
        """Whether it holds classes."""
        return self.unit is None and self.depth == "uint8"


LABELS = MapKind("uint8", "nearest", UNKNOWN)
"""Classes 0..C and 255, in a grey PNG or as the indices of a palette."""

SUPERPIXELS = MapKind("uint16", "nearest", -1)
"""Ids from 0 on."""

SALIENCY = MapKind("uint8", "bicubic", 0.0, unit=255.0)
"""How salient a pixel is, resized as PIL resizes photos."""

OBJECTS = MapKind("uint8", "bilinear", 0.0, unit=255.0)
"""Masks of 0 and 255, and what is derived from them."""

Maps = Mapping[str, tuple[MapKind, Callable[[Example], Path]]]
"""Entry of the batch -> its kind, and the file of each example."""


def read_map(path: Path, kind: MapKind) -> np.ndarray:
    """What the stream reads from a file: int32 or float32 [H, W].

    Raises:
      InputError: missing, damaged, or of another kind.
    """
    read = read_ids if kind.depth == "uint16" else read_labels if kind.labels else read_grey
    values = read(path)
    if kind.unit is None:
        return values.astype(np.int32)
    if values.max() == 1:
        raise InputError(f"{path}: expected values up to {kind.unit:g}, found only 0 and 1: multiply the map by {kind.unit:g}")
    return values / np.float32(kind.unit)


def check_maps(examples: tuple[Example, ...], maps: Maps, num_classes: int) -> None:
    """Reads all maps once, before hours are spent on them.

    Raises:
      InputError: names the first file that cannot be read, that has not the size
        of its photo, or that holds labels other than 0..num_classes and 255.
    """
    files = [(path(example), kind, example.image, num_classes) for kind, path in maps.values() for example in examples]
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(lambda file: _check(*file), files):
            pass


def _check(path: Path, kind: MapKind, photo: Path, num_classes: int) -> None:
    values, size = read_map(path, kind), image_size(photo)
    if values.shape != size:
        raise InputError(f"{path}: expected the size of {photo} ({size[1]}x{size[0]}), found {values.shape[1]}x"
                         f"{values.shape[0]}: make it again from this photo")
    if not kind.labels:
        return
    found = np.flatnonzero(np.bincount(values.ravel()))
    wrong = [str(value) for value in found if num_classes < value != UNKNOWN]
    if wrong:
        some = ", ".join(wrong[:_MAX_NAMED]) + ", ..." * (len(wrong) > _MAX_NAMED)
        raise InputError(f"{path}: expected labels 0 to {num_classes} or {UNKNOWN}, found {some}: correct the map, or the list "
                         "of classes")


def find_unreadable(examples: tuple[Example, ...], maps: Maps) -> None:
    """Reads all photos and maps again.

    Raises:
      InputError: names the first file that cannot be read.
    """
    for example in examples:
        read_photo(example.image)
        for kind, path in maps.values():
            read_map(path(example), kind)
