"""Superpixel discovery against the bare matrix product of its similarities, in one process.

Usage: python benchmarks/discovery.py [--patches=3136 --width=768 --superpixel_tau=0.3]

The features are 30 directions with noise, as in a photo of about as many superpixels. Memory is what Python and
NumPy allocate at the peak of one discovery beyond the features themselves.
"""

import dataclasses
import tracemalloc

import numpy as np
from program import run_benchmark
from timing import medians

from wsss_tf.config import setting
from wsss_tf.experiment import Experiment
from wsss_tf.superpixels.discovery import discover


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    patches: int = setting(3136, "patches of the photo: 3136 are 448x448 pixels in patches of 8")
    width: int = setting(768, "numbers per feature: 768 in a ViT-B")
    repeats: int = setting(9, "turns; medians are printed")


def features(patches: int, width: int, directions: int = 30) -> np.ndarray:
    """float32 [patches, width]: each patch one of the directions with noise."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, [directions, width])
    return (centres[rng.integers(0, directions, patches)] + rng.normal(0, 1, [patches, width])).astype(np.float32)


def main(experiment: Experiment, config: Config) -> None:
    """Prints times, their ratio, memory, and the number of superpixels."""
    own = experiment.settings.superpixels
    given = features(config.patches, config.width)
    tracemalloc.start()
    ids = discover(given, own.tau, own.order)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times = medians({"discovery": lambda: discover(given, own.tau, own.order),
                     "matrix product": lambda: given @ given.T}, config.repeats)
    for name, seconds in times.items():
        print(f"{name:24s} {seconds:8.3f} s")
    print(f"discovery / product      {times['discovery'] / times['matrix product']:8.2f}")
    print(f"1000 photos              {1000 * times['discovery']:8.0f} s")
    print(f"memory at the peak       {memory / 2**20:8.0f} MiB")
    print(f"superpixels              {ids.max() + 1:8d}")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
