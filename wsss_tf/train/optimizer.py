"""SGD as Caffe-era code and PyTorch define it, which is not Keras's."""

import keras
from keras import ops

ORDERS = ("tensorflow", "caffe")  # of learning rate and momentum


class MomentumSGD(keras.optimizers.Optimizer):
    """SGD with L2 in the gradient, momentum, and multipliers per variable.

    tensorflow:  g' = g + decay * w;  buffer = momentum * buffer + g';         w -= rate * buffer
    caffe:       g' = g + decay * w;  buffer = momentum * buffer + rate * g';  w -= buffer

    The learning rate stays outside the momentum buffer in TensorFlow's classic
    MomentumOptimizer and in PyTorch, and goes into it in Caffe and in
    keras.optimizers.SGD, which differs wherever the rate changes.

    Args:
      learning_rate: number or keras LearningRateSchedule.
      momentum: 0..1.
      decay: L2 factor of kernels; biases and norm parameters have none.
      last_multiplier: factor on the rate of layers whose name starts with
        one of `last_layers`. Biases learn at twice the rate of their kernels.
      last_layers: name prefixes of those layers.
      decay_all: biases and norm parameters have the L2 factor too.
      order: "tensorflow" or "caffe", see above.

    Ref: spec 0.6 and A2-25.
    """

    def __init__(self, learning_rate, momentum: float, decay: float, last_multiplier: float,
                 last_layers: tuple[str, ...], decay_all: bool = False, order: str = ORDERS[0],
                 name: str = "momentum_sgd"):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum, self.decay, self.order = momentum, decay, order
        self.last_multiplier, self.last_layers, self.decay_all = last_multiplier, tuple(last_layers), decay_all

    def build(self, variables) -> None:
        """Creates one momentum buffer per variable."""
        if self.built:
            return
        super().build(variables)
        self._buffers = [self.add_variable_from_reference(variable, "momentum") for variable in variables]
        self._multipliers = [self._multiplier(variable) for variable in variables]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates one variable in place."""
        index = self._get_variable_index(variable)
        buffer = self._buffers[index]
        if self.decay_all or len(variable.shape) > 1:  # else kernels only
            gradient = gradient + self.decay * variable
        rate = ops.cast(learning_rate, variable.dtype) * self._multipliers[index]
        inside, outside = (rate, 1.0) if self.order == "caffe" else (1.0, rate)
        self.assign(buffer, self.momentum * buffer + inside * gradient)
        self.assign_sub(variable, outside * buffer)

    def _multiplier(self, variable) -> float:
        layer, name = variable.path.split("/")[-2:]
        last = self.last_multiplier if layer.startswith(self.last_layers) else 1.0
        return 2 * last if name == "bias" else last

    def get_config(self) -> dict:
        """The constructor's arguments."""
        inherited = super().get_config()  # also holds what this constructor does not take
        return {
            "learning_rate": inherited["learning_rate"], "name": inherited["name"],
            "momentum": self.momentum, "decay": self.decay,
            "last_multiplier": self.last_multiplier, "last_layers": self.last_layers,
            "decay_all": self.decay_all, "order": self.order,
        }


class Poly(keras.optimizers.schedules.LearningRateSchedule):
    """rate * (1 - step / steps) ** power, then frozen at the last value (spec 0.6)."""

    def __init__(self, rate: float, steps: int, power: float):
        self.rate, self.steps, self.power = rate, steps, power

    def __call__(self, step):
        """The learning rate of one step, float32 scalar."""
        last = ops.minimum(ops.cast(step, "float32"), self.steps - 1)
        return self.rate * (1 - last / self.steps) ** self.power

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"rate": self.rate, "steps": self.steps, "power": self.power}


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A straight climb from one rate to another, or the schedule after it where that is lower.

    Args:
      start: rate at step 0.
      rate: rate at `steps`.
      steps: length of the climb.
      after: the schedule that counts from step 0 as well.

    Ref: thesis section 3.4.1, A3-12.
    """

    def __init__(self, start: float, rate: float, steps: int, after: keras.optimizers.schedules.LearningRateSchedule):
        self.start, self.rate, self.steps, self.after = start, rate, steps, after

    def __call__(self, step):
        """The learning rate of one step, float32 scalar."""
        climb = self.start + (self.rate - self.start) * ops.cast(step, "float32") / self.steps
        return ops.minimum(climb, self.after(step))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"start": self.start, "rate": self.rate, "steps": self.steps, "after": self.after}
