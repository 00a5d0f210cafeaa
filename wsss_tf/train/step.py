"""One training step: losses of a batch, gradients, update; in parts, on replicas, and in any number format."""

from collections.abc import Callable

import keras
import tensorflow as tf

from wsss_tf.train.contract import Batch, Method, StatefulMethod
from wsss_tf.train.precision import LossScale
from wsss_tf.train.replicas import of_first_replica, summed, update_all


def training_step(method: Method, optimizer: keras.optimizers.Optimizer, batch_size: int, clip_norm: float | None = None,
                  parts: int = 1, loss_scale: LossScale | None = None) -> Callable[[Batch], dict[str, tf.Tensor]]:
    """The compiled step: batch -> mean of each loss over the batch, by the number of examples of all replicas.

    Args:
      method: net and losses.
      optimizer: has update_step and iterations.
      batch_size: examples per step, of all replicas.
      clip_norm: largest norm of the whole gradient, None for no limit.
      parts: each replica computes its examples in so many parts, one after the
        other, and needs memory for one of them.
      loss_scale: for float16.

    Returns:
      float32 scalars by name: the losses; "gradient_norm" before the limit; and
      with a loss scale, "loss_scale" and "skipped", 1 where the step was left
      out because of an overflow.
    """
    strategy, variables = tf.distribute.get_strategy(), method.net.trainable_variables
    optimizer.build(variables)
    learned = []  # the variables that have a gradient

    def part_sums(part):
        with tf.GradientTape() as tape:
            losses = method.losses(part)
            means = {name: tf.reduce_sum(values, axis=0) / batch_size for name, values in losses.items()}
            objective = means["loss"] * (loss_scale.factor if loss_scale else 1.0)
        gradients = tape.gradient(objective, variables)
        learned[:] = [variable for variable, gradient in zip(variables, gradients) if gradient is not None]
        return means, [gradient for gradient in gradients if gradient is not None]

    def on_replica(batch):
        means, gradients = summed(_over_parts(part_sums, batch, parts))
        if loss_scale:
            gradients = [gradient / loss_scale.factor for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        if clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, norm)
        return means | {"gradient_norm": norm}, gradients

    @tf.function
    def step(batch):
        numbers, gradients = strategy.run(on_replica, (batch,))
        numbers = of_first_replica(numbers)

        def update():
            update_all(optimizer, gradients, learned)
            if isinstance(method, StatefulMethod):
                method.after_step(numbers)

        if loss_scale:
            numbers = numbers | _guarded(loss_scale, numbers["gradient_norm"], update)
        else:
            update()
        optimizer.iterations.assign_add(1)  # a step that was left out counts as well: its examples have been seen
        return {name: value for name, value in numbers.items() if value.shape.rank == 0}

    return step


def _over_parts(sums: Callable, batch: Batch, parts: int):
    """sums(part), added up over the parts of a replica's batch."""
    if parts == 1:
        return sums(batch)
    batch = {name: tf.reshape(values, tf.concat([[parts, -1], tf.shape(values)[1:]], axis=0))
             for name, values in batch.items()}
    static = {name: values.shape[2:] for name, values in batch.items()}

    def part(index):
        return {name: tf.ensure_shape(values[index], [None, *static[name]]) for name, values in batch.items()}

    def add(index, total):
        with tf.control_dependencies(tf.nest.flatten(total)):  # or all parts would be computed, and kept, at once
            index = tf.identity(index)
        return index + 1, tf.nest.map_structure(tf.add, total, sums(part(index)))

    _, total = tf.while_loop(lambda index, total: index < parts, add, (tf.constant(1), sums(part(0))),
                             parallel_iterations=1)
    return total


def _guarded(loss_scale: LossScale, norm: tf.Tensor, update: Callable[[], None]) -> dict[str, tf.Tensor]:
    """Updates if the gradients are finite; an overflow that a smaller scale may cure is no fault of the training."""
    factor, finite = tf.identity(loss_scale.factor), tf.math.is_finite(norm)
    loss_scale.guard(finite, update)
    curable = tf.logical_and(tf.logical_not(finite), factor > 1.0)
    return {"gradient_norm": tf.where(curable, 0.0, norm), "skipped": tf.cast(curable, tf.float32), "loss_scale": factor}
