"""Training by stochastic gradient descent on the photos of a data set."""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from wsss_tf.data.stream.maps import Maps, check_maps, find_unreadable
from wsss_tf.data.stream.pipeline import photo_stream, step_ids, training_stream
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.example import Example
from wsss_tf.nets.settings import LAST_LAYERS
from wsss_tf.train.contract import Method
from wsss_tf.train.engine import train
from wsss_tf.train.length import Length, training_length
from wsss_tf.train.optimizer import Groups, MomentumSGD
from wsss_tf.train.schedules import Held, Poly, Triangular, WarmUp
from wsss_tf.train.settings import TrainConfig


def fit(method: Method, examples: tuple[Example, ...], num_classes: int, maps: Mapping[str, Callable[[Example], Path]],
        crops: AugmentConfig, config: TrainConfig, seed: int, folder: Path,
        arrays: Mapping[str, np.ndarray] | None = None) -> dict[str, float]:
    """Trains method.net in place; the same call continues an interrupted run.

    Args:
      method: net and losses.
      examples: the training split of a data set, which may have no tags.
      num_classes: C, 0 without tags.
      maps: entry of the batch -> file of each example, for all that the method reads.
      crops: augmentation.
      config: optimizer and length.
      seed: of order, augmentation and the method's random choices.
      folder: receives checkpoints/, tensorboard/ and log.jsonl.
      arrays: further entries of the batch, [N, ...] each, with a row for every example.

    Returns:
      The last logged numbers.

    Raises:
      InputError: unreadable or wrong input, named; or a loss that is not finite.
      ValueError: the maps are not those that the method reads.
    """
    read, length = _of_kinds(method, maps), training_length(config, len(examples))
    check_maps(examples, read, num_classes)
    try:
        return train(method, stochastic_descent(config, length), length.end, lambda start: training_stream(
            examples, num_classes, read, crops, config.batch, length.end, start, seed, arrays), config, folder,
                     lambda step: step_ids(examples, config.batch, step, seed), photo_stream(examples))
    except tf.errors.OpError:
        find_unreadable(examples, read)
        raise  # it was not a file


def _of_kinds(method: Method, maps: Mapping[str, Callable[[Example], Path]]) -> Maps:
    if maps.keys() != method.reads.keys():
        raise ValueError(f"maps: expected {sorted(method.reads)}, which {type(method).__name__} reads, found {sorted(maps)}")
    return {name: (kind, maps[name]) for name, kind in method.reads.items()}


def stochastic_descent(config: TrainConfig, length: Length) -> MomentumSGD:
    """The optimizer that the settings describe."""
    groups = Groups(LAST_LAYERS[config.last_layers], config.last_multiplier, config.bias_multiplier, config.last_decay,
                    float(config.decay_all))
    return MomentumSGD(_learning_rate(config, length), config.momentum, config.weight_decay, groups, config.momentum_order,
                       config.nesterov)


def _learning_rate(config: TrainConfig, length: Length) -> keras.optimizers.schedules.LearningRateSchedule:
    if config.schedule == "triangular":
        rate = Triangular(config.lr, length.epochs, length.epoch)
    else:
        rate = Poly(config.lr, length.schedule, config.power if config.schedule == "poly" else 0.0)
    if config.warmup_epochs:
        climb = length.epoch * config.warmup_epochs
        rate = WarmUp(config.warmup_lr, config.lr, climb, rate, config.warmup_until == "schedule")
    return Held(rate, config.lr_every) if config.lr_every > 1 else rate
