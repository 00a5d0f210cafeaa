"""One training on several devices, of this machine or of several (wsss_tf.train.workers)."""

import contextlib
import functools
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from wsss_tf.config import ALL
from wsss_tf.errors import InputError
from wsss_tf.train.workers import several_workers


def prepare_devices(replicas: int | str, deterministic: bool = False) -> None:
    """Joins the workers of TF_CONFIG, or splits the CPU into as many devices if there is no GPU.

    Has to run before TensorFlow computes anything. Splitting the CPU makes
    nothing faster: it lets a machine without GPUs go the way of several.

    Args:
      replicas: see `open_strategy`.
      deterministic: what is computed again comes out the same to the last bit.

    Raises:
      InputError: TF_CONFIG is damaged, or another worker cannot be reached.
    """
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    gpus = tf.config.list_physical_devices("GPU")
    if several_workers():
        if replicas != ALL and replicas > max(1, len(gpus)):
            raise InputError(f"--replicas={replicas}: expected at most {max(1, len(gpus))}, the number of devices of each worker "
                             "of TF_CONFIG: give fewer, or all")
        if replicas != ALL and gpus:
            tf.config.set_visible_devices(gpus[:replicas], "GPU")
        _of_all_workers()
    elif replicas != ALL and replicas > 1 and not gpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)


def open_strategy(replicas: int | str) -> tf.distribute.Strategy:
    """The strategy of so many devices; nets, optimizer and training belong into its scope.

    Args:
      replicas: devices of each machine: 1, or more, or "all" for every GPU.

    Raises:
      InputError: there are fewer devices.
    """
    if several_workers():
        return _of_all_workers()
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    wanted = replicas if replicas != ALL else len(devices) if kind == "GPU" else 1
    if wanted > len(devices):
        raise InputError(f"--replicas={replicas}: expected at most {len(devices)}, the number of {kind}s here: give fewer, "
                         "or all")
    if wanted == 1:
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in devices[:wanted]))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One per process: a second would number its collective operations from the start again, and they would collide."""
    return tf.distribute.MirroredStrategy(devices)


@functools.cache
def _of_all_workers() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(f"TF_CONFIG: cannot join the workers that it names ({str(error).splitlines()[0]}): check addresses, "
                         "ports and index, and start the same command on all of them") from error


def vote(yes: bool) -> bool:
    """Whether any worker says yes; all of them have to vote.

    Raises:
      InputError: another worker has died.
    """
    with worker_failures():
        return bool(_votes()(tf.constant(yes)) > 0)


@functools.cache
def _votes():
    strategy = _of_all_workers()

    def on_replica(own):
        return summed(tf.cast(own, tf.float32))

    return tf.function(lambda own: of_first_replica(strategy.run(on_replica, (own,))))


@contextlib.contextmanager
def worker_failures() -> Iterator[None]:
    """Turns what TensorFlow raises when a worker is lost into an InputError."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
            tf.errors.DeadlineExceededError, tf.errors.InternalError) as error:
        if not several_workers():
            raise
        raise InputError(f"another worker of TF_CONFIG has stopped or cannot be reached ({error.message.splitlines()[0][:200]}): "
                         "see its own message, and start the same command on all workers again: it goes on from the last "
                         "checkpoint") from error


def shared_stream(stream: tf.data.Dataset, batch: int, parts: int = 1):
    """The stream as the replicas of the present strategy read it: each takes an equal part of every batch.

    Args:
      stream: whole batches.
      batch: examples in each.
      parts: into which each replica divides its own part again.

    Raises:
      InputError: a batch cannot be parted evenly.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if batch % (replicas * parts):
        raise InputError(f"batch of {batch} images: expected a multiple of {replicas} replicas x {parts} parts: change "
                         "the batch (--seg_batch and the like), its parts (--seg_parts), or --replicas")
    if replicas == 1:
        return stream
    options = tf.data.Options()  # every worker reads all of the stream and keeps its own part
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return strategy.experimental_distribute_dataset(stream.with_options(options))


def of_first_replica(values):
    """What the first replica of this machine holds of a structure of values."""
    strategy = _of_all_workers() if several_workers() else tf.distribute.get_strategy()
    return strategy.experimental_local_results(values)[0]


def summed(values):
    """Sum over the replicas of a structure of tensors, within a replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    return tf.nest.pack_sequence_as(values, context.all_reduce(tf.distribute.ReduceOp.SUM, tf.nest.flatten(values)))


def update_all(optimizer: keras.optimizers.Optimizer, gradients: Sequence, variables: Sequence[keras.Variable]) -> None:
    """Updates variables on all replicas by gradients that are already those of all; optimizer.apply would add them up again.

    Args:
      optimizer: built; its iterations stay as they are.
      gradients: what strategy.run returned, one for each variable.
      variables: trainable ones of the net.
    """
    strategy, rate = tf.distribute.get_strategy(), tf.convert_to_tensor(optimizer.learning_rate)
    for gradient, variable in zip(gradients, variables, strict=True):
        strategy.extended.update(variable.value, lambda here, own: optimizer.update_step(own, here, rate), (gradient,),
                                 group=False)
