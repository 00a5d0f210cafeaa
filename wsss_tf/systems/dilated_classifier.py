"""Classifier with a standard and D dilated blocks (thesis section 2.3.1)."""


import keras
import tensorflow as tf

from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.heads import classification_block, hidden_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems import class_maps as classifier
from wsss_tf.systems import losses
from wsss_tf.systems.settings import ClassifierConfig
from wsss_tf.train.contract import Batch

_STANDARD = "standard"


def build_classifier(backbone: BackboneConfig, config: ClassifierConfig, num_classes: int,
                     dilated: bool) -> keras.Model:
    """The classifier: centred image [B, H, W, 3] -> {"cam": M^0, "dilated": [M^1 .. M^D]}.

    Args:
      backbone: the trunk.
      config: the blocks.
      num_classes: C.
      dilated: False leaves the dilated blocks out, as after training.

    Each raw map is float32 [B, h, w, C]; class scores are their spatial means
    (A2-4: before the ReLU).
    """
    trunk = build_backbone(backbone)
    features = trunk.output["classify"]

    def block(name, rate):
        start = hidden_start(config.init, config.init_std)
        return classification_block(features, name, rate, config.channels, num_classes, start, start, config.dropout)

    maps = {"cam": block(_STANDARD, 1)}
    if dilated:
        maps["dilated"] = [block(f"rate{rate}", rate) for rate in config.rates]
    return keras.Model(trunk.input, maps, name="classifier")


def without_dilated_blocks(trained: keras.Model, standard: keras.Model) -> keras.Model:
    """Copies trunk and standard block of a trained classifier into one without the dilated blocks."""
    for layer in standard.layers:
        layer.set_weights(trained.get_layer(layer.name).get_weights())
    return standard


def fuse_maps(cam: tf.Tensor, dilated: list[tf.Tensor]) -> tf.Tensor:
    """Dense map M = max(M^0, mean of the dilated maps), element-wise on raw maps [B, h, w, C]."""
    return tf.maximum(cam, tf.add_n(dilated) / len(dilated))


class DilatedClassifier:
    """Trains all blocks on the tags and the standard block on the fused dense map."""

    reads = {}

    def __init__(self, backbone: BackboneConfig, config: ClassifierConfig, num_classes: int):
        self.net = build_classifier(backbone, config, num_classes, dilated=bool(config.rates))
        self._backbone, self._config, self._classes = backbone, config, num_classes

    @property
    def trained(self) -> keras.Model:
        """The net that is kept: backbone and standard block."""
        return without_dilated_blocks(self.net, build_classifier(self._backbone, self._config, self._classes, dilated=False))

    def losses(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Tag loss summed over blocks plus the weighted dense map loss (eqs 2.1-2.3)."""
        maps = self.net(batch["image"], training=True)
        blocks = [maps["cam"], *maps.get("dilated", [])]
        result = {"tag_loss": tf.add_n([losses.tag_loss(classifier.scores(block), batch["tags"]) for block in blocks])}
        result["loss"] = result["tag_loss"]
        if "dilated" in maps:
            dense = fuse_maps(maps["cam"], maps["dilated"])
            result["cam_loss"] = losses.dense_cam_loss(maps["cam"], dense, batch["tags"])
            result["loss"] += self._config.cam_weight * result["cam_loss"]
        return result

    def preview(self, batch: Batch) -> tf.Tensor:
        """The photos, dimmed where no present class is active."""
        return classifier.preview(self.net, batch)
