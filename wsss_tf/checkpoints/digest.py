"""Whether a file is the one that was published, or the one that was taken before."""

import hashlib
from pathlib import Path

from wsss_tf.checkpoints.manifest import KINDS, Checkpoint, pins_file, read_pins
from wsss_tf.errors import InputError
from wsss_tf.files.store import write_json

_BLOCK = 2**20
PART = ".part"  # suffix of a file that is not whole or not checked yet


def digests(path: Path) -> dict[str, str]:
    """Digests of a file in hexadecimal, by kind."""
    hashes = {kind: hashlib.new(kind) for kind in KINDS}
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            for each in hashes.values():
                each.update(block)
    return {kind: each.hexdigest() for kind, each in hashes.items()}


def check(checkpoint: Checkpoint, path: Path, folder: Path) -> str:
    """Compares a file with the published digests, and with the one pinned in the folder; gives its sha256.

    The same arrays in another format (.safetensors) have no published digest.

    Raises:
      InputError: it is another file.
    """
    found = digests(path)
    for kind, published in checkpoint.digests.items() if _as_published(checkpoint, path) else ():
        if not found[kind].startswith(published):
            raise InputError(f"{path}: expected {kind} {published}{'' if len(published) > 16 else '...'} as published for "
                             f"{checkpoint.name}, found {found[kind]}: it is another file or a broken one: fetch it again")
    pinned = read_pins(folder).get(_pin(checkpoint, path), found["sha256"])
    if pinned != found["sha256"]:
        raise InputError(f"{path}: expected sha256 {pinned}, with which {checkpoint.name} came the first time "
                         f"({pins_file(folder)}), found {found['sha256']}: find out why it changed before you delete the pin")
    return found["sha256"]


def pin(checkpoint: Checkpoint, path: Path, folder: Path, sha256: str) -> None:
    """From now on the file must not change: what was converted and proven once is trusted."""
    write_json(pins_file(folder), read_pins(folder) | {_pin(checkpoint, path): sha256})


def _as_published(checkpoint: Checkpoint, path: Path) -> bool:
    return _suffix(path) == Path(checkpoint.file).suffix


def _pin(checkpoint: Checkpoint, path: Path) -> str:
    return checkpoint.name if _as_published(checkpoint, path) else f"{checkpoint.name}{_suffix(path)}"


def _suffix(path: Path) -> str:
    return path.with_name(path.name.removesuffix(PART)).suffix
