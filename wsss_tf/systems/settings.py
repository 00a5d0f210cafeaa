"""Flags that several systems share: their classifier and their segmenter."""

import dataclasses

from wsss_tf.config import group, setting
from wsss_tf.data.build.shapes import ShapesConfig
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.stream.settings import AugmentConfig, ClassifierCropConfig
from wsss_tf.inference.settings import CamConfig, ExportConfig, PredictConfig
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.train.settings import TrainConfig

AVERAGES = ("image", "batch")
RESIZES = ("by_size", "by_factor")  # of a segmenter's inputs
HEADS = ("aspp_fc", "aspp")  # of segmenters


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """Blocks and losses of the classifier."""

    head: str = setting("dilated", "dilated: fc6-fc7-fc8 blocks (section 2.3.1); cam: one 1x1 convolution as in IRN "
                                   "(sections 3.3.2 and 3.4.2), which has none of the settings below", ("dilated", "cam"))
    rates: tuple = setting((3, 6, 9, 12, 15, 18, 21, 24), "dilation rate of fc6 in each dilated block "
                                                          "(A2-1, Table 2.7)")
    channels: int = setting(1024, "channels of fc6 and fc7 (section 2.3.1)", low=1)
    dropout: float = setting(0.5, "dropout after fc6 and fc7 while the classifier trains (A2-15)")
    init: str = setting("normal", "start of the new layers: normal with --cls_init_std (A2-16), or he, by their fan-in",
                        ("normal", "he"))
    init_std: float = setting(0.01, "standard deviation of the normal start of new layers (A2-16)", low=0.0)
    cam_weight: float = setting(0.1, "weight of the dense map loss beside the tag loss (eq. 2.3)")


@dataclasses.dataclass(frozen=True)
class SegmenterConfig:
    """Head and inputs of the segmentation net."""

    head: str = setting("aspp_fc", "aspp_fc: branches of fc6-fc7-fc8 (DeepLab-ASPP on VGG16); aspp: branches of single 3x3 "
                                   "convolutions (on ResNet101)", HEADS)
    rates: tuple = setting((6, 12, 18, 24), "dilation rates of the DeepLab-ASPP branches; one alone is DeepLab-LargeFOV", low=1)
    channels: int = setting(1024, "channels of fc6 and fc7 in each branch of aspp_fc", low=1)
    dropout: float = setting(0.5, "dropout after fc6 and fc7 in training")
    init: str = setting("normal", "start of fc6 and fc7: normal with --seg_init_std, or he, by their fan-in", ("normal", "he"))
    init_std: float = setting(0.01, "standard deviation of the normal start of the ASPP branches", low=0.0)
    scales: tuple = setting((1.0, 0.75, 0.5), "input scales S in training (section 2.3.3)", low=0.1)
    target_pixel: str = setting("corner", "pixel that gives a cell its target: corner, as PyTorch's nearest (A2-10), "
                                          "or centre, where upsampling puts the cell", ("corner", "centre"))
    average: str = setting("image", "means over pixels and present classes run over those of each image (A2-26), or of the "
                                    "whole batch, all devices together", AVERAGES)
    fc_start: str = setting(
        "pretrained", "start of fc6 and fc7 where the backbone is vgg16 with weights: pretrained, VGG16's own fully connected "
                      "layers, made convolutional and thinned (section 2.4.1), the same in each branch; or random, as "
                      "--seg_init says and as on every other backbone", ("pretrained", "random"))
    resize: str = setting("by_size", "how the inputs of the other scales are made: by_size, cells of all scales on the same "
                                     "pixels; by_factor, as PyTorch's scale_factor does in deeplab-pytorch "
                                     "(docs/methods.md)", RESIZES)
    fused_loss: bool = setting(False, "the maximum of all scales has a loss of its own beside theirs, as in "
                                      "deeplab-pytorch (docs/methods.md)")


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """What every system has that learns from a data set with tags."""

    data: DataConfig = group("", DataConfig())
    shapes: ShapesConfig = group("", ShapesConfig())


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """The classifier and its class activation maps."""

    cls_backbone: BackboneConfig = group("cls_", BackboneConfig("vgg16"))
    classifier: ClassifierConfig = group("cls_", ClassifierConfig())
    cls_crops: ClassifierCropConfig = group("cls_", ClassifierCropConfig())
    cls_train: TrainConfig = group("cls_", TrainConfig(epochs=50))
    cam: CamConfig = group("cam_", CamConfig())


@dataclasses.dataclass(frozen=True)
class SegmenterSettings:
    """The segmentation net that a system ends with, its crops, its masks and its export."""

    crops: AugmentConfig = group("", AugmentConfig())
    seg_backbone: BackboneConfig = group("seg_", BackboneConfig("vgg16"))
    segmenter: SegmenterConfig = group("seg_", SegmenterConfig())
    seg_train: TrainConfig = group("seg_", TrainConfig())
    test: PredictConfig = group("test_", PredictConfig())
    export: ExportConfig = group("export_", ExportConfig())
