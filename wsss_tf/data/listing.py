"""What lies in a folder: the files of a data set, by their ids, and the entries that are none."""

import dataclasses
import os
import re
from collections.abc import Collection
from pathlib import Path

from wsss_tf.data.names import composed, is_text, match_names, printable
from wsss_tf.errors import InputError

MAP_SUFFIXES = (".png",)


@dataclasses.dataclass(frozen=True)
class Listing:
    """The visible entries of a folder; hidden ones (.DS_Store, ._photo.jpg) are in neither.

    Attributes:
      folder: the folder, which need not exist.
      files: id -> file, sorted.
      others: names of the entries that are no such files, sorted.
    """

    folder: Path
    files: dict[str, Path]
    others: tuple[str, ...] = ()

    def fitting(self, ids: Collection[str]) -> dict[str, Path]:
        """The file of each id that has one, by `match_names`: also one whose name differs by case, or a.jpg.png for a."""
        files = {}
        for name, image_id in match_names(self.files, ids).items():
            if name == image_id or image_id not in files:
                files[image_id] = self.files[name]
        return files


def list_folder(folder: Path, suffixes: tuple[str, ...], pattern: str = "{id}") -> Listing:
    """The regular files of some kind in a folder; folders, dead links and names that are not UTF-8 are others.

    Args:
      folder: empty if it does not exist.
      suffixes: of the files, in small letters.
      pattern: their names without the suffix; {id} stands for the id.

    Raises:
      InputError: two files have the same id, or the folder cannot be read.
    """
    shape = re.compile(re.escape(pattern).replace(re.escape("{id}"), "(.+)"))
    files, others = {}, []
    for entry in _entries(folder):
        stem, suffix = os.path.splitext(entry.name)
        named = shape.fullmatch(stem) if suffix.lower() in suffixes and is_text(stem) else None
        if not named or not entry.is_file():
            others.append(entry.name)
            continue
        image_id = composed(named.group(1))
        if image_id in files:
            raise InputError(f"{folder / entry.name}: expected one file per id, found {files[image_id].name} too: remove one")
        files[image_id] = folder / entry.name
    return Listing(folder, files, tuple(others))


def list_images(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """File name without suffix -> file, sorted; empty if there is no such folder.

    Raises:
      InputError: as `list_folder`.
    """
    return list_folder(folder, suffixes).files


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"{printable(folder)}: cannot read the folder ({error.strerror}): correct its rights") from error
