"""Saliency maps: reading, and refinement by class activation maps (eqs 2.5-2.6).

Artefact: saliency/<image_id>.png, 8-bit grey, 0 background, 1 foreground,
255 unlabeled.
"""

import dataclasses

import numpy as np

from wsss_tf.cam import normalise
from wsss_tf.config import setting
from wsss_tf.data.example import UNKNOWN


@dataclasses.dataclass(frozen=True)
class SaliencyConfig:
    """How a detector's map becomes the target of the saliency loss."""

    saliency_threshold: float = setting(0.5, "a pixel is salient above this share of 255 (A2-8)")
    refine: bool = setting(True, "refine the maps by class activation maps (eqs 2.5-2.6; off in rows A1 and A3)")
    tau_high: float = setting(0.8, "non-salient pixels with a higher CAM become foreground (eq. 2.6, tau1)")
    tau_low: float = setting(0.3, "salient pixels with a lower CAM become unlabeled (eq. 2.6, tau2)")


def binarise(saliency: np.ndarray, threshold: float) -> np.ndarray:
    """Object mask O: uint8 [H, W] map of 0..255 -> uint8 [H, W] of 0 and 1 (A2-8)."""
    return (saliency > threshold * 255).astype(np.uint8)


def refine(binary: np.ndarray, cam: np.ndarray, tau_high: float, tau_low: float) -> np.ndarray:
    """Refined saliency R from the object mask and the maps of the present classes.

    Args:
      binary: uint8 [H, W] of 0 and 1.
      cam: float32 [K, H, W], rectified maps of the K present classes.
      tau_high: in 0..1; above it a missed pixel is added.
      tau_low: in 0..1; below it a salient pixel loses its label.

    Returns:
      uint8 [H, W]: 1 where B > tau_high and O = 0; 255 where B < tau_low and
      O = 1; O elsewhere. B is the maximum of the normalised maps.

    Ref: thesis eqs 2.5-2.6.
    """
    strength = normalise(cam).max(axis=0)
    refined = np.where((strength > tau_high) & (binary == 0), 1, binary)
    return np.where((strength < tau_low) & (binary == 1), UNKNOWN, refined).astype(np.uint8)
