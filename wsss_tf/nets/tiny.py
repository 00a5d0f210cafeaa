"""The 'test' size: a trunk of a few thousand parameters that learns from scratch."""

import keras
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.ops import colour


def build(output_stride: int, weights: str) -> keras.Model:
    """Five convolutions: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 48]}.

    Its batch norms train, since there are no pretrained statistics to keep.
    Group norm would let every position know what the rest of the photo holds,
    which spreads class activation maps over the whole photo.

    Args:
      output_stride: 8 or 16.
      weights: must be "none"; there are no pretrained weights of this size.

    Raises:
      InputError: another output stride, or weights asked for.
    """
    if output_stride not in (8, 16):
        raise InputError(f"output_stride={output_stride}: expected 8 or 16 for the test size")
    if weights != "none":
        raise InputError(f"weights={weights}: the test size has no pretrained weights: use --cls_weights=none or --seg_weights=none")
    shared = tf.distribute.get_strategy().num_replicas_in_sync > 1  # then statistics are those of the whole batch
    image = keras.Input((None, None, 3), name="image")
    x = colour.to_symmetric(image)
    strides, rates = ((2, 2, 2, 2, 1), (1, 1, 1, 1, 1)) if output_stride == 16 else ((2, 2, 2, 1, 1), (1, 1, 1, 1, 2))
    last_stride = strides.count(2)
    for number, (channels, stride, rate) in enumerate(zip((16, 24, 32, 48, 48), strides, rates), 1):
        if number == last_stride:  # "same" pads bottom and right: this puts a cell in the middle of its pixels
            x = keras.layers.ZeroPadding2D(((1, 0), (1, 0)), name="pad")(x)
        x = keras.layers.Conv2D(channels, 3, strides=stride, dilation_rate=rate,
                                padding="valid" if number == last_stride else "same", use_bias=False,
                                kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=shared, name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    return keras.Model(image, {"classify": x, "segment": x}, name="tiny")
