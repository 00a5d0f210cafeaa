"""What the training engine adds to the bare compiled step; with --replicas=2, what sharing a step among devices costs.

Usage: python benchmarks/engine.py --flagfile=flags/demo/attention.cfg [--replicas=2]

Trains image masking on a batch of noise by wsss_tf.train.engine.train, with its bar, log and guards; after each line of its
log the same number of steps is done by a loop over a plain tf.function, so that both suffer alike from other work.
"""

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import tensorflow as tf
from program import run_benchmark
from segmentation_step import random_batch

from wsss_tf.config import setting
from wsss_tf.experiment import Experiment
from wsss_tf.systems.dilated_classifier import build_classifier
from wsss_tf.systems.masking.method import ImageMasking
from wsss_tf.train import engine
from wsss_tf.train.fit import stochastic_descent
from wsss_tf.train.length import Length
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.replicas import open_strategy

_LABELS = 6


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    steps: int = setting(10, "steps of each turn", low=1)
    turns: int = setting(9, "turns; medians are printed", low=1)


def parts(experiment: Experiment):
    """Method, optimizer and batch."""
    e = experiment.settings
    classifier = build_classifier(e.cls_backbone, e.classifier, _LABELS, dilated=False)
    method = ImageMasking(e.seg_backbone, e.segmenter, e.masking, _LABELS, classifier)
    return method, stochastic_descent(e.seg_train, Length(1000, 1000, 1000)), random_batch(e.seg_train.batch, e.crops.crop, _LABELS)


def bare_step(experiment: Experiment):
    """A function that does one step of nothing but losses, gradients and update."""
    method, optimizer, batch = parts(experiment)
    variables, limit = method.net.trainable_variables, experiment.settings.seg_train.clip_norm
    optimizer.build(variables)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(method.losses(batch)["loss"])
        gradients = tape.gradient(loss, variables)
        if limit is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, limit)
        optimizer.apply(gradients, variables)
        return loss

    compiled = step.get_concrete_function(batch)  # is not compiled again within the scope of a strategy
    return lambda: compiled(batch)


def main(experiment: Experiment, config: Config) -> None:
    """Prints the time of a step both ways, and their ratio."""
    step, seconds = bare_step(experiment), []
    step()

    class Watch(TrainingLog):
        """Times the steps since the last line, which the engine has waited for, and then the bare ones."""

        since = time.perf_counter()

        def scalars(self, number, values):
            super().scalars(number, values)
            shared = time.perf_counter() - self.since
            start = time.perf_counter()
            for _ in range(config.steps):
                loss = step()
            loss.numpy()
            self.since = time.perf_counter()
            seconds.append((shared / config.steps, (self.since - start) / config.steps))

    steps = (1 + config.turns) * config.steps
    rhythm = dataclasses.replace(experiment.settings.seg_train, save_every=10**6, log_every=config.steps)
    with (tempfile.TemporaryDirectory() as folder, open_strategy(experiment.run.replicas).scope(),
          mock.patch.object(engine, "TrainingLog", Watch)):
        method, optimizer, batch = parts(experiment)
        stream = tf.data.Dataset.from_tensors(batch).repeat(steps)
        engine.train(method, optimizer, steps, lambda start: stream, rhythm, Path(folder), lambda step: [])
    seconds = seconds[1:]  # the first turn traces
    print(f"engine         {1000 * statistics.median(engine for engine, _ in seconds):8.1f} ms per step, "
          f"{experiment.run.replicas} replicas")
    print(f"bare           {1000 * statistics.median(bare for _, bare in seconds):8.1f} ms per step")
    print(f"engine / bare  {statistics.median(engine / bare for engine, bare in seconds):8.3f}")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
