"""Class activation maps at several scales exactly as IRN adds them up.

The net sees the rescaled photo without padding. Its cells, ceil(side / stride)
of them, are taken for tiles that cover ceil(side / stride) * stride pixels of
the photo at every scale, and are upsampled to these in one step. That puts the
cells of a net with cells at corners half a stride too low, and stretches scales
other than 1 a little; multiscale.py puts all cells where their pixels are.

Ref: Ahn et al., CVPR 2019, as in its code.
"""

from collections.abc import Callable

import tensorflow as tf

from wsss_tf.nets.backbone import Grid
from wsss_tf.ops import colour, resize


def fuse_irn(image: tf.Tensor, scales: tuple[float, ...], flip: bool, grid: Grid,
             dense: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """The sum of the maps over scales (and mirror images) at photo size; arguments as in multiscale.fuse_max."""
    return high_res(scale_maps(image, scales, flip, dense), tf.shape(image)[:2], grid.stride)


def scale_maps(image: tf.Tensor, scales: tuple[float, ...], flip: bool,
               dense: Callable[[tf.Tensor], tf.Tensor]) -> list[tf.Tensor]:
    """Maps of the rescaled photo, plus those of its mirror image: per scale float32 [h_s, w_s, K].

    Args:
      image: uint8 [H, W, 3] RGB.
      scales: factors on both sides.
      flip: whether to add the mirror image (IRN does).
      dense: centred image [1, H, W, 3] -> maps [1, h, w, K], not negative.
    """
    results = []
    for scale in scales:
        photo = colour.centre(rescaled(image, scale))[None]
        maps = dense(photo)
        results.append((maps + dense(photo[:, :, ::-1])[:, :, ::-1] if flip else maps)[0])
    return results


def rescaled(image: tf.Tensor, scale: float) -> tf.Tensor:
    """The photo as PIL's bicubic resizing gives it: uint8 [H, W, 3] -> uint8 [H s, W s, 3].

    One colour in 200 is off by a level or two. Sides are rounded with halves to
    the even number, as NumPy does.
    """
    if scale == 1:
        return image
    size = tf.cast(tf.round(tf.cast(tf.shape(image)[:2], tf.float32) * scale), tf.int32)
    height, width = tf.unstack(tf.maximum(size, 1))
    for sides in ((tf.shape(image)[0], width), (height, width)):  # PIL rounds and cuts off after each axis
        image = tf.floor(tf.image.resize(image, sides, "bicubic", antialias=True) + 0.5)
        image = tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)
    return image


def high_res(maps: list[tf.Tensor], size: tf.Tensor, stride: int) -> tf.Tensor:
    """Sum of the maps at photo size, each upsampled to whole cells and cut: list of [h_s, w_s, K] -> [H, W, K]."""
    cells = [-(-size[axis] // stride) * stride for axis in (0, 1)]
    return tf.add_n([resize.bilinear(scale[None], cells)[0] for scale in maps])[: size[0], : size[1]]
