"""AdamW with a weight decay that changes with the steps and layers that begin later, which Keras's has not."""

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import ops


class AdamW(keras.optimizers.Optimizer):
    """Adam with decay beside the gradient.

    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
    w -= rate * (m' / (sqrt(v') + epsilon) + decay * w), with m' and v' free of the bias of their start

    Args:
      learning_rate: number or keras LearningRateSchedule.
      decay: step -> factor of the decay of kernels and tokens; vectors
        (biases, norms) have none.
      clip_norm: largest norm of the gradient of each variable, None for no limit.
      late: name of a layer that stays as it is ...
      late_steps: ... for so many steps.

    Ref: Loshchilov and Hutter, ICLR 2019, algorithm 2.
    """

    def __init__(self, learning_rate, decay: Callable, clip_norm: float | None = None, late: str = "", late_steps: int = 0,
                 beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, name: str = "adamw"):
        super().__init__(learning_rate=learning_rate, name=name)
        self.clip_norm = clip_norm  # Keras's own clipnorm looks at the gradient of one replica
        self.decay, self.late, self.late_steps = decay, late, late_steps
        self.beta1, self.beta2, self.small = beta1, beta2, epsilon

    def build(self, variables) -> None:
        """Creates both moments of every variable."""
        if self.built:
            return
        super().build(variables)
        self._first = [self.add_variable_from_reference(variable, "first") for variable in variables]
        self._second = [self.add_variable_from_reference(variable, "second") for variable in variables]
        self._is_late = [variable.path.split("/")[-2] == self.late for variable in variables]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates one variable in place."""
        index = self._get_variable_index(variable)
        if self.clip_norm is not None:
            gradient = tf.clip_by_norm(gradient, self.clip_norm)
        first, second = self._first[index], self._second[index]
        self.assign(first, self.beta1 * first + (1.0 - self.beta1) * gradient)
        self.assign(second, self.beta2 * second + (1.0 - self.beta2) * ops.square(gradient))
        step = ops.cast(self.iterations + 1, "float32")
        unbias = ops.sqrt(1.0 - ops.power(self.beta2, step))  # both moments start at 0
        change = unbias / (1.0 - ops.power(self.beta1, step)) * first / (ops.sqrt(second) + self.small * unbias)
        if len(variable.shape) > 1:
            change = change + ops.cast(self.decay(self.iterations), "float32") * variable
        rate = ops.cast(learning_rate, variable.dtype)
        if self._is_late[index]:
            rate = rate * ops.cast(self.iterations >= self.late_steps, "float32")
        self.assign_sub(variable, rate * change)

    def rate_factors(self) -> tuple[float, ...]:
        """The different factors on the learning rate."""
        return (1.0,)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        inherited = super().get_config()
        return {
            "learning_rate": inherited["learning_rate"], "name": inherited["name"], "decay": self.decay,
            "clip_norm": self.clip_norm, "late": self.late, "late_steps": self.late_steps,
            "beta1": self.beta1, "beta2": self.beta2, "epsilon": self.small,
        }
