"""The 'test' size: a trunk of a few thousand parameters that learns from scratch."""

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets.batch_norm import settle
from wsss_tf.ops import colour

# Output stride -> strides and dilation rates of the convolutions.
_SHAPES = {8: ((2, 2, 2, 1, 1), (1, 1, 1, 1, 2)), 16: ((2, 2, 2, 2, 1), (1, 1, 1, 1, 1)), 32: ((2, 2, 2, 2, 2), (1, 1, 1, 1, 1))}


def build(output_stride: int, weights: str, batch_norm: str = "usual") -> keras.Model:
    """Five convolutions: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 48]}.

    Its batch norms usually train, since there are no pretrained statistics to keep.
    Group norm would let every position know what the rest of the photo holds,
    which spreads class activation maps over the whole photo.

    Args:
      output_stride: 8, 16 or 32.
      weights: must be "none"; there are no pretrained weights of this size.
      batch_norm: "usual" and "trained" are the same.

    Raises:
      InputError: another output stride, or weights asked for.
    """
    if output_stride not in _SHAPES:
        raise InputError(f"output_stride={output_stride}: expected 8, 16 or 32 for the test size")
    if weights != "none":
        raise InputError(f"weights={weights}: the test size has no pretrained weights: use --cls_weights=none or --seg_weights=none")
    image = keras.Input((None, None, 3), name="image")
    x = colour.to_symmetric(image)
    strides, rates = _SHAPES[output_stride]
    last_stride = strides.count(2)
    for number, (channels, stride, rate) in enumerate(zip((16, 24, 32, 48, 48), strides, rates), 1):
        if number == last_stride:  # "same" pads bottom and right: this puts a cell in the middle of its pixels
            x = keras.layers.ZeroPadding2D(((1, 0), (1, 0)), name="pad")(x)
        x = keras.layers.Conv2D(channels, 3, strides=stride, dilation_rate=rate,
                                padding="valid" if number == last_stride else "same", use_bias=False,
                                kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    net = keras.Model(image, {"classify": x, "segment": x}, name="tiny")
    settle(net, "trained" if batch_norm == "usual" else batch_norm)
    return net
