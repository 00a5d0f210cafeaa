"""Class activation maps of photos from a trained classifier (eq. 2.4)."""


import keras
import numpy as np
import tensorflow as tf

from wsss_tf.example import Example
from wsss_tf.files.images import read_photo
from wsss_tf.inference import multiscale, multiscale_irn
from wsss_tf.inference.settings import CamConfig
from wsss_tf.nets.backbone import Grid

_FUSIONS = {"max": multiscale.fuse_max, "sum": multiscale.fuse_sum}


class CamMaker:
    """Computes M* (eq. 2.4) with a classifier's standard block."""

    def __init__(self, classifier: keras.Model, grid: Grid, config: CamConfig):
        def dense(image):
            return tf.nn.relu(classifier(image, training=False)["cam"])

        @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
        def maps(image):
            if config.fusion == "irn":
                return multiscale_irn.fuse_irn(image, config.scales, config.flip, grid, dense)
            return _FUSIONS[config.fusion](image, config.scales, config.flip, grid, dense, config.upsampling == "direct")

        self._maps = maps

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Rectified multi-scale maps of all classes: uint8 [H, W, 3] -> float32 [H, W, C]."""
        return self._maps(image).numpy()

    def present(self, example: Example) -> tuple[np.ndarray, np.ndarray]:
        """What wsss_tf.files.cams.write_cam stores of one example: the present classes int64 [K], their maps float32 [K, H, W]."""
        maps = self(read_photo(example.image))
        keys = np.array(example.tags, np.int64)
        return keys, np.moveaxis(maps[..., keys - 1], -1, 0)
