"""Label maps in MATLAB files of other people: SBD's GTcls and PASCAL-Context's LabelMap.

A .mat file of version 5 holds arrays, structs and cells, and nothing that runs.
What remains to guard against is a small file that claims to be a large one.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import scipy.io

from wsss_tf.data.images import MAX_SIDE
from wsss_tf.errors import InputError

SBD_FIELDS = ("GTcls", "Segmentation")
CONTEXT_FIELDS = ("LabelMap",)
MAX_BYTES = 64 << 20  # of all variables, decompressed; those of SBD have about 0.2 MB
_HEADER, _TAG = 128, 8  # bytes before the first variable, and before each
_COMPRESSED = 15  # miCOMPRESSED


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
        data = path.read_bytes()
        _check_inflated_size(data)
        value = scipy.io.loadmat(io.BytesIO(data), variable_names=[variable], struct_as_record=True)[variable]
        for field in fields:
            value = value[0, 0][field]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: take it from its source again") from None
    except Exception as error:  # a damaged or hostile file can fail in any way, and all mean the same
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"{path}: expected a MATLAB file with {name} ({reason}): take it from its source again") from error
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype not in (np.uint8, np.uint16):
        found = f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InputError(f"{path}: expected {name} as uint8 or uint16 [H, W], found {found}: take it from its source again")
    if not 0 < min(value.shape) <= max(value.shape) <= MAX_SIDE:
        raise InputError(f"{path}: expected {name} with sides of 1 to {MAX_SIDE} pixels, found {list(value.shape)}: "
                         "take it from its source again")
    return np.ascontiguousarray(value)


def _check_inflated_size(data: bytes) -> None:
    """Refuses what decompresses to more than MAX_BYTES, before anything is allocated for it."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("no MATLAB file of version 5 to 7.2")
    position, total = _HEADER, 0
    while position + _TAG <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, position)
        content = data[position + _TAG : position + _TAG + size]
        if kind == _COMPRESSED:
            total += len(zlib.decompressobj().decompress(content, MAX_BYTES + 1))
        else:
            total += len(content)
        if total > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MiB of variables")
        position += _TAG + size
