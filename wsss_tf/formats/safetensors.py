"""Safetensors files: a JSON header, then the raw arrays.

Ref: the format's description in huggingface/safetensors.
"""

import json
import struct
from pathlib import Path

import numpy as np
from safetensors import safe_open

from wsss_tf.errors import InputError, reason
from wsss_tf.formats.arrays import named

_MOST_HEADER = 2**22  # bytes; those of published files have less than one million, and every one costs about 30 in memory


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by name: those whose names begin with the prefix, which is cut off.

    Raises:
      InputError: a damaged file, offsets that leave it, overlap or leave gaps,
        a name that occurs twice, or NaN and infinity.
    """
    try:
        _check_header(path)
        with safe_open(path, framework="np") as file:
            return named({name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}, prefix)
    except Exception as error:  # of the library, of JSON and of NumPy
        raise InputError(f"{path}: expected a .safetensors file, found another or damaged one ({reason(error)}): "
                         "give the published file, whole") from error


def _check_header(path: Path) -> None:
    """What the library lets pass: a header that takes all memory, and names that occur twice, of which it keeps the last."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        if length > min(_MOST_HEADER, path.stat().st_size - 8):
            raise ValueError(f"a header of {length} bytes")
        json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name that occurs twice")
    return dict(pairs)
