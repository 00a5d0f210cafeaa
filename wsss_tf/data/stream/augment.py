"""Augmentation as a pure function of (photo, seed)."""

from collections.abc import Mapping

import tensorflow as tf

from wsss_tf.data.stream.maps import MapKind
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.ops import colour, resize

_SIZE = 2**20  # sets the drawing of a batch's size apart from what examples draw from their seeds


def batch_size(sizes: tuple[int, ...], seed: int, step: tf.Tensor) -> tf.Tensor:
    """Side of the images of one batch, drawn from the sizes: int32 scalar; `step` counts from 0."""
    draw = tf.random.stateless_uniform([], tf.random.fold_in(tf.stack([seed, tf.cast(step, tf.int32)]), _SIZE))
    return tf.constant(sizes, tf.int32)[tf.cast(draw * len(sizes), tf.int32)]


def augment(image: tf.Tensor, maps: dict[str, tf.Tensor], kinds: Mapping[str, MapKind], seed: tf.Tensor,
            config: AugmentConfig, side: tf.Tensor | None = None) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Random resize, mirror, crop, colour jitter; then centring and padding.

    Args:
      image: uint8 [H, W, 3] RGB.
      maps: uint8 or uint16 [H, W] each, move with the photo.
      kinds: of the maps, by the same names.
      seed: int32 [2].
      config: the ranges.
      side: None for crops of config.crop pixels; else the photo, of which a
        little is cut off, is stretched to so many pixels a side.

    Returns:
      image float32 [S, S, 3], centred, 0 (the mean colour) outside the photo;
      maps [S, S] as their kinds say. A photo smaller than the crop is placed at
      a random offset.
    """
    draw = tf.random.stateless_uniform([10], seed)
    if side is None:
        crop, size = config.crop, _drawn_size(tf.shape(image)[:2], draw[0], config)
    else:
        crop, size = side, tf.stack([side, side])
        image, maps = _cut(image, maps, draw, config.cut)
    turned = tf.logical_and(config.mirror, draw[1] < 0.5)
    window = _window(size, crop, draw[2:4])
    resized = resize.smooth_bicubic if config.resize_long and side is None else resize.bilinear
    pixels = _crop_photo(resized(image[None], size)[0], window, turned)
    pixels = colour.centre(jitter(pixels, draw[4:8], config))
    static = None if side is not None else crop
    pixels = tf.ensure_shape(_place(pixels, crop, draw[8:10], 0.0), [static, static, 3])
    moved = {}
    for name, values in maps.items():
        values = _moved(values, kinds[name], size, window, turned)
        moved[name] = tf.ensure_shape(_place(values, crop, draw[8:10], kinds[name].outside)[..., 0], [static, static])
    return pixels, moved


def _cut(image: tf.Tensor, maps: dict[str, tf.Tensor], draw: tf.Tensor,
         share: float) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Photo and maps without a random part of each side, less than this share of it."""
    size = tf.shape(image)[:2]
    less = tf.cast(draw[2:4] * share * tf.cast(size, tf.float32), tf.int32)
    top, left = tf.unstack(tf.cast(draw[8:10] * tf.cast(less, tf.float32), tf.int32))
    height, width = tf.unstack(size - less)

    def kept(pixels):
        return pixels[top : top + height, left : left + width]

    return kept(image), {name: kept(values) for name, values in maps.items()}


def _moved(values: tf.Tensor, kind: MapKind, size: tf.Tensor, window: tuple[tf.Tensor, tf.Tensor], turned) -> tf.Tensor:
    """The window of one map, resized and turned like the photo: int32 or float32 [h, w, 1]."""
    if kind.resize == "nearest":
        values = _crop_labels(values, size, window, turned)[..., None]
        return tf.cast(values, tf.int32) if kind.unit is None else tf.cast(values, tf.float32) / kind.unit
    values = tf.cast(values, tf.float32)[None, ..., None] / kind.unit
    if kind.resize == "bicubic":
        values = tf.clip_by_value(tf.image.resize(values, size, "bicubic", antialias=True), 0.0, 1.0)
    else:
        values = resize.bilinear(values, size)
    return _crop_photo(values[0], window, turned)


def _drawn_size(size: tf.Tensor, draw: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    """(height, width) that the photo is resized to: int32 [2]."""
    if config.resize_long:
        low, high = config.resize_long
        long = tf.floor(low + draw * (high - low + 1))
        return resize.scaled_size(size, long / tf.cast(tf.reduce_max(size), tf.float32))
    scales = tf.constant(config.crop_scales, tf.float32)
    return resize.scaled_size(size, scales[tf.cast(draw * len(config.crop_scales), tf.int32)])


def _window(size: tf.Tensor, crop: int, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Top left corner and size of the window that is kept, int32 [2] each."""
    kept = tf.minimum(size, crop)
    corner = tf.cast(draw * tf.cast(size - kept + 1, tf.float32), tf.int32)
    return corner, kept


def _crop_photo(image: tf.Tensor, window: tuple[tf.Tensor, tf.Tensor], turned) -> tf.Tensor:
    (top, left), (height, width) = tf.unstack(window[0]), tf.unstack(window[1])
    cropped = image[top : top + height, left : left + width]
    return tf.cond(turned, lambda: tf.reverse(cropped, [1]), lambda: cropped)


def _crop_labels(labels: tf.Tensor, size: tf.Tensor, window: tuple[tf.Tensor, tf.Tensor], turned) -> tf.Tensor:
    """Nearest resize to `size`, of which only the window is made."""
    (top, left), (height, width) = tf.unstack(window[0]), tf.unstack(window[1])
    rows = resize.nearest_index(size[0], tf.shape(labels)[0])[top : top + height]
    columns = resize.nearest_index(size[1], tf.shape(labels)[1])[left : left + width]
    columns = tf.cond(turned, lambda: tf.reverse(columns, [0]), lambda: columns)
    # Whole rows twice: TensorFlow gathers along the inner axis value by value.
    return tf.transpose(tf.gather(tf.transpose(tf.gather(labels, rows)), columns))


def _place(maps: tf.Tensor, crop: int, draw: tf.Tensor, fill) -> tf.Tensor:
    margin = crop - tf.shape(maps)[:2]
    before = tf.cast(draw * tf.cast(margin + 1, tf.float32), tf.int32)
    after = margin - before
    return tf.pad(maps, [[before[0], after[0]], [before[1], after[1]], [0, 0]], constant_values=fill)


def jitter(image: tf.Tensor, draw: tf.Tensor, config: AugmentConfig) -> tf.Tensor:
    """Brightness, contrast, saturation and hue of float [h, w, 3] in 0..255, as in torchvision's definitions."""
    factors = 1.0 + (2.0 * draw - 1.0) * [config.brightness, config.contrast, config.saturation, 0.0]
    grey = tf.constant([0.299, 0.587, 0.114])
    image = tf.clip_by_value(image * factors[0], 0, 255)
    mean = tf.tensordot(tf.reduce_mean(tf.reduce_mean(image, axis=0), axis=0), grey, 1)
    image = tf.clip_by_value(image * factors[1] + (1 - factors[1]) * mean, 0, 255)
    mix = factors[2] * tf.eye(3) + (1 - factors[2]) * grey[:, None]  # of each pixel and its own grey
    image = tf.clip_by_value(tf.tensordot(image, mix, 1), 0, 255)
    if config.hue:
        image = tf.image.adjust_hue(image, (2.0 * draw[3] - 1.0) * config.hue)  # the same on any scale of colours
    return image
