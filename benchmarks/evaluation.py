"""Seconds to score many masks and class activation maps, with and without edges.

Usage: python benchmarks/evaluation.py [--images=1449]

Masks are made here with the size, void and number of regions of VOC's (500 x 375); 1,449 of them are VOC 2012 val.
The processor seconds tell what a machine without other work would need.
"""

import dataclasses
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from program import run_benchmark
from timing import medians

from wsss_tf.config import setting
from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.evaluate.folder import CAM_THRESHOLDS, EvaluationConfig, evaluate_folder
from wsss_tf.example import UNKNOWN, Dataset, Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.store import write_labels, write_npz

_KINDS = 40  # different images; the others have the same pixels


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    images: int = setting(1449, "images to score", low=1)
    repeats: int = setting(3, "turns; medians are printed")


def write_data(folder: Path, count: int) -> Dataset:
    """Writes truth with void around two to four ellipses, shifted predictions, and maps of the classes present."""
    rng, examples = np.random.default_rng(0), []
    for number in range(min(count, _KINDS)):
        truth, labels = np.zeros([375, 500], np.uint8), rng.integers(1, len(CLASS_NAMES), rng.integers(2, 5))
        for label in labels:
            centre, axes = rng.integers([60, 60], [440, 315]).tolist(), rng.integers(30, 120, 2).tolist()
            cv2.ellipse(truth, centre, axes, int(rng.integers(180)), 0, 360, int(label), -1)
            cv2.ellipse(truth, centre, axes, 0, 0, 360, UNKNOWN, 5)
        found = np.roll(np.where(truth == UNKNOWN, 0, truth), 4, axis=1)
        keys = np.unique(labels)
        cam = np.stack([cv2.blur((found == key).astype(np.float32), (41, 41)) for key in keys]).astype(np.float16)
        write_labels(folder / f"truth/{number}.png", truth)
        write_labels(folder / f"found/{number}.png", found)
        write_npz(folder / f"cams/{number}.npz", keys=keys, cam=cam)
    for number in range(count):
        for kind, suffix in (("found", "png"), ("cams", "npz")):
            path = folder / kind / f"{number}.{suffix}"
            if not path.exists():
                path.symlink_to(folder / kind / f"{number % _KINDS}.{suffix}")
        mask = folder / f"truth/{number % _KINDS}.png"
        examples.append(Example(str(number), folder / f"{number}.jpg", (1,), mask=mask))
    return Dataset("generated", CLASS_NAMES, (), tuple(examples))


def main(experiment: Experiment, config: Config) -> None:
    """Prints seconds by the clock and of the processor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = write_data(folder, config.images)
        masks, cams = str(folder / "found"), str(folder / "cams")
        configs = {"masks": EvaluationConfig(predictions=masks),
                   "masks and edges": EvaluationConfig(predictions=masks, boundaries=True),
                   f"CAMs, {len(CAM_THRESHOLDS)} thresholds": EvaluationConfig(predictions=cams, kind="cams")}
        runs = {name: lambda config=config: evaluate_folder(dataset, config) for name, config in configs.items()}
        seconds = medians(runs, config.repeats)
        print(f"{config.images} images of 500 x 375")
        for name, run in runs.items():
            started = time.process_time()
            run()
            print(f"{name:22s} {seconds[name]:8.2f} s, {time.process_time() - started:8.2f} s of the processor")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
