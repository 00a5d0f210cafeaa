"""Training targets from object masks and class activation maps (eqs 2.5-2.6).

Artefact: saliency/<image_id>.png, 8-bit grey, 0 background, 1 foreground,
255 unlabeled.
"""

import dataclasses

import numpy as np

from wsss_tf.files.cams import normalise
from wsss_tf.config import setting
from wsss_tf.example import BACKGROUND, UNKNOWN

# What a salient pixel without CAM becomes in each refinement.
_DOUBTFUL = {"all_labeled": BACKGROUND, "unlabeled": UNKNOWN}


@dataclasses.dataclass(frozen=True)
class SaliencyConfig:
    """Where saliency comes from and how it becomes the target of the saliency loss."""

    saliency_source: str = setting(
        "maps", "where saliency comes from: maps, the files of any detector (A2-7, PoolNet in the thesis); "
                "spectral_residual or fine_grained, OpenCV's detectors, which learned nothing and find much less (use "
                "--binarisation=twice_mean with them); "
                "ground_truth, the training masks (rows C1-C4 of Table 2.3, needs --allow_mask_supervision)",
        ("maps", "spectral_residual", "fine_grained", "ground_truth"))
    allow_mask_supervision: bool = setting(
        False, "let --saliency_source=ground_truth open the masks of the training images; the run is then no longer "
               "trained from tags, and its manifests and reports say so")
    binarisation: str = setting(
        "fixed", "a pixel is salient above: fixed, --saliency_threshold; twice_mean, twice the mean score of its "
                 "photo, as is usual for detectors that learned nothing (Achanta et al., CVPR 2009)",
        ("fixed", "twice_mean"))
    saliency_threshold: float = setting(0.5, "a pixel is salient above this share of --saliency_max, or of the "
                                             "highest score that an OpenCV detector gives in its photo (A2-8)")
    refinement: str = setting(
        "unlabeled", "refinement of the maps by class activation maps (Table 2.5): none, the original map (rows A1, "
                     "A3, A4, B1, C1-C4 of Table 2.3); unlabeled, eq. 2.6; all_labeled, eq. 2.6 without unlabeled "
                     "pixels, read as: salient pixels with a low CAM become background instead",
        ("none", *_DOUBTFUL))
    tau_high: float = setting(0.8, "non-salient pixels with a higher CAM become foreground (eq. 2.6, tau1)")
    tau_low: float = setting(0.3, "salient pixels with a lower CAM become unlabeled, or background with "
                                  "--refinement=all_labeled (eq. 2.6, tau2)")


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
