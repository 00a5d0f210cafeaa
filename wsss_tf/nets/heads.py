"""Heads on a trunk: the classification blocks of thesis section 2.3.1 and DeepLab's ASPP."""

import keras

# Name prefixes of the layers whose learning rate is multiplied: which are the "last layers x10" (A2-25).
LAST_LAYERS = {"fc8": ("fc8",), "head": ("fc6", "fc7", "fc8")}


def classification_block(features: keras.KerasTensor, name: str, rate: int, channels: int, num_classes: int,
                         init_std: float, dropout: float) -> keras.KerasTensor:
    """fc6 (3x3, dilated) - fc7 (3x3) - fc8 (1x1): [B, h, w, D] -> raw class activation maps [B, h, w, C].

    Ref: thesis section 2.3.1; fc7 is 3x3 here.
    """
    x = features
    for layer, dilation in (("fc6", rate), ("fc7", 1)):
        x = keras.layers.Conv2D(channels, 3, dilation_rate=dilation, padding="same", activation="relu",
                                kernel_initializer=_normal(init_std), name=f"{layer}_{name}")(x)
        x = keras.layers.Dropout(dropout, name=f"drop_{layer}_{name}")(x)
    return keras.layers.Conv2D(num_classes, 1, kernel_initializer=_normal(init_std), name=f"fc8_{name}")(x)


def aspp(features: keras.KerasTensor, rates: tuple[int, ...], num_labels: int, init_std: float) -> keras.KerasTensor:
    """The sum of 3x3 convolutions at several dilation rates: [B, h, w, D] -> logits [B, h, w, C+1].

    Ref: DeepLab v2, spec section 13.
    """
    branches = [
        keras.layers.Conv2D(num_labels, 3, dilation_rate=rate, padding="same", kernel_initializer=_normal(init_std),
                            name=f"fc8_rate{rate}")(features)
        for rate in rates
    ]
    return branches[0] if len(branches) == 1 else keras.layers.Add(name="logits")(branches)


def _normal(std: float) -> keras.initializers.Initializer:
    """Normal with a fixed deviation, or with He's, which follows the fan-in, for std 0."""
    return keras.initializers.RandomNormal(stddev=std) if std else keras.initializers.HeNormal()
