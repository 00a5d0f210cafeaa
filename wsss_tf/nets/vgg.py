"""VGG16 with DeepLab's strides: the trunk of thesis chapter 2.

Ref: Simonyan and Zisserman, ICLR 2015; DeepLab v2; spec 3.4 and A2-3.
"""

import functools

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets.weights import load_backbone_weights, load_converted_weights, load_trunk_weights
from wsss_tf.ops import colour

# Convolutions and channels of the five blocks, named as in keras.applications.
_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
# Output stride -> strides of the pools, dilation rates of the blocks.
_SHAPES = {8: ((2, 2, 2, 1, 1), (1, 1, 1, 1, 2)), 16: ((2, 2, 2, 2, 1), (1, 1, 1, 1, 1)), 32: ((2, 2, 2, 2, 2), (1, 1, 1, 1, 1))}


def build(output_stride: int, weights: str, batch_norm: str = "usual", convention: str = "caffe_bgr") -> keras.Model:
    """VGG16 trunk: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 512]}.

    Pools are 3x3 and padded on both sides. At stride 8 pool4 and pool5 keep the
    resolution and the last block is dilated, at 16 pool5 keeps it. Cell i looks
    at pixel stride * i, so inputs of stride * k + 1 pixels (321) are covered
    evenly. The segmentation heads read pool5a, the average of pool5 over 3x3 cells, as in DeepLab's own nets.

    Args:
      output_stride: 8 (thesis, A2-3), 16 or 32.
      weights: "imagenet", "none", or the path of a Keras .h5 file of this trunk
        or of keras.applications.VGG16(include_top=False).
      batch_norm: must be "usual"; there are none.
      convention: the input that the weights were trained on, "caffe_bgr" (the
        original and Keras) or "torchvision".

    Raises:
      InputError: another output stride, weights that do not fit, or a choice
        for batch norms.
    """
    if output_stride not in _SHAPES:
        raise InputError(f"output_stride={output_stride}: expected 8, 16 or 32 for vgg16")
    if batch_norm != "usual":
        raise InputError(f"batch_norm={batch_norm}: vgg16 has no batch norms: leave it at usual, or choose another backbone")
    strides, rates = _SHAPES[output_stride]
    image = keras.Input((None, None, 3), name="image")
    x = colour.CONVENTIONS[convention](image)
    for block, ((convolutions, channels), stride, rate) in enumerate(zip(_BLOCKS, strides, rates), 1):
        for number in range(1, convolutions + 1):
            x = keras.layers.Conv2D(channels, 3, dilation_rate=rate, padding="same", activation="relu",
                                    name=f"block{block}_conv{number}")(x)
        x = padded_pool(x, stride, f"pool{block}")
    average = keras.layers.AveragePooling2D(3, strides=1, padding="same", name="pool5a")(x)
    name = "vgg16" if convention == "caffe_bgr" else "vgg16_torch"
    trunk = keras.Model(image, {"classify": x, "segment": average}, name=name)
    if convention == "caffe_bgr":
        _start(trunk, weights, convention)
    else:
        load_converted_weights(trunk, weights, convention, trunk.name)
    return trunk


build_torch = functools.partial(build, convention="torchvision")


def padded_pool(x: keras.KerasTensor, stride: int, name: str) -> keras.KerasTensor:
    """Maximum over 3x3, padded by one pixel on every side (values are not negative, so zeros never win)."""
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, strides=stride, name=name)(x)


def _start(trunk: keras.Model, weights: str, convention: str) -> None:
    if weights == "none" or load_trunk_weights(trunk, weights, convention):
        return
    stock = keras.applications.VGG16(include_top=False, weights=None)
    load_backbone_weights(stock, weights, keras.applications.VGG16)
    for layer in stock.layers:
        if layer.weights:
            trunk.get_layer(layer.name).set_weights(layer.get_weights())
