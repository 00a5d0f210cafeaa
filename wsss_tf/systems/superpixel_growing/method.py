"""Segmentation by superpixel-guided seeded region growing, the method of thesis chapter 3 (section 3.3.3)."""

import tensorflow as tf

from wsss_tf.data.stream.maps import LABELS, SUPERPIXELS
from wsss_tf.example import UNKNOWN
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import resize
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.systems.superpixel_growing.growing import grow
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig
from wsss_tf.train.contract import Batch


class SuperpixelGrowing:
    """Learns from a sparse seed that superpixels extend wherever the net is sure."""

    reads = {"target": LABELS, "superpixels": SUPERPIXELS}

    def __init__(self, backbone: BackboneConfig, head: SegmenterConfig, config: GrowingConfig, num_classes: int):
        """Builds the segmentation net; the first of the head's input scales, 1, drives the growing (A3-10)."""
        self.net = build_segmenter(backbone, head, num_classes)
        self._head, self._config = head, config

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Balanced seed loss of the grown label, summed over scales (eqs 3.6-3.8).

        "seed" and "labeled" are the shares of pixels of the photo with a label
        before and after growing, for the log.
        """
        outputs = segmenter.logits_at_scales(self.net, batch["image"], self._head)
        centre = self._head.target_pixel == "centre"
        size = tf.shape(batch["image"])[1:3]
        if self._config.growing_at == "image":
            outputs = [resize.bilinear(logits, size) for logits in outputs]
        else:
            size = tf.shape(outputs[0])[1:3]
        seeds, superpixels = (resize.nearest_labels(batch[name], size, centre) for name in ("target", "superpixels"))
        grown = grow(seeds, superpixels, tf.nn.softmax(outputs[0]), batch["tags"], self._config)
        loss = segmenter.sum_over_scales(
            outputs, grown, self._head.target_pixel,
            lambda logits, target: losses.balanced_seed_loss(logits, target, losses.MEANS[self._head.average]))
        inside = superpixels >= 0
        return {"loss": loss, "seed": _share(seeds != UNKNOWN, inside), "labeled": _share(grown != UNKNOWN, inside)}

    def preview(self, batch: Batch) -> tf.Tensor:
        """Predicted labels in VOC colours."""
        return segmenter.preview(self.net, batch)


def _share(pixels: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
    """How much of what is inside they are: [B, h, w], [B, h, w] -> float32 [B]."""
    pixels, inside = (tf.cast(mask, tf.float32) for mask in (pixels, inside))
    return tf.math.divide_no_nan(tf.reduce_sum(pixels * inside, [1, 2]), tf.reduce_sum(inside, [1, 2]))
