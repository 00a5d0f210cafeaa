"""Artefacts on disk: written to a temporary name, then renamed, never half."""

import contextlib
import errno
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from wsss_tf.errors import WriteError

_REMEDY = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up: free some space or choose another folder",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "permission denied: choose a folder that you may write to",
    errno.ENOTDIR: "a parent of it is a file: choose another folder",
    errno.EEXIST: "a parent of it is a file: choose another folder",
}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yields a temporary name; renames it to `path` when the block succeeds.

    The temporary file keeps the suffix of `path` and lives in the same folder,
    which is created. After an error nothing is left behind.

    Raises:
      WriteError: the folder is read-only, full or not a folder.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # the folder itself may be the trouble
            temporary.unlink()
        _explain(path, error)
        raise


def make_folder(path: Path) -> None:
    """Makes a folder and its parents, unless it exists.

    Raises:
      WriteError: the folder is read-only, full or not a folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _explain(path, error)
        raise


def _explain(path: Path, error: BaseException) -> None:
    """Raises what the user can do about an error of the file system, if anything."""
    remedy = _REMEDY.get(error.errno) if isinstance(error, OSError) else None
    if remedy:
        raise WriteError(f"{path}: cannot write it: {remedy}") from error


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Writes a compressed .npz atomically."""
    with writing(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def write_image(path: Path, image: np.ndarray) -> None:
    """Writes uint8 [H, W] (grey) or [H, W, 3] (RGB) atomically as PNG or JPEG."""
    with writing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image, np.uint8)).save(temporary)


def write_ids(path: Path, ids: np.ndarray) -> None:
    """Writes integer [H, W] of 0..65535 atomically as a 16-bit grey PNG.

    Raises:
      ValueError: an id outside that range.
    """
    if ids.min() < 0 or ids.max() > np.iinfo(np.uint16).max:
        raise ValueError(f"ids: expected 0..65535, found {ids.min()}..{ids.max()}")
    with writing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(ids, np.uint16)).save(temporary)


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Writes a uint8 [H, W] label map atomically as a palette PNG (VOC colours)."""
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8), mode="P")
    image.putpalette(voc_palette().ravel().tolist())
    with writing(path) as temporary:
        image.save(temporary)


def voc_palette() -> np.ndarray:
    """The PASCAL VOC colours, uint8 [256, 3] RGB: bits of the label, interleaved."""
    labels = np.arange(256)
    colours = np.zeros([256, 3], np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((labels >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colours


def json_safe(scores: dict) -> dict:
    """Plain JSON values: NaN as None, tuples as lists."""
    def safe(value):
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: [safe(item) for item in value] if isinstance(value, tuple) else safe(value)
            for name, value in scores.items()}
