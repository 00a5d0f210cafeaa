"""ResNet as DeepLab v2 has it: Caffe's strides, dilated last blocks, frozen batch norms.

Layers are named as in keras.applications, whose ImageNet weights are Caffe's.

Ref: He et al., CVPR 2016; Chen et al., DeepLab v2, TPAMI 2018.
"""

import functools

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets.batch_norm import settle
from wsss_tf.nets.weights import load_backbone_weights, load_trunk_weights
from wsss_tf.ops import colour

_EPSILON = 1e-5
_STOCK_EPSILON = 1.001e-5  # of keras.applications
_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
# Output stride -> strides and dilation rates of the stages.
_SHAPES = {8: ((1, 2, 1, 1), (1, 1, 2, 4)), 16: ((1, 2, 2, 1), (1, 1, 1, 2)), 32: ((1, 2, 2, 2), (1, 1, 1, 1))}
_CONVENTION = "caffe_bgr"
_STOCK = {50: keras.applications.ResNet50, 101: keras.applications.ResNet101}


def build(output_stride: int, weights: str, batch_norm: str = "usual", depth: int = 50) -> keras.Model:
    """ResNet trunk: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 2048]}.

    The stride of a stage stands in the first 1x1 convolution of its first
    block; where it is left out, the 3x3 convolutions of that stage and the ones
    after it are dilated instead. Cell i looks at pixel stride * i, so inputs of
    stride * k + 1 pixels (321) are covered evenly. The batch norms are usually
    frozen, statistics and affine part.

    Args:
      output_stride: 8 (DeepLab v2), 16 or 32.
      weights: "imagenet", "none", or the path of a Keras .h5 file of
        this trunk or of keras.applications.ResNet50 or ResNet101 (include_top=False).
      batch_norm: "usual" and "frozen" are the same.
      depth: 50 or 101.

    Raises:
      InputError: another output stride, or weights that do not fit.
    """
    if output_stride not in _SHAPES:
        raise InputError(f"output_stride={output_stride}: expected 8, 16 or 32 for resnet{depth}")
    strides, rates = _SHAPES[output_stride]
    image = keras.Input((None, None, 3), name="image")
    x = _stem(colour.CONVENTIONS[_CONVENTION](image))
    for stage, (blocks, stride, rate) in enumerate(zip(_BLOCKS[depth], strides, rates), 2):
        for block in range(1, blocks + 1):
            x = _bottleneck(x, 64 * 2 ** (stage - 2), stride if block == 1 else 1, rate, block == 1,
                            f"conv{stage}_block{block}")
    trunk = keras.Model(image, {"classify": x, "segment": x}, name=f"resnet{depth}")
    settle(trunk, "frozen" if batch_norm == "usual" else batch_norm)
    _start(trunk, weights, depth)
    return trunk


build_50 = functools.partial(build, depth=50)
build_101 = functools.partial(build, depth=101)


def _stem(x: keras.KerasTensor) -> keras.KerasTensor:
    """7x7 convolution and 3x3 maximum, each of stride 2."""
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = _convolution(x, 64, 7, 2, 1, "valid", "conv1")
    return ceil_pool(keras.layers.ReLU(name="conv1_relu")(x))


def ceil_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    """3x3 maximum of stride 2 whose size is rounded up, Caffe's ceil mode: [B, h, w, D], not negative."""
    x = keras.layers.ZeroPadding2D(((1, 2), (1, 2)), name="pool1_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _bottleneck(x: keras.KerasTensor, channels: int, stride: int, rate: int, first: bool,
                name: str) -> keras.KerasTensor:
    """1x1, 3x3 and 1x1 convolution beside the shortcut, which is a convolution in the first block of a stage."""
    shortcut = _convolution(x, 4 * channels, 1, stride, 1, "same", f"{name}_0") if first else x
    x = keras.layers.ReLU(name=f"{name}_1_relu")(_convolution(x, channels, 1, stride, 1, "same", f"{name}_1"))
    x = keras.layers.ReLU(name=f"{name}_2_relu")(_convolution(x, channels, 3, 1, rate, "same", f"{name}_2"))
    x = _convolution(x, 4 * channels, 1, 1, 1, "same", f"{name}_3")
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([shortcut, x]))


def _convolution(x: keras.KerasTensor, channels: int, size: int, stride: int, rate: int, padding: str,
                 name: str) -> keras.KerasTensor:
    """A convolution without bias and its batch norm."""
    x = keras.layers.Conv2D(channels, size, strides=stride, dilation_rate=rate, padding=padding, use_bias=False,
                            kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=_EPSILON, name=f"{name}_bn")(x)


def _start(trunk: keras.Model, weights: str, depth: int) -> None:
    """Fills the trunk; the biases of the stock's convolutions move into the means of the batch norms."""
    if weights == "none" or load_trunk_weights(trunk, weights, _CONVENTION):
        return
    stock = _STOCK[depth](include_top=False, weights=None)
    load_backbone_weights(stock, weights, _STOCK[depth])
    for layer in stock.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            norm = layer.name.replace("_conv", "_bn")
            gamma, beta, mean, variance = stock.get_layer(norm).get_weights()
            trunk.get_layer(layer.name).set_weights([kernel])
            trunk.get_layer(norm).set_weights([gamma, beta, mean - bias, variance + (_STOCK_EPSILON - _EPSILON)])
