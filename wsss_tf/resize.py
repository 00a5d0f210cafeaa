"""Resizing with the semantics the papers' code relies on (spec 0.4)."""

import tensorflow as tf


def bilinear(maps: tf.Tensor, size) -> tf.Tensor:
    """Half-pixel bilinear without antialiasing: [B, h, w, K] -> float32 [B, *size, K].

    Equals PyTorch's interpolate(size=..., align_corners=False).
    """
    return tf.image.resize(maps, size, method="bilinear", antialias=False)


def bilinear_by_factor(maps: tf.Tensor, factor: float) -> tf.Tensor:
    """Half-pixel bilinear with coordinates scaled by the given factor: [B, h, w, K] -> [B, floor(h f), floor(w f), K].

    Equals PyTorch's interpolate(scale_factor=factor, align_corners=False), which
    differs from a resize to the same size wherever h * factor is not whole. The
    multi-scale inputs of DeepLab v2 in PyTorch are made this way.
    """
    rows, columns = (_weights_by_factor(side, factor) for side in tf.unstack(tf.shape(maps)[1:3]))
    return tf.einsum("ah,bw,nhwk->nabk", rows, columns, maps)


def _weights_by_factor(side: tf.Tensor, factor: float) -> tf.Tensor:
    """Matrix [floor(side * factor), side] of bilinear weights along one axis."""
    # The product in double precision, as PyTorch forms it: 10 * 0.3 in single precision is just below 3.
    wanted = tf.cast(tf.floor(tf.cast(side, tf.float64) * factor), tf.int32)
    place = tf.maximum((tf.cast(tf.range(wanted), tf.float32) + 0.5) * (1 / factor) - 0.5, 0.0)
    distance = tf.abs(place[:, None] - tf.cast(tf.range(side), tf.float32))
    inner = tf.nn.relu(1.0 - distance)
    # Beyond the last pixel there is nothing to blend with: its whole weight stays on the last pixel.
    return inner / tf.reduce_sum(inner, axis=1, keepdims=True)


def nearest_labels(labels: tf.Tensor, size, centre: bool = False) -> tf.Tensor:
    """Nearest label map: int32 [B, h, w] -> [B, *size].

    The source index is floor(i * in / out), as in PyTorch's
    interpolate(mode="nearest"), or with `centre` floor((i + 0.5) * in / out),
    as in PIL: the pixel in the middle of a cell, where bilinear upsampling
    puts the cell's value.
    """
    for axis in (1, 2):  # whole numbers, because quotients in single precision end up below (i + 0.5) * in / out
        wanted = size[axis - 1]
        index = (2 * tf.range(wanted) + int(centre)) * tf.shape(labels)[axis] // (2 * wanted)
        labels = tf.gather(labels, index, axis=axis)
    return labels


def scaled_size(size: tf.Tensor, scale: float) -> tf.Tensor:
    """(height, width) times a scale, rounded to whole pixels with halves up, at least 1: int32 [2].

    Halves go up so that a crop of 321 = 8 * 40 + 1 pixels at scale 0.5 becomes
    161 = 8 * 20 + 1: cells of stride 8 then lie on both of its borders again.
    """
    return tf.maximum(tf.cast(tf.floor(tf.cast(size, tf.float32) * scale + 0.5), tf.int32), 1)
