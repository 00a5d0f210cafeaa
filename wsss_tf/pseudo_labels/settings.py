"""Flags of what turns maps into training targets."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.errors import InputError

DOUBTFUL = ("all_labeled", "unlabeled")  # refinements, by what a salient pixel without CAM becomes
SOURCES = ("maps", "spectral_residual", "fine_grained", "ground_truth")


@dataclasses.dataclass(frozen=True)
class SaliencyConfig:
    """Where saliency comes from and how it becomes the target of the saliency loss."""

    source: str = setting(
        "maps", "where saliency comes from: maps, the files of any detector (A2-7, PoolNet in the thesis); "
                "spectral_residual or fine_grained, OpenCV's detectors, which learned nothing and find much less (use "
                "--saliency_binarisation=twice_mean with them); "
                "ground_truth, the training masks (rows C1-C4 of Table 2.3, needs --allow_mask_supervision)", SOURCES)
    binarisation: str = setting(
        "fixed", "a pixel is salient above: fixed, --saliency_threshold; twice_mean, twice the mean score of its "
                 "photo, as is usual for detectors that learned nothing (Achanta et al., CVPR 2009)",
        ("fixed", "twice_mean"))
    threshold: float = setting(0.5, "a pixel is salient above this share of --maps_max, or of the "
                                    "highest score that an OpenCV detector gives in its photo (A2-8)")
    refinement: str = setting(
        "unlabeled", "refinement of the maps by class activation maps (Table 2.5): none, the original map (rows A1, "
                     "A3, A4, B1, C1-C4 of Table 2.3); unlabeled, eq. 2.6; all_labeled, eq. 2.6 without unlabeled "
                     "pixels, read as: salient pixels with a low CAM become background instead",
        ("none", *DOUBTFUL))
    tau_high: float = setting(0.8, "non-salient pixels with a higher CAM become foreground (eq. 2.6, tau1)")
    tau_low: float = setting(0.3, "salient pixels with a lower CAM become unlabeled, or background with "
                                  "--saliency_refinement=all_labeled (eq. 2.6, tau2)")


@dataclasses.dataclass(frozen=True)
class LabelConfig:
    """How class activation maps become pseudo-labels."""

    threshold: float = setting(0.2, "score of the background beside the normalised maps (eq. 1.12; PSA uses 0.2)")
    ignore_below: float | None = setting(
        None, "normalised map above which a pixel takes a class (eq. 1.13); one between the threshold and this is ignored in "
              "training; none: the threshold is both", kind=float)

    def __post_init__(self):
        if self.ignore_below is not None and self.ignore_below < self.threshold:
            raise InputError(f"ignore_below={self.ignore_below:g}: expected no less than the threshold {self.threshold:g}, as "
                             "pixels between the two are ignored: raise it, or set it to none")


@dataclasses.dataclass(frozen=True)
class SeedConfig:
    """How class activation maps and superpixels become sparse initial seeds."""

    alpha: float = setting(0.5, "normalised map above which a pixel is an initial seed (eq. 3.4, A3-1; Table 3.7)")
    keep_foreground: bool = setting(True, "confident pixels in the background superpixel stay foreground (A3-6); false "
                                          "overwrites them, as eqs 3.4 and 3.5 read literally")
