"""Looking at every file of a data set once, before hours are spent on it."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from wsss_tf.data.advice import about_photos, advice
from wsss_tf.data.masks import MaskFacts, judge_masks, mask_facts, wrong_labels
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example
from wsss_tf.files.images import MAX_PIXELS, PhotoFacts, photo_facts, read_coloured_labels, read_saliency
from wsss_tf.parallel.progress import counted

T = TypeVar("T")

MAX_THREADS = 8  # decoding scales with the cores, reading over a network with the threads


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a look at every file of a data set has found, a line each.

    Attributes:
      problems: what has to be mended: the file, what was expected and found, what to do.
      warnings: what may be meant.
    """

    problems: list[str]
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class _Looked:
    """What was found in the files of one example."""

    example: Example
    problems: list[str]
    photo: PhotoFacts | None
    mask: MaskFacts | None


def inspect_dataset(dataset: Dataset, progress: bool, maps_max: int = 255, max_pixels: int = MAX_PIXELS) -> Findings:
    """Decodes every photo, mask and saliency map of both splits once, and holds them against each other.

    Args:
      dataset: the data set.
      progress: tell the progress.
      maps_max: value of a saliency map that means certainly salient.
      max_pixels: most pixels of a file; larger ones are not decoded.

    Returns:
      First the problems of the whole set, then those of the files in the order
      of the examples.
    """
    examples = list({example.image_id: example for example in dataset.val + dataset.train}.values())
    trained = {example.image_id for example in dataset.train}
    with ThreadPoolExecutor(threads()) as pool:
        look = partial(_look, trained=trained, num_classes=dataset.num_classes, maps_max=maps_max, max_pixels=max_pixels)
        looked = list(counted(pool.map(look, examples), len(examples), "checking", shown=progress))
    problems, warnings = judge_masks([one.mask for one in looked if one.mask], dataset.class_names)
    photos = [(one.example.image, one.photo) for one in looked if one.photo]
    return Findings([*_untagged(dataset), *problems, *(line for one in looked for line in one.problems)],
                    [*advice(dataset), *about_photos(photos), *warnings])


def check_dataset(dataset: Dataset, progress: bool, maps_max: int = 255, max_pixels: int = MAX_PIXELS) -> list[str]:
    """The problems that `inspect_dataset` finds; empty if all is well."""
    return inspect_dataset(dataset, progress, maps_max, max_pixels).problems


def content_digest(examples: Iterable[Example], with_masks: bool) -> str:
    """sha256 over ids, tags and the bytes of photos and saliency maps, in hex.

    The order of the examples counts, the place of the files does not.

    Args:
      examples: examples of one split.
      with_masks: let the masks count too.

    Raises:
      InputError: a file cannot be read.
    """
    return _digest(examples, with_masks, _content)


def listing_digest(examples: Iterable[Example], with_masks: bool) -> str:
    """Like `content_digest`, but over names, sizes and modification times: fast, opens no file."""
    return _digest(examples, with_masks, _listing)


def _look(example: Example, trained: set[str], num_classes: int, maps_max: int, max_pixels: int) -> _Looked:
    problems = []

    def decoded(read: Callable[..., T], path: Path | None) -> T | None:
        try:
            return None if path is None else read(path, max_pixels=max_pixels)
        except InputError as error:
            problems.append(str(error))

    photo = decoded(photo_facts, example.image)
    mask = decoded(read_coloured_labels, example.mask)
    saliency = decoded(partial(read_saliency, maximum=maps_max), example.saliency)
    for values, path in ((mask and mask[0], example.mask), (saliency, example.saliency)):
        if values is not None and photo is not None and values.shape != (photo.height, photo.width):
            problems.append(other_size(path, values, example.image, photo))
    if mask is None:
        return _Looked(example, problems, photo, None)
    known = example.tags or example.image_id in trained  # an evaluation image without tags may show anything
    facts = mask_facts(example.mask, *mask, example.tags if known else None)
    return _Looked(example, problems + wrong_labels(facts, num_classes), photo, facts)


def other_size(path: Path, values: np.ndarray, photo: Path, facts: PhotoFacts) -> str:
    """A line on a map [H, W] that has not the size of its photo."""
    turned = facts.turned and values.shape == (facts.width, facts.height)
    remedy = ("the photo is stored turned (EXIF): turn its pixels by `wsss data convert`" if turned else
              "make it again from this photo (phone photos may be stored rotated)")
    return (f"{path}: expected the size of {photo} ({facts.width}x{facts.height}), found {values.shape[1]}x{values.shape[0]}: "
            f"{remedy}")


def _untagged(dataset: Dataset) -> list[str]:
    if dataset.num_classes and dataset.train and not any(example.tags for example in dataset.train):
        return [f"{dataset.train[0].image}: expected classes for training, found no tags here nor in the other "
                f"{len(dataset.train) - 1} training images: name their classes in the labels file"]
    return [f"{example.image}: expected at least one class for training, found no tags: name its classes in the "
            f"labels file or take '{example.image_id}' out of the training list"
            for example in dataset.train if not example.tags and not dataset.untagged]


def _digest(examples: Iterable[Example], with_masks: bool, describe: Callable[[Path | None], list]) -> str:
    def line(example: Example) -> bytes:
        files = [example.image, example.saliency] + ([example.mask] if with_masks else [])
        entry = [example.image_id, list(example.tags), [describe(path) for path in files]]
        return json.dumps(entry).encode() + b"\n"

    digest = hashlib.sha256()
    with ThreadPoolExecutor(threads()) as pool:
        for entry in pool.map(line, examples):
            digest.update(entry)
    return digest.hexdigest()


def _content(path: Path | None) -> list:
    try:
        return [] if path is None else [hashlib.sha256(path.read_bytes()).hexdigest()]
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}): restore the file") from error


def _listing(path: Path | None) -> list:
    try:
        status = None if path is None else path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot find it ({error.strerror}): restore the file") from error
    return [] if status is None else [path.name, status.st_size, status.st_mtime_ns]


def threads() -> int:
    """How many threads decode."""
    return min(MAX_THREADS, os.cpu_count() or 1)
