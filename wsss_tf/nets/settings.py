"""Flags of the nets."""

import dataclasses

from wsss_tf.config import setting

BACKBONE_NAMES = ("vgg16", "vgg16_torch", "resnet50", "resnet101", "resnet50_torch", "resnet101_torch", "wrn38", "mobilenet", "tiny")
LAST_LAYERS = {"fc8": ("fc8",), "head": ("fc6", "fc7", "fc8")}
"""Name prefixes of the layers whose learning rate is multiplied: which are the "last layers x10" (A2-25)."""
BATCH_NORMS = ("usual", "frozen", "trained")
FACETS = ("key", "query", "value", "token")  # of a transformer's patches


@dataclasses.dataclass(frozen=True)
class VitSize:
    """Patch side in pixels, width, number of blocks and heads, side of the images the positions are learned on."""

    patch: int
    width: int
    depth: int
    heads: int
    side: int = 224


VIT_SIZES = {
    "vit_b8": VitSize(8, 768, 12, 12), "vit_b16": VitSize(16, 768, 12, 12),
    "vit_s8": VitSize(8, 384, 12, 6), "vit_s16": VitSize(16, 384, 12, 6),
    "vit_shapes": VitSize(8, 96, 4, 3, side=64), "vit_tiny": VitSize(8, 16, 3, 2),
}


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """Which backbone to build and what it starts from."""

    backbone: str = setting("mobilenet", "backbone network; tiny has a few thousand parameters", BACKBONE_NAMES)
    output_stride: int = setting(8, "input pixels per feature cell: 8 (thesis, A2-3), 16 or 32; wrn38 has 8 only, the resnets of "
                                    "torchvision 16 and 32", low=1)
    weights: str = setting("imagenet", "start of the backbone: imagenet (Keras downloads it), none, or a local "
                                       "Keras .h5 file; may contain ${VARIABLE}", file=True)
    batch_norm: str = setting("usual", "batch norms in training. frozen: none changes; trained: statistics follow the batches, "
                                       "gamma and beta learn (LDF); usual: frozen in resnet50, resnet101, mobilenet and wrn38, "
                                       "only the statistics frozen in the resnets of torchvision, trained in tiny", BATCH_NORMS)
