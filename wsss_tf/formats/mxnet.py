"""MXNet's .params files, of all versions: a list of dense arrays and their names.

Ref: NDArray::Save and NDArray::LegacyLoad of apache/mxnet.
"""

import math
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from wsss_tf.errors import InputError, reason
from wsss_tf.formats.arrays import named

_LIST_MAGIC = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA  # files older than these begin an array with its number of axes
_DTYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8"}
_DENSE = 0
_MOST_AXES = 32


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a .params file by name, without "arg:" and "aux:"; those that begin with the prefix, which is cut off.

    Raises:
      InputError: a damaged file, or one with sparse arrays.
    """
    try:
        with open(path, "rb") as file:
            stream = _Stream(file, path.stat().st_size)
            magic, _, count = stream.numbers("<QQQ")
            if magic != _LIST_MAGIC:
                raise ValueError("another magic number")
            arrays = [_array(stream) for _ in range(stream.credible(count, 4))]
            names_count, = stream.numbers("<Q")
            names = [stream.text() for _ in range(stream.credible(names_count, 8))]
            plain = [name.removeprefix("arg:").removeprefix("aux:") for name in names]
            if stream.left() or len(set(plain)) != len(plain):
                raise ValueError("bytes left over, or a name that occurs twice")
        return named(dict(zip(plain, arrays, strict=True)), prefix)
    except Exception as error:
        raise InputError(f"{path}: expected a .params file of MXNet, found another or damaged one ({reason(error)}): "
                         "give the published file, whole") from error


def _array(stream: "_Stream") -> np.ndarray:
    magic, = stream.numbers("<I")
    if magic in (_V2, _V3):
        storage, = stream.numbers("<i")
        if storage != _DENSE:
            raise ValueError("a sparse array")
    if magic in (_V1, _V2, _V3):
        axes, = stream.numbers("<I")
        side = "q"
    else:
        axes, side = magic, "I"
    if not 0 < axes <= _MOST_AXES:
        raise ValueError(f"an array of {axes} axes")
    shape = stream.numbers(f"<{axes}{side}")
    _, _, kind = stream.numbers("<iii")  # the device it lay on is of no interest
    return np.frombuffer(stream.take(math.prod(shape) * np.dtype(_DTYPES[kind]).itemsize), _DTYPES[kind]).reshape(shape)


class _Stream:
    """A file that is never asked for more than it has left."""

    def __init__(self, file: BinaryIO, size: int):
        self.file, self.size = file, size

    def left(self) -> int:
        return self.size - self.file.tell()

    def take(self, count: int) -> bytes:
        if not 0 <= count <= self.left():
            raise ValueError(f"{count} bytes wanted, {self.left()} left")
        return self.file.read(count)

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def text(self) -> str:
        return self.take(self.numbers("<Q")[0]).decode("utf-8")

    def credible(self, count: int, least: int) -> int:
        """A number of items of at least so many bytes each."""
        if count * least > self.left():
            raise ValueError(f"{count} items in {self.left()} bytes")
        return count
