"""Layers with PyTorch's conventions, for trunks that must equal nets trained there."""

import keras

_EPSILON = 1e-5


class FixedNorm(keras.layers.BatchNormalization):
    """Batch norm that uses its running statistics in training too: [B, h, w, D] -> [B, h, w, D].

    The statistics never change; gamma and beta learn unless the layer is
    frozen, whereas Keras's own layer, once frozen, freezes them as well.
    """

    def __init__(self, epsilon: float = _EPSILON, **kwargs):
        super().__init__(epsilon=epsilon, **kwargs)

    def call(self, inputs):
        """See the class."""
        return super().call(inputs, training=False)


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
