"""The CAM baseline as a chain of stages."""

import dataclasses
from collections.abc import Iterator

from wsss_tf.config import group
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.pseudo_labels.settings import LabelConfig
from wsss_tf.stages import steps as common
from wsss_tf.stages.place import Place
from wsss_tf.stages.stage import Stage
from wsss_tf.systems import steps
from wsss_tf.systems.contract import System
from wsss_tf.systems.settings import ClassifierSettings, DataSettings, SegmenterConfig, SegmenterSettings


@dataclasses.dataclass(frozen=True)
class Settings(SegmenterSettings, ClassifierSettings, DataSettings):
    """Chapter 2's nets with the procedure of section 1.1.3."""

    label: LabelConfig = group("label_", LabelConfig())


def stages(s: Settings) -> Iterator[Stage]:
    """Class activation maps, a threshold, and a segmenter on the pseudo-labels."""
    yield common.prepare(s.data)
    yield steps.classifier(s)
    yield steps.cams(s)
    yield common.labels(s.label)
    yield steps.segmenter(s, build, {"target": "labels"})
    yield from steps.segmentation(s)


def build(place: Place, backbone: BackboneConfig, head: SegmenterConfig):
    """The method in training."""
    from wsss_tf.systems.cam_baseline.method import CamBaseline

    return CamBaseline(backbone, head, place.dataset.num_classes)


CAM_BASELINE = System("cam_baseline", "pseudo-labels from class activation maps (section 1.1.3)", Settings, stages)
