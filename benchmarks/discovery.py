"""Superpixel discovery against the bare matrix product of its similarities, in one process.

Usage: python benchmarks/discovery.py [--patches=3136 --width=768 --superpixel_tau=0.3]

The features are 30 directions with noise, as in a photo of about as many superpixels. Memory is what Python and
NumPy allocate at the peak of one discovery beyond the features themselves.
"""

import tracemalloc

import numpy as np
from absl import flags
from timing import medians

from wsss_tf.commands.program import run_script
from wsss_tf.experiment import Experiment
from wsss_tf.superpixels.discovery import discover

_PATCHES = flags.DEFINE_integer("patches", 3136, "patches of the photo: 3136 are 448x448 pixels in patches of 8")
_WIDTH = flags.DEFINE_integer("width", 768, "numbers per feature: 768 in a ViT-B")
_REPEATS = flags.DEFINE_integer("repeats", 9, "turns; medians are printed")


def features(patches: int, width: int, directions: int = 30) -> np.ndarray:
    """float32 [patches, width]: each patch one of the directions with noise."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, [directions, width])
    return (centres[rng.integers(0, directions, patches)] + rng.normal(0, 1, [patches, width])).astype(np.float32)


def main(experiment: Experiment) -> None:
    """Prints times, their ratio, memory, and the number of superpixels."""
    config = experiment.superpixels
    given = features(_PATCHES.value, _WIDTH.value)
    tracemalloc.start()
    ids = discover(given, config.tau, config.order)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times = medians({"discovery": lambda: discover(given, config.tau, config.order),
                     "matrix product": lambda: given @ given.T}, _REPEATS.value)
    for name, seconds in times.items():
        print(f"{name:24s} {seconds:8.3f} s")
    print(f"discovery / product      {times['discovery'] / times['matrix product']:8.2f}")
    print(f"1000 photos              {1000 * times['discovery']:8.0f} s")
    print(f"memory at the peak       {memory / 2**20:8.0f} MiB")
    print(f"superpixels              {ids.max() + 1:8d}")


if __name__ == "__main__":
    run_script(main)
