"""Training targets from object masks and class activation maps (eqs 2.5-2.6).

Artefact: saliency/<image_id>.png, 8-bit grey, 0 background, 1 foreground,
255 unlabeled.
"""


import numpy as np

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.cams import normalise

# What a salient pixel without CAM becomes in each refinement.
_DOUBTFUL = {"all_labeled": BACKGROUND, "unlabeled": UNKNOWN}


def binarise(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Object mask O: float32 [H, W] in 0..1 -> uint8 [H, W] of 0 and 1 (A2-8)."""
    return (scores > threshold).astype(np.uint8)


def refine(binary: np.ndarray, cam: np.ndarray, tau_high: float, tau_low: float, refinement: str) -> np.ndarray:
    """Refined saliency R from the object mask and the maps of the present classes.

    Args:
      binary: uint8 [H, W] of 0 and 1.
      cam: float32 [K, H, W], rectified maps of the K present classes; K may be
        0, then B is 0 everywhere.
      tau_high: in 0..1; above it a missed pixel is added.
      tau_low: in 0..1; below it a salient pixel is doubted.
      refinement: "unlabeled" or "all_labeled".

    Returns:
      uint8 [H, W]: 1 where B > tau_high and O = 0; 255 ("unlabeled") or 0
      ("all_labeled") where B < tau_low and O = 1; O elsewhere. B is the maximum
      of the normalised maps.

    Ref: thesis eqs 2.5-2.6, Table 2.5.
    """
    strength = normalise(cam).max(axis=0, initial=0)
    refined = np.where((strength > tau_high) & (binary == 0), 1, binary)
    return np.where((strength < tau_low) & (binary == 1), _DOUBTFUL[refinement], refined).astype(np.uint8)
