"""PyTorch's files, zip and legacy, without PyTorch: tensors and plain containers only.

There is no second way through PyTorch's own loader: even its restricted mode
ran code of malicious files before PyTorch 2.6 (CVE-2025-32434), and one reader
is one behaviour, whatever is installed.
"""

import math
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import ml_dtypes
import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.formats.pickled import InertUnpickler

_KINDS = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2", "LongStorage": "<i8",
          "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?"}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the legacy files
_MOST_ENTRIES, _DEEPEST = 200_000, 16  # of nested containers: a small pickle can unfold without end
_MOST_PICKLE = 2**26  # bytes


class _Storage(NamedTuple):
    key: str
    kind: str
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Refused(Exception):
    """Something that a file of tensors does not hold."""


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The tensors of a .pth file: name -> array, the names of nested dictionaries joined by "/".

    Args:
      path: a file that torch.save wrote, of any version from 0.4 on.
      prefix: only tensors whose names begin so; it is cut off.

    Raises:
      InputError: a damaged file, or one that holds more than tensors, numbers,
        texts and containers of them.
    """
    try:
        with open(path, "rb") as file:
            return _read_zip(file, prefix) if zipfile.is_zipfile(file) else _read_legacy(file, prefix)
    except OSError:
        raise
    except Exception as error:  # a pickle can end in any of them
        reason = (str(error) or repr(error)).splitlines()[0]
        raise InputError(f"{path}: expected tensors written by torch.save, found another or damaged file ({reason}): "
                         "give the published file, whole") from error


def _read_zip(file: BinaryIO, prefix: str) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise _Refused("compressed members")  # torch.save never does: a bomb?
        pickles = [name for name in members if name.endswith("/data.pkl")]
        if len(pickles) != 1 or members[pickles[0]].file_size > _MOST_PICKLE:
            raise _Refused("no data.pkl of a credible size")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in members and archive.read(f"{root}byteorder") != b"little":
            raise _Refused("big-endian numbers")
        with archive.open(pickles[0]) as pickled:
            tensors = _named(_Unpickler(pickled).load(), prefix)
        return {name: _array(tensor, lambda storage: archive.read(f"{root}data/{storage.key}"))
                for name, tensor in tensors.items()}


def _read_legacy(file: BinaryIO, prefix: str) -> dict[str, np.ndarray]:
    file.seek(0)
    if _Unpickler(file).load() != _MAGIC or _Unpickler(file).load() != _PROTOCOL:
        raise _Refused("neither a zip nor PyTorch's magic number")
    if not _Unpickler(file).load()["little_endian"]:
        raise _Refused("big-endian numbers")
    main = _Unpickler(file)
    tensors = _named(main.load(), prefix)
    keys, places = _Unpickler(file).load(), {}
    for key in keys:
        count, = struct.unpack("<q", file.read(8))
        if count != main.storages[key].count:
            raise _Refused(f"storage {key} of another size than announced")
        places[key] = file.tell()
        file.seek(count * np.dtype(_KINDS[main.storages[key].kind]).itemsize, 1)

    def content(storage: _Storage) -> bytes:
        file.seek(places[storage.key])
        return file.read(storage.count * np.dtype(_KINDS[storage.kind]).itemsize)

    return {name: _array(tensor, content) for name, tensor in tensors.items()}


class _Unpickler(InertUnpickler):
    """Knows ordered dictionaries and what tensors are made of; everything else is refused by name."""

    def __init__(self, file: BinaryIO):
        super().__init__(file, "utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str):
        # What is returned must not be of use to a pickle beyond this: types that cannot be changed, texts, and functions
        # that are made anew each time.
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch", "Size"):
            return tuple
        if module == "torch" and name in _KINDS:
            return name
        if (module, name) in (("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2")):
            return lambda storage, offset, shape, strides, *rest: _Tensor(storage, offset, tuple(shape), tuple(strides))
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *rest: tensor
        raise _Refused(f"{module}.{name}, which is not a tensor")

    def persistent_load(self, pid) -> _Storage:
        tag, kind, key, _, count, *view = pid
        if tag != "storage" or kind not in _KINDS or type(count) is not int or count < 0 or any(view):
            raise _Refused("a storage of an unknown kind")
        return self.storages.setdefault(str(key), _Storage(str(key), kind, count))


def _named(loaded: object, prefix: str) -> dict[str, _Tensor]:
    """The tensors of nested dictionaries, lists left out, whose names begin with the prefix."""
    found = {name.removeprefix(prefix): tensor for name, tensor in _walk(loaded) if name.startswith(prefix)}
    if not found:
        raise _Refused(f"no tensor {prefix}*")
    return found


def _walk(loaded: object) -> Iterator[tuple[str, _Tensor]]:
    waiting, seen = [("", loaded, 0)], 0
    while waiting:
        name, item, depth = waiting.pop()
        seen += 1
        if seen > _MOST_ENTRIES or depth > _DEEPEST:
            raise _Refused("containers without end")
        if isinstance(item, _Tensor):
            yield name, item
        elif isinstance(item, dict):
            inner = [(f"{name}/{key}" if name else str(key), value, depth + 1) for key, value in item.items()]
            waiting.extend(reversed(inner))


def _array(tensor: _Tensor, content: Callable[[_Storage], bytes]) -> np.ndarray:
    storage, offset, shape, strides = tensor
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in numbers):
        raise _Refused("a tensor of impossible sizes")
    elements = math.prod(shape)
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    if elements > storage.count or elements and last >= storage.count:
        raise _Refused("a tensor that reaches beyond its storage")
    dtype = np.dtype(_KINDS[storage.kind])
    flat = np.frombuffer(content(storage), dtype)
    if len(flat) != storage.count:
        raise _Refused(f"storage {storage.key} cut off")
    steps = [stride * dtype.itemsize for stride in strides]
    array = np.zeros(shape, dtype)
    if elements:
        array = np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False).copy()
    return array.view(ml_dtypes.bfloat16).astype(np.float32) if storage.kind == "BFloat16Storage" else array
