"""SGD as Caffe-era code and PyTorch define it, which is not Keras's."""

import dataclasses

import keras
from keras import ops

from wsss_tf.train.settings import ORDERS


@dataclasses.dataclass(frozen=True)
class Groups:
    """Which variables learn faster and which decay: kernels, biases, and both again in the last layers.

    Attributes:
      last_layers: name prefixes of the last layers.
      last_rate: factor on the learning rate of the last layers.
      bias_rate: factor on that of biases; gamma and beta of norms have none.
      last_decay: factor on the decay of the last layers.
      bias_decay: factor on the decay of biases, gamma and beta.

    Ref: A2-25; DeepLab, PSA, SEAM and EPS have these four groups.
    """

    last_layers: tuple[str, ...] = ("fc8",)
    last_rate: float = 10.0
    bias_rate: float = 2.0
    last_decay: float = 1.0
    bias_decay: float = 0.0

    def factors(self, variable) -> tuple[float, float]:
        """The factors of one variable: on its learning rate, and on its decay."""
        layer, name = variable.path.split("/")[-2:]
        rate, decay = (self.last_rate, self.last_decay) if layer.startswith(self.last_layers) else (1.0, 1.0)
        rate *= self.bias_rate if name == "bias" else 1.0
        decay *= self.bias_decay if len(variable.shape) <= 1 else 1.0
        return rate, decay


class MomentumSGD(keras.optimizers.Optimizer):
    """SGD with L2 in the gradient, momentum, and factors per group of variables.

    tensorflow:  g' = g + decay * w;  buffer = momentum * buffer + g';         w -= rate * buffer
    caffe:       g' = g + decay * w;  buffer = momentum * buffer + rate * g';  w -= buffer

    The learning rate stays outside the momentum buffer in TensorFlow's classic
    MomentumOptimizer and in PyTorch, and goes into it in Caffe and in
    keras.optimizers.SGD, which differs wherever the rate changes. With Nesterov's
    momentum the step is not the buffer but momentum * buffer plus what has just
    gone into it, which is the form of PyTorch and, with "caffe", that of Caffe.

    Args:
      learning_rate: number or keras LearningRateSchedule.
      momentum: 0..1.
      decay: L2 factor.
      groups: factors on both, by variable.
      order: "tensorflow" or "caffe", see above.
      nesterov: whether to step with Nesterov's momentum.

    Ref: docs/methods.md and A2-25; Sutskever et al., ICML 2013, section 2.
    """

    def __init__(self, learning_rate, momentum: float, decay: float, groups: Groups = Groups(), order: str = ORDERS[0],
                 nesterov: bool = False, name: str = "momentum_sgd"):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum, self.decay, self.groups, self.order, self.nesterov = momentum, decay, groups, order, nesterov

    def build(self, variables) -> None:
        """Creates one momentum buffer per variable."""
        if self.built:
            return
        super().build(variables)
        self._buffers = [self.add_variable_from_reference(variable, "momentum") for variable in variables]
        self._factors = [self.groups.factors(variable) for variable in variables]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates one variable in place."""
        index = self._get_variable_index(variable)
        buffer, (rate_factor, decay_factor) = self._buffers[index], self._factors[index]
        if decay_factor:
            gradient = gradient + self.decay * decay_factor * variable
        rate = ops.cast(learning_rate, variable.dtype) * rate_factor
        inside, outside = (rate, 1.0) if self.order == "caffe" else (1.0, rate)
        self.assign(buffer, self.momentum * buffer + inside * gradient)
        step = self.momentum * buffer + inside * gradient if self.nesterov else buffer
        self.assign_sub(variable, outside * step)

    def rate_factors(self) -> tuple[float, ...]:
        """The different factors on the learning rate, in rising order."""
        return tuple(sorted({rate for rate, _ in self._factors}))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        inherited = super().get_config()  # also holds what this constructor does not take
        return {"learning_rate": inherited["learning_rate"], "name": inherited["name"], "momentum": self.momentum,
                "decay": self.decay, "groups": self.groups, "order": self.order, "nesterov": self.nesterov}
