"""Time and memory of the features of one photo.

Usage: python benchmarks/features.py --feature_net=vit_b8 [--side=448]

Weights are random. Memory is what the process holds at its peak, weights and TensorFlow included; on a GPU what is
allocated there.
"""

import dataclasses
import resource
import time

import numpy as np
import tensorflow as tf
from program import run_benchmark

from wsss_tf.config import setting
from wsss_tf.experiment import Experiment
from wsss_tf.superpixels.features import Features


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    side: int = setting(448, "side of the square photo in pixels")


def main(experiment: Experiment, config: Config) -> None:
    """Prints the size of the grid, the second call's time and the peak of memory."""
    photo = np.random.default_rng(0).integers(0, 256, [config.side, config.side, 3], np.uint8)
    features = Features(experiment.settings.features)
    grid = features(photo)
    start = time.perf_counter()
    features(photo)
    seconds = time.perf_counter() - start
    if tf.config.list_physical_devices("GPU"):
        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"grid    {'x'.join(map(str, grid.shape))}")
    print(f"time    {seconds:.2f} s")
    print(f"memory  {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
