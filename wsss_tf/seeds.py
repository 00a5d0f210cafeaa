"""Pseudo-labels from class activation maps (eqs 1.12-1.13)."""

import dataclasses

import numpy as np

from wsss_tf.cam import normalise
from wsss_tf.config import setting
from wsss_tf.data.example import BACKGROUND


@dataclasses.dataclass(frozen=True)
class SeedConfig:
    """How class activation maps become pseudo-labels."""

    cam_threshold: float = setting(0.2, "background score beside the normalised maps (eq. 1.12; PSA uses 0.2)")


def pseudo_label(keys: np.ndarray, cam: np.ndarray, threshold: float) -> np.ndarray:
    """The strongest present class of each pixel, background below the threshold.

    Args:
      keys: int64 [K], label values of the present classes; none means all background.
      cam: float32 [K, H, W], rectified maps.
      threshold: score of the background, 0..1.

    Returns:
      uint8 [H, W] label map.

    Ref: thesis eqs 1.12-1.13.
    """
    if not len(keys):
        return np.full(cam.shape[1:], BACKGROUND, np.uint8)
    maps = normalise(cam)
    label = keys[maps.argmax(axis=0)]
    return np.where(maps.max(axis=0) > threshold, label, BACKGROUND).astype(np.uint8)
