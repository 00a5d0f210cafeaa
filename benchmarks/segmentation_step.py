"""One training step of image masking against the sum of its parts, in one process.

Usage: python benchmarks/segmentation_step.py --flagfile=flags/thesis/ch2/headline_resnet101.cfg --seg_batch=1

The parts are the forward and backward passes alone: of the segmentation net at each scale, and of the
classifier on each path. Weights and images are random; the data set of the flagfile is not opened.
"""

import dataclasses
import resource
from collections.abc import Callable

import tensorflow as tf
from program import run_benchmark
from timing import medians

from wsss_tf.commands.memory import step_memory
from wsss_tf.config import setting
from wsss_tf.experiment import Experiment
from wsss_tf.ops import resize
from wsss_tf.systems.dilated_classifier import build_classifier
from wsss_tf.systems.masking.method import ImageMasking
from wsss_tf.train.contract import Batch
from wsss_tf.train.fit import stochastic_descent
from wsss_tf.train.length import Length
from wsss_tf.train.step import training_step


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    repeats: int = setting(3, "turns of each part; medians are printed")
    classes: int = setting(20, "classes without the background")


def random_batch(size: int, crop: int, classes: int) -> Batch:
    """A batch of noise with two classes in each image."""
    return {
        "image": tf.random.stateless_uniform([size, crop, crop, 3], [0, 1], -120, 120),
        "tags": tf.tile(tf.one_hot([0], classes) + tf.one_hot([classes - 1], classes), [size, 1]),
        "target": tf.random.stateless_uniform([size, crop, crop], [0, 2], 0, 2, tf.int32),
        "seed": tf.stack([tf.zeros([size], tf.int32), tf.range(size)], axis=1),
    }


def passes(experiment: Experiment, method: ImageMasking, classifier, batch: Batch) -> dict[str, Callable]:
    """Forward and backward pass of each part of the step.

    Each gives the norm of its gradients: TensorFlow does not compute gradients
    that nothing reads, not even behind control dependencies.
    """

    def segment(scale: float) -> Callable:
        image = resize.bilinear(batch["image"], resize.scaled_size(tf.shape(batch["image"])[1:3], scale))

        @tf.function
        def run():
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(method.net(image, training=True)["logits"])
            return tf.linalg.global_norm(tape.gradient(loss, method.net.trainable_variables))

        return run

    @tf.function
    def classify():
        with tf.GradientTape() as tape:
            tape.watch(batch["image"])
            loss = tf.reduce_mean(classifier(batch["image"], training=False)["cam"])
        return tf.linalg.global_norm([tape.gradient(loss, batch["image"])])

    parts = {f"segmenter at scale {scale:g}": segment(scale) for scale in experiment.settings.segmenter.scales}
    return parts | {f"classifier, path {path + 1}": classify for path in range(experiment.settings.masking.paths)}


def _waits(run: Callable, *arguments) -> Callable:
    """Ends when the device has finished, not when it has the work in its queue."""
    return lambda: tf.nest.map_structure(lambda value: value.numpy(), run(*arguments))


def _peak_bytes() -> int:
    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(experiment: Experiment, config: Config) -> None:
    """Prints the time of the step, of its parts, their ratio, and the memory of the step."""
    e, size = experiment.settings, experiment.settings.seg_train.batch
    classifier = build_classifier(e.cls_backbone, e.classifier, config.classes, dilated=False)
    method = ImageMasking(e.seg_backbone, e.segmenter, e.masking, config.classes, classifier)
    optimizer = stochastic_descent(e.seg_train, Length(1000, 1000, 1000))
    optimizer.build(method.net.trainable_variables)
    batch = random_batch(size, e.crops.crop, config.classes)
    step = _waits(training_step(method, optimizer, size, e.seg_train.clip_norm), batch)
    before = _peak_bytes()
    step()
    memory = (_peak_bytes() - before) / size
    parts = {name: _waits(run) for name, run in passes(experiment, method, classifier, batch).items()}
    times = medians({"step": step} | parts, config.repeats)
    for name, seconds in times.items():
        print(f"{name:26s} {seconds:8.3f} s")
    print(f"step / sum of parts        {times['step'] / sum(times[name] for name in parts):8.3f}")
    estimate = step_memory(experiment.chain.stage("segmenter"), config.classes, experiment.run).image
    print(f"memory of a step           {memory / 2**20:8.0f} MiB per image, batch {size}; estimated {estimate / 2**20:.0f} MiB")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
