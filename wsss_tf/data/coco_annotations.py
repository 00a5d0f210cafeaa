"""Instance annotations in the form of COCO, slimmed while they are parsed.

instances_train2014.json holds 82,783 images and 600,000 objects in 330 MB of
text, nearly all of it outlines. Each annotation is reduced to what is needed as
soon as the parser has read it, so the whole never stands in memory as Python
objects.
"""

import array
import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

from wsss_tf.data.coco_categories import CLASS_NAMES, LABELS, SOURCE, Labels, read_categories
from wsss_tf.data.names import composed, photo_id
from wsss_tf.data.tags import Tags
from wsss_tf.errors import InputError

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
        does not list (or COCO does not have), an object of an unknown image.
    """
    def slim(item: dict) -> object:
        if "category_id" in item:
            return _object(path, item, outlines)
        return _picture(path, item) if "file_name" in item else item

    try:
        with open(path, encoding="utf-8-sig") as file:
            document = json.load(file, object_hook=slim)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: correct --data or --labels") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}): {SOURCE}") from error
    return _checked(path, document)


def _object(path: Path, item: dict, outlines: bool) -> _Object:
    number = item.get("id")
    try:
        image, category = int(item["image_id"]), item["category_id"]
        if not outlines:
            return _Object(number, image, category, 0.0, None)
        return _Object(number, image, category, float(item["area"]), _outline(item["segmentation"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: annotation {number}: expected image_id, area and segmentation "
                         f"({error!r}): {SOURCE}") from error


def _outline(segmentation: list | dict) -> Outline:
    if isinstance(segmentation, dict):
        return segmentation
    return [array.array("d", polygon) for polygon in segmentation]  # an eighth of the memory of a list


def _picture(path: Path, item: dict) -> Picture:
    number, name = item.get("id"), item["file_name"]
    sides = item.get("height"), item.get("width")
    if not all(isinstance(value, int) and value > 0 for value in (number, *sides)) or not isinstance(name, str):
        raise InputError(f"{path}: image {number}: expected a number, file_name, height and width, found {item}: {SOURCE}")
    return Picture(number, photo_id(composed(name).replace("\\", "/")), *sides)


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
        raise InputError(f"{path}: annotation {item.annotation}: expected one of {expected}, found {item.category!r}: "
                         f"{SOURCE}") from None


def _items(parts: dict, key: str, kind: type) -> list | None:
    items = parts.get(key)
    return items if isinstance(items, list) and all(isinstance(item, kind) for item in items) else None
