"""Label maps of COCO 2014 for evaluation: masks/{train,val}2014/<image_id>.png.

They come from one of two sources, which do not give the same pixels:

  * 'instances': outlines of the instance annotations. Where objects overlap
    the one with the smaller area is in front (a plate on a table), and crowds
    bear their class: both as in coco2voc, a public converter.
    It also agrees with the tags, which count crowds.
  * 'stuff': the pixel maps of COCO-Stuff, whose annotators resolved overlaps.
    The 80 classes keep their pixels, all stuff becomes background, and what
    was left unlabeled is void.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from wsss_tf.data.build.outlines import draw_regions, require_pycocotools
from wsss_tf.data.coco_annotations import Annotations, Picture, read_instances
from wsss_tf.data.coco_categories import CLASS_NAMES, LABELS
from wsss_tf.data.coco_layout import find_split, read_annotations
from wsss_tf.data.listing import MAP_SUFFIXES, list_images
from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.images import read_labels
from wsss_tf.files.json_artefact import read_json
from wsss_tf.files.store import write_json, write_labels
from wsss_tf.parallel.progress import counted

MAX_THREADS = 8  # drawing is Python's, packing and writing are not
STUFF_VALUES = 182  # things 0..90 (category id - 1), stuff 91..181
_NOTE = "made_from.json"

Draw = Callable[[Picture], np.ndarray]


def write_masks(root: Path, split: str, made_from: str, progress: bool) -> Path:
    """Writes the label map of every image of a split that has none yet; returns their folder.

    Args:
      root: the folder with annotations/ (and stuffthingmaps/) in it.
      split: 'train' or 'val'.
      made_from: 'instances' or 'stuff'.
      progress: tell the progress.

    Raises:
      InputError: annotations or pixel maps are missing or malformed,
        pycocotools is not installed, or the folder holds masks of another kind.
    """
    annotations = read_annotations(root, split, outlines=made_from == "instances")
    return _write(annotations, SOURCES[made_from](root, annotations), find_split(root, split).masks, made_from, progress)


def write_instance_masks(path: Path, folder: Path, progress: bool) -> Path:
    """Writes the label maps of one file of instances, for photos and classes of one's own; returns their folder.

    Args:
      path: the .json file.
      folder: gets <name of the photo>.png.
      progress: show a progress bar.

    Raises:
      InputError: as `write_masks`.
    """
    annotations = read_instances(path, outlines=True)
    return _write(annotations, _instances(path.parent, annotations), folder, "instances", progress)


def _write(annotations: Annotations, draw: Draw, folder: Path, made_from: str, progress: bool) -> Path:
    _claim(folder, made_from)
    missing = [picture for picture in annotations.pictures if not (folder / f"{picture.name}.png").exists()]

    def write(picture: Picture) -> None:
        write_labels(folder / f"{picture.name}.png", draw(picture))

    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        for _ in counted(pool.map(write, missing), len(missing), f"{folder.name} masks", shown=progress):
            pass
    return folder


def from_stuff(values: np.ndarray) -> np.ndarray:
    """Labels 0..80 and 255 of a COCO-Stuff pixel map: uint8 [H, W] -> uint8 [H, W].

    Raises:
      InputError: values that such a map does not have.
    """
    wrong = [int(value) for value in np.unique(values) if STUFF_VALUES <= value != UNKNOWN]
    if wrong:
        raise InputError(f"expected a COCO-Stuff map with values 0 to {STUFF_VALUES - 1} or {UNKNOWN}, found "
                         f"{wrong[0]}: take it anew from stuffthingmaps_trainval2017.zip")
    return _STUFF_TABLE[values]


def _stuff_table() -> np.ndarray:
    table = np.full([256], BACKGROUND, np.uint8)
    for category, label in LABELS.items():
        table[category - 1] = label
    table[UNKNOWN] = UNKNOWN
    return table


_STUFF_TABLE = _stuff_table()


def _instances(root: Path, annotations: Annotations) -> Draw:
    require_pycocotools()
    regions = defaultdict(list)
    for region in annotations.regions:
        regions[region.number].append(region)

    def draw(picture: Picture) -> np.ndarray:
        try:
            return draw_regions(picture.height, picture.width, regions[picture.number])
        except InputError as error:
            raise InputError(f"{annotations.path}: image {picture.number}: {error}: correct it, or take the file anew from "
                             "its source") from error

    return draw


def _stuff(root: Path, annotations: Annotations) -> Draw:
    if annotations.class_names != CLASS_NAMES:
        raise InputError(f"{annotations.path}: expected COCO's categories, which COCO-Stuff has maps of, found its own: draw "
                         "the masks from 'instances'")
    folders = sorted(path for path in (root / "stuffthingmaps").glob("*") if path.is_dir())
    # The maps are published in the folders of 2017, which split the same photos otherwise and name them by number.
    files = {name.split("_")[-1]: path
             for folder in folders for name, path in list_images(folder, MAP_SUFFIXES).items()}
    missing = [picture for picture in annotations.pictures if f"{picture.number:012d}" not in files]
    if missing:
        raise InputError(f"{root / 'stuffthingmaps'}: expected a pixel map for every image, found none for "
                         f"{len(missing)} of {len(annotations.pictures)}, e.g. {missing[0].number:012d}.png: unpack "
                         "stuffthingmaps_trainval2017.zip there")

    def draw(picture: Picture) -> np.ndarray:
        path = files[f"{picture.number:012d}"]
        values = read_labels(path)
        if values.shape != (picture.height, picture.width):
            raise InputError(f"{path}: expected {picture.width}x{picture.height} pixels as {annotations.path} says, "
                             f"found {values.shape[1]}x{values.shape[0]}: restore the file from its source")
        try:
            return from_stuff(values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    return draw


SOURCES: dict[str, Callable[[Path, Annotations], Draw]] = {"instances": _instances, "stuff": _stuff}


def _claim(folder: Path, made_from: str) -> None:
    """Notes what the folder's masks are made from, so that an interrupted run goes on and no kinds mix."""
    note = folder / _NOTE
    if note.exists():
        found = read_json(note, str, f"delete {folder} and run scripts/coco_masks.py again")
    else:
        found = "something unknown" if list_images(folder, MAP_SUFFIXES) else made_from
    if found != made_from:
        raise InputError(f"{folder}: expected no masks or masks made from {made_from}, found masks made from {found}: "
                         "rename the folder to keep them, or delete it")
    write_json(note, made_from)


