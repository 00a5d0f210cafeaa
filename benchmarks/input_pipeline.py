"""Images per second of the training stream alone, on one core.

Usage: python benchmarks/input_pipeline.py [--flagfile=FILE]

Photos and maps are made here with the size and weight of VOC's (500 x 375, about 80 kB). Where processes
cannot be tied to a core (not Linux), all cores work and the figure is divided by their number.
"""

import dataclasses
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from program import run_benchmark

from wsss_tf.config import setting
from wsss_tf.data.stream.maps import LABELS
from wsss_tf.data.stream.pipeline import training_stream
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment

_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    images: int = setting(600, "images to time, after a sixth of that as warm-up")


def photos(folder: Path, count: int) -> tuple[Example, ...]:
    """Writes photos (noise that falls with frequency, as in nature) and binary maps of VOC's size."""
    rng = np.random.default_rng(0)
    examples = []
    for number in range(count):
        layers = (cv2.resize(rng.normal(0, side**0.7, (375 // side + 1, 500 // side + 1, 3)), (500, 375),
                             interpolation=cv2.INTER_CUBIC) for side in (2, 4, 8, 16, 32, 64))
        image = np.clip(128 + 8 * sum(layers), 0, 255).astype(np.uint8)
        example = Example(str(number), folder / f"{number}.jpg", (1 + number % _CLASSES,),
                          saliency=folder / f"{number}.png")
        cv2.imwrite(str(example.image), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        cv2.imwrite(str(example.saliency), (cv2.blur(image[..., 0], (31, 31)) > 128).astype(np.uint8))
        examples.append(example)
    return tuple(examples)


def images_per_second(examples: tuple[Example, ...], crops: AugmentConfig, batch: int, count: int) -> float:
    """Speed of the stream over about `count` images, warm."""
    warm, steps = max(1, count // (6 * batch)), max(1, count // batch)
    maps = {"target": (LABELS, lambda example: example.saliency)}
    stream = iter(training_stream(examples, _CLASSES, maps, crops, batch, warm + steps, start=0, seed=0))
    for _ in range(warm):
        next(stream)
    start = time.perf_counter()
    for _ in stream:
        pass
    return steps * batch / (time.perf_counter() - start)


def main(experiment: Experiment, config: Config) -> None:
    """Prints the speed with all augmentations of the experiment."""
    cores = 1
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    else:
        cores = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        speed = images_per_second(photos(Path(folder), 40), experiment.settings.crops, experiment.settings.seg_train.batch, config.images)
    print(f"{speed / cores:.0f} images/s per core, crop {experiment.settings.crops.crop}")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
