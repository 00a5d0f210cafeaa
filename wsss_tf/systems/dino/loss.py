"""The loss of self-distillation, and numbers that tell a collapse.

Explicit tensors in, one value per example out, as in wsss_tf.systems.losses. A view is
a crop of the photo; K is the number of outputs of the projection head.
"""

import tensorflow as tf


def teacher_output(logits: tf.Tensor, centre: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """Centred and sharpened: [B, G, K], [K], scalar -> distributions float32 [B, G, K], constants of the training.

    Ref: Caron et al., ICCV 2021, section 3.1.
    """
    return tf.stop_gradient(tf.nn.softmax((logits - centre) / temperature))


def dino_loss(student: tf.Tensor, target: tf.Tensor, temperature: float) -> tf.Tensor:
    """Cross-entropy of every view of the student against each other view of the teacher.

    Args:
      student: float32 [B, V, K], logits; the first G views are the teacher's.
      target: float32 [B, G, K], the teacher's distributions.
      temperature: of the student.

    Returns:
      float32 [B], the mean over the G (V - 1) pairs of different views.

    Ref: Caron et al., ICCV 2021, eq. 3.
    """
    likely = tf.nn.log_softmax(student / temperature)
    pairs = -tf.einsum("bgk,bvk->bgv", target, likely)
    differ = 1.0 - tf.eye(tf.shape(target)[1], tf.shape(student)[1])
    return tf.reduce_sum(pairs * differ, axis=[1, 2]) / tf.reduce_sum(differ)


def entropy(target: tf.Tensor) -> tf.Tensor:
    """Mean entropy of the teacher's views: [B, G, K] -> [B]; log K if its output has become uniform.

    The loss is this and a divergence, which vanishes in a collapse of either
    kind.

    Ref: Caron et al., ICCV 2021, eq. 5 and figure 7.
    """
    return tf.reduce_mean(_entropy(target), axis=1)


def information(target: tf.Tensor) -> tf.Tensor:
    """How far an example's views are from the mean of the batch: [B, G, K] -> [B], 0 to log B.

    The divergence from the mean distribution, in nats; 0 if the teacher says
    the same of all examples, be it uniform or sharp.
    """
    mean = tf.reduce_mean(target, axis=[0, 1])
    surprise = -tf.reduce_sum(tf.math.xlogy(target, tf.where(mean > 0, mean, 1.0)), axis=-1)
    return tf.reduce_mean(surprise - _entropy(target), axis=1)


def _entropy(target: tf.Tensor) -> tf.Tensor:
    return -tf.reduce_sum(tf.math.xlogy(target, target), axis=-1)
