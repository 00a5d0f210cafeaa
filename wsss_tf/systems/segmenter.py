"""The segmentation net that every method trains, and what they share around it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.files.store import voc_palette
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.heads import aspp, aspp_fc, hidden_start, last_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.vgg import FC_CHANNELS, fc_layers
from wsss_tf.nets.weights import load_weights
from wsss_tf.ops import resize
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.train.contract import Batch


def build_segmenter(backbone: BackboneConfig, config: SegmenterConfig, num_classes: int) -> keras.Model:
    """DeepLab-ASPP: centred image [B, H, W, 3] -> {"logits": float32 [B, h, w, C+1]}, background first.

    Raises:
      InputError: weights that do not fit, or that lack the layers which the branches are to start from.
    """
    trunk = build_backbone(backbone)
    features, labels = trunk.output["segment"], num_classes + 1
    start, last = (make(config.init, config.init_std) for make in (hidden_start, last_start))
    logits = (aspp_fc(features, config.rates, config.channels, labels, start, last, config.dropout)
              if config.head == "aspp_fc" else aspp(features, config.rates, labels, last))
    net = keras.Model(trunk.input, {"logits": logits}, name="segmenter")
    has_fc = backbone.backbone == "vgg16" and backbone.weights != "none"
    if has_fc and config.head == "aspp_fc" and config.fc_start == "pretrained":
        _start_from_vgg(net, backbone.weights, config)
    return net


def trained_segmenter(path: Path, backbone: BackboneConfig, config: SegmenterConfig, num_classes: int) -> keras.Model:
    """The segmentation net with the weights of a file that a stage has left.

    Raises:
      InputError: the file is missing or is of another net.
    """
    net = build_segmenter(dataclasses.replace(backbone, weights="none"), config, num_classes)  # no download only to load
    load_weights(net, path)
    return net


def _start_from_vgg(net: keras.Model, weights: str, config: SegmenterConfig) -> None:
    """Copies VGG16's fully connected layers, made convolutional, into fc6 and fc7 of every branch (section 2.4.1)."""
    if config.channels != FC_CHANNELS:
        raise InputError(f"--seg_channels={config.channels}: expected {FC_CHANNELS}, as many as are left of VGG16's fully "
                         "connected layers, from which fc6 and fc7 start: leave it out, or draw them with "
                         "--seg_fc_start=random")
    for layer, arrays in fc_layers(weights).items():
        for rate in config.rates:
            net.get_layer(f"{layer}_rate{rate}").set_weights(arrays)


def logits_at_scales(net: keras.Model, image: tf.Tensor, config: SegmenterConfig) -> list[tf.Tensor]:
    """Logits of the net on a batch of centred crops resized by each scale, shared weights.

    With config.fused_loss the last one is the maximum of all, at the resolution of the first.
    """
    outputs = [net(image if scale == 1 else _resized(image, scale, config.resize), training=True)["logits"]
               for scale in config.scales]
    if config.fused_loss:
        size = tf.shape(outputs[0])[1:3]
        outputs.append(tf.reduce_max([outputs[0], *(resize.bilinear(logits, size) for logits in outputs[1:])], axis=0))
    return outputs


def _resized(image: tf.Tensor, scale: float, rule: str) -> tf.Tensor:
    if rule == "by_factor":
        return resize.bilinear_by_factor(image, scale)
    return resize.bilinear(image, resize.scaled_size(tf.shape(image)[1:3], scale))


def sum_over_scales(outputs: list[tf.Tensor], target: tf.Tensor, target_pixel: str,
                    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Sum over scales of a loss at logit resolution: [B].

    Args:
      outputs: of logits_at_scales, each [B, h_s, w_s, C+1].
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
