"""Nets with the weights that finished stages have left."""

from pathlib import Path

import keras

from wsss_tf.experiment import Experiment
from wsss_tf.nets.weights import load_weights
from wsss_tf.systems.cam_classifier import build_cam_classifier
from wsss_tf.systems.dilated_classifier import build_classifier
from wsss_tf.systems.segmenter import build_segmenter

CLASSIFIER, SEGMENTER = "classifier.weights.h5", "segmenter.weights.h5"


def new_classifier(experiment: Experiment, num_classes: int) -> keras.Model:
    """The classifier as it is after training, without dilated blocks; its weights are yet to come."""
    e = experiment
    if e.classifier.head == "cam":
        return build_cam_classifier(e.cls_backbone, num_classes)
    return build_classifier(e.cls_backbone, e.classifier, num_classes, dilated=False)


def trained_classifier(experiment: Experiment, folder: Path) -> keras.Model:
    """The classifier that the stage in this folder has trained."""
    net = new_classifier(experiment, experiment.dataset.num_classes)
    load_weights(net, folder / CLASSIFIER)
    return net


def trained_segmenter(experiment: Experiment, folder: Path) -> keras.Model:
    """The segmentation net that the stage in this folder has trained."""
    e = experiment
    net = build_segmenter(e.seg_backbone, e.segmenter, e.dataset.num_classes)
    load_weights(net, folder / SEGMENTER)
    return net
