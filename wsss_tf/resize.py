"""Resizing with the semantics the papers' code relies on (spec 0.4)."""

import tensorflow as tf


def bilinear(maps: tf.Tensor, size) -> tf.Tensor:
    """Half-pixel bilinear without antialiasing: [B, h, w, K] -> float32 [B, *size, K].

    Equals PyTorch's interpolate(size=..., align_corners=False).
    """
    return tf.image.resize(maps, size, method="bilinear", antialias=False)


def nearest_labels(labels: tf.Tensor, size, centre: bool = False) -> tf.Tensor:
    """Nearest label map: int32 [B, h, w] -> [B, *size].

    The source index is floor(i * in / out), as in PyTorch's
    interpolate(mode="nearest"), or with `centre` floor((i + 0.5) * in / out),
    as in PIL: the pixel in the middle of a cell, where bilinear upsampling
    puts the cell's value.
    """
    resized = tf.compat.v1.image.resize_nearest_neighbor(labels[..., None], size, half_pixel_centers=centre)
    return resized[..., 0]


def scaled_size(size: tf.Tensor, scale: float) -> tf.Tensor:
    """(height, width) times a scale, rounded to whole pixels, at least 1: int32 [2]."""
    return tf.maximum(tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32), 1)
