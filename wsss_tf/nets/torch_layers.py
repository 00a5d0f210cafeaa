"""Layers with PyTorch's conventions, for trunks that must equal nets trained there."""

import keras

_EPSILON, _MOMENTUM = 1e-5, 0.9


class FixedNorm(keras.layers.BatchNormalization):
    """Batch norm whose statistics need not follow the batches in training: [B, h, w, D] -> [B, h, w, D].

    Fixed ones never change and are used in training too, while gamma and beta
    learn unless the layer is frozen; Keras's own layer, once frozen, freezes
    them as well. The name stands in files of weights, so that it stays whatever
    is fixed.

    Args:
      epsilon: PyTorch's.
      momentum: of the moving statistics; PyTorch calls 0.1 what is 0.9 here.
      fixed: whether the statistics stay as they are.
    """

    def __init__(self, epsilon: float = _EPSILON, momentum: float = _MOMENTUM, fixed: bool = True, **kwargs):
        super().__init__(epsilon=epsilon, momentum=momentum, **kwargs)
        self.fixed = fixed

    def call(self, inputs, training=None):
        """See the class."""
        return super().call(inputs, training=training and not self.fixed)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"fixed": self.fixed}


def convolution(x: keras.KerasTensor, channels: int, size: int, stride: int, rate: int,
                name: str) -> keras.KerasTensor:
    """Convolution without bias, padded alike on all sides: [B, h, w, D] -> [B, ceil(h / s), ceil(w / s), channels].

    Cell i looks at cell stride * i of what it reads. Either `stride` or `rate` is 1.
    """
    padding = "same"
    if stride > 1:  # "same" would pad even sides at the bottom and right only
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x) if size > 1 else x
        padding = "valid"
    return keras.layers.Conv2D(channels, size, strides=stride, dilation_rate=rate, padding=padding, use_bias=False,
                               kernel_initializer="he_normal", name=name)(x)
