"""Safetensors files, by the public library.

It reads numbers only, and refuses headers above 100 MB, offsets that leave the
file, overlap or leave gaps, and shapes that do not fit them.
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from wsss_tf.errors import InputError


def read(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a .safetensors file by name: those whose names begin with the prefix, which is cut off.

    Arrays of bfloat16, which NumPy lacks, become float32.

    Raises:
      InputError: a damaged file, one without such arrays, or numbers that NumPy lacks.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}
        if not arrays:
            raise ValueError(f"no array {prefix}*")
    except (SafetensorError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: expected a .safetensors file, found another or damaged one "
                         f"({str(error).splitlines()[0]}): give the published file, whole") from error
    return {name: array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array for name, array in arrays.items()}
