"""Instance annotations in the form of COCO, slimmed while they are parsed.

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

from wsss_tf.data.coco_categories import CLASS_NAMES, LABELS, SOURCE, Labels, read_categories
from wsss_tf.data.names import composed, photo_id
from wsss_tf.data.tags import Tags
from wsss_tf.errors import InputError, reason
from wsss_tf.files.images import MAX_PIXELS, MAX_SIDE

_MOST_BYTES = 1 << 30  # of a file; those of COCO 2014 have 330 and 160 MB

Outline = list[array.array] | dict  # polygons x0, y0, x1, y1, ... in pixels, or a run-length encoding


class Picture(NamedTuple):
    """One image: COCO's number, file name without suffix, height and width in pixels."""

    number: int
    name: str
    height: int
    width: int


class Region(NamedTuple):
    """One object or crowd: number of its image, label 1..C, area in pixels, outline (None where not asked for)."""

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
      class_names: names indexed by label value: COCO's, or those of its own categories.
    """

    path: Path
    pictures: tuple[Picture, ...]
    regions: tuple[Region, ...]
    class_names: tuple[str, ...] = CLASS_NAMES

    def tags(self) -> Tags:
        """Image name -> sorted labels; crowds count: a photo with a crowd of people does contain people."""
        labels = {picture.number: set() for picture in self.pictures}
        for region in self.regions:
            labels[region.number].add(region.label)
        return {picture.name: tuple(sorted(labels[picture.number])) for picture in self.pictures}


class _Object(NamedTuple):
    """An annotation before the categories are known, which may stand behind it: its own id, and Region's entries."""

    annotation: object
    number: int
    category: object
    area: float
    outline: Outline | None


def read_instances(path: Path, outlines: bool = False) -> Annotations:
    """Reads a file of instances.

    Args:
      path: the .json file.
      outlines: keep areas and outlines too.

    Raises:
      InputError: missing, not JSON, another kind of file, a category that it
        does not list (or COCO does not have), an object of an unknown image,
        numbers that are none.
    """
    def slim(item: dict) -> object:
        if "category_id" in item:
            return _object(path, item, outlines)
        return _picture(path, item) if "file_name" in item else item

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        with open(path, encoding="utf-8-sig") as file:
            document = json.load(file, object_hook=slim, parse_constant=_no_number)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: correct --data or --labels") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({reason(error)}): {SOURCE}") from error
    return _checked(path, document)


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} instead of a number")


def _is_count(value: Any) -> bool:
    """A whole number from 0; neither true, which equals 1, nor 1.0."""
    return type(value) is int and 0 <= value < 2**63


def _object(path: Path, item: dict, outlines: bool) -> _Object:
    category, number, where = item["category_id"], item.get("image_id"), f"{path}: annotation {reprlib.repr(item.get('id'))}"
    for name, value in (("category_id", category), ("image_id", number)):
        if not _is_count(value):
            raise InputError(f"{where}: expected the {name}, a whole number, found {reprlib.repr(value)}: {SOURCE}")
    if not outlines:
        return _Object(item.get("id"), number, category, 0.0, None)
    area = item.get("area")
    if type(area) not in (int, float) or not 0 <= area < math.inf:
        raise InputError(f"{where}: expected the area, a number from 0, found {reprlib.repr(area)}: {SOURCE}")
    try:
        return _Object(item.get("id"), number, category, float(area), _outline(item.get("segmentation")))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: expected a segmentation in pixels ({reason(error)}): {SOURCE}") from error


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
    if not all(map(_is_count, (number, *sides))) or not all(sides) or not isinstance(name, str):
        raise InputError(f"{path}: image {reprlib.repr(number)}: expected a number, file_name, height and width, found "
                         f"{reprlib.repr(item)}: {SOURCE}")
    if max(sides) > MAX_SIDE or math.prod(sides) > MAX_PIXELS:
        raise InputError(f"{path}: image {number}: expected at most {MAX_PIXELS} pixels and sides up to {MAX_SIDE}, found "
                         f"{sides[1]}x{sides[0]}: {SOURCE}")
    image_id = photo_id(composed(name).replace("\\", "/"))
    if Path(image_id).name != image_id or image_id.startswith(".") or "\0" in image_id:  # it becomes the name of files
        raise InputError(f"{path}: image {number}: expected the name of a photo as file_name, found {reprlib.repr(name)}: {SOURCE}")
    return Picture(number, image_id, *sides)


def _checked(path: Path, document: object) -> Annotations:
    parts = document if isinstance(document, dict) else {}
    pictures, found = _items(parts, "images", Picture), _items(parts, "annotations", _Object)
    if not pictures or found is None:
        raise InputError(f"{path}: expected the lists images and annotations (with category_id) of an instances file, "
                         f"found something else: {SOURCE}")
    numbers = {picture.number for picture in pictures}
    if len(numbers) < len(pictures) or len({picture.name for picture in pictures}) < len(pictures):
        raise InputError(f"{path}: expected every image once, found one twice: {SOURCE}")
    used = {item.category for item in found if isinstance(item.category, (int, float))}
    class_names, labels = read_categories(path, parts.get("categories"), used)
    regions = []
    for item in found:
        label = _label(path, item, labels)
        if item.number not in numbers:
            raise InputError(f"{path}: expected annotations of its own images, found one of image {item.number}, "
                             f"which it does not list: {SOURCE}")
        if label:
            regions.append(Region(item.number, label, item.area, item.outline))
    return Annotations(path, tuple(sorted(pictures)), tuple(regions), class_names)


def _label(path: Path, item: _Object, labels: Labels) -> int:
    try:
        return labels[item.category]
    except (KeyError, TypeError):
        expected = ("COCO's 80 category ids (1 to 90)" if labels is LABELS else
                    f"the category ids that it lists ({', '.join(map(str, sorted(labels)))})")
        raise InputError(f"{path}: annotation {reprlib.repr(item.annotation)}: expected one of {expected}, found {reprlib.repr(item.category)}: "
                         f"{SOURCE}") from None


def _items(parts: dict, key: str, kind: type) -> list | None:
    items = parts.get(key)
    return items if isinstance(items, list) and all(isinstance(item, kind) for item in items) else None
