"""Dense maps of one photo at several scales, all brought back to photo size."""

from collections.abc import Callable

import tensorflow as tf

from wsss_tf.nets.backbone import Grid
from wsss_tf.ops import colour, resize


def maps_at_scale(image: tf.Tensor, scale: float, grid: Grid, dense: Callable[[tf.Tensor], tf.Tensor],
                  direct: bool = False) -> tf.Tensor:
    """Runs a dense net on the rescaled photo and upsamples what it gives.

    The photo is padded with the mean colour at the right and bottom to a size
    that the cells of the net cover evenly, so that a cell means the same pixels
    at every photo size; the padding is cut off again after upsampling.

    Args:
      image: uint8 [H, W, 3] RGB.
      scale: factor on both sides.
      grid: where the cells of the net lie.
      dense: centred image [1, H, W, 3] -> maps [1, h, w, K], one value per cell.
      direct: leaves the padding out and upsamples in one step, as if the cells
        covered the photo evenly.

    Returns:
      float32 [H, W, K].
    """
    size = tf.shape(image)[:2]
    small = resize.scaled_size(size, scale)
    centred = resize.bilinear(colour.centre(image)[None], small)
    if direct:
        return resize.bilinear(dense(centred), size)[0]
    padded = grid.padded(small)
    margin = padded - small
    maps = dense(tf.pad(centred, [[0, 0], [0, margin[0]], [0, margin[1]], [0, 0]]))
    maps = resize.bilinear(maps, padded)[:, : small[0], : small[1]]
    return resize.bilinear(maps, size)[0]


def fuse_max(image: tf.Tensor, scales: tuple[float, ...], flip: bool, grid: Grid,
             dense: Callable[[tf.Tensor], tf.Tensor], direct: bool = False) -> tf.Tensor:
    """Element-wise maximum of the maps over scales (and mirror images): float32 [H, W, K].

    Ref: thesis eq. 2.4 (class activation maps), A2-13 (logits at test).
    """
    return tf.reduce_max(_all_maps(image, scales, flip, grid, dense, direct), axis=0)


def fuse_sum(image: tf.Tensor, scales: tuple[float, ...], flip: bool, grid: Grid,
             dense: Callable[[tf.Tensor], tf.Tensor], direct: bool = False) -> tf.Tensor:
    """Sum of the maps over scales (and mirror images): float32 [H, W, K].

    Ref: A3-15; multiscale_irn.py adds them up as IRN does, to the pixel.
    """
    return tf.reduce_sum(_all_maps(image, scales, flip, grid, dense, direct), axis=0)


def _all_maps(image: tf.Tensor, scales: tuple[float, ...], flip: bool, grid: Grid,
              dense: Callable[[tf.Tensor], tf.Tensor], direct: bool) -> tf.Tensor:
    """Maps of every scale, then those of the mirror images: float32 [scales or 2 scales, H, W, K]."""
    maps = [maps_at_scale(image, scale, grid, dense, direct) for scale in scales]
    if flip:
        mirror = image[:, ::-1]
        maps += [maps_at_scale(mirror, scale, grid, dense, direct)[:, ::-1] for scale in scales]
    return tf.stack(maps)
