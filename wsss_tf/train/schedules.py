"""Numbers that change with the steps of a training: learning rates above all."""

import math

import keras
from keras import ops


class Poly(keras.optimizers.schedules.LearningRateSchedule):
    """rate * (1 - step / steps) ** power, then frozen at the last value; power 0 is a constant."""

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
    """A straight climb from one rate to another, then the schedule after it.

    Args:
      start: rate at step 0.
      rate: rate at step `steps`, the last of the climb.
      steps: length of the climb.
      after: the schedule, which counts from step 0 as well: beyond the climb it
        stands where it would without.
      meet: whether the climb ends where it meets the schedule, instead of at its full length.

    Ref: thesis section 3.4.1, A3-12.
    """

    def __init__(self, start: float, rate: float, steps: int, after: keras.optimizers.schedules.LearningRateSchedule,
                 meet: bool = False):
        self.start, self.rate, self.steps, self.after, self.meet = start, rate, steps, after, meet

    def __call__(self, step):
        """The learning rate of one step, float32 scalar."""
        step = ops.cast(step, "float32")
        climb = self.start + (self.rate - self.start) * step / self.steps
        if self.meet:
            return ops.minimum(climb, self.after(step))
        return ops.where(step <= self.steps, climb, self.after(step))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"start": self.start, "rate": self.rate, "steps": self.steps, "after": self.after, "meet": self.meet}


class Held(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule that is looked up only every so many steps, and held in between.

    Ref: PolynomialLR of deeplab-pytorch, whose step_size is 10.
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, every: int):
        self.schedule, self.every = schedule, every

    def __call__(self, step):
        """The learning rate of one step, float32 scalar."""
        return self.schedule(ops.cast(step, "int32") // self.every * self.every)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"schedule": self.schedule, "every": self.every}


class Triangular(keras.optimizers.schedules.LearningRateSchedule):
    """Up to the rate in the middle epoch and down again: rate * (1 - |2 (e + 1) / (E + 1) - 1|) throughout epoch e.

    Ref: Wei et al., CVPR 2020 (LDF), as in its code.
    """

    def __init__(self, rate: float, epochs: int, steps_per_epoch: int):
        self.rate, self.epochs, self.steps_per_epoch = rate, epochs, steps_per_epoch

    def __call__(self, step):
        """The learning rate of one step, float32 scalar."""
        epoch = ops.minimum(ops.floor(ops.cast(step, "float32") / self.steps_per_epoch), self.epochs - 1)
        return self.rate * (1 - ops.abs(2 * (epoch + 1) / (self.epochs + 1) - 1))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"rate": self.rate, "epochs": self.epochs, "steps_per_epoch": self.steps_per_epoch}


class Cosine(keras.optimizers.schedules.LearningRateSchedule):
    """From `start` to `end` on half a cosine over `steps`, after a linear rise from 0 over the first `warmup` of them.

    Ref: Loshchilov and Hutter, ICLR 2017; Caron et al., ICCV 2021, section 3.2.
    """

    def __init__(self, start: float, end: float, steps: int, warmup: int = 0):
        """The value is 0 at step 0 if there is a warm-up, `start` at step `warmup`, and near `end` at the last step."""
        self.start, self.end, self.steps, self.warmup = start, end, steps, warmup

    def __call__(self, step):
        """The value at one step, float32 scalar."""
        step = ops.cast(step, "float32")
        done = ops.clip((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        value = self.end + 0.5 * (self.start - self.end) * (1.0 + ops.cos(math.pi * done))
        return ops.where(step < self.warmup, self.start * step / max(1, self.warmup), value)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"start": self.start, "end": self.end, "steps": self.steps, "warmup": self.warmup}
