"""Examples put together from files, tags and lists."""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

from wsss_tf.config import expand_path
from wsss_tf.data.listing import MAP_SUFFIXES, Listing, list_folder
from wsss_tf.data.lists import line_id, read_list
from wsss_tf.data.names import CONVERTIBLE_SUFFIXES, PHOTO_SUFFIXES, match_names, near_match, photo_id, printable
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.tags import Tags
from wsss_tf.data.text import read_text
from wsss_tf.errors import InputError
from wsss_tf.example import Example


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of a data set by image id.

    Attributes:
      photos: what lies in the folder of the photos; only these are complete.
      masks, saliency: image id -> file.
      mask_folders, saliency_folder: what lies there.
    """

    photos: Listing
    masks: dict[str, Path]
    saliency: dict[str, Path]
    mask_folders: tuple[Listing, ...]
    saliency_folder: Listing


def index_files(photo_folder: Path, mask_folders: Iterable[Path], root: Path, config: DataConfig) -> Files:
    """Looks up all files once; where two mask folders know an id, the first one counts.

    Raises:
      InputError: a folder of photos or the given saliency folder is missing or
        empty, two photos have the same id, or a pattern has no {id}.
    """
    photos = list_folder(photo_folder, PHOTO_SUFFIXES)
    if not photos.files:
        raise InputError(f"{photo_folder}: expected photos ({', '.join(PHOTO_SUFFIXES)}), found none{_elsewhere(photos)}: "
                         "correct --data")
    masks = [list_folder(folder, MAP_SUFFIXES, name_pattern("mask_pattern", config.mask_pattern)) for folder in mask_folders]
    saliency = list_folder(expand_path(config.maps) if config.maps else root / "saliency", MAP_SUFFIXES,
                           name_pattern("maps_pattern", config.maps_pattern))
    if config.maps and not saliency.files:
        raise InputError(f"{saliency.folder}: expected a folder of PNG saliency maps {config.maps_pattern}, found none: "
                         "correct --maps or --maps_pattern")
    found = {}
    for listing in masks:
        found = listing.fitting(photos.files) | found
    return Files(photos, found, saliency.fitting(photos.files), tuple(masks), saliency)


def make_examples(ids: Iterable[str], files: Files, tags: Tags, source: Path,
                  required_in: Path | None = None) -> tuple[Example, ...]:
    """Examples in the order of the ids.

    Args:
      ids: image ids.
      files: where the files are.
      tags: id -> label values; ids that it lacks get no tags.
      source: file that names the ids, for error messages.
      required_in: the file of the tags, if every id needs a line there.

    Raises:
      InputError: an id without photo, or without the tags that it needs.
    """
    ids, photos = tuple(ids), files.photos.files
    missing = [image_id for image_id in ids if image_id not in photos]
    if missing:
        raise InputError(_no_photo(missing, files.photos, source))
    if required_in:
        untold = [image_id for image_id in ids if image_id not in tags]
        if untold:
            raise InputError(f"{required_in}: no tags for id '{untold[0]}' of {source}{_more(untold)}: add its line (with an "
                             "empty cell if the photo shows none of the classes) or remove the id")
    return tuple(Example(image_id, photos[image_id], tags.get(image_id, ()), files.masks.get(image_id),
                         files.saliency.get(image_id)) for image_id in ids)


def listed(path: Path, files: Files) -> tuple[str, ...]:
    """The ids in a list; one that names a photo otherwise (by a path of Windows, in another case) stands for its id.

    Raises:
      InputError: unreadable, empty, or an id comes twice.
    """
    names = read_list(path)
    meant = match_names(names, files.photos.files)
    ids = {}
    for name in names:
        image_id = meant.get(name, name)
        if image_id in ids:
            raise InputError(f"{path}: '{name}' and '{ids[image_id]}' name the same photo: remove one of the lines")
        ids[image_id] = name
    return tuple(ids)


def name_pattern(flag: str, pattern: str) -> str:
    """What stands around {id} in the names of maps, without their suffix.

    Raises:
      InputError: it is no name of a PNG with {id} in it.
    """
    if not re.fullmatch(r"[^{}]*\{id\}[^{}]*\.png", pattern, re.IGNORECASE):
        raise InputError(f"--{flag}={pattern}: expected the name of a PNG with {{id}} in it, e.g. {{id}}_mask.png: correct it")
    return pattern[:-len(".png")]


def _no_photo(missing: list[str], photos: Listing, source: Path) -> str:
    image_id = missing[0]
    close = near_match(image_id, photos.files, cutoff=0.8)
    hint = f" (did you mean '{close}'?)" if close else ""
    remedy = "restore it or remove the line"
    other = [name for name in photos.others if name.startswith(f"{image_id}.")]
    if other:
        hint = f" ({other[0]} is there)"
        remedy = ("write all photos as JPEG or PNG by `wsss data convert`" if other[0].lower().endswith(CONVERTIBLE_SUFFIXES)
                  else "it must be a file of one of these kinds")
    return (f"{photos.folder / image_id}.jpg: no such photo (nor {', '.join(PHOTO_SUFFIXES[1:])}) for id '{image_id}' in "
            f"{_line(source, image_id)}{hint}{_more(missing)}: {remedy}")


def _elsewhere(photos: Listing) -> str:
    for name in photos.others:
        below = photos.folder / name
        inner = sorted(list_folder(below, PHOTO_SUFFIXES).files.values()) if below.is_dir() else []
        if inner:
            return (f", but {len(inner)} in the folder {name} below it, e.g. {inner[0].name}; photos lie in one folder, with "
                    "names that differ")
        if name.lower().endswith(CONVERTIBLE_SUFFIXES):
            return f", but {printable(name)}, which `wsss data convert` writes as JPEG or PNG"
    return ""


def _more(ids: list[str]) -> str:
    return f", and {len(ids) - 1} more" if len(ids) > 1 else ""


def _line(source: Path, image_id: str) -> str:
    """The file and the line in it that names the id, for error messages."""
    if source.suffix.lower() in (".csv", ".txt"):
        for number, line in enumerate(read_text(source).split("\n"), 1):
            first = re.match(r'\s*"?([^",;\t]*)', line).group(1).strip()
            if image_id in (line_id(line.strip()), photo_id(first)):
                return f"{source}, line {number}"
    return f"{source}"
