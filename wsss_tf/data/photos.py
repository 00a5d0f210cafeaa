"""A folder of photos and nothing else, for training without labels."""

from pathlib import Path

from wsss_tf.data.names import PHOTO_SUFFIXES
from wsss_tf.errors import InputError
from wsss_tf.example import Example


def find_photos(root: Path) -> tuple[Example, ...]:
    """All photos under a folder, by path; an image id is the path from there, with its suffix.

    Raises:
      InputError: there are none.
    """
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"{root}: expected photos ({', '.join(PHOTO_SUFFIXES)}) in it or in folders below it, found "
                         "none: correct --dino_photos")
    return tuple(Example(path.relative_to(root).as_posix(), path, ()) for path in paths)
