"""The categories of COCO, and those of one's own files in its form."""

from collections.abc import Mapping
from pathlib import Path

from wsss_tf.data.class_names import checked_class_names
from wsss_tf.data.names import composed
from wsss_tf.data.tags import is_background
from wsss_tf.errors import InputError

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
SOURCE = "correct it, or take it anew from its source"
_NAMED = set(CATEGORIES.items())
_IS_COCO = 40  # categories of COCO from which on a file is meant to have all of them

Labels = Mapping[object, int]  # category id -> label; 0 for a category that is the background


def read_categories(path: Path, listed: object, used: set) -> tuple[tuple[str, ...], Labels]:
    """The class names, indexed by label value, and the label of each category of a file.

    A file that lists no categories, or most of COCO's, has COCO's 80. All others
    have their own, in the order of their ids, without the background and without
    the unused heading that some programs put above the classes.

    Args:
      path: the file, for error messages.
      listed: its entry "categories".
      used: the ids that its annotations name.

    Raises:
      InputError: a category is malformed or not COCO's, or `checked_class_names`
        has something to say.
    """
    categories = [_category(path, category) for category in (listed if isinstance(listed, list) else ())]
    pairs = [(number, name) for number, name, _ in categories]
    if not pairs or len(_NAMED.intersection(pairs)) >= _IS_COCO:
        foreign = next((pair for pair in pairs if pair not in _NAMED), None)
        if foreign:
            raise InputError(f"{path}: expected COCO's categories, found '{foreign[1]}' with id {foreign[0]}: {SOURCE}, or "
                             "open a data set of your own with --source=folder")
        return CLASS_NAMES, LABELS
    if len({number for number, _ in pairs}) < len(pairs):
        raise InputError(f"{path}: expected every category id once, found one twice: correct the entry categories")
    headings = {parent for _, name, parent in categories if name != parent}
    background = {number: 0 for number, name in pairs if is_background(name)}
    own = {number: name for number, name in sorted(pairs)
           if number not in background and not (name in headings and number not in used)}
    names = checked_class_names(path, own, "category")
    return names, background | {number: label for label, number in enumerate(own, 1)}


def _category(path: Path, category: object) -> tuple[int, str, str]:
    parts = category if isinstance(category, dict) else {}
    number, name = parts.get("id"), parts.get("name")
    if type(number) is not int or not isinstance(name, str):
        raise InputError(f"{path}: expected categories with a whole number as id and a name, found {category}: correct it")
    return number, composed(name.strip()), str(parts.get("supercategory"))
