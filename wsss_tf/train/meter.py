"""What a training log says of the steps since its last line."""

import math
import time
from collections.abc import Callable

import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.optimizer import MomentumSGD


class Meter:
    """Means of the steps' numbers since the last reading, speed, time left, and the guard against NaN."""

    def __init__(self, optimizer: MomentumSGD | AdamW, batch: int, steps: int, explain: Callable[[int], str]):
        """Starts the clock.

        Args:
          optimizer: knows the learning rates.
          batch: images per step.
          steps: last step of the training.
          explain: step -> what to tell if its loss is not finite.
        """
        self._optimizer, self._batch, self._steps, self._explain = optimizer, batch, steps, explain
        self._restart()

    def add(self, numbers: dict[str, tf.Tensor]) -> None:
        """Takes the numbers of one step, which need not be computed yet."""
        self._numbers.append(numbers)

    def read(self, step: int) -> dict[str, float]:
        """The line of the log after this step.

        Raises:
          InputError: a number is not finite.
        """
        self.refuse_nan(step)
        means = {name: sum(float(item[name]) for item in self._numbers) / len(self._numbers)
                 for name in self._numbers[0]}
        rate = float(self._optimizer.learning_rate)
        rates = {f"learning_rate_x{factor:g}" if factor != 1 else "learning_rate": rate * factor
                 for factor in {1.0, *self._optimizer.rate_factors()}}
        seconds = (time.monotonic() - self._since) / len(self._numbers)
        self._restart()
        return means | rates | {"images_per_second": round(self._batch / seconds, 2),
                                "minutes_left": round((self._steps - step) * seconds / 60, 1)}

    def refuse_nan(self, step: int) -> None:
        """Raises InputError if a loss or gradient since the last reading, of the steps up to this one, is not finite."""
        first = step - len(self._numbers) + 1
        for offset, item in enumerate(self._numbers):
            if not math.isfinite(float(item["loss"])) or not math.isfinite(float(item["gradient_norm"])):
                raise InputError(self._explain(first + offset))

    def _restart(self) -> None:
        self._numbers, self._since = [], time.monotonic()
