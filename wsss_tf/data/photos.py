"""A folder of photos and nothing else, for training without labels."""

from pathlib import Path

from absl import logging

from wsss_tf.data.names import PHOTO_SUFFIXES, is_text, printable
from wsss_tf.errors import InputError
from wsss_tf.example import Example


def find_photos(root: Path) -> tuple[Example, ...]:
    """All photos under a folder, by path; an image id is the path from there, with its suffix.

    Hidden files and folders hold none; names that are not UTF-8 are left out
    with a warning.

    Raises:
      InputError: there are none.
    """
    inside = (path for path in sorted(root.rglob("*")) if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    paths = [path for path in inside if not any(part.startswith(".") for part in path.relative_to(root).parts)]
    strange = [path for path in paths if not is_text(str(path))]
    if strange:
        logging.warning("%s: %d names are not in UTF-8, e.g. %s, and are left out: rename these files", root, len(strange),
                        printable(strange[0].name))
    examples = tuple(Example(path.relative_to(root).as_posix(), path, ()) for path in paths if is_text(str(path)))
    if not examples:
        raise InputError(f"{root}: expected photos ({', '.join(PHOTO_SUFFIXES)}) in it or in folders below it, found "
                         "none: correct --dino_photos")
    return examples
