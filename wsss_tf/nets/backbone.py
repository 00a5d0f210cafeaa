"""The backbones by name: one function from centred image to named endpoints."""

import dataclasses
from collections.abc import Callable

import keras

from wsss_tf.config import setting
from wsss_tf.nets import mobilenet, tiny

# Each builder: (output_stride, weights) -> Model, centred image [B, H, W, 3] -> the endpoints.
BACKBONES: dict[str, Callable[[int, str], keras.Model]] = {
    "mobilenet": mobilenet.build,
    "test": tiny.build,
}


@dataclasses.dataclass(frozen=True)
class BackboneConfig:
    """Which trunk to build and what it starts from."""

    backbone: str = setting("mobilenet", "trunk network; 'test' is a few thousand parameters", tuple(BACKBONES))
    output_stride: int = setting(8, "input pixels per feature cell; thesis 8 (A2-3); mobilenet and test: 8 or 16")
    weights: str = setting("imagenet", "start of the trunk: 'imagenet' (download by Keras), 'none', or a local "
                                       "Keras .h5 file; may contain ${VARIABLE}")


def build_backbone(config: BackboneConfig) -> keras.Model:
    """The trunk: centred image [B, H, W, 3] -> the features that each kind of head reads.

    The endpoints are "classify" and "segment", float32 [B, h, w, D] each; h and
    w are the input sides divided by the output stride, which the input sides
    must be multiples of. Batch norms of pretrained trunks are frozen, statistics
    and affine part (spec 1.4).

    Raises:
      InputError: unsupported output stride, or weights that do not fit.
    """
    return BACKBONES[config.backbone](config.output_stride, config.weights)
