"""Label maps in MATLAB files of other people: SBD's GTcls and PASCAL-Context's LabelMap.

Only what these need is read: a matrix of bytes or 16-bit numbers, by itself or
in a struct. scipy.io.loadmat would read everything in the file, and one damaged
byte can end the whole process (scipy 1.17), without a word on which file it was.

Ref: MathWorks, MAT-File Format, chapter 1 (level 5).
"""

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError, reason
from wsss_tf.files.images import MAX_SIDE

SBD_FIELDS = ("GTcls", "Segmentation")
CONTEXT_FIELDS = ("LabelMap",)
MAX_BYTES = 64 << 20  # of all variables together, decompressed; those of SBD have about 0.2 MB
_MOST = 100  # variables of a file, and fields of a struct; SBD has 1 and 3
_WIDEST = 64  # bytes for the name of a field, as MATLAB has them
_HEADER, _TAG = 128, 8  # bytes before the first element, and before each
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_NUMBERS = {2: "u1", 4: "u2"}  # types of elements -> numbers in them
_Parts = list[tuple[int, memoryview]]  # types and contents of the elements of a matrix
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
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
        order, matrix = _variable(memoryview(path.read_bytes()), variable)
        for field in fields:
            matrix = _field(matrix, field, order)
        labels = _numbers(matrix, order)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: take it from its source again") from None
    except (OSError, ValueError, LookupError, struct.error, zlib.error) as error:
        raise InputError(f"{path}: expected a MATLAB file with {name} ({reason(error)}): take it from its source again") from error
    if not 0 < min(labels.shape) <= max(labels.shape) <= MAX_SIDE:
        raise InputError(f"{path}: expected {name} with sides of 1 to {MAX_SIDE} pixels, found {list(labels.shape)}: "
                         "take it from its source again")
    return labels


def _variable(data: memoryview, name: str) -> tuple[str, _Parts]:
    """The byte order of the file, and the elements of one of its matrices."""
    order, left = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128])), MAX_BYTES
    if order is None:
        raise ValueError("it is none of version 5 to 7.2")
    for kind, content in itertools.islice(_elements(data[_HEADER:], order), _MOST):
        if kind == _COMPRESSED:
            inflated = zlib.decompressobj().decompress(content, left + 1)
            left -= len(inflated)
            if left < 0:
                raise ValueError(f"more than {MAX_BYTES >> 20} MiB in its variables")
            kind, content = next(_elements(memoryview(inflated), order), (0, memoryview(b"")))
        if kind == _MATRIX and bytes(next(itertools.islice(_elements(content, order), 2, None), (0, b""))[1]) == name.encode():
            return order, _parts(content, order)
    raise ValueError(f"no {name} in it")


def _parts(content: memoryview, order: str) -> _Parts:
    """What describes a matrix, and its fields or numbers."""
    return list(itertools.islice(_elements(content, order), 5 + _MOST))


def _field(parts: _Parts, name: str, order: str) -> _Parts:
    """The elements of the matrix in a field of a struct."""
    if _class(parts, order) != _STRUCT or len(parts) < 5:
        raise ValueError(f"no struct with {name}")
    (width,), names = struct.unpack(f"{order}i", parts[3][1]), bytes(parts[4][1])
    if not 0 < width <= _WIDEST or len(names) > width * _MOST:
        raise ValueError(f"names of fields of {width} bytes each")
    known = [names[start : start + width].split(b"\0")[0] for start in range(0, len(names), width)]
    kind, content = parts[5:][known.index(name.encode())]
    if kind != _MATRIX:
        raise ValueError(f"no matrix in {name}")
    return _parts(content, order)


def _numbers(parts: _Parts, order: str) -> np.ndarray:
    wanted = _MAPS.get(_class(parts, order))
    if wanted is None or len(parts) < 4 or parts[3][0] not in _NUMBERS:
        raise ValueError("no matrix of 8- or 16-bit numbers")
    if len(parts[1][1]) != 8:
        raise ValueError("a matrix of more than two sides")
    sides = struct.unpack(f"{order}2i", parts[1][1])
    numbers = np.frombuffer(parts[3][1], np.dtype(_NUMBERS[parts[3][0]]).newbyteorder(order))
    if min(sides) < 0 or math.prod(sides) != len(numbers):
        raise ValueError(f"{len(numbers)} numbers for a matrix of {list(sides)}")
    return np.ascontiguousarray(numbers.reshape(sides, order="F"), wanted)


def _class(parts: _Parts, order: str) -> int:
    return struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
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
