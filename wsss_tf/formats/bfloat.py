"""The 16-bit number that NumPy lacks."""

import numpy as np


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """The upper halves of float32, uint16 of any shape -> float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
