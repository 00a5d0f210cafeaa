"""How long a training is."""

import dataclasses

from wsss_tf.errors import InputError
from wsss_tf.train.settings import TrainConfig


@dataclasses.dataclass(frozen=True)
class Length:
    """Numbers of steps.

    Attributes:
      epoch: steps of one pass over the images.
      schedule: steps that the learning rate is laid out for.
      end: steps that are made.
    """

    epoch: int
    schedule: int
    end: int

    @property
    def epochs(self) -> int:
        """Passes that the learning rate is laid out for; the last one may be cut short."""
        return -(-self.schedule // self.epoch)


def training_length(config: TrainConfig, images: int) -> Length:
    """The length of a training on so many images.

    Raises:
      InputError: it is to stop after its end.
    """
    epoch = max(1, images // config.batch)
    schedule = epoch * config.epochs if config.steps is None else config.steps
    if config.stop_after is None:
        return Length(epoch, schedule, schedule)
    end = max(1, round(config.stop_after * epoch))
    if end > schedule:
        raise InputError(f"stop_after={config.stop_after:g}: expected at most {schedule / epoch:g}, the epochs of the whole "
                         "training: correct it, or leave it at none")
    return Length(epoch, schedule, end)
