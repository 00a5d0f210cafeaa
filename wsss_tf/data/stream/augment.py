"""Augmentation as a pure function of (photo, seed)."""


import tensorflow as tf

from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.example import UNKNOWN
from wsss_tf.ops import colour, resize

# What a map holds beyond the borders of the photo, by its entry in the batch.
OUTSIDE = {"target": UNKNOWN, "superpixels": -1}


def augment(image: tf.Tensor, maps: dict[str, tf.Tensor], seed: tf.Tensor,
            config: AugmentConfig) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Random resize, mirror, crop, colour jitter; then centring and padding.

    Args:
      image: uint8 [H, W, 3] RGB.
      maps: integer [H, W] each, move with the photo; names as in OUTSIDE.
      seed: int32 [2].
      config: the ranges.

    Returns:
      image float32 [S, S, 3], centred, 0 (the mean colour) outside the photo;
      maps int32 [S, S], there as OUTSIDE says. A photo smaller than the crop
      is placed at a random offset.
    """
    draw = tf.random.stateless_uniform([10], seed)
    size = _drawn_size(tf.shape(image)[:2], draw[0], config)
    turned = tf.logical_and(config.mirror, draw[1] < 0.5)
    window = _window(size, config.crop, draw[2:4])
    resized = resize.smooth_bicubic if config.resize_long else resize.bilinear
    pixels = _crop_photo(resized(image[None], size)[0], window, turned)
    pixels = colour.centre(jitter(pixels, draw[4:8], config))
    pixels = _place(pixels, config.crop, draw[8:10], 0.0)
    pixels = tf.ensure_shape(pixels, [config.crop, config.crop, 3])
    moved = {}
    for name, labels in maps.items():
        labels = tf.cast(_crop_labels(labels, size, window, turned), tf.int32)
        labels = _place(labels[..., None], config.crop, draw[8:10], OUTSIDE[name])[..., 0]
        moved[name] = tf.ensure_shape(labels, [config.crop, config.crop])
    return pixels, moved


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
