"""The generated demo data: photos of drawn objects with tags, masks and saliency.

It has the difficulties of real photos that saliency-guided training from tags
is about, each made on purpose:

  * Striking parts. Every object is a plain body and one striking part (the
    wing of the bird, the sail of the boat, the cab of the train, the head of
    the cat, the cabin of the car, the blossom of the flower). The colour of
    the body is drawn from one palette that all classes and the clutter share,
    so only the part tells the class and activation maps stop at the part.
  * Own backgrounds. The boat is always on water and the train on rails and
    gravel, and these are in no other image, so activation maps leak onto them.
  * Company. About 40 % of the images show two or three objects of different
    classes that may overlap; the tags name them all.
  * Unreliable saliency. The map is grey with ragged borders and faded patches,
    misses 23 % of the objects, and in 25 % of the images marks a ball, a stone
    or a crate, which belong to no class.
"""

import contextlib
import dataclasses
import os
import reprlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from wsss_tf.config import setting
from wsss_tf.data.build import shapes_drawing as drawing
from wsss_tf.data.labels_csv import write_csv
from wsss_tf.errors import InputError
from wsss_tf.files import store
from wsss_tf.files.json_artefact import parse

VERSION = 1  # of the drawing; raise it when the same settings give other pixels
OVERSAMPLING = 2  # the canvas has this many pixels per pixel of the photo
MIN_VISIBLE = 0.4  # share of an object's area that is neither outside nor hidden
MIN_STRIKING = 0.6  # the same for its striking part
MIN_AREA = 0.025  # share of the image that an object covers
COMPANY = (0.6, 0.29, 0.11)  # odds of one, two and three objects
CLUTTER, FALSE_SALIENCY = 0.5, 0.25  # share of the images with clutter, and with salient clutter
_SPLITS = ("train", "val")
_FOLDERS = ("JPEGImages", "SegmentationClass", "saliency")


@dataclasses.dataclass(frozen=True)
class ShapesConfig:
    """Settings of the generated data; any change gives another data set."""

    shapes_train: int = setting(200, "generated training images")
    shapes_val: int = setting(60, "generated validation images")
    shapes_size: int = setting(128, "side of the generated images in pixels, 64 to 1024")
    shapes_seed: int = setting(0, "seed of the generated images, 0 or more")


@dataclasses.dataclass(frozen=True)
class Item:
    """One object in its place: class label, index map uint8 [w, w] and the top left corner (row, column)."""

    label: int
    index: np.ndarray
    corner: tuple[int, int]


def generate_shapes(root: Path, config: ShapesConfig) -> None:
    """Writes the data set in VOC layout under `root`, all of it or nothing.

    Writes JPEGImages/ID.jpg, SegmentationClass/ID.png (palette), saliency/ID.png
    (8-bit grey), ImageSets/Segmentation/{train,val}.txt, classes.txt, labels.csv
    and shapes.json. The same seed gives the same bytes; an image depends on the
    seed, the size, its split and its number, not on the counts. A complete
    folder with the same settings is left alone.

    Raises:
      InputError: a setting is out of range, the folder holds something else, or
        it cannot be written.
    """
    root = Path(root).absolute()
    _check(config)
    if _is_done(root, config):
        return
    with _folder(root, config) as temporary:
        tags = {}
        for number, (split, count) in enumerate(zip(_SPLITS, (config.shapes_train, config.shapes_val))):
            ids = [f"shapes_{split}_{i:04d}" for i in range(count)]
            for i, image_id in enumerate(ids):
                photo, labels, saliency = draw_example(config, number, i)
                _write_example(temporary, image_id, photo, labels, saliency)
                tags[image_id] = [int(label) for label in np.unique(labels) if label]
            store.write_text(temporary / "ImageSets" / "Segmentation" / f"{split}.txt", "".join(f"{i}\n" for i in ids))
        write_csv(temporary / "labels.csv", tags, drawing.CLASSES)
        store.write_text(temporary / "classes.txt", "\n".join(drawing.CLASSES) + "\n")
        store.write_json(temporary / "shapes.json", _settings(config))


def draw_example(config: ShapesConfig, split: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws image `number` of split 0 (train) or 1 (val).

    Returns:
      photo uint8 [H, W, 3], labels uint8 [H, W] (0 is background), saliency
      uint8 [H, W]; H = W = shapes_size.
    """
    rng = np.random.default_rng([config.shapes_seed, split, number])
    size, side = config.shapes_size, config.shapes_size * OVERSAMPLING
    classes = _draw_classes(rng, _main_class(config.shapes_seed, split, number))
    scene, items, owner = _arrange(rng, classes, side)
    canvas = drawing.draw_scene(rng, scene, side)
    clutter = _add_clutter(rng, canvas, owner)
    for item in items:
        _paste(canvas, item, drawing.paint(rng, item.index, drawing.CLASS_COLOURS[drawing.CLASSES[item.label]]))
    photo = drawing.expose(rng, cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA))
    owner, clutter = (values[::OVERSAMPLING, ::OVERSAMPLING] for values in (owner, clutter))
    labels = np.asarray([0, *(item.label for item in items)], np.uint8)[owner]
    return photo, labels, drawing.draw_saliency(rng, owner, len(items), clutter)


def _main_class(seed: int, split: int, number: int) -> int:
    """The label that image `number` shows in any case; all classes once per block of six."""
    classes = len(drawing.CLASSES) - 1
    order = np.random.default_rng([seed, split, number // classes, 1]).permutation(classes)
    return 1 + int(order[number % classes])


def _draw_classes(rng: np.random.Generator, main: int) -> list[int]:
    """One to three different labels, at most one of them with a scene of its own."""
    chosen = [main]
    for _ in range(rng.choice(len(COMPANY), p=COMPANY)):
        own = [drawing.CLASSES[label] in drawing.OWN_SCENE for label in chosen]
        odds = np.zeros(len(drawing.CLASSES))
        for label, name in enumerate(drawing.CLASSES[1:], start=1):
            if label not in chosen and not (any(own) and name in drawing.OWN_SCENE):
                # They can join fewer images than the others; 1.5 makes all classes equally frequent.
                odds[label] = 1.5 if name in drawing.OWN_SCENE else 1
        chosen.append(int(rng.choice(len(odds), p=odds / odds.sum())))
    return chosen


def _draw_scene(rng: np.random.Generator, classes: list[int]) -> drawing.Scene:
    names = [drawing.CLASSES[label] for label in classes]
    kinds = [drawing.OWN_SCENE[name] for name in names if name in drawing.OWN_SCENE]
    return drawing.Scene(kinds[0] if kinds else "plain", rng.uniform(0.15, 0.5), rng.uniform(0.62, 0.88))


def _arrange(rng: np.random.Generator, classes: list[int], side: int) -> tuple[drawing.Scene, list[Item], np.ndarray]:
    """Places the objects so that each stays visible; gives up the last one when there is no room.

    Returns:
      the scene, the objects from back to front, and the number (1, 2, ..; 0 is
      none) of the object seen at each pixel, uint8 [side, side].
    """
    attempt = 0
    while True:
        scene = _draw_scene(rng, classes)
        items = [_place(rng, int(label), len(classes), scene, side) for label in rng.permutation(classes)]
        owner = np.zeros([side, side], np.uint8)
        for number, item in enumerate(items, start=1):
            _paste(owner, item, np.full(item.index.shape, number, np.uint8))
        if all(_is_visible(item, owner, number) for number, item in enumerate(items, start=1)):
            return scene, items, owner
        attempt += 1
        if attempt % 30 == 0 and len(classes) > 1:
            classes = classes[:-1]


def _is_visible(item: Item, owner: np.ndarray, number: int) -> bool:
    index = np.zeros_like(owner)
    _paste(index, item, item.index)
    index[owner != number] = 0
    # Counted as in the label map, so that the bounds hold for it to the pixel.
    seen = OVERSAMPLING**2 * np.bincount(index[::OVERSAMPLING, ::OVERSAMPLING].ravel(), minlength=2)
    whole = np.bincount(item.index.ravel(), minlength=2)
    return (seen[1:].sum() >= max(MIN_VISIBLE * whole[1:].sum(), MIN_AREA * owner.size)
            and seen[2:].sum() >= MIN_STRIKING * whole[2:].sum())


def _place(rng: np.random.Generator, label: int, company: int, scene: drawing.Scene, side: int) -> Item:
    name = drawing.CLASSES[label]
    radius = side * (rng.uniform(0.2, 0.37) if company == 1 else rng.uniform(0.18, 0.28))
    stretch, lean = rng.uniform(0.85, 1.2), 0.06 if name in drawing.OWN_SCENE else 0.4
    index = drawing.object_map(name, radius, rng.uniform(-lean, lean), stretch, bool(rng.integers(2)))
    x, y = rng.uniform(0.1, 0.9, 2) * side
    if name == "train":
        y = scene.rails * side - 0.5 * radius * stretch  # wheels on the rails
    elif name == "boat":
        y = rng.uniform(scene.horizon + 0.1, 0.95) * side - 0.6 * radius * stretch  # hull in the water
    half = len(index) // 2
    return Item(label, index, (round(y) - half, round(x) - half))


def _paste(canvas: np.ndarray, item: Item, values: np.ndarray) -> None:
    """Copies `values` onto the canvas where the object is, cut at the borders."""
    (top, left), (height, width) = item.corner, canvas.shape[:2]
    rows = slice(max(0, -top), max(0, min(len(values), height - top)))
    columns = slice(max(0, -left), max(0, min(len(values), width - left)))
    mask = item.index[rows, columns] > 0
    target = canvas[top + rows.start:top + rows.stop, left + columns.start:left + columns.stop]
    target[mask] = values[rows, columns][mask]


def _add_clutter(rng: np.random.Generator, canvas: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Draws something without a class beside the objects; returns its visible part where it is salient.

    Changes `canvas`; the map is bool [side, side], all False without salient clutter.
    """
    side, nothing = len(canvas), np.zeros(owner.shape, bool)
    salient = rng.uniform() < FALSE_SALIENCY
    if not salient and rng.uniform() > (CLUTTER - FALSE_SALIENCY) / (1 - FALSE_SALIENCY):
        return nothing
    for _ in range(40):
        index = drawing.clutter_map(rng, side * rng.uniform(0.08, 0.14))
        row, column = (round(value) - len(index) // 2 for value in rng.uniform(0.08, 0.92, 2) * side)
        item, shown = Item(0, index, (row, column)), np.zeros(owner.shape, bool)
        _paste(shown, item, index > 0)
        shown &= owner == 0
        if np.count_nonzero(shown) > 0.75 * np.count_nonzero(index):
            _paste(canvas, item, drawing.paint(rng, index))
            return shown if salient else nothing
    return nothing


def _settings(config: ShapesConfig) -> dict[str, int]:
    return {"version": VERSION, **dataclasses.asdict(config)}


def _check(config: ShapesConfig) -> None:
    for name, low, high in (("shapes_train", 1, 9999), ("shapes_val", 1, 9999), ("shapes_size", 64, 1024),
                            ("shapes_seed", 0, 2**31 - 1)):
        value = getattr(config, name)
        if not low <= value <= high:
            raise InputError(f"--{name}: expected {low} to {high}, found {value}: choose a value in this range")


def _is_done(root: Path, config: ShapesConfig) -> bool:
    """Whether `root` is complete with these settings; an absent or empty folder is not."""
    remedy = "remove it or choose another folder"
    try:
        if not root.exists() or (root.is_dir() and not any(root.iterdir())):
            return False
        found = parse((root / "shapes.json").read_text(encoding="utf-8"), dict)
    except (OSError, ValueError):
        raise InputError(f"{root}: expected generated shapes, found no readable shapes.json in it: {remedy}") from None
    if found != _settings(config):
        raise InputError(f"{root}: expected shapes with {_settings(config)}, found {reprlib.repr(found)} in shapes.json: {remedy}")
    total = config.shapes_train + config.shapes_val
    for folder in _FOLDERS:
        files = len(list((root / folder).glob("*")))
        if files != total:
            raise InputError(f"{root / folder}: expected {total} files, found {files}: {remedy}")
    return True


@contextlib.contextmanager
def _folder(root: Path, config: ShapesConfig) -> Iterator[Path]:
    """Yields a temporary folder beside `root` and renames it to `root` at the end; removed after an error."""
    temporary = root.with_name(f".{root.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a killed process with the same number
    try:
        temporary.mkdir(parents=True)
        yield temporary
        try:
            temporary.rename(root)
        except OSError:
            if not _is_done(root, config):  # another process was faster with the same settings
                raise
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{root}: cannot write it ({reason}): choose a folder that you may write to") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_example(root: Path, image_id: str, photo: np.ndarray, labels: np.ndarray, saliency: np.ndarray) -> None:
    with store.writing(root / "JPEGImages" / f"{image_id}.jpg") as temporary:
        Image.fromarray(photo).save(temporary, quality=95)
    store.write_labels(root / "SegmentationClass" / f"{image_id}.png", labels)
    store.write_image(root / "saliency" / f"{image_id}.png", saliency)
