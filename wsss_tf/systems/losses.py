"""Losses: explicit tensors in, one value per example out.

The caller averages once, by the number of examples in the global batch, so
that one replica and many give the same result.
"""

from collections.abc import Callable

import tensorflow as tf

from wsss_tf.example import BACKGROUND, UNKNOWN


def image_mean(values: tf.Tensor, members: tf.Tensor) -> tf.Tensor:
    """Mean of [B, ...] values over the members (1, not 0) of each example, 0 for an empty set: [B]."""
    axes = list(range(1, members.shape.rank))
    return tf.math.divide_no_nan(tf.reduce_sum(values * members, axes), tf.reduce_sum(members, axes))


def batch_mean(values: tf.Tensor, members: tf.Tensor) -> tf.Tensor:
    """What each example of [B, ...] values adds to their mean over the members of all examples on all replicas.

    Its mean over the examples is that mean: [B]; 0 if there are no members.
    """
    counts = tf.stack([tf.reduce_sum(members), tf.cast(tf.shape(members)[0], members.dtype)])
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        counts = context.all_reduce(tf.distribute.ReduceOp.SUM, counts)
    return tf.math.divide_no_nan(tf.reduce_sum(values * members, list(range(1, members.shape.rank))) * counts[1], counts[0])


Mean = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
MEANS: dict[str, Mean] = {"image": image_mean, "batch": batch_mean}  # what a mean over pixels or classes runs over


def tag_loss(scores: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
    """Multi-label sigmoid cross-entropy, mean over all classes: [B, C], [B, C] -> [B].

    Ref: thesis eq. 2.1 (one block).
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tags, scores), axis=-1)


def dense_cam_loss(cam: tf.Tensor, dense_cam: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
    """Pulls the standard block's map to the fused dense map, present classes only.

    Args:
      cam: float32 [B, h, w, C], raw map M^0 of the standard block.
      dense_cam: float32 [B, h, w, C], raw fused map M; a constant target [A2-5].
      tags: float32 [B, C] of 0 and 1.

    Returns:
      float32 [B]: squared distance of the rectified maps over C * h * w; the
      divisor counts all C classes although only present ones are summed.

    Ref: thesis eq. 2.2.
    """
    distance = tf.square(tf.nn.relu(tf.stop_gradient(dense_cam)) - tf.nn.relu(cam))
    return tf.reduce_mean(distance * tags[:, None, None, :], axis=[1, 2, 3])


def saliency_loss(logits: tf.Tensor, saliency: tf.Tensor, tags: tf.Tensor, mean: Mean = image_mean) -> tf.Tensor:
    """Background where nothing is salient, any present class where something is.

    Args:
      logits: float32 [B, h, w, C+1], background first.
      saliency: int32 [B, h, w] of 0, 1 and 255 (ignored), at logit resolution.
      tags: float32 [B, C] of 0 and 1.

      mean: over the sets of each image or of the batch (A2-26).

    Returns:
      float32 [B]: -mean log H^b over the background set - mean log H^f over the
      foreground set, where H^f sums the present classes; an empty set gives 0.

    Ref: thesis eq. 2.7; H^f as a difference of logsumexps, which unlike
    log(sum of softmax) neither underflows nor loses its gradient.
    """
    everything = tf.reduce_logsumexp(logits, axis=-1)
    absent = (1.0 - tags)[:, None, None, :] * -1e9
    log_background = logits[..., BACKGROUND] - everything
    log_foreground = tf.reduce_logsumexp(logits[..., 1:] + absent, axis=-1) - everything
    is_background = tf.cast(saliency == 0, logits.dtype)
    # Without any present class there is nothing the foreground could be.
    is_foreground = tf.cast(saliency == 1, logits.dtype) * tf.reduce_max(tags, axis=-1)[:, None, None]
    return -mean(log_background, is_background) - mean(log_foreground, is_foreground)


def attention_loss(scores: tf.Tensor, remaining: tf.Tensor, tags: tf.Tensor, mean: Mean = image_mean) -> tf.Tensor:
    """What the frozen classifier sees in the masked image against what should remain.

    Args:
      scores: float32 [B, C], class scores z' of the masked image.
      remaining: float32 [B, C], t' = t (1 - b), the classes not erased.
      tags: float32 [B, C] of 0 and 1; the mean runs over present classes.
      mean: over those of each image or of the batch.

    Returns:
      float32 [B]; 0 for an example without tags.

    Ref: thesis eqs 2.10-2.11.
    """
    loss = tf.nn.sigmoid_cross_entropy_with_logits(remaining, scores)
    return mean(loss, tags)


def label_loss(logits: tf.Tensor, labels: tf.Tensor, mean: Mean = image_mean) -> tf.Tensor:
    """Cross-entropy against a pseudo-label, mean over the known pixels.

    Args:
      logits: float32 [B, h, w, C+1].
      labels: int32 [B, h, w] of 0..C and 255 (ignored), at logit resolution.
      mean: over the pixels of each image or of the batch.

    Returns:
      float32 [B]; 0 for an example without a known pixel.

    Ref: thesis eq. 1.3.
    """
    known = labels != UNKNOWN
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(known, labels, 0), logits)
    return mean(loss, tf.cast(known, logits.dtype))


def balanced_seed_loss(logits: tf.Tensor, labels: tf.Tensor, mean: Mean = image_mean) -> tf.Tensor:
    """Cross-entropy of background and foreground seeds, each averaged by itself and then added.

    Args:
      logits: float32 [B, h, w, C+1].
      labels: int32 [B, h, w] of 0..C and 255 (ignored), at logit resolution.
      mean: over the pixels of each image or of the batch.

    Returns:
      float32 [B]; an empty set gives 0.

    Ref: thesis eq. 3.8 with c = L_p (A3-8).
    """
    known = labels != UNKNOWN
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(known, labels, 0), logits)
    background = labels == BACKGROUND
    return (mean(loss, tf.cast(background, logits.dtype))
            + mean(loss, tf.cast(known & ~background, logits.dtype)))
