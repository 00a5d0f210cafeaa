"""Heads on a backbone: the classification blocks of thesis section 2.3.1 and DeepLab's ASPP."""

from collections.abc import Callable

import keras

Start = Callable[[], keras.initializers.Initializer]  # a new one for each layer: one that is used twice gives the same values
_LAST_STD = 0.01  # of last layers above hidden ones that start as He: their first outputs are near zero


def classification_block(features: keras.KerasTensor, name: str, rate: int, channels: int, num_classes: int,
                         start: Start, last: Start, dropout: float,
                         fc7_size: int = 3) -> keras.KerasTensor:
    """fc6 (3x3, dilated) - fc7 - fc8 (1x1): [B, h, w, D] -> raw maps [B, h, w, num_classes].

    The kernels of fc6 and fc7 come from `start`, those of fc8 from `last`. fc8
    computes in float32 whatever the rest does: losses read it.

    Ref: thesis section 2.3.1, where fc7 is 3x3; in DeepLab it is 1x1.
    """
    x = features
    for layer, size, dilation in (("fc6", 3, rate), ("fc7", fc7_size, 1)):
        x = keras.layers.Conv2D(channels, size, dilation_rate=dilation, padding="same", activation="relu",
                                kernel_initializer=start(), name=f"{layer}_{name}")(x)
        x = keras.layers.Dropout(dropout, name=f"drop_{layer}_{name}")(x)
    return keras.layers.Conv2D(num_classes, 1, kernel_initializer=last(), dtype="float32", name=f"fc8_{name}")(x)


def aspp_fc(features: keras.KerasTensor, rates: tuple[int, ...], channels: int, num_labels: int,
            start: Start, last: Start, dropout: float) -> keras.KerasTensor:
    """DeepLab-ASPP on VGG16, the sum of fc6-fc7-fc8 branches: [B, h, w, D] -> logits [B, h, w, num_labels].

    Args:
      features: of the backbone.
      rates: dilation of fc6 in each branch.
      channels: of fc6 and fc7.
      num_labels: C+1.
      start, last: where the kernels of fc6 and fc7, and of fc8, come from.
      dropout: after fc6 and fc7.

    Ref: Chen et al., DeepLab v2, TPAMI 2018, section 3.2.
    """
    return _sum([classification_block(features, f"rate{rate}", rate, channels, num_labels, start, last, dropout, 1)
                 for rate in rates])


def aspp(features: keras.KerasTensor, rates: tuple[int, ...], num_labels: int, last: Start) -> keras.KerasTensor:
    """DeepLab-ASPP on ResNet101, the sum of single 3x3 convolutions: [B, h, w, D] -> logits [B, h, w, num_labels].

    Args:
      features: of the backbone.
      rates: dilation of each branch.
      num_labels: C+1.
      last: where the kernels come from.

    Ref: Chen et al., DeepLab v2, TPAMI 2018, section 3.2.
    """
    return _sum([keras.layers.Conv2D(num_labels, 3, dilation_rate=rate, padding="same", kernel_initializer=last(),
                                     dtype="float32", name=f"fc8_rate{rate}")(features) for rate in rates])


def hidden_start(init: str, std: float) -> Start:
    """Where the kernels of new hidden layers come from: "normal" with this deviation, or "he", by the fan-in."""
    return keras.initializers.HeNormal if init == "he" else lambda: keras.initializers.RandomNormal(stddev=std)


def last_start(init: str, std: float) -> Start:
    """Where the kernels of new last layers come from: normal, so narrow that the first outputs are near zero."""
    return lambda: keras.initializers.RandomNormal(stddev=_LAST_STD if init == "he" else std)


def _sum(branches: list[keras.KerasTensor]) -> keras.KerasTensor:
    return branches[0] if len(branches) == 1 else keras.layers.Add(dtype="float32", name="logits")(branches)
