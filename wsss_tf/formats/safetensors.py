"""Safetensors files: a JSON header, then the raw arrays.

Ref: the format's description in huggingface/safetensors.
"""

import json
import math
import struct
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.formats.bfloat import from_bfloat16

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
           "U8": "u1", "BOOL": "?"}
_MOST_HEADER = 100_000_000  # bytes, as in the reference implementation


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by name: those whose names begin with the prefix, which is cut off.

    Raises:
      InputError: a damaged file, or offsets that leave it, overlap or leave gaps.
    """
    try:
        with open(path, "rb") as file:
            entries, start = _header(file, path.stat().st_size)
            arrays = {}
            for name, (dtype, shape, begin, end) in entries.items():
                if name.startswith(prefix):
                    file.seek(start + begin)
                    flat = np.frombuffer(file.read(end - begin), _DTYPES[dtype]).reshape(shape)
                    arrays[name.removeprefix(prefix)] = from_bfloat16(flat) if dtype == "BF16" else flat
        if not arrays:
            raise ValueError(f"no array {prefix}*")
        return arrays
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise InputError(f"{path}: expected a .safetensors file, found another or damaged one "
                         f"({str(error).splitlines()[0]}): give the published file, whole") from error


def _header(file, size: int) -> tuple[dict[str, tuple[str, tuple[int, ...], int, int]], int]:
    """Name -> dtype, shape and place of each array; where the first begins. All are checked."""
    length, = struct.unpack("<Q", file.read(8))
    if length > min(_MOST_HEADER, size - 8):
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_without_repeats)
    header.pop("__metadata__", None)
    entries = {name: (entry["dtype"], tuple(entry["shape"]), *entry["data_offsets"]) for name, entry in header.items()}
    position = 0
    for name, (dtype, shape, begin, end) in sorted(entries.items(), key=lambda entry: entry[1][2:]):
        if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
            raise ValueError(f"{name}: sizes that are no natural numbers")
        if begin != position or end - begin != math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize:
            raise ValueError(f"{name}: {shape} of {dtype} do not fill bytes {begin} to {end}")
        position = end
    if position != size - 8 - length:
        raise ValueError(f"{size - 8 - length} bytes of arrays instead of {position}")
    return entries, 8 + length


def _without_repeats(pairs: list[tuple[str, object]]) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name that occurs twice")
    return dict(pairs)
