"""VGG16 with DeepLab's strides: the backbone of thesis chapter 2, and the layers that its segmenter starts from.

Ref: Simonyan and Zisserman, ICLR 2015; DeepLab v2; A2-3.
"""

import functools
from pathlib import Path

import keras
import numpy as np

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.formats import hdf5
from wsss_tf.nets.weights import load_backbone_weights, load_converted_weights, load_weights, provenance
from wsss_tf.ops import colour

REDUCED = "vgg16_reduced"
"""Net of the files that hold the backbone and its fully connected layers, made convolutional and thinned."""
FC_CHANNELS = 1024  # that are left of the 4096 of fc1 and fc2

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
      weights: "imagenet", "none", or the path of a Keras .h5 file of this trunk,
        of the reduced net, or of keras.applications.VGG16 with or without its top.
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


def build_reduced(weights: str) -> keras.Model:
    """The backbone and what is kept of fc1 and fc2, as layers fc6 and fc7: centred image [B, H, W, 3] -> [B, h, w, 1024].

    Args:
      weights: "imagenet", "none", or the path of a file as in fc_layers.

    Raises:
      InputError: weights that do not fit, or that lack these layers.
    """
    trunk = build(8, "none")
    x = trunk.output["classify"]
    for name, size in (("fc6", 3), ("fc7", 1)):
        x = keras.layers.Conv2D(FC_CHANNELS, size, padding="same", activation="relu", name=name)(x)
    net = keras.Model(trunk.input, x, name=REDUCED)
    _start(net, weights, "caffe_bgr")
    return net


def fc_layers(weights: str) -> dict[str, list[np.ndarray]]:
    """What DeepLab's fc6 and fc7 start from: layer -> kernel [h, w, in, 1024] and bias [1024].

    Args:
      weights: "imagenet" (Keras downloads 550 MB), or the path of a converted
        file of the reduced net or of one of keras.applications.VGG16 with its top.

    Raises:
      InputError: the file has no fully connected layers, or does not fit.
    """
    if weights != "imagenet" and not _has_top(expand_path(weights)):
        raise InputError(f"{expand_path(weights)}: expected fully connected layers too, from which fc6 and fc7 start, found "
                         "the backbone alone: fetch the file that has them with `wsss weights fetch vgg16_reduced`, or "
                         "draw them with --seg_fc_start=random")
    net = build_reduced(weights)
    return {name: net.get_layer(name).get_weights() for name in ("fc6", "fc7")}


def thinned(fc1: list[np.ndarray], fc2: list[np.ndarray], side: int = 7) -> dict[str, list[np.ndarray]]:
    """Fully connected layers as thin convolutions: every third row and column, every fourth filter.

    Args:
      fc1: kernel [side * side * D, F], its rows in the order of a flattened map [side, side, D], and bias [F].
      fc2: kernel [F, G] and bias [G].
      side: of that map.

    Returns:
      "fc6": kernel [ceil(side / 3), ceil(side / 3), D, F / 4], bias [F / 4];
      "fc7": kernel [1, 1, F / 4, G / 4], bias [G / 4].

    Ref: the initial model of DeepLab on VGG16 (Chen et al., ICLR 2015, section 4.1); thesis section 2.4.1.
    """
    (kernel1, bias1), (kernel2, bias2) = fc1, fc2
    taps = kernel1.reshape(side, side, -1, kernel1.shape[-1])
    return {"fc6": [taps[::3, ::3, :, ::4], bias1[::4]], "fc7": [kernel2[None, None, ::4, ::4], bias2[::4]]}


def _start(net: keras.Model, weights: str, convention: str) -> None:
    """Fills the backbone or the reduced net."""
    if weights == "none":
        return
    path = None if weights == "imagenet" else expand_path(weights)
    origin = path and provenance(path)
    if origin and (origin.net != REDUCED or net.name == REDUCED):
        load_weights(net, path, convention)
        return
    if origin:
        stock = build_reduced(weights)
        layers = {layer.name: layer.get_weights() for layer in stock.layers}
    else:
        with_top = net.name == REDUCED or (path is not None and _has_top(path))
        stock = keras.applications.VGG16(include_top=with_top, weights=None)
        load_backbone_weights(stock, weights, keras.applications.VGG16, with_top)
        layers = {layer.name: layer.get_weights() for layer in stock.layers}
        layers |= thinned(layers["fc1"], layers["fc2"]) if with_top else {}
    for layer in net.layers:
        if layer.weights:
            layer.set_weights(layers[layer.name])


def _has_top(path: Path) -> bool:
    """Whether a file holds VGG16's fully connected layers; the error of a damaged one comes when it is loaded."""
    origin = provenance(path)
    if origin:
        return origin.net == REDUCED
    try:
        with hdf5.arrays(path) as (_, found):
            return any(array.ndim == 2 for array in found.values())  # kernels of no other layer
    except Exception:  # h5py has one of its own for every kind of damage
        return False
