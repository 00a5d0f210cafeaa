"""Looking at every file of a data set once, before hours are spent on it."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN, Dataset, Example
from wsss_tf.files.images import MAX_PIXELS, read_labels, read_photo, read_saliency
from wsss_tf.parallel.progress import counted

MAX_THREADS = 8  # decoding scales with the cores, reading over a network with the threads
MAX_NAMED = 5  # wrong labels that a line names as examples


def check_dataset(dataset: Dataset, progress: bool, maps_max: int = 255, max_pixels: int = MAX_PIXELS) -> list[str]:
    """Decodes every photo, mask and saliency map of both splits.

    Args:
      dataset: the data set.
      progress: tell the progress.
      maps_max: value of a saliency map that means certainly salient.
      max_pixels: most pixels of a file; larger ones are not decoded.

    Returns:
      One line per problem: the file, what was expected and found, what to do;
      empty if all is well. First the problems of the whole set, then those of
      the files in the order of the examples.
    """
    examples = list({example.image_id: example for example in dataset.val + dataset.train}.values())
    problems = _untagged(dataset)
    with ThreadPoolExecutor(_threads()) as pool:
        check = partial(_check_files, num_classes=dataset.num_classes, maps_max=maps_max, max_pixels=max_pixels)
        found = pool.map(check, examples)
        found = counted(found, len(examples), "checking", shown=progress)
        return problems + [line for lines in found for line in lines]


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


def _check_files(example: Example, num_classes: int, maps_max: int, max_pixels: int) -> list[str]:
    problems = []

    def decoded(read: Callable[..., np.ndarray], path: Path | None) -> np.ndarray | None:
        try:
            return None if path is None else read(path, max_pixels=max_pixels)
        except InputError as error:
            problems.append(str(error))

    photo = decoded(read_photo, example.image)
    mask = decoded(read_labels, example.mask)
    saliency = decoded(partial(read_saliency, maximum=maps_max), example.saliency)
    for values, path in ((mask, example.mask), (saliency, example.saliency)):
        if values is not None and photo is not None and values.shape != photo.shape[:2]:
            problems.append(f"{path}: expected the size of {example.image} ({_size(photo)}), found {_size(values)}: "
                            "make it again from this photo (phone photos may be stored rotated)")
    if mask is not None:
        wrong = [int(value) for value in np.unique(mask) if num_classes < value != UNKNOWN]
        if wrong:
            some = ", ".join(map(str, wrong[:MAX_NAMED])) + (", ..." if len(wrong) > MAX_NAMED else "")
            problems.append(f"{example.mask}: expected labels 0 to {num_classes} or {UNKNOWN}, found {some}: "
                            "correct the mask or add the classes to classes.txt")
    return problems


def _untagged(dataset: Dataset) -> list[str]:
    return [f"{example.image}: expected at least one class for training, found no tags: name its classes in the "
            f"labels file or take '{example.image_id}' out of the training list"
            for example in dataset.train if not example.tags and not dataset.untagged]


def _digest(examples: Iterable[Example], with_masks: bool, describe: Callable[[Path | None], list]) -> str:
    def line(example: Example) -> bytes:
        files = [example.image, example.saliency] + ([example.mask] if with_masks else [])
        entry = [example.image_id, list(example.tags), [describe(path) for path in files]]
        return json.dumps(entry).encode() + b"\n"

    digest = hashlib.sha256()
    with ThreadPoolExecutor(_threads()) as pool:
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


def _threads() -> int:
    return min(MAX_THREADS, os.cpu_count() or 1)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
