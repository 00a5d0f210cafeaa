"""The training loop of every net of the project."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.data.stream.pipeline import Maps, find_unreadable, step_ids, training_stream
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.errors import InputError, Stopped
from wsss_tf.example import Example
from wsss_tf.nets.settings import LAST_LAYERS
from wsss_tf.ops import colour
from wsss_tf.parallel.progress import progress
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.checkpointing import Checkpointer
from wsss_tf.train.contract import Method, StatefulMethod
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.optimizer import Groups, MomentumSGD
from wsss_tf.train.precision import LossScale
from wsss_tf.train.replicas import of_first_replica, shared_stream, worker_failures
from wsss_tf.train.schedules import Held, Poly, Triangular, WarmUp
from wsss_tf.train.settings import LoopConfig, TrainConfig
from wsss_tf.train.step import training_step
from wsss_tf.train.stopping import StopRequest
from wsss_tf.train.workers import any_worker, chief_first, is_chief, several_workers


def fit(method: Method, examples: tuple[Example, ...], num_classes: int, maps: Maps, crops: AugmentConfig,
        config: TrainConfig, seed: int, folder: Path) -> dict[str, float]:
    """Trains method.net in place; the same call continues an interrupted run.

    Args:
      method: net and losses.
      examples: training split.
      num_classes: C.
      maps: what the stream reads beside photos and tags.
      crops: augmentation.
      config: optimiser and length.
      seed: of order, augmentation and the method's random choices.
      folder: receives checkpoints/, tensorboard/ and log.jsonl.

    Returns:
      The last logged numbers.

    Raises:
      InputError: unreadable input, named; or a loss that is not finite.
    """
    steps_per_epoch = max(1, len(examples) // config.batch)
    steps = steps_per_epoch * config.epochs
    optimizer = stochastic_descent(config, steps_per_epoch)
    try:
        return train(method, optimizer, steps, lambda start: training_stream(
            examples, num_classes, maps, crops, config.batch, steps, start, seed), config, folder,
                     lambda step: step_ids(examples, config.batch, step, seed))
    except tf.errors.OpError:
        find_unreadable(examples, maps)
        raise  # it was not a file


def stochastic_descent(config: TrainConfig, steps_per_epoch: int) -> MomentumSGD:
    """The optimizer that the settings describe."""
    groups = Groups(LAST_LAYERS[config.last_layers], config.last_multiplier, config.bias_multiplier, config.last_decay,
                    float(config.decay_all))
    return MomentumSGD(_learning_rate(config, steps_per_epoch), config.momentum, config.weight_decay, groups,
                       config.momentum_order)


def _learning_rate(config: TrainConfig, steps_per_epoch: int) -> keras.optimizers.schedules.LearningRateSchedule:
    if config.schedule == "triangular":
        rate = Triangular(config.lr, config.epochs, steps_per_epoch)
    else:
        rate = Poly(config.lr, steps_per_epoch * config.epochs, config.power if config.schedule == "poly" else 0.0)
    if config.warmup_epochs:
        climb = steps_per_epoch * config.warmup_epochs
        rate = WarmUp(config.warmup_lr, config.lr, climb, rate, config.warmup_until == "schedule")
    return Held(rate, config.lr_every) if config.lr_every > 1 else rate


def train(method: Method, optimizer: MomentumSGD | AdamW, steps: int, stream: Callable[[int], tf.data.Dataset],
          config: LoopConfig, folder: Path, ids: Callable[[int], Sequence[str]]) -> dict[str, float]:
    """The engine beneath `fit`, for any optimizer and stream.

    The replicas of the strategy in whose scope all this was made share every
    batch, and get what one would have got.

    Args:
      method: net and losses.
      optimizer: counts the steps.
      steps: of the whole training.
      stream: first step -> batches for the steps from there on.
      config: batch and rhythm.
      folder: receives checkpoints/, tensorboard/ and log.jsonl.
      ids: step -> images of its batch, for the message if it cannot be learned from.

    Returns:
      The last logged numbers.

    Raises:
      InputError: a loss that is not finite, or a batch that the replicas cannot share.
      Stopped: SIGTERM came; the state is saved.
      tf.errors.OpError: from the stream.
    """
    loss_scale = LossScale() if config.precision == "mixed_float16" else None
    state = {**(method.state if isinstance(method, StatefulMethod) else {}), **(loss_scale.variables if loss_scale else {})}
    checkpointer = Checkpointer(folder / "checkpoints", method.net, optimizer, state)
    with chief_first():  # who has set an outdated folder aside before
        start = checkpointer.restore()
    batches = shared_stream(stream(start), config.batch, config.parts)
    step_function = training_step(method, optimizer, config.batch, config.clip_norm, config.parts, loss_scale)
    meter = _Meter(optimizer, config.batch, steps, lambda step: _not_finite(step, ids(step), checkpointer.newest))
    numbers, writes = {}, is_chief()
    with (TrainingLog(folder, start, writes) as log, StopRequest() as stop, worker_failures(),
          progress(steps * config.batch, method.net.name, start=start * config.batch, shown=writes) as bar):
        for step, batch in enumerate(batches, start + 1):
            meter.add(step_function(batch))
            bar.update(config.batch)
            speaks, saves = (step % every == 0 or step == steps for every in (config.log_every, config.save_every))
            if speaks:
                numbers = meter.read(step)
                bar.set_postfix_str(f"loss={numbers['loss']:.3f}")
                log.scalars(step, numbers)
            stops = _all_stop(stop, speaks) and step < steps
            if saves or stops:
                meter.refuse_nan(step)
            if writes and (saves or stops):
                checkpointer.save()
                batch = of_first_replica(batch)
                log.pictures(step, photo=colour.uncentre(batch["image"]), net=method.preview(batch))
            if stops:
                raise Stopped(f"step {step}: saved")
    return numbers


def _all_stop(stop: StopRequest, speaks: bool) -> bool:
    """Whether to end after this step; several workers agree on it when they log, as then they wait for the step anyway."""
    if several_workers():
        return speaks and any_worker(stop.asked)
    return stop.asked


def _not_finite(step: int, ids: Sequence[str], checkpoint: str | None) -> str:
    kept = f"the last good checkpoint is {checkpoint}, and the same command goes on from it" if checkpoint else (
        "there is no checkpoint before it")
    return (f"step {step}: loss or gradient is not finite, with the images {', '.join(ids)}: lower the learning rate, or set "
            f"a limit on the gradient (--seg_clip_norm and the like); {kept}")


class _Meter:
    """Means of the steps' numbers since the last reading, speed, time left, and the guard against NaN."""

    def __init__(self, optimizer: MomentumSGD | AdamW, batch: int, steps: int, explain: Callable[[int], str]):
        self._optimizer, self._batch, self._steps, self._explain = optimizer, batch, steps, explain
        self._restart()

    def add(self, numbers: dict[str, tf.Tensor]) -> None:
        self._numbers.append(numbers)

    def read(self, step: int) -> dict[str, float]:
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
        first = step - len(self._numbers) + 1
        for offset, item in enumerate(self._numbers):
            if not math.isfinite(float(item["loss"])) or not math.isfinite(float(item["gradient_norm"])):
                raise InputError(self._explain(first + offset))

    def _restart(self) -> None:
        self._numbers, self._since = [], time.monotonic()
