"""The backbones by name: one function from centred image to named endpoints."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from wsss_tf.nets import mobilenet, resnet, resnet_torch, tiny, vgg, wide_resnet38
from wsss_tf.nets.settings import BackboneConfig

# Each builder: (output_stride, weights, batch_norm="usual") -> Model, centred image [B, H, W, 3] -> the endpoints.
BACKBONES: dict[str, Callable[..., keras.Model]] = {
    "vgg16": vgg.build,
    "vgg16_torch": vgg.build_torch,
    "resnet50": resnet.build_50,
    "resnet101": resnet.build_101,
    "resnet50_torch": resnet_torch.build,
    "resnet101_torch": resnet_torch.build_101,
    "wrn38": wide_resnet38.build,
    "mobilenet": mobilenet.build,
    "tiny": tiny.build,
}
_CELLS_IN_THE_MIDDLE = ("mobilenet", "tiny")  # all others pad on both sides


@dataclasses.dataclass(frozen=True)
class Grid:
    """Where the cells of a trunk lie on its input.

    Attributes:
      stride: input pixels per cell.
      corner: cell i lies at pixel stride * i; otherwise amid its stride pixels.
    """

    stride: int
    corner: bool

    def padded(self, size: tf.Tensor) -> tf.Tensor:
        """The smallest sides from `size` on that the cells cover evenly: stride * k (+ 1 with `corner`)."""
        extra = int(self.corner)
        return (size - extra + self.stride - 1) // self.stride * self.stride + extra


def backbone_grid(config: BackboneConfig) -> Grid:
    """The grid of cells of the trunk that build_backbone gives."""
    return Grid(config.output_stride, config.backbone not in _CELLS_IN_THE_MIDDLE)


def build_backbone(config: BackboneConfig) -> keras.Model:
    """The trunk: centred image [B, H, W, 3] -> the features that each kind of head reads.

    The endpoints are "classify" and "segment", float32 [B, h, w, D] each, with a
    cell for every `output_stride` pixels; Grid.padded gives the sides that the
    cells cover evenly. Some trunks have inner features as further endpoints.
    What the batch norms do in training is a setting (BackboneConfig.batch_norm).

    Raises:
      InputError: unsupported output stride, weights that do not fit, or a
        choice for batch norms where there are none.
    """
    return BACKBONES[config.backbone](config.output_stride, config.weights, config.batch_norm)
