"""Seeds that grow on whole photos, to be looked at."""

import keras
import numpy as np
import tensorflow as tf

from wsss_tf.example import UNKNOWN
from wsss_tf.figures.seeds import SeedParts
from wsss_tf.nets.backbone import Grid
from wsss_tf.ops import colour, resize
from wsss_tf.systems.superpixel_growing.growing import grow
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig


class Grower:
    """Grows seeds on whole photos as training does on crops, with the net as it is at test."""

    def __init__(self, net: keras.Model, grid: Grid, target_pixel: str):
        """Takes the segmentation net, its grid, and the pixel that gives a cell its target: "corner" or "centre"."""
        self._net, self._grid, self._target_pixel = net, grid, target_pixel

    def logits(self, photo: np.ndarray) -> tf.Tensor:
        """Scale-1 logits of the photo padded with the mean colour: uint8 [H, W, 3] -> float32 [1, h, w, C+1]."""
        down, right = self._padded(photo) - photo.shape[:2]
        centred = tf.pad(colour.centre(tf.constant(photo)), [[0, down], [0, right], [0, 0]])
        return self._net(centred[None], training=False)["logits"]

    def output(self, photo: np.ndarray, logits: tf.Tensor) -> np.ndarray:
        """The class that the net prefers at each pixel: uint8 [H, W]."""
        whole = resize.bilinear(logits, self._padded(photo))[0].numpy()
        return whole[: photo.shape[0], : photo.shape[1]].argmax(-1).astype(np.uint8)

    def grown(self, parts: SeedParts, seed: np.ndarray, logits: tf.Tensor, config: GrowingConfig) -> np.ndarray:
        """The grown label at the resolution that --growing_at names, enlarged to the photo: uint8 [H, W] of 0..C and 255.

        Ref: thesis eqs 3.6-3.7.
        """
        height, width = parts.photo.shape[:2]
        padded = self._padded(parts.photo)
        margin = [[0, padded[0] - height], [0, padded[1] - width]]
        maps = (np.pad(seed.astype(np.int32), margin, constant_values=UNKNOWN),
                np.pad(parts.ids, margin, constant_values=-1))
        if config.growing_at == "image":
            logits = resize.bilinear(logits, padded)
        centre = self._target_pixel == "centre"
        small = [resize.nearest_labels(tf.constant(labels)[None], tf.shape(logits)[1:3], centre) for labels in maps]
        tags = np.zeros([1, logits.shape[-1] - 1], np.float32)
        tags[0, parts.keys - 1] = 1
        label = grow(*small, tf.nn.softmax(logits), tf.constant(tags), config)
        return resize.nearest_labels(label, padded)[0, :height, :width].numpy().astype(np.uint8)

    def _padded(self, photo: np.ndarray) -> np.ndarray:
        return self._grid.padded(tf.constant(photo.shape[:2])).numpy()
