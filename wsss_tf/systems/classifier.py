"""The classifiers by the name of their head."""

import dataclasses
from pathlib import Path

import keras

from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import load_weights
from wsss_tf.stages.place import NET
from wsss_tf.systems.cam_classifier import CamClassifier, build_cam_classifier
from wsss_tf.systems.dilated_classifier import DilatedClassifier, build_classifier
from wsss_tf.systems.settings import ClassifierConfig
from wsss_tf.train.contract import Method


def classifier_method(backbone: BackboneConfig, config: ClassifierConfig, num_classes: int) -> Method:
    """The classifier in training."""
    if config.head == "cam":
        return CamClassifier(backbone, num_classes)
    return DilatedClassifier(backbone, config, num_classes)


def new_classifier(backbone: BackboneConfig, config: ClassifierConfig, num_classes: int, training: bool = False) -> keras.Model:
    """The classifier with the weights of its start, as it is after training or, with dilated blocks, in `training`."""
    if config.head == "cam":
        return build_cam_classifier(backbone, num_classes)
    return build_classifier(backbone, config, num_classes, dilated=training and bool(config.rates))


def trained_classifier(folder: Path, backbone: BackboneConfig, config: ClassifierConfig, num_classes: int) -> keras.Model:
    """The classifier that the stage in this folder has trained.

    Raises:
      InputError: its weights are missing or of another net.
    """
    net = new_classifier(dataclasses.replace(backbone, weights="none"), config, num_classes)  # no download only to load
    load_weights(net, folder / NET)
    return net
