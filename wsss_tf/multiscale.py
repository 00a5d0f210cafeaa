"""Dense maps of one photo at several scales, all brought back to photo size."""

from collections.abc import Callable

import tensorflow as tf

from wsss_tf import resize
from wsss_tf.nets import colour


def maps_at_scale(image: tf.Tensor, scale: float, stride: int, dense: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Runs a dense net on the rescaled photo and upsamples what it gives.

    The photo is padded with the mean colour at the right and bottom to a
    multiple of the stride, so that a feature cell means the same pixels at
    every photo size; the padding is cut off again after upsampling.

    Args:
      image: uint8 [H, W, 3] RGB.
      scale: factor on both sides.
      stride: output stride of the net.
      dense: centred image [1, h, w, 3] -> maps [1, h / stride, w / stride, K].

    Returns:
      float32 [H, W, K].
    """
    size = tf.shape(image)[:2]
    small = resize.scaled_size(size, scale)
    padded = (small + stride - 1) // stride * stride
    centred = resize.bilinear(colour.centre(image)[None], small)
    margin = padded - small
    maps = dense(tf.pad(centred, [[0, 0], [0, margin[0]], [0, margin[1]], [0, 0]]))
    maps = resize.bilinear(maps, padded)[:, : small[0], : small[1]]
    return resize.bilinear(maps, size)[0]


def fuse_max(image: tf.Tensor, scales: tuple[float, ...], flip: bool, stride: int,
             dense: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Element-wise maximum of the maps over scales (and mirror images): float32 [H, W, K].

    Ref: thesis eq. 2.4 (class activation maps), A2-13 (logits at test).
    """
    maps = [maps_at_scale(image, scale, stride, dense) for scale in scales]
    if flip:
        mirror = image[:, ::-1]
        maps += [maps_at_scale(mirror, scale, stride, dense)[:, ::-1] for scale in scales]
    return tf.reduce_max(tf.stack(maps), axis=0)
