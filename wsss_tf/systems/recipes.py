"""What each system trains its segmenter on, and the method that does it."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from wsss_tf.experiment import Experiment
from wsss_tf.systems.cam_baseline.method import CamBaseline
from wsss_tf.systems.cam_classifier import CamClassifier
from wsss_tf.systems.dilated_classifier import DilatedClassifier
from wsss_tf.systems.masking.method import ImageMasking
from wsss_tf.systems.superpixel_growing.method import SuperpixelGrowing
from wsss_tf.systems.trained import trained_classifier
from wsss_tf.train.contract import Method


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a system trains its segmenter.

    Attributes:
      maps: entry of the batch -> stage that makes the map of each training
        photo; "target" first.
      method: (experiment, stage -> its folder) -> net and losses.
    """

    maps: Mapping[str, str]
    method: Callable[[Experiment, Mapping[str, Path]], Method]


def classifier_method(experiment: Experiment) -> Method:
    """The classifier in training."""
    e = experiment
    if e.classifier.head == "cam":
        return CamClassifier(e.cls_backbone, e.dataset.num_classes)
    return DilatedClassifier(e.cls_backbone, e.classifier, e.dataset.num_classes)


def recipe(experiment: Experiment) -> Recipe:
    """The recipe of the experiment's system."""
    return _RECIPES[experiment.run.method]


def attends(experiment: Experiment) -> bool:
    """Whether training looks at masked photos through the classifier."""
    return experiment.run.method == "masking" and experiment.masking.attention_weight > 0


def _masking(experiment: Experiment, inputs: Mapping[str, Path]) -> Method:
    e = experiment
    classifier = trained_classifier(e, inputs["classifier"]) if attends(e) else None
    return ImageMasking(e.seg_backbone, e.segmenter, e.masking, e.dataset.num_classes, classifier)


def _cam_baseline(experiment: Experiment, inputs: Mapping[str, Path]) -> Method:
    e = experiment
    return CamBaseline(e.seg_backbone, e.segmenter, e.dataset.num_classes)


def _superpixel_growing(experiment: Experiment, inputs: Mapping[str, Path]) -> Method:
    e = experiment
    return SuperpixelGrowing(e.seg_backbone, e.segmenter, e.growing, e.dataset.num_classes)


_RECIPES = {
    "masking": Recipe({"target": "saliency"}, _masking),
    "cam_baseline": Recipe({"target": "seeds"}, _cam_baseline),
    "superpixel_growing": Recipe({"target": "seeds", "superpixels": "superpixels"}, _superpixel_growing),
}
