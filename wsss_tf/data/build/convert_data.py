"""A whole data set, or a folder of photos, written anew: upright photos, masks of numbers, everything smaller if wanted."""

import collections
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from absl import logging

from wsss_tf.config import expand_path
from wsss_tf.data.build.convert import Kind, photo_kind, stored_size, write_map, write_mask, write_photo
from wsss_tf.data.build.labelmap import Labelmap, read_labelmap
from wsss_tf.data.class_names import read_class_names
from wsss_tf.data.examples import name_pattern
from wsss_tf.data.folder import LAYOUTS
from wsss_tf.data.listing import MAP_SUFFIXES, list_folder
from wsss_tf.data.names import CONVERTIBLE_SUFFIXES, PHOTO_SUFFIXES, composed, printable
from wsss_tf.data.settings import ConvertConfig, DataConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.store import make_folder, write_json, write_text, writing
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.parallel.pool import Workers

_COPIED = ("classes.txt", "labels.csv", "cls_labels.npy", "train.txt", "val.txt", "Annotations", "ImageSets")
_NOTE = "converted.json"


def convert_data(data: DataConfig, config: ConvertConfig, workers: Workers = Workers()) -> Path:
    """Writes a data set in one of the layouts of a folder anew, or a folder that holds photos alone; returns the output.

    What is there already is kept, so an interrupted run goes on. Masks and maps
    of photos that EXIF turns are turned with them where their sizes show that
    they are stored like them.

    Args:
      data: where it is, and the names of its masks and maps.
      config: output, colours of the masks, longest side.
      workers: who does it.

    Raises:
      InputError: something is missing or damaged (the rest is written), or the
        output holds something else.
    """
    root, output = expand_path(data.data), expand_path(config.output)
    labelmap = _labelmap(root, config) if config.labelmap else None
    made_from = {"data": str(root.resolve()), "labelmap": labelmap and labelmap.labels, "long_side": config.long_side}
    _claim(root, output, made_from)
    layout = next((folders for folders in LAYOUTS if (root / folders[0]).is_dir()), None)
    if not layout:
        convert_photos(root, output, workers, config.long_side)
        return output
    _copy_texts(root, output, labelmap)
    photos = convert_photos(root / layout[0], output / layout[0], workers, config.long_side)
    masks = _maps(root / layout[1], name_pattern("mask_pattern", data.mask_pattern), photos)
    _write(write_mask, masks, photos, output / layout[1], (labelmap, config.long_side), workers)
    saliency = _maps(expand_path(data.maps) if data.maps else root / "saliency",
                     name_pattern("maps_pattern", data.maps_pattern), photos)
    _write(write_map, saliency, photos, output / "saliency", (config.long_side,), workers)
    return output


def convert_photos(source: Path, target: Path, workers: Workers = Workers(), long_side: int | None = None) -> dict[str, Path]:
    """Writes all photos of a folder and those below it into one folder, as JPEG or PNG of 8 bits, upright, on white.

    Args:
      source: the folder.
      target: gets <name>.jpg or .png; where two photos share a name, it is their
        path with _ for /.
      workers: who does it.
      long_side: of the results at most, in pixels.

    Returns:
      Name -> photo in the source.

    Raises:
      InputError: there are no photos, or some are damaged (the others are written).
    """
    photos = _named(_photos(source), source)
    kinds = {name: _kind(path) for name, path in photos.items()}
    make_missing(write_photo, [Example(name, path, ()) for name, path in photos.items()],
                 lambda example: target / f"{example.image_id}{'.jpg' if kinds[example.image_id].jpeg else '.png'}",
                 lambda example: (example.image, long_side), "photos", workers)
    return photos


def _photos(source: Path) -> list[Path]:
    suffixes = PHOTO_SUFFIXES + CONVERTIBLE_SUFFIXES
    inside = (path for path in sorted(source.rglob("*")) if path.suffix.lower() in suffixes and path.is_file())
    found = [path for path in inside if not any(part.startswith(".") for part in path.relative_to(source).parts)]
    if not found:
        raise InputError(f"{source}: expected photos ({', '.join(suffixes)}) in it or in folders below it, found none: "
                         "correct --data")
    return found


def _named(photos: list[Path], source: Path) -> dict[str, Path]:
    """A name for each photo, none twice."""
    often = collections.Counter(_name(path.with_suffix("").name) for path in photos)
    named = {}
    for path in photos:
        name = _name(path.with_suffix("").name)
        if often[name] > 1:
            name = _name("_".join(path.relative_to(source).with_suffix("").parts))
        if name in named:
            raise InputError(f"{path}: expected one photo per name, found {named[name].name} too: rename one")
        named[name] = path
    return named


def _name(text: str) -> str:
    """A name in UTF-8 that every file system takes."""
    return composed(printable(text).replace("\\", "_"))


def _kind(path: Path) -> Kind:
    try:
        return photo_kind(path)
    except InputError:
        return Kind(path.suffix.lower() in (".jpg", ".jpeg", ".jfif"), 0, 0, 1)  # its turn will come to fail


def _maps(folder: Path, pattern: str, photos: Mapping[str, Path]) -> dict[str, Path]:
    """Name of the photo -> its mask or map of any format; a PNG counts first."""
    found = list_folder(folder, PHOTO_SUFFIXES[:-1], pattern).fitting(photos)
    for suffixes in (CONVERTIBLE_SUFFIXES, (".npy",), MAP_SUFFIXES):
        found |= list_folder(folder, suffixes, pattern).fitting(photos)
    return found


def _write(work: Callable[..., None], maps: Mapping[str, Path], photos: Mapping[str, Path], target: Path, settings: tuple,
           workers: Workers) -> None:
    turns = _turns(maps, photos)
    make_missing(work, [Example(name, path, ()) for name, path in maps.items()],
                 lambda example: target / f"{example.image_id}.png",
                 lambda example: (example.image, *settings, turns[example.image_id]), target.name, workers)


def _turns(maps: Mapping[str, Path], photos: Mapping[str, Path]) -> dict[str, int]:
    """The orientation in which each map is stored: that of its photo, or upright, as drawing tools show photos."""
    turns, open_questions, as_stored = {}, {}, []
    for name, path in maps.items():
        kind = _kind(photos[name])
        turns[name] = 1
        if kind.orientation == 1:
            continue
        if kind.orientation < 5 or kind.width == kind.height:  # both ways it has the same size
            open_questions[name] = kind.orientation
            continue
        as_stored.append(stored_size(path) == (kind.width, kind.height))
        turns[name] = kind.orientation if as_stored[-1] else 1
    if open_questions and not as_stored:
        example = maps[next(iter(open_questions))]
        logging.warning("%d masks or maps of photos that EXIF turns are taken for upright, as viewers show the photos, e.g. "
                        "%s: look at some of the results", len(open_questions), example)
    if 2 * sum(as_stored) > len(as_stored):
        turns |= open_questions
    return turns


def _labelmap(root: Path, config: ConvertConfig) -> Labelmap:
    """The labelmap, with the numbers of classes.txt if there is one."""
    labelmap, path = read_labelmap(expand_path(config.labelmap)), root / "classes.txt"
    return labelmap.numbered_as(read_class_names(path), path) if path.exists() else labelmap


def _claim(root: Path, output: Path, settings: dict) -> None:
    """Notes what the output is made from and how, so that an interrupted run goes on and nothing mixes."""
    if not output.name or output.resolve() == root.resolve() or root.resolve() in output.resolve().parents:
        raise InputError(f"--output={output}: expected a folder outside {root}: name another")
    note = output / _NOTE
    settings = json.loads(json.dumps(settings))
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = settings if not output.exists() or not any(output.iterdir()) else None
    except (OSError, ValueError):
        found = None
    if found != settings:
        raise InputError(f"{output}: expected a new folder or one made with the same settings, found something else: name "
                         "another --output, or delete it")
    make_folder(output)
    write_json(note, settings)


def _copy_texts(root: Path, output: Path, labelmap: Labelmap | None) -> None:
    for name in _COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, output / name, dirs_exist_ok=True)
        elif (root / name).is_file():
            with writing(output / name) as temporary:
                shutil.copyfile(root / name, temporary)
    if labelmap and not (root / "classes.txt").exists():
        write_text(output / "classes.txt", "".join(f"{name}\n" for name in labelmap.class_names))
