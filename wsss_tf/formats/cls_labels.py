"""The community's cls_labels.npy: a pickled dict id -> C numbers, read without trust.

A pickle is a program. Here no callable of Python or numpy is within its reach:
each name that a saved array needs is answered by an inert stand-in of this file,
every other name is refused, and the arrays are built afterwards from the bytes.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from wsss_tf.errors import InputError

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
        content = _unpickle(_pickle_part(data))
        if isinstance(content, _Array):
            content = content.only_object()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"expected a dict id -> numbers, found {type(content).__name__.strip('_')}")
        return {_key(key): _vector(value) for key, value in content.items()}
    except Exception as error:  # a damaged or hostile stream can fail in any way, and all mean the same
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"{path}: refused ({reason}): expected a dict of image labels: take the file from its "
                         "source again, or write a labels.csv and set --labels to it") from error


def _pickle_part(data: bytes) -> bytes:
    """The pickle stream of a file that may begin with a .npy header."""
    if not data.startswith(_MAGIC):
        return data
    file = io.BytesIO(data)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    _, _, dtype = readers[np.lib.format.read_magic(file)](file)
    if not dtype.hasobject:
        raise pickle.UnpicklingError(f"expected a pickled dict, found an array of {dtype}")
    return file.read()


def _unpickle(data: bytes) -> Any:
    # The C unpickler sizes its memo by the largest index: a few bytes could ask for all memory.
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > len(data):
            raise pickle.UnpicklingError(f"memo index {argument} in a stream of {len(data)} bytes")
    return _InertUnpickler(io.BytesIO(data), encoding="latin1").load()


class _Dtype:
    """Stands in for numpy.dtype: the code of a number type or 'O8', and a byte order."""

    def __init__(self, code: str, *_: Any):
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def numbers(self, data: bytes | str) -> np.ndarray:
        """The bytes as numbers [N]."""
        if self.code not in _NUMBERS:
            raise pickle.UnpicklingError(f"expected an array of numbers, found dtype {self.code!r}")
        if not isinstance(data, (bytes, bytearray, str)):
            raise pickle.UnpicklingError(f"expected the bytes of an array, found {type(data).__name__}")
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, np.dtype(self.code).newbyteorder(">" if self.order == ">" else "<"))


class _Array:
    """Stands in for numpy.ndarray: holds the pieces of the pickle, builds nothing by itself."""

    def __init__(self, *_: Any):
        self.shape, self.dtype, self.data = (), _Dtype(""), b""

    def __setstate__(self, state: tuple) -> None:
        _, self.shape, self.dtype, _, self.data = state

    def only_object(self) -> Any:
        """The single object of a 0-d object array."""
        if self.shape != () or not isinstance(self.data, list) or len(self.data) != 1:
            raise pickle.UnpicklingError(f"expected one dict, found an array of shape {self.shape!r}")
        return self.data[0]

    def vector(self) -> np.ndarray:
        """The numbers of an array [C] or one with further sides of 1."""
        numbers = self.dtype.numbers(self.data)
        if numbers.size != max(self.shape, default=1):
            raise pickle.UnpicklingError(f"expected a vector, found shape {self.shape!r} with {numbers.size} numbers")
        return numbers


def _buffer_array(data: bytes, dtype: _Dtype, shape: tuple[int, ...], _order: str) -> _Array:
    array = _Array()
    array.shape, array.dtype, array.data = shape, dtype, data
    return array


def _scalar(dtype: _Dtype, data: bytes | str) -> Any:
    """Stands in for a number or a text of numpy, such as the ids of a dict that was filled from an array of names."""
    if dtype.code[:1] not in ("U", "S"):
        return dtype.numbers(data)[0].item()
    raw = data.encode("latin1") if isinstance(data, str) else data
    encoding = {"S": "ascii", "U": "utf-32-be" if dtype.order == ">" else "utf-32-le"}[dtype.code[0]]
    return raw.decode(encoding).rstrip("\0")


def _latin1(text: str, encoding: str) -> bytes:
    """Stands in for _codecs.encode, with which protocol 2 writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding!r}")
    return text.encode("latin1")


_STAND_INS = {("_codecs", "encode"): _latin1, ("numpy", "dtype"): _Dtype, ("numpy", "ndarray"): _Array}
for _core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    _STAND_INS[f"{_core}.multiarray", "_reconstruct"] = _Array
    _STAND_INS[f"{_core}.multiarray", "scalar"] = _scalar
    _STAND_INS[f"{_core}.numeric", "_frombuffer"] = _buffer_array


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module + '.' + name!r}, which image labels do not need")
        return _STAND_INS[module, name]


def _key(key: Any) -> str | int:
    if isinstance(key, bytes):
        key = key.decode("ascii")
    if isinstance(key, str) or (type(key) is int and 0 <= key < 2**63):
        return key
    raise pickle.UnpicklingError(f"expected names or numbers from 0 as ids, found {type(key).__name__}")


def _vector(value: Any) -> np.ndarray:
    if isinstance(value, _Array):
        return value.vector()
    if isinstance(value, list) and all(type(item) in (bool, int, float) for item in value):
        return np.asarray(value, np.float64)
    raise pickle.UnpicklingError(f"expected numbers for each id, found {type(value).__name__.strip('_')}")
