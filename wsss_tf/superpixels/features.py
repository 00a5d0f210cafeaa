"""Features of a photo on a grid of cells, from any net, for superpixel discovery (thesis section 3.3.1).

Whatever the net, the photo is resized so that the cells cover it evenly (A3-4),
and no net is trained for this.
"""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.nets import vit
from wsss_tf.nets.backbone import BACKBONES
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.ops import colour, resize
from wsss_tf.superpixels.settings import RGB, FeatureConfig

WEIGHTS = Path(__file__).parents[1] / "weights"
"""Folder of the weights that come with the package: <net>.weights.h5, and the manifest and log of its training."""


class Features:
    """Photo -> features of its cells."""

    def __init__(self, config: FeatureConfig):
        """Builds the net and loads its weights.

        Raises:
          InputError: weights that are missing or do not fit, or a block that
            the net does not have.
        """
        if config.weights == "none":  # a second run goes on with the photos that the first has left
            keras.utils.set_random_seed(0)
        self.cell, dense = _build(config)

        @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
        def features(image):
            cells = tf.cast(tf.math.ceil(tf.cast(tf.shape(image)[:2], tf.float32) * config.scale / self.cell), tf.int32)
            sides = tf.unstack(tf.maximum(cells, 1) * self.cell)
            return dense(resize.bicubic(colour.centre(image)[None], sides))[0]

        self._features = features

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] RGB -> float32 [ceil(H scale / cell), ceil(W scale / cell), D]."""
        return self._features(photo).numpy()


def _build(config: FeatureConfig) -> tuple[int, Callable[[tf.Tensor], tf.Tensor]]:
    """Pixels per cell, and centred image [1, H, W, 3] -> [1, H / cell, W / cell, D]."""
    if config.net == RGB:
        normalised = keras.layers.AveragePooling2D(config.stride)
        return config.stride, lambda image: normalised(colour.to_torchvision(image))
    if config.net in VIT_SIZES:
        read = (config.block, config.facet, config.positions)
        net = vit.build(config.net, *read) if config.weights == "none" else vit.load(config.net, _weights_file(config), *read)
        return VIT_SIZES[config.net].patch, lambda image: net(image, training=False)
    trunk = BACKBONES[config.net](config.stride, config.weights or "imagenet")
    return config.stride, lambda image: trunk(image, training=False)["segment"]


def _weights_file(config: FeatureConfig) -> Path:
    packaged = WEIGHTS / f"{config.net}.weights.h5"
    if not config.weights and packaged.exists():
        return packaged
    if not config.weights or config.weights == "imagenet":
        raise InputError(f"--feature_weights={config.weights}: expected the .weights.h5 file of a {config.net}: name it, or "
                         "choose --feature_net=mobilenet or resnet50 with --feature_weights=imagenet, which Keras "
                         "downloads; --feature_weights=none is a random net")
    return expand_path(config.weights)
