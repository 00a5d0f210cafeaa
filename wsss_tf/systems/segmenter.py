"""The segmentation net that every method trains, and what they share around it."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.files.store import voc_palette
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.heads import aspp, aspp_fc, hidden_start, last_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import load_weights
from wsss_tf.ops import resize
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.train.contract import Batch


def build_segmenter(backbone: BackboneConfig, config: SegmenterConfig, num_classes: int) -> keras.Model:
    """DeepLab-ASPP: centred image [B, H, W, 3] -> {"logits": float32 [B, h, w, C+1]}, background first."""
    trunk = build_backbone(backbone)
    features, labels = trunk.output["segment"], num_classes + 1
    start, last = (make(config.init, config.init_std) for make in (hidden_start, last_start))
    logits = (aspp_fc(features, config.rates, config.channels, labels, start, last, config.dropout)
              if config.head == "aspp_fc" else aspp(features, config.rates, labels, last))
    return keras.Model(trunk.input, {"logits": logits}, name="segmenter")


def trained_segmenter(path: Path, backbone: BackboneConfig, config: SegmenterConfig, num_classes: int) -> keras.Model:
    """The segmentation net with the weights of a file that a stage has left.

    Raises:
      InputError: the file is missing or is of another net.
    """
    net = build_segmenter(backbone, config, num_classes)
    load_weights(net, path)
    return net


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
