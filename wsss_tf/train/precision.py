"""Number formats of a training: float32, or half as many bits where the device is faster with them.

In the mixed formats weights, losses and the last layers stay float32.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

_START, _PATIENCE = 2.0**15, 2000  # as torch.cuda.amp and Keras have them, within a factor of 2


@contextlib.contextmanager
def number_format(name: str) -> Iterator[None]:
    """Nets that are made inside compute in one of FORMATS."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class LossScale:
    """A factor that lifts small gradients into the range of float16 and follows them.

    Where gradients overflow, the step is left out and the factor halved; after
    2000 steps without that it is doubled. What it is told has to be the same on
    all replicas (Keras 3.15's own asks the first one before the gradients are
    added up, so that an overflow on another one ruins the weights).

    Attributes:
      variables: by name, to be saved with the net.

    Ref: Micikevicius et al., ICLR 2018.
    """

    def __init__(self, start: float = _START, patience: int = _PATIENCE):
        self.factor = tf.Variable(start, trainable=False, dtype=tf.float32, name="loss_scale")
        self._good = tf.Variable(0, trainable=False, dtype=tf.int64, name="good_steps")
        self._patience = patience
        self.variables = {"loss_scale": self.factor, "loss_scale_good": self._good}

    def guard(self, finite: tf.Tensor, update: Callable[[], None]) -> None:
        """Runs the update if all gradients are finite, and adapts the factor."""

        def good():
            update()
            grown = self._good + 1 >= self._patience
            self.factor.assign(tf.where(grown, 2.0 * self.factor, self.factor))
            self._good.assign(tf.where(grown, tf.zeros_like(self._good), self._good + 1))

        def overflowed():
            self.factor.assign(0.5 * self.factor)
            self._good.assign(tf.zeros_like(self._good))

        tf.cond(finite, good, overflowed)
