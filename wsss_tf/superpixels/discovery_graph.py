"""Superpixel discovery as a TensorFlow graph, for features that lie on a GPU."""

import tensorflow as tf

from wsss_tf.superpixels.discovery import TINY


@tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([]), tf.TensorSpec([], tf.bool)])
def discover_on_device(features: tf.Tensor, tau: tf.Tensor, low_first: tf.Tensor) -> tf.Tensor:
    """As `discovery.discover`, where its input lies: float32 [N, D] -> int32 [N] superpixel ids.

    Ref: thesis Table 3.1.
    """
    unit = features / (tf.norm(features, axis=1, keepdims=True) + TINY)
    similarity = tf.matmul(unit, unit, transpose_b=True)
    links = tf.cast(similarity > 0, tf.float32)
    step = tf.where(low_first, 1.0, -1.0)
    degrees = step * tf.reduce_sum(links, axis=1)
    ids = tf.fill(tf.shape(degrees), -1)
    found = 0
    while tf.reduce_any(ids < 0):
        seed = tf.argmin(degrees, output_type=tf.int32)
        joins = (similarity[seed] > tau) | (tf.range(tf.size(ids)) == seed)
        members = (ids < 0) & joins
        ids = tf.where(members, found, ids)
        # Whole numbers below 2^24: their sums are exact in float32.
        degrees -= step * tf.linalg.matvec(links, tf.cast(members, tf.float32), transpose_a=True)
        degrees = tf.where(members, float("inf"), degrees)
        found += 1
    return ids
