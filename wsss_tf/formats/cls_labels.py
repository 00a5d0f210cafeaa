"""The community's cls_labels.npy: a pickled dict id -> C numbers, read without trust.

Each name that a saved array needs is answered by an inert stand-in of this file,
and the arrays are built afterwards from the bytes.
"""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from wsss_tf.errors import InputError, reason
from wsss_tf.example import MAX_CLASSES
from wsss_tf.formats import pickles
from wsss_tf.formats.pickles import Refused

_MAGIC = b"\x93NUMPY"
_NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


def load(path: Path) -> dict[str | int, np.ndarray]:
    """The dict in the file, its values as 1-D number arrays.

    Reads what `numpy.save(path, labels)` and `pickle.dump(labels, file)` write,
    pickle protocols 2 to 5, numpy 1 and 2, and strings from Python 2.

    Raises:
      InputError: unreadable, damaged, or holding anything but such a dict.
    """
    try:
        data = path.read_bytes()
        content = _unpickled(data)
        if isinstance(content, _Array):
            content = content.only_object()
        if not isinstance(content, dict):
            raise Refused(f"expected a dict id -> numbers, found {type(content).__name__.strip('_')}")
        read = {}  # by the object: a file may give thousands of ids the same one
        return {_id(key): _vector(value, read) for key, value in content.items()}
    except Exception as error:  # a damaged or hostile stream can fail in any way, and all mean the same
        raise InputError(f"{path}: refused ({reason(error)}): expected a dict of image labels: take the file from its "
                         "source again, or write a labels.csv and set --labels to it") from error


def _unpickled(data: bytes) -> Any:
    """The object in a pickle, which a .npy header may precede."""
    file = io.BytesIO(data)
    if data.startswith(_MAGIC):
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        _, _, dtype = readers[np.lib.format.read_magic(file)](file)
        if not dtype.hasobject:
            raise Refused(f"expected a pickled dict, found an array of {dtype}")
    return pickles.load(file, _STAND_INS)


class _Dtype:
    """Stands in for numpy.dtype: the code of a number type or 'O8', and a byte order."""

    def __init__(self, code: str = "", *_: Any):
        self.code, self.order = code, "<"

    def set_state(self, state: tuple) -> None:
        self.order = state[1]

    def numbers(self, data: bytes | str, count: int) -> np.ndarray:
        """The bytes as numbers [N], of which there must be so many."""
        if self.code not in _NUMBERS:
            raise Refused("expected an array of numbers, found another dtype")
        dtype = np.dtype(self.code).newbyteorder(">" if self.order == ">" else "<")
        if not isinstance(data, (bytes, bytearray, str)) or len(data) != count * dtype.itemsize:
            raise Refused(f"expected the bytes of {count} numbers, found something else")
        return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype)


class _Array:
    """Stands in for numpy.ndarray: holds the pieces of the pickle, builds nothing by itself."""

    def __init__(self, *_: Any):
        self.shape, self.dtype, self.data = (), _Dtype(), b""

    def set_state(self, state: tuple) -> None:
        _, self.shape, self.dtype, _, self.data = state

    def only_object(self) -> Any:
        """The single object of a 0-d object array."""
        if self.shape != () or not isinstance(self.data, list) or len(self.data) != 1:
            raise Refused("expected one dict, found an array of several things")
        return self.data[0]

    def vector(self) -> np.ndarray:
        """The numbers of an array [C] or one with further sides of 1."""
        sides = self.shape
        if not (type(sides) is tuple and len(sides) <= 32 and all(type(side) is int and 0 <= side < 2**31 for side in sides)):
            raise Refused("expected the sides of an array, found something else")
        count = math.prod(sides)
        if count != max(sides, default=1) or count > MAX_CLASSES:
            raise Refused(f"expected a vector of at most {MAX_CLASSES} numbers, found shape {list(sides)}")
        if not isinstance(self.dtype, _Dtype):
            raise Refused("an array without dtype")
        return self.dtype.numbers(self.data, count)


def _buffer_array(data: bytes, dtype: _Dtype, shape: tuple[int, ...], _order: str) -> _Array:
    array = _Array()
    array.shape, array.dtype, array.data = shape, dtype, data
    return array


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    """Stands in for a number or a text of numpy, such as the ids of a dict that was filled from an array of names."""
    if dtype.code[:1] not in ("U", "S"):
        return dtype.numbers(data, 1)[0].item()
    raw = data.encode("latin1") if isinstance(data, str) else data
    encoding = {"S": "ascii", "U": "utf-32-be" if dtype.order == ">" else "utf-32-le"}[dtype.code[0]]
    return raw.decode(encoding).rstrip("\0")


def _latin1(text: str, encoding: str) -> bytes:
    """Stands in for _codecs.encode, with which protocol 2 writes bytes."""
    if encoding != "latin1":
        raise Refused("expected the encoding latin1, found another")
    return text.encode("latin1")


_STAND_INS = {("_codecs", "encode"): _latin1, ("numpy", "dtype"): _Dtype, ("numpy", "ndarray"): _Array}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _Array
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _buffer_array


def _id(key: str | bytes | int) -> str | int:
    if isinstance(key, bytes):
        key = key.decode("ascii")
    if isinstance(key, str) or key >= 0:
        return key
    raise Refused("expected names or numbers from 0 as ids, found a negative one")


def _vector(value: Any, read: dict[int, np.ndarray]) -> np.ndarray:
    if id(value) not in read:
        read[id(value)] = _numbers(value)
    return read[id(value)]


def _numbers(value: Any) -> np.ndarray:
    if isinstance(value, _Array):
        return value.vector()
    if isinstance(value, list) and len(value) <= MAX_CLASSES and all(type(item) in (bool, int, float) for item in value):
        return np.asarray(value, np.float64)
    raise Refused(f"expected at most {MAX_CLASSES} numbers for each id, found {type(value).__name__.strip('_')}")
