"""The training loop of every net of the project."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

from wsss_tf.config import setting
from wsss_tf.data.augment import AugmentConfig
from wsss_tf.data.example import Example
from wsss_tf.data.pipeline import Maps, find_unreadable, step_ids, training_stream
from wsss_tf.errors import InputError, Stopped
from wsss_tf.methods.contract import Method, StatefulMethod
from wsss_tf.nets import colour
from wsss_tf.nets.heads import LAST_LAYERS
from wsss_tf.train.checkpointing import Checkpointer
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.optimizer import ORDERS, MomentumSGD, Poly, WarmUp
from wsss_tf.train.replicas import of_first_replica, shared_stream, summed
from wsss_tf.train.stopping import StopRequest


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """What the loop itself reads, whatever the optimiser."""

    batch: int = setting(20, "images per step", low=1)
    clip_norm: float = setting(0.0, "largest norm of the whole gradient, 0 for no limit; the thesis has none", low=0.0)
    log_every: int = setting(20, "steps between log lines", low=1)
    save_every: int = setting(200, "steps between checkpoints and example pictures", low=1)


@dataclasses.dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """Optimiser and length of one training (section 2.4.3)."""

    epochs: int = setting(30, "passes over the training images; segmenter 30, classifier 50", low=1)
    lr: float = setting(1e-3, "learning rate at the start", low=0.0)
    power: float = setting(0.9, "power of the poly decay of the learning rate")
    warmup_epochs: int = setting(0, "epochs in which the learning rate climbs from warmup_lr; chapter 3: 3 (section "
                                    "3.4.1, A3-12)", low=0)
    warmup_lr: float = setting(1e-6, "learning rate at the first step of the warm-up (section 3.4.1)", low=0.0)
    momentum: float = setting(0.9, "SGD momentum; the released code of PSA, IRN, SEAM, EPS, SC-CAM and SIPE trains with that "
                                   "of the weight decay (1e-4 or 5e-4), by a slip in its arguments (spec 0.6)")
    momentum_order: str = setting("tensorflow", "learning rate outside the momentum buffer, as in TensorFlow and PyTorch, or "
                                                "inside, as in caffe (spec 0.6)", ORDERS)
    weight_decay: float = setting(5e-4, "L2 factor in the gradient of kernels; none on biases and norms")
    decay_all: bool = setting(False, "the L2 factor acts on biases and norms too, as in IRN")
    last_multiplier: float = setting(10.0, "learning rate factor of the last layers; biases twice it (A2-25)")
    last_layers: str = setting("fc8", "which layers these are: fc8 alone (A2-25), or the head, all new layers",
                               tuple(LAST_LAYERS))


@dataclasses.dataclass(frozen=True)
class ClassifierTrainConfig(TrainConfig):
    """The same with the classifier's length."""

    epochs: int = setting(50, "passes over the training images; thesis 50", low=1)


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
    optimizer = MomentumSGD(_learning_rate(config, steps_per_epoch), config.momentum, config.weight_decay,
                            config.last_multiplier, LAST_LAYERS[config.last_layers], config.decay_all,
                            config.momentum_order)
    try:
        return train(method, optimizer, steps, lambda start: training_stream(
            examples, num_classes, maps, crops, config.batch, steps, start, seed), config, folder,
                     lambda step: step_ids(examples, config.batch, step, seed))
    except tf.errors.OpError:
        find_unreadable(examples, maps)
        raise  # it was not a file


def _learning_rate(config: TrainConfig, steps_per_epoch: int) -> Poly | WarmUp:
    poly = Poly(config.lr, steps_per_epoch * config.epochs, config.power)
    if not config.warmup_epochs:
        return poly
    return WarmUp(config.warmup_lr, config.lr, steps_per_epoch * config.warmup_epochs, poly)


def train(method: Method, optimizer: keras.optimizers.Optimizer, steps: int, stream: Callable[[int], tf.data.Dataset],
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
    state = method.state if isinstance(method, StatefulMethod) else None
    checkpointer = Checkpointer(folder / "checkpoints", method.net, optimizer, state)
    start = checkpointer.restore()
    log = TrainingLog(folder, start)
    meter = _Meter(optimizer, config.batch, lambda step: _not_finite(step, ids(step), checkpointer.newest))
    step_function = training_step(method, optimizer, config.batch, config.clip_norm)
    numbers = {}
    try:
        with StopRequest() as stop, tqdm(total=steps * config.batch, initial=start * config.batch, unit="img",
                                         desc=method.net.name) as bar:
            for step, batch in enumerate(shared_stream(stream(start), config.batch), start + 1):
                meter.add(step_function(batch))
                bar.update(config.batch)
                if step % config.log_every == 0 or step == steps:
                    numbers = meter.read(step)
                    bar.set_postfix(loss=f"{numbers['loss']:.3f}")
                    log.scalars(step, numbers)
                if step % config.save_every == 0 or step == steps or stop.asked:
                    meter.refuse_nan(step)
                    checkpointer.save()
                    batch = of_first_replica(batch)
                    log.pictures(step, photo=colour.uncentre(batch["image"]), net=method.preview(batch))
                if stop.asked and step < steps:
                    raise Stopped(f"step {step}: saved")
    finally:
        log.close()
    return numbers


def training_step(method: Method, optimizer: keras.optimizers.Optimizer, batch_size: int,
                  clip_norm: float = 0.0) -> Callable:
    """The compiled step: batch -> mean of each loss over the batch, by the number of examples of all replicas."""
    strategy = tf.distribute.get_strategy()

    def on_replica(batch):
        with tf.GradientTape() as tape:
            losses = method.losses(batch)
            means = {name: tf.reduce_sum(values, axis=0) / batch_size for name, values in losses.items()}
        variables = method.net.trainable_variables
        means, gradients = summed((means, tape.gradient(means["loss"], variables)))
        norm = tf.linalg.global_norm(gradients)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, norm)
        optimizer.apply(_shares(gradients, strategy.num_replicas_in_sync), variables)
        return means | {"gradient_norm": norm}

    @tf.function
    def step(batch):
        numbers = of_first_replica(strategy.run(on_replica, (batch,)))
        if isinstance(method, StatefulMethod):
            method.after_step(numbers)
        return {name: value for name, value in numbers.items() if value.shape.rank == 0}

    return step


def _shares(gradients: list, replicas: int) -> list:
    """What Keras's optimizers, which add up the gradients of all replicas, turn into the gradients again."""
    if replicas == 1:
        return gradients
    return [None if gradient is None else gradient / replicas for gradient in gradients]


def _not_finite(step: int, ids: Sequence[str], checkpoint: str | None) -> str:
    kept = f"the last good checkpoint is {checkpoint}, and the same command goes on from it" if checkpoint else (
        "there is no checkpoint before it")
    return (f"step {step}: loss or gradient is not finite, with the images {', '.join(ids)}: lower the learning rate, or set "
            f"a limit on the gradient (--seg_clip_norm and the like); {kept}")


class _Meter:
    """Means of the step's numbers since the last reading, speed, and the guard against NaN."""

    def __init__(self, optimizer: keras.optimizers.Optimizer, batch: int, explain: Callable[[int], str]):
        self._optimizer, self._batch, self._explain = optimizer, batch, explain
        self._restart()

    def add(self, numbers: dict[str, tf.Tensor]) -> None:
        self._numbers.append(numbers)

    def read(self, step: int) -> dict[str, float]:
        self.refuse_nan(step)
        means = {name: sum(float(item[name]) for item in self._numbers) / len(self._numbers)
                 for name in self._numbers[0]}
        speed = self._batch * len(self._numbers) / (time.monotonic() - self._since)
        self._restart()
        return means | {"learning_rate": float(self._optimizer.learning_rate), "images_per_second": round(speed, 2)}

    def refuse_nan(self, step: int) -> None:
        first = step - len(self._numbers) + 1
        for offset, item in enumerate(self._numbers):
            if not math.isfinite(float(item["loss"])) or not math.isfinite(float(item["gradient_norm"])):
                raise InputError(self._explain(first + offset))

    def _restart(self) -> None:
        self._numbers, self._since = [], time.monotonic()
