"""Wide ResNet-38, the trunk of PSA, SEAM, EPS and SC-CAM.

Layers are named as in the PyTorch nets of these systems (torch_weights.py).

Ref: Wu et al., Pattern Recognition 2019 (model A1); Ahn and Kwak, CVPR 2018, whose code freezes
the first convolution, b2 and all batch norms (A3-26).
"""

import keras

from wsss_tf.errors import InputError
from wsss_tf.nets.batch_norm import settle
from wsss_tf.nets.torch_layers import FixedNorm, convolution
from wsss_tf.nets.weights import load_converted_weights
from wsss_tf.ops import colour

# Stage: channels of both convolutions, stride, rates (of the very first convolution, of all others), blocks.
_BASIC = {
    "b2": ((128, 128), 2, (1, 1), 3),
    "b3": ((256, 256), 2, (1, 1), 3),
    "b4": ((512, 512), 2, (1, 1), 6),
    "b5": ((512, 1024), 1, (1, 2), 3),
}
# Stage of one block: channels of the three convolutions, rate of the 3x3, dropout.
_BOTTLENECKS = {"b6": ((512, 1024, 2048), 4, 0.3), "b7": ((1024, 2048, 4096), 4, 0.5)}
_TAPS = {"b4": "conv3", "b5": "conv4", "b6": "conv5"}
_FROZEN = ("conv1a", "b2_")  # by every system that uses the trunk
_CONVENTION = "torchvision"


def build(output_stride: int, weights: str, batch_norm: str = "usual") -> keras.Model:
    """Wide ResNet-38: centred image [B, H, W, 3] -> {"classify", "segment": [B, h, w, 4096]} and inner features.

    These are "conv3" [B, H / 4, W / 4, 256], "conv4" [B, h, w, 512] and "conv5"
    [B, h, w, 1024], what the blocks b4, b5 and b6 read. Cell i looks at pixel
    8 * i, so inputs of 8 * k + 1 pixels are covered evenly. All batch norms are
    usually frozen, and the first convolution and the blocks of b2 always are.

    Args:
      output_stride: 8.
      weights: "none", or the path of a Keras .h5 file of this trunk.
      batch_norm: "usual" and "frozen" are the same.

    Raises:
      InputError: another output stride, "imagenet", or weights that do not fit.
    """
    if output_stride != 8:
        raise InputError(f"output_stride={output_stride}: expected 8 for wrn38")
    image = keras.Input((None, None, 3), name="image")
    x = convolution(colour.CONVENTIONS[_CONVENTION](image), 64, 3, 1, 1, "conv1a")
    read = {}
    for stage, (channels, stride, rates, blocks) in _BASIC.items():
        x, read[stage] = _basic(x, channels, stride, rates, stage)
        for block in range(1, blocks):
            x, _ = _basic(x, channels, 1, (rates[1], rates[1]), f"{stage}_{block}")
    for stage, (channels, rate, dropout) in _BOTTLENECKS.items():
        x, read[stage] = _bottleneck(x, channels, rate, dropout, stage)
    x = _activate(x, "bn7")
    taps = {name: read[stage] for stage, name in _TAPS.items()}
    trunk = keras.Model(image, {"classify": x, "segment": x} | taps, name="wrn38")
    settle(trunk, "frozen" if batch_norm == "usual" else batch_norm, _FROZEN)
    load_converted_weights(trunk, weights, _CONVENTION, "wide_resnet38")
    return trunk


def _basic(x: keras.KerasTensor, channels: tuple[int, int], stride: int, rates: tuple[int, int],
           name: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Two 3x3 convolutions beside the shortcut: the sum, and the activated input."""
    active = _activate(x, f"{name}_bn_branch2a")
    shortcut = x
    if x.shape[-1] != channels[1]:
        shortcut = convolution(active, channels[1], 1, stride, 1, f"{name}_conv_branch1")
    x = convolution(active, channels[0], 3, stride, rates[0], f"{name}_conv_branch2a")
    x = _activate(x, f"{name}_bn_branch2b1")
    x = convolution(x, channels[1], 3, 1, rates[1], f"{name}_conv_branch2b1")
    return keras.layers.Add(name=f"{name}_add")([shortcut, x]), active


def _bottleneck(x: keras.KerasTensor, channels: tuple[int, int, int], rate: int, dropout: float,
                name: str) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """1x1, 3x3 and 1x1 convolution, dropout of whole channels between them: the sum, and the activated input."""
    active = _activate(x, f"{name}_bn_branch2a")
    shortcut = convolution(active, channels[2], 1, 1, 1, f"{name}_conv_branch1")
    x = convolution(active, channels[0], 1, 1, 1, f"{name}_conv_branch2a")
    for part, width, size in (("2b1", channels[1], 3), ("2b2", channels[2], 1)):
        x = _activate(x, f"{name}_bn_branch{part}")
        x = keras.layers.SpatialDropout2D(dropout, name=f"{name}_dropout_branch{part}")(x)
        x = convolution(x, width, size, 1, rate if size > 1 else 1, f"{name}_conv_branch{part}")
    return keras.layers.Add(name=f"{name}_add")([shortcut, x]), active


def _activate(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(name=f"{name}_relu")(FixedNorm(name=name)(x))
