"""Weights that are drawn instead of stored, as for the activations recorded from reference implementations."""

import zlib

import numpy as np


def draw(names, shapes, kinds, seed: int, scale: float) -> dict[str, np.ndarray]:
    """Each array from a random stream of its own name: name -> float32, as PyTorch lays it out.

    Args:
      names: of the arrays.
      shapes: of the arrays, as "64x3x7x7".
      kinds: "weight", "bias", "gamma", "beta", "running_mean" or "running_var".
      seed: of the recording.
      scale: of its weights.
    """
    weights = {}
    for name, shape, kind in zip(map(str, names), shapes, kinds, strict=True):
        rng = np.random.RandomState(zlib.crc32(f"{seed}:{name}".encode()) & 0xFFFFFFFF)
        shape = tuple(map(int, shape.split("x")))
        weights[name] = {
            "weight": lambda: rng.standard_normal(shape) * scale * np.sqrt(1 / np.prod(shape[1:])),
            "bias": lambda: 0.05 * rng.standard_normal(shape),
            "gamma": lambda: 1 + 0.1 * rng.standard_normal(shape),
            "beta": lambda: 0.1 * rng.standard_normal(shape),
            "running_mean": lambda: 0.1 * rng.standard_normal(shape),
            "running_var": lambda: rng.uniform(0.5, 1.5, shape),
        }[str(kind)]().astype(np.float32)
    return weights
