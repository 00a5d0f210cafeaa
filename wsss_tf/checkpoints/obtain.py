"""From the name of a checkpoint to a verified weights file."""

import functools
from pathlib import Path

import keras
import numpy as np

from wsss_tf.checkpoints import digest
from wsss_tf.checkpoints.convert import build_net, converted_net, save_converted
from wsss_tf.checkpoints.download import download
from wsss_tf.checkpoints.manifest import Checkpoint
from wsss_tf.checkpoints.proof import prove
from wsss_tf.errors import InputError
from wsss_tf.nets.origin import provenance
from wsss_tf.nets.weights import load_weights

_PUBLISHED = "published"  # folder of the files as they were fetched


def published_file(checkpoint: Checkpoint, folder: Path) -> Path:
    """Where a fetched file lies."""
    return folder / _PUBLISHED / checkpoint.file


def converted_file(checkpoint: Checkpoint, folder: Path) -> Path:
    """Where the flagfiles look for it."""
    return folder / f"{checkpoint.name}.weights.h5"


def fetch(checkpoint: Checkpoint, folder: Path, progress: bool = False) -> Path:
    """Downloads the published file, or goes on with it, and checks its digest.

    Raises:
      InputError: it is not offered, cannot be fetched or is another file.
    """
    path = published_file(checkpoint, folder)
    if not checkpoint.urls and not path.exists():
        raise InputError(f"{checkpoint.name}: nobody offers {checkpoint.file} for download: {checkpoint.by_hand}; then give "
                         f"it with convert {checkpoint.name} --source=FILE")
    download(checkpoint.urls, path, functools.partial(digest.check, checkpoint, folder=folder), progress)
    return path


def convert(checkpoint: Checkpoint, source: Path, folder: Path, recordings: Path) -> tuple[Path, str]:
    """Converts a published file, proves the result, writes it and reads it back: the path and the proof in words.

    Raises:
      InputError: the file is another one, damaged, or its net answers otherwise; nothing is written.
    """
    if not source.is_file():
        raise InputError(f"{source}: no such file: expected {checkpoint.file} of {checkpoint.name}")
    sha256 = digest.check(checkpoint, source, folder)
    net = converted_net(checkpoint, source)
    proof = prove(checkpoint, source, net, recordings)
    path = converted_file(checkpoint, folder)
    save_converted(checkpoint, net, sha256, path)
    _same(net, _loaded(checkpoint, path), path)
    digest.pin(checkpoint, source, folder, sha256)
    return path, proof


def verify(checkpoint: Checkpoint, folder: Path, recordings: Path) -> str:
    """Checks a converted file again, and beside its published file if that is still there: the proof in words.

    Raises:
      InputError: it is missing, of another checkpoint, or not what the published file gives.
    """
    path, source = converted_file(checkpoint, folder), published_file(checkpoint, folder)
    origin = provenance(path)
    if origin is None or origin.checkpoint != checkpoint.name:
        found = origin.checkpoint if origin else "a file that does not say where it comes from"
        raise InputError(f"{path}: expected {checkpoint.name} as converted here, found {found}: delete it and fetch or "
                         f"convert {checkpoint.name} again")
    net = _loaded(checkpoint, path)
    if not source.is_file():
        return f"fits {checkpoint.net}; {source.name} is not here to compare with"
    if digest.check(checkpoint, source, folder) != origin.source_sha256:
        raise InputError(f"{path}: expected a conversion of {source}, found one of another file: convert it again")
    _same(converted_net(checkpoint, source), net, path)
    return prove(checkpoint, source, net, recordings)


def _loaded(checkpoint: Checkpoint, path: Path) -> keras.Model:
    net = build_net(checkpoint.net)
    load_weights(net, path, checkpoint.convention)
    return net


def _same(expected: keras.Model, found: keras.Model, path: Path) -> None:
    for ours, theirs in zip(found.weights, expected.weights, strict=True):
        if not np.array_equal(ours, theirs):
            raise InputError(f"{path}: {ours.path} is not what the published file gives: delete it and convert again")
