"""What every reader of weights promises of its arrays."""

import ml_dtypes
import numpy as np

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)  # the 16-bit number that NumPy lacks


def sound(name: str, array: np.ndarray) -> np.ndarray:
    """The array itself; one of bfloat16 as float32.

    Raises:
      ValueError: it holds something else than real numbers, NaN or infinity.
    """
    if array.dtype == BFLOAT16:
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected numbers, found {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected numbers, found NaN or infinity among them")
    return array


def named(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Sound arrays whose names begin with the prefix, which is cut off.

    Raises:
      ValueError: there are none, or one is not sound.
    """
    found = {name.removeprefix(prefix): sound(name, array) for name, array in arrays.items() if name.startswith(prefix)}
    if not found:
        raise ValueError(f"no array {prefix}*")
    return found
