"""ResNet with torchvision's strides: as IRN, SIPE and AE-SIPE have it, the last one left out, or as LDF has it, with all.

Layers are named as in torchvision (torch_weights.py).

Ref: He et al., CVPR 2016; Ahn et al., CVPR 2019.
"""

import functools

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets import vgg
from wsss_tf.nets.batch_norm import settle
from wsss_tf.nets.torch_layers import FixedNorm, convolution
from wsss_tf.nets.weights import load_converted_weights
from wsss_tf.ops import colour

_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_STRIDES = {16: (1, 2, 2, 1), 32: (1, 2, 2, 2)}  # of the stages, by the output stride
_CONVENTION = "torchvision"


def build(output_stride: int, weights: str, batch_norm: str = "usual", frozen: int = 2, depth: int = 50) -> keras.Model:
    """ResNet-50 or -101: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 2048]} and inner features.

    These are "stem" [B, H / 4, W / 4, 64] and "layer1" to "layer4", of 256, 512,
    1024 and 2048 channels and stride 4, 8, 16 and 16 or 32. The stride of a stage
    stands in the 3x3 convolution of its first block; none is dilated. Cell i
    looks at pixel stride * i, so inputs of stride * k + 1 pixels are covered evenly.

    Args:
      output_stride: 16 (IRN) or 32 (LDF).
      weights: "none", or the path of a Keras .h5 file of this trunk.
      batch_norm: "usual": the statistics stay, gamma and beta learn beyond the
        frozen stages; "frozen": these do not either; "trained": all statistics
        follow the batches, those of the frozen stages too.
      frozen: how many of the four stages do not learn; the stem never does.
      depth: 50 (IRN) or 101.

    Raises:
      InputError: another output stride, "imagenet", or weights that do not fit.
    """
    name = f"resnet{depth}_torch"
    if output_stride not in _STRIDES:
        raise InputError(f"output_stride={output_stride}: expected 16 or 32 for {name}")
    image = keras.Input((None, None, 3), name="image")
    x = _convolution(colour.CONVENTIONS[_CONVENTION](image), 64, 7, 2, "conv1", "bn1")
    x = vgg.padded_pool(keras.layers.ReLU(name="relu")(x), 2, "maxpool")
    endpoints = {"stem": x}
    for stage, (blocks, stride) in enumerate(zip(_BLOCKS[depth], _STRIDES[output_stride]), 1):
        for block in range(blocks):
            x = _bottleneck(x, 32 * 2**stage, 1 if block else stride, block == 0, f"layer{stage}_{block}")
        endpoints[f"layer{stage}"] = x
    trunk = keras.Model(image, {"classify": x, "segment": x} | endpoints, name=name)
    # Frozen and not cut off by stop_gradient: their weights are left alone all the same, and a loss on the erased
    # photo (thesis eq. 2.10) still reaches the photo through them.
    settle(trunk, batch_norm, ("conv1", "bn1", *(f"layer{stage}_" for stage in range(1, frozen + 1))))
    load_converted_weights(trunk, weights, _CONVENTION, name)
    return trunk


build_101 = functools.partial(build, depth=101)


def _bottleneck(x: keras.KerasTensor, channels: int, stride: int, first: bool, name: str) -> keras.KerasTensor:
    """1x1, 3x3 and 1x1 convolution beside the shortcut, which is a convolution in the first block of a stage."""
    shortcut = x
    if first:
        shortcut = _convolution(x, 4 * channels, 1, stride, f"{name}_downsample_0", f"{name}_downsample_1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(_convolution(x, channels, 1, 1, f"{name}_conv1", f"{name}_bn1"))
    x = keras.layers.ReLU(name=f"{name}_relu2")(_convolution(x, channels, 3, stride, f"{name}_conv2", f"{name}_bn2"))
    x = _convolution(x, 4 * channels, 1, 1, f"{name}_conv3", f"{name}_bn3")
    return keras.layers.ReLU(name=f"{name}_relu3")(keras.layers.Add(name=f"{name}_add")([shortcut, x]))


def _convolution(x: keras.KerasTensor, channels: int, size: int, stride: int, name: str,
                 norm: str) -> keras.KerasTensor:
    return FixedNorm(name=norm)(convolution(x, channels, size, stride, 1, name))
