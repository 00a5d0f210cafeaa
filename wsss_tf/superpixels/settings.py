"""Flags of features and superpixels."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.imaging import crf
from wsss_tf.nets.settings import BACKBONE_NAMES, FACETS, VIT_SIZES

RGB = "rgb"
FROM_FEATURES = ("discovery", "ncut", "ncut_dense")
CLASSIC = ("slic", "seeds", "lsc")
ORDERS = ("low_first", "high_first")  # of discovery


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """Which net looks at the photo, and where it is read."""

    net: str = setting("vit_b8", "net that gives the features (section 3.3.1: ViT-B/8 trained by DINO; Fig. 3.10: "
                                 "others); convolutional backbones are read where segmentation reads them, "
                                 "at their last layer (A3-25), rgb is the mean colour of each cell",
                       (*VIT_SIZES, *BACKBONE_NAMES, RGB))
    weights: str = setting("", "its weights: for a ViT the .weights.h5 file of a whole one, vit_shapes brings its own; for a "
                               "backbone imagenet or a file as in --cls_weights; none is a random net, always the same; "
                               "dino trains the transformer on the training photos first, as part of this run; "
                               "may contain ${VARIABLE}", file=True)
    block: int = setting(-1, "block of a ViT that is read, -1 the last (section 3.3.1)")
    facet: str = setting("key", "what is read there: keys, queries or values of the attention, heads side by side "
                                "(section 3.3.1: keys), or the output token", FACETS)
    positions: str = setting("tf", "rule that resizes the positional embedding: tf (thesis, A3-5) or torch (DINO)",
                             ("tf", "torch"))
    stride: int = setting(8, "pixels per cell of backbones (8 or 16) and rgb; a ViT has its patch", low=1)
    scale: float = setting(1.0, "factor on the sides of the photo before the net sees it (A3-4)", low=0.1)


@dataclasses.dataclass(frozen=True)
class SuperpixelConfig:
    """How superpixels are made."""

    method: str = setting("discovery", "discovery from features (Table 3.1), ncut, the normalised cuts of eqs 3.13-3.15 "
                                       "(ncut_dense solves them without Lanczos), or OpenCV's slic, seeds and lsc",
                          (*FROM_FEATURES, *CLASSIC))
    tau: float = setting(0.3, "similarity above which a patch joins a superpixel (Table 3.1; Table 3.6: 0 to 0.5)")
    order: str = setting("low_first", "patch that starts the next superpixel: the one with the fewest links (thesis) or "
                                      "the most", ORDERS)
    size: int = setting(80, "side of the regions of slic and lsc in pixels, or number of superpixels of seeds (Table 3.5)",
                        low=1)
    crf_set: str = setting("superpixels", "parameter set of the dense CRF that follows discovery and ncut (A3-3), or none",
                           (*crf.CRF_SETS, "none"))
    crf_trust: float = setting(0.7, "probability that the CRF gives to the id of a pixel before it (A3-3)")
    crf_backend: str = setting("auto", "pydensecrf when importable, else the project's own", crf.BACKENDS, counts=False)


def uses_features(config: SuperpixelConfig) -> bool:
    """Whether the method reads features, and not the photo alone."""
    return config.method in FROM_FEATURES


def parameter(config: SuperpixelConfig) -> str:
    """What decides on the number of superpixels, e.g. "tau 0.3" or "size 80"."""
    return f"tau {config.tau:g}" if uses_features(config) else f"size {config.size}"
