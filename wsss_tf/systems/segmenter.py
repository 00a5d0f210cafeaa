"""The segmentation net that every method trains, and what they share around it."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from wsss_tf.ops import resize
from wsss_tf.systems import losses
from wsss_tf.config import setting
from wsss_tf.files.store import voc_palette
from wsss_tf.train.contract import Batch
from wsss_tf.nets.backbone import BackboneConfig, build_backbone
from wsss_tf.nets.heads import aspp


@dataclasses.dataclass(frozen=True)
class SegmenterConfig:
    """Head and inputs of the segmentation net."""

    rates: tuple = setting((6, 12, 18, 24), "dilation rates of the DeepLab-ASPP branches (spec section 13)", low=1)
    channels: int = setting(1024, "channels of fc6 and fc7 in each branch (VGG16); 0: branches are single 3x3 "
                                  "convolutions (ResNet101)")
    dropout: float = setting(0.5, "dropout after fc6 and fc7 in training (spec section 13)")
    init_std: float = setting(0.01, "standard deviation of the normal start of the ASPP branches (spec section 13); "
                                    "0: He's in fc6 and fc7")
    scales: tuple = setting((1.0, 0.75, 0.5), "input scales S in training (section 2.3.3)", low=0.1)
    target_pixel: str = setting("corner", "pixel that gives a cell its target: corner, as PyTorch's nearest (A2-10), "
                                          "or centre, where upsampling puts the cell", ("corner", "centre"))
    average: str = setting("image", "means over pixels and present classes run over those of each image (A2-26), or of the "
                                    "whole batch, all devices together", tuple(losses.MEANS))


def build_segmenter(backbone: BackboneConfig, config: SegmenterConfig, num_classes: int) -> keras.Model:
    """DeepLab-ASPP: centred image [B, H, W, 3] -> {"logits": float32 [B, h, w, C+1]}, background first."""
    trunk = build_backbone(backbone)
    logits = aspp(trunk.output["segment"], config.rates, config.channels, num_classes + 1, config.init_std,
                  config.dropout)
    return keras.Model(trunk.input, {"logits": logits}, name="segmenter")


def logits_at_scales(net: keras.Model, image: tf.Tensor, scales: tuple[float, ...]) -> list[tf.Tensor]:
    """Logits of the net on a batch of centred crops resized by each scale, shared weights."""
    size = tf.shape(image)[1:3]
    return [
        net(image if scale == 1 else resize.bilinear(image, resize.scaled_size(size, scale)), training=True)["logits"]
        for scale in scales
    ]


def sum_over_scales(outputs: list[tf.Tensor], target: tf.Tensor, target_pixel: str,
                    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Sum over scales of a loss at logit resolution: [B].

    Args:
      outputs: logits per scale, each [B, h_s, w_s, C+1].
      target: int32 [B, S, S]; nearest-resized to each output (A2-10).
      target_pixel: "corner" or "centre" of a cell.
      loss: (logits, resized target) -> [B].
    """
    centre = target_pixel == "centre"
    return tf.add_n([loss(logits, resize.nearest_labels(target, tf.shape(logits)[1:3], centre)) for logits in outputs])


def preview(net: keras.Model, batch: Batch) -> tf.Tensor:
    """Predicted labels in VOC colours: uint8 [B, S, S, 3]."""
    logits = net(batch["image"], training=False)["logits"]
    labels = tf.argmax(resize.bilinear(logits, tf.shape(batch["image"])[1:3]), axis=-1)
    return tf.gather(tf.constant(voc_palette()), labels)
