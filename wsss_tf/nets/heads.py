"""Heads on a trunk: the classification blocks of thesis section 2.3.1 and DeepLab's ASPP."""

import keras

# Name prefixes of the layers whose learning rate is multiplied: which are the "last layers x10" (A2-25).
LAST_LAYERS = {"fc8": ("fc8",), "head": ("fc6", "fc7", "fc8")}


def classification_block(features: keras.KerasTensor, name: str, rate: int, channels: int, num_classes: int,
                         init_std: float, last_std: float, dropout: float, fc7_size: int = 3) -> keras.KerasTensor:
    """fc6 (3x3, dilated) - fc7 - fc8 (1x1): [B, h, w, D] -> raw maps [B, h, w, num_classes].

    fc6 and fc7 start normal with deviation init_std, fc8 with last_std; 0 is He's.
    fc8 computes in float32 whatever the rest does: losses read it.

    Ref: thesis section 2.3.1, where fc7 is 3x3; in DeepLab it is 1x1.
    """
    x = features
    for layer, size, dilation in (("fc6", 3, rate), ("fc7", fc7_size, 1)):
        x = keras.layers.Conv2D(channels, size, dilation_rate=dilation, padding="same", activation="relu",
                                kernel_initializer=_normal(init_std), name=f"{layer}_{name}")(x)
        x = keras.layers.Dropout(dropout, name=f"drop_{layer}_{name}")(x)
    return keras.layers.Conv2D(num_classes, 1, kernel_initializer=_normal(last_std), dtype="float32", name=f"fc8_{name}")(x)


def aspp(features: keras.KerasTensor, rates: tuple[int, ...], channels: int, num_labels: int, init_std: float,
         dropout: float) -> keras.KerasTensor:
    """DeepLab-ASPP, the sum of branches at several dilation rates: [B, h, w, D] -> logits [B, h, w, num_labels].

    Args:
      features: of the trunk.
      rates: dilation of each branch.
      channels: of fc6 and fc7 in each branch (DeepLab on VGG16); 0 makes each
        branch a single 3x3 convolution (DeepLab on ResNet101).
      num_labels: C+1.
      init_std: of the normal start; 0: He's in fc6 and fc7.
      dropout: after fc6 and fc7.

    Ref: DeepLab v2, spec section 13.
    """
    last_std = init_std or 0.01  # first logits near zero, also where the hidden layers start as He

    def branch(rate: int) -> keras.KerasTensor:
        if channels:
            return classification_block(features, f"rate{rate}", rate, channels, num_labels, init_std, last_std, dropout, 1)
        return keras.layers.Conv2D(num_labels, 3, dilation_rate=rate, padding="same",
                                   kernel_initializer=_normal(last_std), dtype="float32", name=f"fc8_rate{rate}")(features)

    branches = [branch(rate) for rate in rates]
    return branches[0] if len(branches) == 1 else keras.layers.Add(dtype="float32", name="logits")(branches)


def _normal(std: float) -> keras.initializers.Initializer:
    """Normal with a fixed deviation, or with He's, which follows the fan-in, for std 0."""
    return keras.initializers.RandomNormal(stddev=std) if std else keras.initializers.HeNormal()
