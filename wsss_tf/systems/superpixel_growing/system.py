"""Superpixel-guided seeded region growing (thesis chapter 3) as a chain of stages."""

import dataclasses
from collections.abc import Iterator

from wsss_tf.config import group
from wsss_tf.data.stream.settings import AugmentConfig, ClassifierCropConfig
from wsss_tf.errors import InputError
from wsss_tf.inference.settings import CamConfig
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.pseudo_labels.settings import SeedConfig
from wsss_tf.stages import steps as common
from wsss_tf.stages.place import Place
from wsss_tf.stages.stage import Stage
from wsss_tf.systems import steps
from wsss_tf.systems.contract import System
from wsss_tf.systems.settings import ClassifierConfig, ClassifierSettings, DataSettings, SegmenterConfig, SegmenterSettings
from wsss_tf.systems.superpixel_growing.originals import PROTOCOLS
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig
from wsss_tf.systems.superpixels import SuperpixelSettings, superpixel_stages
from wsss_tf.train.settings import TrainConfig


@dataclasses.dataclass(frozen=True)
class Settings(SegmenterSettings, SuperpixelSettings, ClassifierSettings, DataSettings):
    """Chapter 3's values (section 3.4.1): IRN's classifier and maps, DINO's superpixels, DeepLab-ASPP on ResNet101."""

    crops: AugmentConfig = group("", AugmentConfig(crop=448, crop_scales=(0.5, 1.0, 1.5)))
    cls_backbone: BackboneConfig = group("cls_", BackboneConfig("resnet50_torch", 16))
    classifier: ClassifierConfig = group("cls_", ClassifierConfig(head="cam"))
    cls_crops: ClassifierCropConfig = group("cls_", ClassifierCropConfig(512, (320, 640), False))
    cls_train: TrainConfig = group("cls_", TrainConfig(
        epochs=5, batch=16, lr=0.1, momentum=1e-4, weight_decay=1e-4, decay_all=True))
    cam: CamConfig = group("cam_", CamConfig((1.0, 0.5, 1.5, 2.0), "irn", True))
    seg_backbone: BackboneConfig = group("seg_", BackboneConfig("resnet101"))
    segmenter: SegmenterConfig = group("seg_", SegmenterConfig(head="aspp"))
    seg_train: TrainConfig = group("seg_", TrainConfig(epochs=15, warmup_epochs=3))
    seed: SeedConfig = group("seed_", SeedConfig())
    growing: GrowingConfig = group("", GrowingConfig())


def stages(s: Settings) -> Iterator[Stage]:
    """Sparse seeds that grow by superpixels while the segmenter trains."""
    yield common.prepare(s.data)
    yield steps.classifier(s)
    yield steps.cams(s)
    yield from superpixel_stages(s)
    yield common.seeds(s.seed)
    yield steps.segmenter(s, build, {"target": "seeds", "superpixels": "superpixels"}, s.growing)
    yield from steps.segmentation(s)


def build(place: Place, backbone: BackboneConfig, head: SegmenterConfig, growing: GrowingConfig):
    """The method in training."""
    from wsss_tf.systems.superpixel_growing.method import SuperpixelGrowing

    return SuperpixelGrowing(backbone, head, growing, place.dataset.num_classes)


def check(s: Settings) -> None:
    """The output at scale 1 drives the growing (A3-10).

    Raises:
      InputError: the first input scale is another one.
    """
    if s.segmenter.scales[0] != 1:
        raise InputError(f"--seg_scales={','.join(f'{scale:g}' for scale in s.segmenter.scales)}: expected 1 first, because the "
                         "output at scale 1 drives the growing (A3-10): put 1 first")


def figures() -> tuple:
    """The figures that only runs of this system have."""
    from wsss_tf.systems.superpixel_growing.figures import FIGURES

    return FIGURES


SUPERPIXEL_GROWING = System("superpixel_growing", "superpixel-guided seeded region growing (thesis chapter 3)", Settings, stages,
                            check, PROTOCOLS, figures)
