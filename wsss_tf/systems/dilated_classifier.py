"""Classifier with a standard and D dilated blocks (thesis section 2.3.1)."""

import dataclasses

import keras
import tensorflow as tf

from wsss_tf.systems import losses
from wsss_tf.config import setting
from wsss_tf.systems import class_maps as classifier
from wsss_tf.train.contract import Batch
from wsss_tf.nets.backbone import BackboneConfig, build_backbone
from wsss_tf.nets.heads import classification_block

_STANDARD = "standard"


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """Blocks and losses of the classifier."""

    head: str = setting("dilated", "dilated: fc6-fc7-fc8 blocks (section 2.3.1); cam: one 1x1 convolution as in IRN "
                                   "(section 3.3.3), which has none of the settings below", ("dilated", "cam"))
    rates: tuple = setting((3, 6, 9, 12, 15, 18, 21, 24), "dilation rate of fc6 in each dilated block "
                                                          "(A2-1, Table 2.7)")
    channels: int = setting(1024, "channels of fc6 and fc7 (section 2.3.1)", low=1)
    dropout: float = setting(0.5, "dropout after fc6 and fc7 while the classifier trains (A2-15)")
    init_std: float = setting(0.01, "standard deviation of the normal start of new layers (A2-16); 0: He's")
    cam_weight: float = setting(0.1, "weight of the dense map loss beside the tag loss (eq. 2.3)")


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
        return classification_block(features, name, rate, config.channels, num_classes, config.init_std, config.init_std,
                                    config.dropout)

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

    def __init__(self, backbone: BackboneConfig, config: ClassifierConfig, num_classes: int):
        self.net = build_classifier(backbone, config, num_classes, dilated=bool(config.rates))
        self._config = config

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
