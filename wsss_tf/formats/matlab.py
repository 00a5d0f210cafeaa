"""Label maps in MATLAB files of other people: SBD's GTcls and PASCAL-Context's LabelMap.

Only what these need is read: a matrix of bytes or 16-bit numbers, by itself or
in a struct. scipy.io.loadmat would read everything in the file, and one damaged
byte can end the whole process (scipy 1.17), without a word on which file it was.

Ref: MathWorks, MAT-File Format, chapter 1 (level 5).
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.files.images import MAX_SIDE

SBD_FIELDS = ("GTcls", "Segmentation")
CONTEXT_FIELDS = ("LabelMap",)
MAX_BYTES = 64 << 20  # of a variable, decompressed; those of SBD have about 0.2 MB
_HEADER, _TAG = 128, 8  # bytes before the first element, and before each
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_NUMBERS = {2: "u1", 4: "u2"}  # types of elements -> numbers in them
_STRUCT, _MAPS = 2, {9: np.uint8, 11: np.uint16}  # classes of matrices


def read_label_matrix(path: Path, variable: str, *fields: str) -> np.ndarray:
    """The label map uint8 or uint16 [H, W] in a variable of a .mat file, or in a field of that struct.

    Args:
      path: MATLAB file of version 5 to 7.2.
      variable: its name in the file.
      fields: way to the matrix within the struct.

    Raises:
      InputError: missing, damaged, too large, of another version, or without
        such a matrix.
    """
    name = ".".join((variable, *fields))
    try:
        order, matrix = _variable(path.read_bytes(), variable)
        for field in fields:
            matrix = _field(matrix, field, order)
        labels = _numbers(matrix, order)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: take it from its source again") from None
    except (OSError, ValueError, LookupError, struct.error, zlib.error) as error:
        raise InputError(f"{path}: expected a MATLAB file with {name} ({error}): take it from its source again") from error
    if not 0 < min(labels.shape) <= max(labels.shape) <= MAX_SIDE:
        raise InputError(f"{path}: expected {name} with sides of 1 to {MAX_SIDE} pixels, found {list(labels.shape)}: "
                         "take it from its source again")
    return labels


def _variable(data: bytes, name: str) -> tuple[str, list[tuple[int, bytes]]]:
    """The byte order of the file, and the elements of one of its matrices."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("it is none of version 5 to 7.2")
    for kind, content in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            inflated = zlib.decompressobj().decompress(content, MAX_BYTES + 1)
            if len(inflated) > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES >> 20} MiB in a variable")
            kind, content = next(_elements(inflated, order), (0, b""))
        parts = list(_elements(content, order)) if kind == _MATRIX else []
        if len(parts) > 2 and parts[2][1] == name.encode():
            return order, parts
    raise ValueError(f"no {name} in it")


def _field(parts: list[tuple[int, bytes]], name: str, order: str) -> list[tuple[int, bytes]]:
    """The elements of the matrix in a field of a struct."""
    if _class(parts, order) != _STRUCT or len(parts) < 5:
        raise ValueError(f"no struct with {name}")
    (width,), names = struct.unpack(f"{order}i", parts[3][1]), parts[4][1]
    known = [names[start : start + width].split(b"\0")[0] for start in range(0, len(names), max(width, 1))]
    kind, content = parts[5:][known.index(name.encode())]
    if kind != _MATRIX:
        raise ValueError(f"no matrix in {name}")
    return list(_elements(content, order))


def _numbers(parts: list[tuple[int, bytes]], order: str) -> np.ndarray:
    wanted = _MAPS.get(_class(parts, order))
    if wanted is None or len(parts) < 4 or parts[3][0] not in _NUMBERS:
        raise ValueError("no matrix of 8- or 16-bit numbers")
    sides = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    numbers = np.frombuffer(parts[3][1], np.dtype(_NUMBERS[parts[3][0]]).newbyteorder(order))
    if len(sides) != 2 or min(sides) < 0 or math.prod(sides) != len(numbers):
        raise ValueError(f"{len(numbers)} numbers for a matrix of {list(sides)}")
    return np.ascontiguousarray(numbers.reshape(sides, order="F"), wanted)


def _class(parts: list[tuple[int, bytes]], order: str) -> int:
    return struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(type, content) of the data elements that follow one another."""
    position = 0
    while position + _TAG <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, position)
        start = position + _TAG
        if kind >> 16:  # small: type and size share 4 bytes, the content has the other 4
            kind, size, start = kind & 0xFFFF, kind >> 16, position + _TAG // 2
        content = data[start : start + size]
        if len(content) < size:
            raise ValueError("it is cut off")
        yield kind, content
        position = start + size
        if kind != _COMPRESSED:
            position += -position % _TAG
