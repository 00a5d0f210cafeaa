"""The classes of MSRC v2: as colours in its archive, as numbers, and the objects among them.

Ref: Shotton et al., TextonBoost, ECCV 2006 (photos and annotations).
"""

import numpy as np
from scipy import ndimage

from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN

COLOURS = {
    "void": (0, 0, 0), "building": (128, 0, 0), "grass": (0, 128, 0), "tree": (128, 128, 0), "cow": (0, 0, 128),
    "horse": (128, 0, 128), "sheep": (0, 128, 128), "sky": (128, 128, 128), "mountain": (64, 0, 0), "aeroplane": (192, 0, 0),
    "water": (64, 128, 0), "face": (192, 128, 0), "car": (64, 0, 128), "bicycle": (192, 0, 128), "flower": (64, 128, 128),
    "sign": (192, 128, 128), "bird": (0, 64, 0), "book": (128, 64, 0), "chair": (0, 192, 0), "road": (128, 64, 128),
    "cat": (0, 192, 128), "dog": (128, 192, 128), "body": (64, 64, 0), "boat": (192, 64, 0)}
"""Published class -> its RGB colour; the place in this order is its context label, 0 to 23."""
CLASSES = ("background", "aeroplane", "bicycle", "bird", "boat", "book", "car", "cat", "chair", "cow", "dog", "flower",
           "person", "sheep", "sign")
_VOID = 0  # context label
_NEAR = 5  # pixels from an object, diagonals too, that nobody can tell from it
_SAME = {"face": "person", "body": "person"}


def context_labels(truth: np.ndarray) -> np.ndarray:
    """The published classes: colours uint8 [H, W, 3] -> labels uint8 [H, W] of 0 to 23.

    Raises:
      InputError: a colour that no class has.
    """
    codes = _code(np.uint8(list(COLOURS.values())))
    order = np.argsort(codes)
    place = np.searchsorted(codes[order], _code(truth)).clip(max=len(codes) - 1)
    wrong = np.argwhere(codes[order][place] != _code(truth))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(f"expected the colours of the {len(COLOURS)} published classes, found {truth[row, column].tolist()} "
                         f"in row {row}, column {column}: take the file from the archive again, and do not convert it")
    return order[place].astype(np.uint8)


def object_labels(context: np.ndarray) -> np.ndarray:
    """The objects: published classes uint8 [H, W] -> labels uint8 [H, W] of 0 to 14, and 255 where void.

    Face and body are a person, and what surrounds objects is background. What
    the annotators left out is void. Where they labelled objects only, void is
    but what lies within 5 pixels of these, and the rest is background.
    """
    merged = [_SAME.get(name, name) for name in COLOURS]
    table = np.uint8([CLASSES.index(name) if name in CLASSES else BACKGROUND for name in merged])
    table[_VOID] = UNKNOWN
    labels = table[context]
    if (labels == BACKGROUND).any():
        return labels
    near = ndimage.maximum_filter(labels != UNKNOWN, 2 * _NEAR + 1)  # nothing but objects is labelled
    return np.where(near, labels, BACKGROUND).astype(np.uint8)


def _code(colours: np.ndarray) -> np.ndarray:
    """One number for each colour: uint8 [..., 3] -> int32 [...]."""
    return colours.astype(np.int32) @ np.int32([1 << 16, 1 << 8, 1])
