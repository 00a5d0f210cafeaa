"""Superpixel-guided seeded region growing inside the training step (thesis eqs 3.6-3.7)."""


import tensorflow as tf

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig


def grow(seed: tf.Tensor, superpixels: tf.Tensor, probabilities: tf.Tensor, tags: tf.Tensor,
         config: GrowingConfig) -> tf.Tensor:
    """Labels the unlabeled pixels of each superpixel that the net is sure of.

    Every step starts from the initial seed again (A3-11). Candidates are the
    background and the present classes (A3-7).

    Args:
      seed: int32 [B, h, w] of 0..C and 255, the initial seed.
      superpixels: int32 [B, h, w], ids from 0 on in each image; -1 outside the
        photo, where nothing is labeled.
      probabilities: float32 [B, h, w, C+1], softmax output H; a constant here.
      tags: float32 [B, C] of 0 and 1.
      config: the thresholds.

    Returns:
      int32 [B, h, w]: the seed, and where it is 255 the label of the superpixel
      if its mean probability there exceeds beta, else 255.

    Ref: thesis eqs 3.6-3.7.
    """
    shape = tf.shape(superpixels)
    per_image = tf.reduce_max(superpixels) + 1
    # One number for every superpixel of the batch, so that one pass sums them all.
    segment = tf.maximum(superpixels, 0) + per_image * tf.range(shape[0])[:, None, None]
    free = (seed == UNKNOWN) & (superpixels >= 0)
    means = _means(tf.stop_gradient(probabilities), segment, free, per_image * shape[0])
    candidates = tf.concat([tf.ones_like(tags[:, :1]), tags], axis=-1)
    means = tf.where(tf.repeat(candidates, per_image, axis=0) > 0, means, -1.0)
    label = tf.argmax(means, axis=-1, output_type=tf.int32)
    beta = tf.where(label == BACKGROUND, config.beta_background, config.beta_foreground)
    label = tf.where(tf.reduce_max(means, axis=-1) > beta, label, UNKNOWN)
    return tf.where(free, tf.gather(label, segment), seed)


def _means(probabilities: tf.Tensor, segment: tf.Tensor, free: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Mean probability over the free pixels of each segment: float32 [number, C+1], 0 where there are none."""
    classes = tf.shape(probabilities)[-1]
    weight = tf.cast(tf.reshape(free, [-1, 1]), probabilities.dtype)
    flat = tf.reshape(segment, [-1])
    sums = tf.math.unsorted_segment_sum(tf.reshape(probabilities, [-1, classes]) * weight, flat, number)
    counts = tf.math.unsorted_segment_sum(weight, flat, number)
    return tf.math.divide_no_nan(sums, counts)
