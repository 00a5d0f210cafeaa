"""checkpoints/manifest.json: what the papers start from, where it is published, and how it is read."""

import dataclasses
import re
from pathlib import Path

from wsss_tf.errors import InputError
from wsss_tf.files.json_artefact import read_json
from wsss_tf.files.names import component

KINDS = ("md5", "sha256")
SUPERVISIONS = ("none", "image labels", "mask supervision")
_PINS = "pins.json"
_PINS_REMEDY = "delete it and convert again"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One published checkpoint.

    Attributes:
      name: what it is called here; its converted file is <name>.weights.h5.
      net: the net that it is converted for.
      file: name of the published file.
      urls: where it can be fetched, tried in order; empty if it is nowhere offered for download.
      by_hand: what to do if it cannot be fetched.
      digests: published beginnings of its digests, in hexadecimal, by "md5" and "sha256".
      names: how the file names its arrays, one of names.RULES.
      prefix: only arrays whose names begin so belong to the net.
      without: what else the file holds, as beginnings of names: layers that the net does not have.
      convention: the input that it was trained on, one of colour.CONVENTIONS.
      supervision: what its training saw, one of SUPERVISIONS.
      licence: of the weights.
      paper: whose it is.
      flagfiles: those that read it.
    """

    name: str
    net: str
    file: str
    urls: tuple[str, ...]
    by_hand: str
    digests: dict[str, str]
    names: str
    prefix: str
    without: tuple[str, ...]
    convention: str
    supervision: str
    licence: str
    paper: str
    flagfiles: tuple[str, ...]


_SCHEMAS = {str: str, tuple[str, ...]: [str], dict[str, str]: {str: str}}
_ENTRY = {field.name: _SCHEMAS[field.type] for field in dataclasses.fields(Checkpoint)}


def read_manifest(path: Path) -> dict[str, Checkpoint]:
    """The checkpoints of a manifest by name.

    Raises:
      InputError: no such file, or entries that are not as Checkpoint says.
    """
    entries = read_json(path, [_ENTRY], "restore the file, the manifest of checkpoints, as it came with the program")
    checkpoints = [_checkpoint(path, entry) for entry in entries]
    if len({checkpoint.name for checkpoint in checkpoints}) != len(checkpoints):
        raise InputError(f"{path}: expected each name once: rename one")
    return {checkpoint.name: checkpoint for checkpoint in checkpoints}


def _checkpoint(path: Path, entry: dict) -> Checkpoint:
    where = f"{path}: {entry['name']}"
    if surplus := entry.keys() - _ENTRY.keys():
        raise InputError(f"{where}: expected the keys {', '.join(_ENTRY)}, found {', '.join(sorted(surplus))} too: correct it")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    for key in ("name", "file"):
        component(values[key], f"{where}: {key}")
    for kind, digits in values["digests"].items():
        if kind not in KINDS or not re.fullmatch("[0-9a-f]{6,64}", digits):
            raise InputError(f"{where}: expected hexadecimal digits of {' or '.join(KINDS)}, found {kind} {digits}: "
                             "correct it")
    if not all(url.startswith(("https://", "http://")) for url in values["urls"]) or not (values["urls"] or values["by_hand"]):
        raise InputError(f"{where}: expected URLs or a way by hand: add one")
    if values["supervision"] not in SUPERVISIONS:
        raise InputError(f"{where}: supervision: expected one of {', '.join(SUPERVISIONS)}: correct it")
    return Checkpoint(**values)


def read_pins(folder: Path) -> dict[str, str]:
    """The sha256 of every file that was taken before, by checkpoint: what was trusted once must not change.

    Raises:
      InputError: a damaged file of pins.
    """
    path = folder / _PINS
    if not path.exists():
        return {}
    pins = read_json(path, {str: str}, _PINS_REMEDY)
    for name, digest in pins.items():
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise InputError(f"{path}: damaged (expected the sha256 of {name[:100]!r}, found {digest[:100]!r}): {_PINS_REMEDY}")
    return pins


def pins_file(folder: Path) -> Path:
    """Where read_pins reads."""
    return folder / _PINS
