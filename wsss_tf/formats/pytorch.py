"""PyTorch's files, zip and legacy, without PyTorch: tensors and plain containers only.

There is no second way through PyTorch's own loader: even its restricted mode
ran code of malicious files before PyTorch 2.6 (CVE-2025-32434), and one reader
is one behaviour, whatever is installed.
"""

import io
import math
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from wsss_tf.errors import InputError, reason
from wsss_tf.formats import pickles
from wsss_tf.formats.arrays import BFLOAT16, sound
from wsss_tf.formats.pickles import Refused

_KINDS = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": BFLOAT16,
          "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1",
          "BoolStorage": "?"}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the legacy files
_MOST_PICKLE = 2**24  # bytes; those of published files have less than one million
_MOST_ENTRIES, _DEEPEST, _LONGEST = 200_000, 16, 1000  # nested containers, and characters of a name: a pickle can unfold
_MOST_SHARED = 4  # times the size of the file that its tensors may take together
_MOST_AXES = 32


class _Storage(NamedTuple):
    key: str
    kind: str
    count: int

    @property
    def size(self) -> int:
        return self.count * np.dtype(_KINDS[self.kind]).itemsize


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape) * np.dtype(_KINDS[self.storage.kind]).itemsize


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The tensors of a .pth file: name -> array, the names of nested dictionaries joined by "/".

    Args:
      path: a file that torch.save wrote, of any version from 0.4 on.
      prefix: only tensors whose names begin so; it is cut off.

    Raises:
      InputError: a damaged file, one that holds more than tensors, numbers,
        texts and containers of them, or NaN and infinity.
    """
    try:
        with open(path, "rb") as file:
            size = path.stat().st_size
            return _read_zip(file, prefix, size) if zipfile.is_zipfile(file) else _read_legacy(file, prefix, size)
    except Exception as error:  # a pickle can end in any of them
        raise InputError(f"{path}: expected tensors written by torch.save, found another or damaged file ({reason(error)}): "
                         "give the published file, whole") from error


def _read_zip(file: BinaryIO, prefix: str, size: int) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise Refused("compressed members")  # torch.save never does: a bomb?
        if sum(info.file_size for info in archive.infolist()) > size:
            raise Refused("members that overlap or leave the file")
        pickled = [name for name in members if name.endswith("/data.pkl")]
        if len(pickled) != 1 or members[pickled[0]].file_size > _MOST_PICKLE:
            raise Refused("no data.pkl of a credible size")
        root = pickled[0].removesuffix("data.pkl")
        if f"{root}byteorder" in members and archive.read(f"{root}byteorder") != b"little":
            raise Refused("big-endian numbers")
        tensors = _named(_Pickled().load(io.BytesIO(archive.read(pickled[0]))), prefix)
        storages = _storages(tensors, size)
        return _arrays(tensors, {key: archive.read(f"{root}data/{key}") for key in storages})


def _read_legacy(file: BinaryIO, prefix: str, size: int) -> dict[str, np.ndarray]:
    file.seek(0)
    stream, main = io.BytesIO(file.read(_MOST_PICKLE)), _Pickled()
    if main.load(stream) != _MAGIC or main.load(stream) != _PROTOCOL:
        raise Refused("neither a zip nor PyTorch's magic number")
    if not main.load(stream)["little_endian"]:
        raise Refused("big-endian numbers")
    tensors = _named(main.load(stream), prefix)
    storages, contents = _storages(tensors, size), {}
    keys = main.load(stream)
    file.seek(stream.tell())
    for key in keys:
        storage = main.storages[key if type(key) is str else ""]
        if struct.unpack("<q", file.read(8)) != (storage.count,):
            raise Refused(f"storage {key} of another size than announced")
        if key in storages and storage.size <= size - file.tell():
            contents[key] = file.read(storage.size)
        else:
            file.seek(storage.size, 1)
    return _arrays(tensors, contents)


class _Pickled:
    """Knows dictionaries and what tensors are made of; everything else is refused by name."""

    def __init__(self):
        self.storages: dict[str, _Storage] = {}

    def load(self, stream: io.BytesIO) -> Any:
        """The next object of a stream."""
        return pickles.load(stream, _NAMES, self._storage)

    def _storage(self, pid: Any) -> _Storage:
        if type(pid) is not tuple or len(pid) not in (5, 6):
            raise Refused("a storage without its parts")
        tag, kind, key, _, count, *view = pid
        known = tag == "storage" and type(kind) is str and kind in _KINDS and type(key) is str and len(key) <= _LONGEST
        if not known or not _is_size(count) or any(part is not None for part in view):
            raise Refused("a storage of an unknown kind")
        return self.storages.setdefault(key, _Storage(key, kind, count))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Stands for the functions that make a tensor."""
    if not isinstance(storage, _Storage) or not (type(shape) is type(strides) is tuple and len(shape) <= _MOST_AXES):
        raise Refused("a tensor without its parts")
    if not all(map(_is_size, (offset, *shape, *strides))):
        raise Refused("a tensor of impossible sizes")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    elements = math.prod(shape)
    if elements > storage.count or elements and last >= storage.count:
        raise Refused("a tensor that reaches beyond its storage")
    return _Tensor(storage, offset, shape, strides)


def _is_size(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**48


_NAMES = {("collections", "OrderedDict"): pickles.dictionary, ("torch", "Size"): lambda sides: sides,
          ("torch._utils", "_rebuild_tensor"): _tensor, ("torch._utils", "_rebuild_tensor_v2"): _tensor,
          ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor, **{("torch", kind): kind for kind in _KINDS}}


def _named(loaded: object, prefix: str) -> dict[str, _Tensor]:
    """The tensors of nested dictionaries, lists left out, whose names begin with the prefix."""
    found = {}
    for name, tensor in _walk(loaded):
        if name in found:
            raise Refused(f"{name}, which occurs twice")
        found[name] = tensor
    chosen = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    if not chosen:
        raise Refused(f"no tensor {prefix}*")
    return chosen


def _walk(loaded: object) -> Iterator[tuple[str, _Tensor]]:
    waiting, seen = [("", loaded, 0)], 0
    while waiting:
        name, item, depth = waiting.pop()
        if len(name) > _LONGEST:
            raise Refused("a name without end")
        if isinstance(item, _Tensor):
            yield name, item
        elif isinstance(item, dict):
            seen += 1 + len(item)
            if seen > _MOST_ENTRIES or depth > _DEEPEST:
                raise Refused("containers without end")
            inner = [(f"{name}/{key}" if name else str(key), value, depth + 1) for key, value in item.items()]
            waiting.extend(reversed(inner))


def _storages(tensors: dict[str, _Tensor], size: int) -> set[str]:
    """The keys of the storages of some tensors, which together are of a credible size."""
    if sum(tensor.size for tensor in tensors.values()) > _MOST_SHARED * size:
        raise Refused("tensors far larger than the file")
    return {tensor.storage.key for tensor in tensors.values()}


def _arrays(tensors: dict[str, _Tensor], contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Arrays of their own, from the bytes of the storages."""
    for key, storage in {tensor.storage.key: tensor.storage for tensor in tensors.values()}.items():
        if len(contents.get(key, b"")) != storage.size:
            raise Refused(f"storage {key} cut off")
    return {name: sound(name, _array(tensor, contents[tensor.storage.key])) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    dtype = np.dtype(_KINDS[tensor.storage.kind])
    if not math.prod(tensor.shape):
        return np.zeros(tensor.shape, dtype)
    flat, steps = np.frombuffer(content, dtype), [stride * dtype.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset:], tensor.shape, steps, writeable=False).copy()
