"""How much memory a training step needs, estimated from the shapes of its nets."""

import dataclasses

import keras
import tensorflow as tf

from wsss_tf.experiment import Experiment
from wsss_tf.systems.recipes import attends
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.trained import new_classifier
from wsss_tf.train.settings import TrainConfig

# The gradient needs what goes into convolutions, norms and activations; of these layers nothing later needs the output.
_NOT_KEPT = (keras.layers.InputLayer, keras.layers.BatchNormalization, keras.layers.Add, keras.layers.Dropout)
_FLOAT = 4  # bytes


@dataclasses.dataclass(frozen=True)
class StepMemory:
    """Bytes that one device needs in a training step.

    Attributes:
      variables: weights, gradients and momentum.
      image: kept for the gradient, for each image that is computed at once.
      images: so many are computed at once.
    """

    variables: int
    image: int
    images: int

    @property
    def total(self) -> int:
        """Bytes in all; the workspace of the convolutions comes on top."""
        return self.variables + self.images * self.image


def classifier_memory(experiment: Experiment, num_classes: int) -> StepMemory:
    """Of the training of the classifier; its dilated blocks, which all read the same features, are not counted.

    Raises:
      InputError: nets that cannot be built.
    """
    e = _without_weights(experiment)
    net = new_classifier(e, num_classes)
    return StepMemory(3 * _FLOAT * net.count_params(), _kept(net, e.classifier_crops.crop) * _width(e.cls_train),
                      _at_once(e.cls_train, e))


def segmenter_memory(experiment: Experiment, num_classes: int) -> StepMemory:
    """Of the training of the segmenter: all input scales, and all paths through the frozen classifier.

    Raises:
      InputError: nets that cannot be built.
    """
    e = _without_weights(experiment)
    net, side = build_segmenter(e.seg_backbone, e.segmenter, num_classes), e.crops.crop
    variables = 3 * _FLOAT * net.count_params()
    kept = sum(_kept(net, max(1, round(side * scale))) for scale in e.segmenter.scales)
    if attends(e):
        classifier = new_classifier(e, num_classes)
        variables += _FLOAT * classifier.count_params()
        kept += e.masking.paths * _kept(classifier, side)
    return StepMemory(variables, kept * _width(e.seg_train), _at_once(e.seg_train, e))


def _kept(net: keras.Model, side: int) -> int:
    """Numbers that one image leaves for the gradient."""
    outputs = [layer.output for layer in net.layers if not isinstance(layer, _NOT_KEPT)]
    shapes = keras.Model(net.inputs, outputs).compute_output_spec(keras.KerasTensor([1, side, side, 3]))
    return sum(tf.TensorShape(shape.shape).num_elements() for shape in tf.nest.flatten(shapes))


def _width(config: TrainConfig) -> int:
    return _FLOAT if config.precision == "float32" else _FLOAT // 2


def _at_once(config: TrainConfig, experiment: Experiment) -> int:
    devices = experiment.run.replicas or max(1, len(tf.config.list_physical_devices("GPU")))
    return -(-config.batch // (devices * config.parts))


def _without_weights(experiment: Experiment) -> Experiment:
    trunks = {name: dataclasses.replace(getattr(experiment, name), weights="none") for name in ("cls_backbone", "seg_backbone")}
    return dataclasses.replace(experiment, **trunks)
