"""One training step on several devices."""

import functools

import tensorflow as tf

from wsss_tf.errors import InputError


def prepare_devices(replicas: int) -> None:
    """Splits the CPU into as many devices if there is no GPU; has to run before TensorFlow computes anything.

    That makes nothing faster: it lets a machine without GPUs go the way of several.
    """
    if replicas > 1 and not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)


def open_strategy(replicas: int) -> tf.distribute.Strategy:
    """The strategy of so many devices; nets, optimizer and training belong into its scope.

    Args:
      replicas: 1, or more, or 0 for all GPUs.

    Raises:
      InputError: there are fewer devices.
    """
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    wanted = replicas or (len(devices) if kind == "GPU" else 1)
    if wanted > len(devices):
        raise InputError(f"--replicas={replicas}: expected at most {len(devices)}, the number of {kind}s here: give fewer, "
                         "or 0 for all GPUs")
    if wanted == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in devices[:wanted]))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One per process: a second would number its collective operations from the start again, and they would collide."""
    return tf.distribute.MirroredStrategy(devices)


def shared_stream(stream: tf.data.Dataset, batch: int):
    """The stream as the replicas of the present strategy read it: each takes an equal part of every batch.

    Raises:
      InputError: a batch cannot be parted evenly.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return stream
    if batch % replicas:
        raise InputError(f"batch of {batch} images: expected a multiple of the {replicas} replicas: change --cls_batch, "
                         "--seg_batch, --dino_batch or --replicas")
    return strategy.experimental_distribute_dataset(stream)


def of_first_replica(values):
    """What the first replica of this machine holds of a structure of values."""
    return tf.distribute.get_strategy().experimental_local_results(values)[0]


def summed(values):
    """Sum over the replicas of a structure of tensors, some of them None, within a replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    present = [value for value in tf.nest.flatten(values) if value is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return tf.nest.map_structure(lambda value: None if value is None else next(sums), values)
