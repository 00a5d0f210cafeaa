"""Resizing with the semantics the papers' code relies on: PyTorch's, PIL's and IRN's (docs/methods.md)."""

import tensorflow as tf

_BICUBIC = -0.75  # PyTorch's constant


def bilinear(maps: tf.Tensor, size) -> tf.Tensor:
    """Half-pixel bilinear without antialiasing: [B, h, w, K] -> float32 [B, *size, K].

    Equals PyTorch's interpolate(size=..., align_corners=False).
    """
    return tf.image.resize(maps, size, method="bilinear", antialias=False)


def smooth_bicubic(maps: tf.Tensor, size) -> tf.Tensor:
    """Antialiased bicubic as PIL's, to within a level or two of 255: uint8 [B, h, w, K] -> float32 [B, *size, K]."""
    return tf.clip_by_value(tf.image.resize(maps, size, method="bicubic", antialias=True), 0, 255)


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


def bicubic(maps: tf.Tensor, size, steps: list | None = None) -> tf.Tensor:
    """PyTorch's bicubic (a = -0.75, half-pixel, borders repeated): [B, h, w, K] -> float32 [B, *size, K].

    Differs from tf.image.resize's, which has a = -0.5 and other borders.

    Args:
      maps: what to resize.
      size: (height, width), whole numbers.
      steps: source pixels per pixel of the result, if not (h, w) / size.
    """
    sides = tf.unstack(tf.shape(maps)[1:3])
    steps = steps or [tf.cast(side, tf.float32) / tf.cast(out, tf.float32) for out, side in zip(size, sides)]
    rows, columns = (_bicubic_weights(out, side, step) for out, side, step in zip(size, sides, steps))
    return tf.einsum("ah,bw,nhwk->nabk", rows, columns, maps)


def _bicubic_weights(wanted: tf.Tensor, side: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Matrix [wanted, side] of bicubic weights along one axis."""
    place = (tf.cast(tf.range(wanted), tf.float32) + 0.5) * step - 0.5
    first = tf.floor(place)
    weights = 0.0
    for tap in (-1, 0, 1, 2):
        x = tf.abs(place - first - tap)
        near = ((_BICUBIC + 2) * x - (_BICUBIC + 3)) * x * x + 1
        far = ((_BICUBIC * x - 5 * _BICUBIC) * x + 8 * _BICUBIC) * x - 4 * _BICUBIC
        pixel = tf.clip_by_value(tf.cast(first, tf.int32) + tap, 0, side - 1)
        weights += tf.where(x <= 1, near, far)[:, None] * tf.one_hot(pixel, side)
    return weights


def nearest_labels(labels: tf.Tensor, size, centre: bool = False) -> tf.Tensor:
    """Nearest label map: int32 [B, h, w] -> [B, *size].

    The source index is floor(i * in / out), as in PyTorch's
    interpolate(mode="nearest"), or with `centre` floor((i + 0.5) * in / out),
    as in PIL: the pixel in the middle of a cell, where bilinear upsampling
    puts the cell's value.
    """
    for axis in (1, 2):
        labels = tf.gather(labels, nearest_index(size[axis - 1], tf.shape(labels)[axis], centre), axis=axis)
    return labels


def nearest_index(wanted: tf.Tensor, side: tf.Tensor, centre: bool = False) -> tf.Tensor:
    """Which of the `side` pixels of an axis each of the `wanted` ones is: int32 [wanted]; see nearest_labels."""
    # In whole numbers, because quotients in single precision end up below (i + 0.5) * in / out.
    return (2 * tf.range(wanted) + int(centre)) * side // (2 * wanted)


def scaled_size(size: tf.Tensor, scale: float) -> tf.Tensor:
    """(height, width) times a scale, rounded to whole pixels with halves up, at least 1: int32 [2].

    Halves go up so that a crop of 321 = 8 * 40 + 1 pixels at scale 0.5 becomes
    161 = 8 * 20 + 1: cells of stride 8 then lie on both of its borders again.
    """
    return tf.maximum(tf.cast(tf.floor(tf.cast(size, tf.float32) * scale + 0.5), tf.int32), 1)
