"""From a photo to probabilities: multi-scale test. masks.py makes masks of them."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from wsss_tf.inference import multiscale
from wsss_tf.inference.settings import PredictConfig
from wsss_tf.nets.backbone import Grid


def dense_probabilities(segmenter: keras.Model, grid: Grid, config: PredictConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function uint8 [H, W, 3] RGB -> float32 [H, W, C+1], background first, in tensor operations."""

    def dense(image):
        return segmenter(image, training=False)["logits"]

    return lambda image: tf.nn.softmax(multiscale.fuse_max(image, config.scales, config.flip, grid, dense))


class Predictor:
    """Runs a segmentation net on whole photos."""

    def __init__(self, segmenter: keras.Model, grid: Grid, config: PredictConfig):
        signature = [tf.TensorSpec([None, None, 3], tf.uint8)]
        self._probabilities = tf.function(dense_probabilities(segmenter, grid, config), input_signature=signature)

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] RGB -> float32 [H, W, C+1], background first."""
        return self._probabilities(image).numpy()
