"""Colour conventions: every net is fed centred RGB and converts it itself.

A centred image is RGB in 0..255 minus the mean colour. Zero is the mean
colour, so padding with zeros and erasing by multiplication (thesis eq. 2.9,
I' = F * (I - mu)) need no knowledge of the net that will look at the result.
"""

import numpy as np
import tensorflow as tf

MEAN_COLOUR = (122.675, 116.669, 104.008)  # RGB 0..255; the mean of the Caffe models

_TORCH_MEAN = (123.675, 116.28, 103.53)
_TORCH_STD = (58.395, 57.12, 57.375)


def centre(image: tf.Tensor) -> tf.Tensor:
    """Subtracts the mean colour: [..., W, 3] RGB of any number type, 0..255 -> float32."""
    # By rows, because TensorFlow takes three times as long to broadcast over an axis of three.
    width = tf.shape(image)[-2]
    rows = tf.reshape(tf.cast(image, tf.float32), [-1, 3 * width]) - tf.tile(tf.constant(MEAN_COLOUR), [width])
    return tf.ensure_shape(tf.reshape(rows, tf.shape(image)), image.shape)


def uncentre(image: tf.Tensor) -> tf.Tensor:
    """Adds the mean colour and rounds: float32 [..., 3] -> uint8 RGB."""
    return tf.cast(tf.clip_by_value(tf.round(image + tf.constant(MEAN_COLOUR)), 0, 255), tf.uint8)


def to_symmetric(centred: tf.Tensor) -> tf.Tensor:
    """Centred RGB -> RGB in -1..1, the convention of MobileNetV2's weights."""
    return (centred + tf.constant(MEAN_COLOUR)) / 127.5 - 1.0


def to_torchvision(centred: tf.Tensor) -> tf.Tensor:
    """Centred RGB -> RGB normalised by ImageNet's mean and deviation, as torchvision's nets take it."""
    return (centred + tf.constant(MEAN_COLOUR) - tf.constant(_TORCH_MEAN)) / tf.constant(_TORCH_STD)


def to_caffe(centred: tf.Tensor) -> tf.Tensor:
    """Centred RGB -> mean-subtracted BGR, the convention of the Caffe models."""
    return centred[..., ::-1]


def from_convention(image: np.ndarray, convention: str) -> np.ndarray:
    """What the trunks are to be fed so that their weights get this image: float [..., 3] -> float32 centred RGB."""
    at_0 = CONVENTIONS[convention](tf.zeros(3)).numpy()
    axes = CONVENTIONS[convention](100 * tf.eye(3)).numpy().astype(np.float64) - at_0
    return ((image - at_0) @ np.linalg.inv(axes / 100)).astype(np.float32)


CONVENTIONS = {"caffe_bgr": to_caffe, "symmetric": to_symmetric, "torchvision": to_torchvision}
"""What published weights were trained on, by the name that converted files give it."""
