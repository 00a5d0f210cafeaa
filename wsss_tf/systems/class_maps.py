"""What the classifiers share: scores and pictures of class maps."""

import keras
import tensorflow as tf

from wsss_tf.ops import colour, resize
from wsss_tf.train.contract import Batch


def scores(cam: tf.Tensor) -> tf.Tensor:
    """Class scores of raw maps: spatial mean, [B, h, w, C] -> [B, C] (A2-4)."""
    return tf.reduce_mean(cam, axis=[1, 2])


def preview(net: keras.Model, batch: Batch) -> tf.Tensor:
    """The photos, dimmed where the "cam" of no present class is active: uint8 [B, S, S, 3]."""
    cam = tf.nn.relu(net(batch["image"], training=False)["cam"]) * batch["tags"][:, None, None, :]
    cam = cam / (tf.reduce_max(cam, axis=[1, 2], keepdims=True) + 1e-5)
    strength = resize.bilinear(tf.reduce_max(cam, axis=-1, keepdims=True), tf.shape(batch["image"])[1:3])
    return colour.uncentre(batch["image"] * strength)
