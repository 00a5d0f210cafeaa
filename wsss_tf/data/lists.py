"""Lists of image ids."""

import re
from pathlib import Path

from wsss_tf.config import expand_path
from wsss_tf.data.names import composed, photo_id
from wsss_tf.data.text import read_text
from wsss_tf.errors import InputError


def find_list(root: Path, name: str, split: str, optional: bool = False) -> Path | None:
    """The file of a list: a path that ends in .txt, or a name looked up under the root.

    Args:
      root: folder of the data set.
      name: value of the flag --SPLIT_list.
      split: 'train' or 'val', for the error message.
      optional: give None if the list does not exist.

    Raises:
      InputError: the list does not exist.
    """
    folders = (root / "ImageSets" / "Segmentation", root)
    paths = [expand_path(name)] if name.endswith(".txt") else [folder / f"{name}.txt" for folder in folders]
    for path in paths:
        if path.is_file():
            return path
    if optional:
        return None
    there = sorted(path.stem for path in folders[0].glob("*.txt") if not path.name.startswith("."))
    raise InputError(f"{paths[0]}: no such list: set --{split}_list to the path of a .txt file or to one of "
                     f"ImageSets/Segmentation ({', '.join(there) or 'which has none'})")


def read_list(path: Path) -> tuple[str, ...]:
    """Image ids, one per line; the path of a photo (and of its mask) stands for its id.

    Raises:
      InputError: unreadable, empty, or an id comes twice.
    """
    lines = (line.strip() for line in read_text(path).split("\n"))
    ids = tuple(line_id(line) for line in lines if line)
    if not ids:
        raise InputError(f"{path}: expected image ids, one per line, found none: fill or remove the list")
    seen = set()
    for image_id in ids:
        if image_id in seen:
            raise InputError(f"{path}: id '{image_id}' comes twice: remove one of the lines")
        seen.add(image_id)
    return ids


def line_id(line: str) -> str:
    """The id in a line of a list."""
    pair = re.fullmatch(r"(\S+\.(?:jpe?g|jfif|png))\s+\S+\.png", line, re.IGNORECASE)
    return composed(photo_id(pair.group(1) if pair else line))


def check_overlap(train_ids: tuple[str, ...], val_ids: tuple[str, ...], val_path: Path) -> None:
    """Refuses lists that share some ids.

    A val list wholly within the training ids is no accident: pseudo labels are
    measured on the training images, as on VOC train (1,464 of the 10,582).

    Raises:
      InputError: some, but not all ids of the val list are training ids.
    """
    shared = sorted(set(train_ids) & set(val_ids))
    if shared and len(shared) < len(val_ids):
        raise InputError(f"{val_path}: {len(shared)} of its {len(val_ids)} ids are training ids too, "
                         f"e.g. '{shared[0]}': take them out of one of the lists")
