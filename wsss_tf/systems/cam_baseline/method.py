"""The baseline: a segmentation net trained on pseudo-labels from class activation maps (section 1.1.3)."""

import tensorflow as tf

from wsss_tf.data.stream.maps import LABELS
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.train.contract import Batch


class CamBaseline:
    """Cross-entropy against a fixed pseudo-label at every input scale."""

    reads = {"target": LABELS}

    def __init__(self, backbone: BackboneConfig, head: SegmenterConfig, num_classes: int):
        self.net = build_segmenter(backbone, head, num_classes)
        self._head = head

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Pixel cross-entropy summed over scales (eq. 1.3)."""
        outputs = segmenter.logits_at_scales(self.net, batch["image"], self._head)
        return {"loss": segmenter.sum_over_scales(
            outputs, batch["target"], self._head.target_pixel,
            lambda logits, target: losses.label_loss(logits, target, losses.MEANS[self._head.average]))}

    def preview(self, batch: Batch) -> tf.Tensor:
        """Predicted labels in VOC colours."""
        return segmenter.preview(self.net, batch)
