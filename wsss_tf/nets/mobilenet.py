"""MobileNetV2 with its last strides turned into dilation.

Ref: Sandler et al., CVPR 2018; dilation as in DeepLab v2.
"""

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets.batch_norm import settle
from wsss_tf.nets.weights import load_backbone_weights, load_trunk_weights
from wsss_tf.ops import colour

# The blocks that halve the resolution to 1/8, 1/16 and 1/32 of the input.
_STRIDE_8, _STRIDE_16, _STRIDE_32 = 3, 6, 13
_LAST_STRIDE = {8: _STRIDE_8, 16: _STRIDE_16, 32: _STRIDE_32}
_CONVENTION = "symmetric"
_LAST_BOTTLENECK = "block_16_project_BN"


def build(output_stride: int, weights: str, batch_norm: str = "usual") -> keras.Model:
    """MobileNetV2 trunk: centred image [B, H, W, 3] -> {"classify": [B, h, w, 1280], "segment": [B, h, w, 320]}.

    Classification reads the last layer, segmentation the last bottleneck as
    in DeepLab on MobileNetV2. The bottleneck is normalised over the channels
    of each position: as it comes its norm is near 40, and SGD on a new head
    diverges.

    Args:
      output_stride: 8, 16 or 32.
      weights: "imagenet", "none", or the path of a Keras .h5 file of
        this trunk or of keras.applications.MobileNetV2(include_top=False).
      batch_norm: "usual" and "frozen" are the same.

    Raises:
      InputError: another output stride, or weights that do not fit.
    """
    if output_stride not in _LAST_STRIDE:
        raise InputError(f"output_stride={output_stride}: expected 8, 16 or 32 for mobilenet")
    image = keras.Input((None, None, 3), name="image")
    x = colour.CONVENTIONS[_CONVENTION](image)
    strided = keras.applications.MobileNetV2(include_top=False, weights=None, input_tensor=x)
    trunk = keras.models.clone_model(strided, clone_function=lambda layer: _dilated(layer, output_stride))
    if weights != "none" and not load_trunk_weights(trunk, weights, _CONVENTION, "mobilenet"):
        stock = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(None, None, 3))
        load_backbone_weights(stock, weights, keras.applications.MobileNetV2)
        trunk.set_weights(stock.get_weights())
    settle(trunk, "frozen" if batch_norm == "usual" else batch_norm)
    normalise = keras.layers.LayerNormalization(center=False, scale=False, epsilon=1e-5, name="normalise")
    bottleneck = normalise(trunk.get_layer(_LAST_BOTTLENECK).output)
    return keras.Model(trunk.inputs[0], {"classify": trunk.output, "segment": bottleneck}, name="mobilenet")


def _dilated(layer: keras.layers.Layer, output_stride: int) -> keras.layers.Layer:
    """A copy of one layer, at the stride and dilation the output stride asks for."""
    config = layer.get_config()
    block = int(layer.name.split("_")[1]) if layer.name.startswith("block_") else 0
    removed = [first for first in (_STRIDE_16, _STRIDE_32) if _stride_after(first) > output_stride]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        # A convolution is dilated by the strides removed before it; the one that loses its stride is not yet.
        rate = 2 ** sum(block > first for first in removed)
        strides = 1 if block in removed else config["strides"]
        config.update(strides=strides, dilation_rate=(rate, rate))
        if block in removed:
            config.update(padding="same")
    if isinstance(layer, keras.layers.ZeroPadding2D) and block in removed:
        config.update(padding=((0, 0), (0, 0)))  # it only served the stride
    if isinstance(layer, keras.layers.ZeroPadding2D) and block == _LAST_STRIDE[output_stride]:
        # The other strides pad at the bottom and right, which puts cell i at the end of its pixels, at
        # stride * i + stride - 1; with the last one padded at the top and left it is at their middle.
        config.update(padding=((1, 0), (1, 0)))
    return layer.__class__.from_config(config)


def _stride_after(block: int) -> int:
    return 16 if block == _STRIDE_16 else 32
