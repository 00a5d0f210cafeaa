"""The training stream: a pure function of (seed, step)."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from wsss_tf.data.stream.augment import augment
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.example import Example, multi_hot
from wsss_tf.files.images import read_ids, read_labels, read_photo

# Batch entry -> the map (PNG) of each example that fills it: "target", 8 bits, or "superpixels", 16 bits.
Maps = Mapping[str, Callable[[Example], Path]]
_DEPTH = {"target": tf.uint8, "superpixels": tf.uint16}
_READER = {"target": read_labels, "superpixels": read_ids}


def example_order(count: int, length: int, seed: int) -> np.ndarray:
    """Which example stands at each position: int32 [length].

    Every pass over the data is a permutation drawn from (seed, pass), so the
    order does not depend on where a resumed run starts.
    """
    passes = -(-length // count)
    order = [np.random.default_rng([seed, number]).permutation(count) for number in range(passes)]
    return np.concatenate(order)[:length].astype(np.int32)


def training_stream(examples: tuple[Example, ...], num_classes: int, maps: Maps, config: AugmentConfig, batch: int,
                    steps: int, start: int, seed: int) -> tf.data.Dataset:
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

    Raises:
      tf.errors.OpError: from the iterator, at an unreadable file; `find_unreadable`
        names it. Decoding is left to TensorFlow: Python code in the stream can
        deadlock with the destruction of the iterator after an error.
    """
    order = tf.constant(example_order(len(examples), steps * batch, seed))
    photos = tf.constant([str(example.image) for example in examples])
    files = {name: tf.constant([str(path(example)) for example in examples]) for name, path in maps.items()}
    tags = tf.constant(multi_hot(examples, num_classes))

    def load(position):
        index = order[position]
        # Reads PNG as well; with this DCT the pixels are those of `read_photo`.
        image = tf.io.decode_jpeg(tf.io.read_file(photos[index]), channels=3, dct_method="INTEGER_ACCURATE")
        read = {name: tf.io.decode_png(tf.io.read_file(paths[index]), channels=1, dtype=_DEPTH[name])[..., 0]
                for name, paths in files.items()}
        own_seed = tf.stack([seed, tf.cast(position, tf.int32)])
        image, read = augment(image, read, own_seed, config)
        return {"image": image, "tags": tags[index], "seed": own_seed} | read

    stream = tf.data.Dataset.range(start * batch, steps * batch)
    stream = stream.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return stream.batch(batch, drop_remainder=True).prefetch(2)


def step_ids(examples: tuple[Example, ...], batch: int, step: int, seed: int) -> list[str]:
    """Images in the batch of a step, which counts from 1."""
    order = example_order(len(examples), step * batch, seed)
    return [examples[index].image_id for index in order[-batch:]]


def find_unreadable(examples: tuple[Example, ...], maps: Maps) -> None:
    """Reads all files of the stream again.

    Raises:
      InputError: names the first file that cannot be read.
    """
    for example in examples:
        read_photo(example.image)
        for name, path in maps.items():
            _READER[name](path(example))
