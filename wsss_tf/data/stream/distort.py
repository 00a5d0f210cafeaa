"""Distortions of colour and sharpness by which self-distillation makes views differ."""

import math

import tensorflow as tf

GREY = (0.299, 0.587, 0.114)  # weights of red, green and blue, as in PIL
_SOLAR = 128.0  # brightness from which a solarised photo turns negative
_REACH = 3  # deviations that the window of the blur reaches to either side


def to_grey(image: tf.Tensor) -> tf.Tensor:
    """Colours of equal channels: float32 [H, W, 3] -> the same shape."""
    return tf.tile(tf.tensordot(image, tf.constant(GREY), 1)[..., None], [1, 1, 3])


def solarise(image: tf.Tensor) -> tf.Tensor:
    """Negative where a channel is bright: float32 [H, W, 3] in 0..255 -> the same shape."""
    return tf.where(image < _SOLAR, image, 255.0 - image)


def blur(image: tf.Tensor, sigma: tf.Tensor, largest: float) -> tf.Tensor:
    """Gaussian blur: float32 [H, W, 3] -> the same shape; the borders are mirrored.

    Args:
      image: the photo.
      sigma: deviation in pixels, scalar.
      largest: deviation that the window is made for.
    """
    radius = math.ceil(_REACH * largest)
    place = tf.range(-radius, radius + 1, dtype=tf.float32)
    window = tf.nn.softmax(-tf.square(place / sigma) / 2)
    for axis in (0, 1):
        image = tf.gather(image, _mirrored(tf.shape(image)[axis], radius), axis=axis)
        shape = [1, 1, 1, 1]
        shape[axis] = 2 * radius + 1
        taps = tf.tile(tf.reshape(window, shape), [1, 1, 3, 1])
        image = tf.nn.depthwise_conv2d(image[None], taps, [1, 1, 1, 1], "VALID")[0]
    return image


def _mirrored(side: tf.Tensor, margin: int) -> tf.Tensor:
    """Which pixel stands at -margin .. side + margin - 1 if the axis goes on as in mirrors at its ends."""
    place = tf.math.floormod(tf.range(-margin, side + margin), 2 * side)
    return tf.minimum(place, 2 * side - 1 - place)
