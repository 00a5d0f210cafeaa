"""Where the weights in a file come from, as the file itself says; no net and no TensorFlow are needed for it."""

import dataclasses
from pathlib import Path

import h5py

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError, reason
from wsss_tf.files.json_artefact import parse

ATTRIBUTE = "wsss_tf"  # of the file itself


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What a converted file says of itself.

    Attributes:
      checkpoint: name of the published checkpoint in checkpoints/manifest.json.
      net: the net it was converted for.
      convention: the input that its weights were trained on, one of colour.CONVENTIONS.
      supervision: what its training saw, in words.
      source_sha256: of the published file.
    """

    checkpoint: str
    net: str
    convention: str
    supervision: str
    source_sha256: str


def provenance(path: Path) -> Provenance | None:
    """What a weights file says of itself, or None if it says nothing.

    Raises:
      InputError: there is no such file, or it is none of HDF5.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such weights file: check the path, or run the stage that writes it (or "
                         "`wsss weights`, if it is a published one)")
    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get(ATTRIBUTE)
        return None if text is None else Provenance(**_own(text))
    except Exception as error:  # h5py has one of its own for every kind of damage
        raise InputError(f"{path}: these weights do not fit any net ({reason(error)}): expected a whole .h5 file of Keras: "
                         "make or fetch it again") from error


def _own(text: str) -> dict[str, str]:
    """What the attribute says, without what another version may have added."""
    schema = {field.name: str for field in dataclasses.fields(Provenance)}
    found = parse(text, schema)
    return {name: found[name] for name in schema}


def origin_of(source: str) -> Provenance | None:
    """What the file behind a flag such as --seg_weights says of itself; None if it says nothing or is not there."""
    try:
        return provenance(expand_path(source))
    except InputError:
        return None
