"""The classifier of IRN: one 1x1 convolution on the trunk, whose maps are the class activation maps.

Ref: Ahn et al., CVPR 2019; thesis sections 3.3.2 and 3.4.2.
"""

import keras
import tensorflow as tf

from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems import class_maps as classifier
from wsss_tf.systems import losses
from wsss_tf.train.contract import Batch


def build_cam_classifier(backbone: BackboneConfig, num_classes: int) -> keras.Model:
    """The classifier: centred image [B, H, W, 3] -> {"cam": raw maps, float32 [B, h, w, C]}.

    Class scores are the spatial means of the raw maps, which equals the same
    weights applied to the mean feature, since there is no bias.
    """
    trunk = build_backbone(backbone)
    # PyTorch's default start of a convolution: uniform in +-1 / sqrt(fan-in).
    start = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    cam = keras.layers.Conv2D(num_classes, 1, use_bias=False, kernel_initializer=start, dtype="float32", name="fc8")
    return keras.Model(trunk.input, {"cam": cam(trunk.output["classify"])}, name="classifier")


class CamClassifier:
    """Trains trunk and maps on the tags alone."""

    reads = {}

    def __init__(self, backbone: BackboneConfig, num_classes: int):
        self.net = build_cam_classifier(backbone, num_classes)

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Multi-label soft margin of the class scores (eq. 3.2)."""
        cam = self.net(batch["image"], training=True)["cam"]
        return {"loss": losses.tag_loss(classifier.scores(cam), batch["tags"])}

    def preview(self, batch: Batch) -> tf.Tensor:
        """The photos, dimmed where no present class is active."""
        return classifier.preview(self.net, batch)
