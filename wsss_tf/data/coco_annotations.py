"""The instance annotations of COCO 2014, slimmed while they are parsed.

instances_train2014.json holds 82,783 images and 600,000 objects in 330 MB of
text, nearly all of it outlines. Each annotation is reduced to what is needed as
soon as the parser has read it, so the whole never stands in memory as Python
objects.
"""

import array
import dataclasses
import json
import math
import reprlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wsss_tf.data.labels import Tags
from wsss_tf.errors import InputError, reason
from wsss_tf.files.images import MAX_PIXELS, MAX_SIDE
from wsss_tf.files.names import component

CATEGORIES = {  # COCO's ids and names; 11 of the 91 ids were planned and never annotated
    1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck", 9: "boat",
    10: "traffic light", 11: "fire hydrant", 13: "stop sign", 14: "parking meter", 15: "bench", 16: "bird", 17: "cat",
    18: "dog", 19: "horse", 20: "sheep", 21: "cow", 22: "elephant", 23: "bear", 24: "zebra", 25: "giraffe",
    27: "backpack", 28: "umbrella", 31: "handbag", 32: "tie", 33: "suitcase", 34: "frisbee", 35: "skis",
    36: "snowboard", 37: "sports ball", 38: "kite", 39: "baseball bat", 40: "baseball glove", 41: "skateboard",
    42: "surfboard", 43: "tennis racket", 44: "bottle", 46: "wine glass", 47: "cup", 48: "fork", 49: "knife",
    50: "spoon", 51: "bowl", 52: "banana", 53: "apple", 54: "sandwich", 55: "orange", 56: "broccoli", 57: "carrot",
    58: "hot dog", 59: "pizza", 60: "donut", 61: "cake", 62: "chair", 63: "couch", 64: "potted plant", 65: "bed",
    67: "dining table", 70: "toilet", 72: "tv", 73: "laptop", 74: "mouse", 75: "remote", 76: "keyboard",
    77: "cell phone", 78: "microwave", 79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator", 84: "book",
    85: "clock", 86: "vase", 87: "scissors", 88: "teddy bear", 89: "hair drier", 90: "toothbrush"}
LABELS = {category: label for label, category in enumerate(CATEGORIES, 1)}  # category id -> 1..80
CLASS_NAMES = ("background", *CATEGORIES.values())
FOLDERS = {"train": "train2014", "val": "val2014"}  # split -> its photos under the root, its masks under masks/
_NAMED = tuple(CATEGORIES.items())
_MOST_BYTES = 1 << 30  # of a file; those of COCO 2014 have 330 and 160 MB
_SOURCE = "take it anew from annotations_trainval2014.zip"

Outline = list[array.array] | dict  # polygons x0, y0, x1, y1, ... in pixels, or a run-length encoding


class Picture(NamedTuple):
    """One image: COCO's number, file name without suffix, height and width in pixels."""

    number: int
    name: str
    height: int
    width: int


class Region(NamedTuple):
    """One object or crowd: number of its image, label 1..80, area in pixels, outline (None where not asked for)."""

    number: int
    label: int
    area: float
    outline: Outline | None


@dataclasses.dataclass(frozen=True)
class Annotations:
    """One annotation file.

    Attributes:
      path: the file.
      pictures: all its images, by ascending number.
      regions: all its objects and crowds, in the order of the file.
    """

    path: Path
    pictures: tuple[Picture, ...]
    regions: tuple[Region, ...]

    def tags(self) -> Tags:
        """Image name -> sorted labels; crowds count: a photo with a crowd of people does contain people."""
        labels = {picture.number: set() for picture in self.pictures}
        for region in self.regions:
            labels[region.number].add(region.label)
        return {picture.name: tuple(sorted(labels[picture.number])) for picture in self.pictures}


def read_annotations(root: Path, split: str, outlines: bool = False) -> Annotations:
    """Reads annotations/instances_{train,val}2014.json.

    Args:
      root: the folder with annotations/ in it.
      split: 'train' or 'val'.
      outlines: keep areas and outlines too.

    Raises:
      InputError: missing, not JSON, another kind of file, a category that COCO
        does not have, an object of an unknown image, numbers that are none.
    """
    path = root / "annotations" / f"instances_{FOLDERS[split]}.json"

    def slim(item: dict) -> object:
        if "category_id" in item:
            return _region(path, item, outlines)
        return _picture(path, item) if "file_name" in item else item

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        with open(path, encoding="utf-8") as file:
            document = json.load(file, object_hook=slim, parse_constant=_no_number)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: unpack annotations_trainval2014.zip in {root}, "
                         "or correct --data") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({reason(error)}): {_SOURCE}") from error
    return _checked(path, document)


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} instead of a number")


def _is_count(value: Any) -> bool:
    """Neither true, which equals 1, nor 1.0."""
    return type(value) is int and 0 < value < 2**63


def _region(path: Path, item: dict, outlines: bool) -> Region:
    category, number, where = item["category_id"], item.get("image_id"), f"{path}: annotation {reprlib.repr(item.get('id'))}"
    if not _is_count(category) or category not in LABELS:
        raise InputError(f"{where}: expected one of COCO's 80 category ids (1 to 90), found {reprlib.repr(category)}: {_SOURCE}")
    if not _is_count(number):
        raise InputError(f"{where}: expected the image_id, a number from 1, found {reprlib.repr(number)}: {_SOURCE}")
    if not outlines:
        return Region(number, LABELS[category], 0.0, None)
    area = item.get("area")
    if type(area) not in (int, float) or not 0 <= area < math.inf:
        raise InputError(f"{where}: expected the area, a number from 0, found {reprlib.repr(area)}: {_SOURCE}")
    try:
        return Region(number, LABELS[category], float(area), _outline(item.get("segmentation")))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: expected a segmentation in pixels ({reason(error)}): {_SOURCE}") from error


def _outline(segmentation: list | dict) -> Outline:
    if isinstance(segmentation, dict):
        return segmentation
    polygons = [array.array("d", polygon) for polygon in segmentation]  # an eighth of the memory of a list
    for polygon in polygons:
        if len(polygon) % 2 or not np.all(np.abs(polygon) <= 2 * MAX_SIDE):  # NaN is not
            raise ValueError("a polygon with numbers that are no places in an image")
    return polygons


def _picture(path: Path, item: dict) -> Picture:
    number, name, sides = item.get("id"), item["file_name"], (item.get("height"), item.get("width"))
    if not all(map(_is_count, (number, *sides))) or not isinstance(name, str):
        raise InputError(f"{path}: image {reprlib.repr(number)}: expected a number, file_name, height and width, found "
                         f"{reprlib.repr(item)}: {_SOURCE}")
    if max(sides) > MAX_SIDE or math.prod(sides) > MAX_PIXELS:
        raise InputError(f"{path}: image {number}: expected at most {MAX_PIXELS} pixels and sides up to {MAX_SIDE}, found "
                         f"{sides[1]}x{sides[0]}: {_SOURCE}")
    return Picture(number, component(Path(name).stem, f"{path}: image {number}: file_name"), *sides)


def _checked(path: Path, document: object) -> Annotations:
    parts = document if isinstance(document, dict) else {}
    pictures, regions = _items(parts, "images", Picture), _items(parts, "annotations", Region)
    if not pictures or regions is None:
        raise InputError(f"{path}: expected the lists images and annotations (with category_id) of an instances file, "
                         f"found something else: {_SOURCE}")
    _check_categories(path, parts.get("categories"))
    numbers = {picture.number for picture in pictures}
    if len(numbers) < len(pictures) or len({picture.name for picture in pictures}) < len(pictures):
        raise InputError(f"{path}: expected every image once, found one twice: {_SOURCE}")
    for region in regions:
        if region.number not in numbers:
            raise InputError(f"{path}: expected annotations of its own images, found one of image {region.number}, "
                             f"which it does not list: {_SOURCE}")
    return Annotations(path, tuple(sorted(pictures)), tuple(regions))


def _items(parts: dict, key: str, kind: type) -> list | None:
    items = parts.get(key)
    return items if isinstance(items, list) and all(isinstance(item, kind) for item in items) else None


def _check_categories(path: Path, categories: object) -> None:
    for category in categories if isinstance(categories, list) else ():
        number, name = (category.get("id"), category.get("name")) if isinstance(category, dict) else (None, category)
        if not _is_count(number) or (number, name) not in _NAMED:
            raise InputError(f"{path}: expected COCO's categories, found {reprlib.repr(name)} with id "
                             f"{reprlib.repr(number)}: {_SOURCE}, or "
                             "open a data set of your own with --source=folder")
