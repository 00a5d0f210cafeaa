"""Superpixel discovery from patch features (thesis Table 3.1).

A patch is linked to another if their features point to the same side
(similarity above 0). The patch with the fewest links left becomes a seed and
takes with it every remaining patch more similar to it than tau.
"""

import numpy as np
import tensorflow as tf

LOW_FIRST, HIGH_FIRST = "low_first", "high_first"
ORDERS = (LOW_FIRST, HIGH_FIRST)

_TINY = 1e-12  # keeps a feature of zeros, which is similar to nothing, from becoming nan


def discover(features: np.ndarray, tau: float, order: str = LOW_FIRST) -> np.ndarray:
    """Superpixels of one image, in the order of their discovery.

    The similarity matrix is the cost: the links of what is taken away are
    subtracted from the degrees, so all rounds together read it about once.

    Args:
      features: float32 [N, D], one row per patch in raster order, any length.
      tau: similarity above which a patch joins a seed, -1..1.
      order: "low_first" (thesis) takes the patch with the fewest links as the
        next seed, "high_first" the one with the most; ties go to the first
        patch.

    Returns:
      int32 [N] superpixel ids; 0 was found first.

    Ref: thesis Table 3.1, spec 2.2.
    """
    unit = features / (np.linalg.norm(features, axis=1, keepdims=True) + _TINY)
    similarity = unit @ unit.T
    links = similarity > 0
    step = 1 if order == LOW_FIRST else -1
    degrees = step * np.count_nonzero(links, axis=1).astype(np.float32)
    ids = np.full(len(features), -1, np.int32)
    found = 0
    while (ids < 0).any():
        seed = int(degrees.argmin())
        members = (ids < 0) & (similarity[seed] > tau)
        members[seed] = True  # its similarity to itself may round to below a tau of 1
        ids[members] = found
        degrees -= step * np.count_nonzero(links[members], axis=0)
        degrees[members] = np.inf
        found += 1
    return ids


@tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([]), tf.TensorSpec([], tf.bool)])
def discover_on_device(features: tf.Tensor, tau: tf.Tensor, low_first: tf.Tensor) -> tf.Tensor:
    """The same as a graph that runs where its input lies: float32 [N, D] -> int32 [N].

    Ref: thesis Table 3.1.
    """
    unit = features / (tf.norm(features, axis=1, keepdims=True) + _TINY)
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
