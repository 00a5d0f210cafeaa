"""The loop beneath every training, for any method, optimizer and stream."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from wsss_tf.errors import Stopped
from wsss_tf.ops import colour
from wsss_tf.parallel.progress import progress
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.checkpointing import Checkpointer
from wsss_tf.train.contract import FinishingMethod, Method, StatefulMethod
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.meter import Meter
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.precision import LossScale
from wsss_tf.train.replicas import of_first_replica, shared_stream, worker_failures
from wsss_tf.train.settings import LoopConfig
from wsss_tf.train.step import training_step
from wsss_tf.train.stopping import StopRequest
from wsss_tf.train.workers import any_worker, chief_first, is_chief, several_workers


def train(method: Method, optimizer: MomentumSGD | AdamW, steps: int, stream: Callable[[int], tf.data.Dataset],
          config: LoopConfig, folder: Path, ids: Callable[[int], Sequence[str]],
          photos: Iterable[tf.Tensor] = ()) -> dict[str, float]:
    """Trains method.net in place; the same call continues an interrupted run.

    The replicas of the strategy in whose scope all this was made share every
    batch, and get what one would have got.

    Args:
      method: net and losses.
      optimizer: counts the steps.
      steps: the last one of the whole training.
      stream: first step -> batches for the steps from there on.
      config: batch and rhythm.
      folder: receives checkpoints/, tensorboard/ and log.jsonl.
      ids: step -> images of its batch, for the message if it cannot be learned from.
      photos: what a FinishingMethod is shown in the end.

    Returns:
      The last logged numbers.

    Raises:
      InputError: a loss that is not finite, or a batch that the replicas cannot share.
      Stopped: SIGTERM came; the state is saved.
      tf.errors.OpError: from the stream or the photos.
    """
    loss_scale = LossScale() if config.precision == "mixed_float16" else None
    finished = tf.Variable(False, trainable=False, name="finished") if isinstance(method, FinishingMethod) else None
    checkpointer = Checkpointer(folder / "checkpoints", method.net, optimizer, _state(method, loss_scale, finished))
    with chief_first():  # who has set an outdated folder aside before
        start = checkpointer.restore()
    if finished is not None and start < steps:
        finished.assign(False)  # of a shorter training, which this one continues
    batches = shared_stream(stream(start), config.batch, config.parts)
    step_function = training_step(method, optimizer, config.batch, config.clip_norm, config.parts, loss_scale)
    meter = Meter(optimizer, config.batch, steps, lambda step: _not_finite(step, ids(step), checkpointer.newest))
    numbers, writes = {}, is_chief()
    with (TrainingLog(folder, start, writes) as log, StopRequest() as stop, worker_failures(),
          progress(steps * config.batch, method.net.name, start=start * config.batch, shown=writes) as bar):
        for step, batch in enumerate(batches, start + 1):
            meter.add(step_function(batch))
            bar.update(config.batch)
            speaks, saves = (step % every == 0 or step == steps for every in (config.log_every, config.save_every))
            if speaks:
                numbers = meter.read(step)
                bar.set_postfix_str(f"loss={numbers['loss']:.3f}")
                log.scalars(step, numbers)
            stops = _all_stop(stop, speaks) and step < steps
            if saves or stops:
                meter.refuse_nan(step)
            if writes and (saves or stops):
                checkpointer.save(step)
                batch = of_first_replica(batch)
                log.pictures(step, photo=colour.uncentre(batch["image"]), net=method.preview(batch))
            if stops:
                raise Stopped(f"step {step}: saved")
    if finished is not None and not finished.numpy():
        method.finish(iter(photos))
        finished.assign(True)
        if writes:
            checkpointer.save(steps + 1)  # a file of its own: the one before stays whole whatever happens meanwhile
    return numbers


def _state(method: Method, loss_scale: LossScale | None, finished: tf.Variable | None) -> dict[str, object]:
    """What is saved beside net and optimizer."""
    state = dict(method.state) if isinstance(method, StatefulMethod) else {}
    return state | (loss_scale.variables if loss_scale else {}) | ({} if finished is None else {"finished": finished})


def _all_stop(stop: StopRequest, speaks: bool) -> bool:
    """Whether to end after this step; several workers agree on it when they log, as then they wait for the step anyway."""
    if several_workers():
        return speaks and any_worker(stop.asked)
    return stop.asked


def _not_finite(step: int, ids: Sequence[str], checkpoint: str | None) -> str:
    kept = f"the last good checkpoint is {checkpoint}, and the same command goes on from it" if checkpoint else (
        "there is no checkpoint before it")
    return (f"step {step}: loss or gradient is not finite, with the images {', '.join(ids)}: lower the learning rate, or set "
            f"a limit on the gradient (--seg_clip_norm and the like); {kept}")
