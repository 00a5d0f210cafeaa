"""Cosine schedules with a linear start, for every number of a training that changes with its steps."""

import math

import keras
from keras import ops


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
