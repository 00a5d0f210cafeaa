"""How much memory a training step needs, estimated from the shapes of its nets."""

import dataclasses

import keras
import tensorflow as tf

from wsss_tf.config import ALL
from wsss_tf.stages.settings import Machine
from wsss_tf.stages.stage import Stage
from wsss_tf.train.settings import LoopConfig

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


def training_of(stage: Stage) -> LoopConfig | None:
    """The settings of the training that a stage is; None if it is none."""
    return next((settings for settings in stage.settings if isinstance(settings, LoopConfig)), None)


def step_memory(stage: Stage, num_classes: int, machine: Machine) -> StepMemory:
    """Of the training step of a stage that tells its passes.

    Raises:
      InputError: nets that cannot be built.
    """
    train, variables, kept = training_of(stage), 0, 0
    for each in stage.passes(num_classes, *stage.settings):
        net = each.build()
        variables += (3 if each.learns else 1) * _FLOAT * net.count_params()
        kept += sum(_kept(net, side) for side in each.sides)
    width = _FLOAT if train.precision == "float32" else _FLOAT // 2
    return StepMemory(variables, kept * width, _at_once(train, machine))


def _kept(net: keras.Model, side: int) -> int:
    """Numbers that one image leaves for the gradient."""
    outputs = [layer.output for layer in net.layers if not isinstance(layer, _NOT_KEPT)]
    shapes = keras.Model(net.inputs, outputs).compute_output_spec(keras.KerasTensor([1, side, side, 3]))
    return sum(tf.TensorShape(shape.shape).num_elements() for shape in tf.nest.flatten(shapes))


def _at_once(train: LoopConfig, machine: Machine) -> int:
    gpus = max(1, len(tf.config.list_physical_devices("GPU")))
    return -(-train.batch // ((gpus if machine.replicas == ALL else machine.replicas) * train.parts))
