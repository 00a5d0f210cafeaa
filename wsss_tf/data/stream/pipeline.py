"""The training stream: a pure function of (seed, step)."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from wsss_tf.data.stream.augment import augment, batch_size
from wsss_tf.data.stream.decode import decode_map, decode_photo
from wsss_tf.data.stream.maps import Maps
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.example import Example, multi_hot
from wsss_tf.ops import colour


def example_order(count: int, length: int, seed: int) -> np.ndarray:
    """Which example stands at each position: int32 [length].

    Every pass over the data is a permutation drawn from (seed, pass), so the
    order does not depend on where a resumed run starts.
    """
    passes = -(-length // count)
    order = [np.random.default_rng([seed, number]).permutation(count) for number in range(passes)]
    return np.concatenate(order)[:length].astype(np.int32)


def training_stream(examples: tuple[Example, ...], num_classes: int, maps: Maps, config: AugmentConfig, batch: int,
                    steps: int, start: int, seed: int, arrays: Mapping[str, np.ndarray] | None = None) -> tf.data.Dataset:
    """Batches for the steps start..steps-1 (contract: wsss_tf.train.contract.Batch).

    Args:
      examples: the training split; masks are never opened.
      num_classes: C.
      maps: what moves with the photos; may be empty.
      config: augmentation.
      batch: examples per step.
      steps: last step of the whole training.
      start: first step, > 0 for a resumed run.
      seed: seed of order, augmentation and what the method draws.
      arrays: further entries of the batch, [N, ...] each, with a row for every example.

    Raises:
      ValueError: an array with another number of rows.
      tf.errors.OpError: from the iterator, at an unreadable file, which
        wsss_tf.data.stream.maps.find_unreadable names.
    """
    order = tf.constant(example_order(len(examples), steps * batch, seed))
    photos = tf.constant([str(example.image) for example in examples])
    files = {name: tf.constant([str(path(example)) for example in examples]) for name, (_, path) in maps.items()}
    kinds = {name: kind for name, (kind, _) in maps.items()}
    rows = {"tags": tf.constant(multi_hot(examples, num_classes))} | _tables(arrays or {}, len(examples))

    def load(position):
        index = order[position]
        read = {name: decode_map(tf.io.read_file(paths[index]), kinds[name]) for name, paths in files.items()}
        own_seed = tf.stack([seed, tf.cast(position, tf.int32)])
        side = batch_size(config.batch_sizes, seed, position // batch) if config.batch_sizes else None
        image, read = augment(decode_photo(tf.io.read_file(photos[index])), read, kinds, own_seed, config, side)
        return {"image": image, "seed": own_seed} | {name: values[index] for name, values in rows.items()} | read

    stream = tf.data.Dataset.range(start * batch, steps * batch)
    stream = stream.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return stream.batch(batch, drop_remainder=True).prefetch(2)


def _tables(arrays: Mapping[str, np.ndarray], count: int) -> dict[str, tf.Tensor]:
    for name, array in arrays.items():
        if len(array) != count:
            raise ValueError(f"arrays[{name!r}]: expected {count} rows, one for each example, found {len(array)}")
    return {name: tf.constant(array) for name, array in arrays.items()}


def photo_stream(examples: tuple[Example, ...]) -> tf.data.Dataset:
    """The photos in order, neither cut nor changed: centred float32 [1, H, W, 3] each; raises as `training_stream`."""
    stream = tf.data.Dataset.from_tensor_slices([str(example.image) for example in examples])
    stream = stream.map(lambda path: colour.centre(decode_photo(tf.io.read_file(path)))[None],
                        num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return stream.prefetch(2)


def step_ids(examples: tuple[Example, ...], batch: int, step: int, seed: int) -> list[str]:
    """Images in the batch of a step, which counts from 1."""
    order = example_order(len(examples), step * batch, seed)
    return [examples[index].image_id for index in order[-batch:]]
