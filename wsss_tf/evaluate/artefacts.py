"""Scores folders of masks, seeds, class activation maps and superpixels against true label maps.

Every number comes from counts that are summed image by image, so it does not
matter in how many parts the images were counted, and the memory does not grow
with their number. Void pixels of the truth (255) never count.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from wsss_tf.data.listing import list_folder
from wsss_tf.errors import InputError
from wsss_tf.evaluate.confusion import at_threshold, cam_counts, confusion_matrix
from wsss_tf.evaluate.scores import Scores, SeedScores, scores_from_confusion, seed_scores_from_confusion
from wsss_tf.example import Example, objects
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_ids, read_labels
from wsss_tf.formats.matlab import SBD_FIELDS, read_label_matrix
from wsss_tf.parallel.each_image import each_image
from wsss_tf.parallel.pool import Workers
from wsss_tf.parallel.progress import progress
from wsss_tf.superpixels.metrics import SuperpixelScores, mean_scores, superpixel_scores

S, T = TypeVar("S"), TypeVar("T")
Counter = Callable[[Example, np.ndarray, np.ndarray], np.ndarray]  # example, truth, prediction -> counts

OBJECT_NAMES = ("background", "object")
_IN_FLIGHT = 32  # images counted before their counts are summed: bounds the memory
_MAX_WORKERS = 16  # threads; above it the decoders wait for the disk


def score_masks(examples: tuple[Example, ...], folder: Path, class_names: tuple[str, ...]) -> Scores:
    """Scores the label maps <folder>/<image_id>.png; undecided pixels count as background.

    Raises:
      InputError: no examples; a mask or prediction is missing, damaged, of
        another size or with labels that no class has.
    """
    return scores_from_confusion(_mask_confusion(examples, folder, len(class_names)), class_names)


def score_seeds(examples: tuple[Example, ...], folder: Path, class_names: tuple[str, ...]) -> SeedScores:
    """Scores the sparse label maps <folder>/<image_id>.png (255 = undecided).

    Raises:
      InputError: as `score_masks`.
    """
    return seed_scores_from_confusion(_mask_confusion(examples, folder, len(class_names)), class_names)


def score_objects(examples: tuple[Example, ...], folder: Path) -> SeedScores:
    """Scores the targets <folder>/<image_id>.png (0, 1, 255 = unlabeled) as objects of any class against background.

    Raises:
      InputError: as `score_masks`.
    """
    def count(example: Example, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return confusion_matrix(objects(truth), prediction, len(OBJECT_NAMES), example.mask, _png(folder, example))

    counts = count_labels(examples, folder, {"confusion": count}, stage="saliency")
    return seed_scores_from_confusion(counts["confusion"], OBJECT_NAMES)


def score_cams(examples: tuple[Example, ...], folder: Path, class_names: tuple[str, ...],
               thresholds: tuple[float, ...]) -> dict[float, Scores]:
    """Scores class activation maps (wsss_tf/files/cams.py) at several background thresholds in one pass.

    A pixel gets the class with the highest CAM / (maximum + 1e-5), or the
    background where that does not exceed the threshold.

    Returns:
      Scores by threshold, in ascending order.

    Raises:
      InputError: as `score_masks`; a CAM file is malformed; a threshold is
        outside 0..1.
    """
    for threshold in thresholds:
        if not 0 <= threshold < 1:
            raise InputError(f"CAM threshold: expected a number from 0 to below 1, found {threshold}")
    files = check_files(examples, folder, ".npz", "cams")
    levels, num_labels = sorted(set(thresholds)), len(class_names)

    def count(example: Example) -> np.ndarray:
        path = files[example.image_id]
        keys, cam = read_cam(path.parent, path.stem, num_labels - 1)
        return cam_counts(read_truth(example.mask), keys, cam, levels, num_labels, example.mask, path)

    counts = sum(each_of(examples, count))
    return {level: scores_from_confusion(at_threshold(counts, index), class_names)
            for index, level in enumerate(levels)}


def score_superpixels(examples: tuple[Example, ...], folder: Path, workers: Workers = Workers()) -> SuperpixelScores:
    """Mean over the images of the scores of <folder>/<image_id>.png (16-bit grey ids) as superpixels.

    Raises:
      InputError: as `score_masks`.
    """
    files = check_files(examples, folder, ".png", "superpixels")
    return mean_scores(each_image(_score_superpixels, examples, lambda example: (files[example.image_id], example.mask),
                                  "superpixel scores", workers))


def _score_superpixels(ids: Path, truth: Path) -> SuperpixelScores:
    return superpixel_scores(read_ids(ids), read_truth(truth))


def confusion_counter(folder: Path, num_labels: int) -> Counter:
    """The counter of the confusion matrix of label maps <folder>/<image_id>.png."""
    def count(example: Example, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        return confusion_matrix(truth, prediction, num_labels, example.mask, _png(folder, example))

    return count


def count_labels(examples: tuple[Example, ...], folder: Path, counters: dict[str, Counter],
                 stage: str = "masks") -> dict[str, np.ndarray]:
    """Sums what each counter counts; every file is decoded once.

    Args:
      examples: what to score, with masks.
      folder: of the label maps <image_id>.png.
      counters: by name; called in this order, so put the one that checks size and labels first.
      stage: the stage that errors name if files are missing.

    Raises:
      InputError: no examples, a mask or prediction is missing or damaged, or
        what the counters raise.
    """
    files = check_files(examples, folder, ".png", stage)

    def count(example: Example) -> dict[str, np.ndarray]:
        truth, prediction = read_truth(example.mask), read_labels(files[example.image_id])
        return {name: counter(example, truth, prediction) for name, counter in counters.items()}

    totals = dict.fromkeys(counters, 0)
    for counts in each_of(examples, count):
        totals = {name: totals[name] + counts[name] for name in counters}
    return totals


def read_truth(path: Path) -> np.ndarray:
    """Label map uint8 [H, W] from a PNG or from a .mat file of SBD.

    Raises:
      InputError: missing, damaged, or no label map.
    """
    return read_label_matrix(path, *SBD_FIELDS) if path.suffix.lower() == ".mat" else read_labels(path)


def each_of(examples: Sequence[S], count: Callable[[S], T], label: str = "scoring") -> Iterator[T]:
    """What `count` gives for each example, in order, counted by several threads; `label` is on the bar."""
    workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool, progress(len(examples), label) as bar:
        for start in range(0, len(examples), _IN_FLIGHT):
            for counts in pool.map(count, examples[start:start + _IN_FLIGHT]):
                yield counts
                bar.update()


def check_files(examples: tuple[Example, ...], folder: Path, suffix: str, stage: str) -> dict[str, Path]:
    """The prediction of each example, by its id; its name may differ by case or the form of its accents.

    Raises:
      InputError: no examples, one without a mask, or predictions are missing.
    """
    if not examples:
        raise InputError(f"{folder}: nothing to score, the split has no examples: choose another split")
    for example in examples:
        if example.mask is None:
            raise InputError(f"{example.image_id}: it has no mask to score against: "
                             "add its mask to the data set or score another split")
    files = list_folder(Path(folder), (suffix,)).fitting([example.image_id for example in examples])
    missing = [example.image_id for example in examples if example.image_id not in files]
    if missing:
        raise InputError(f"{Path(folder) / missing[0]}{suffix}: no such file ({len(missing)} of {len(examples)} predictions are "
                         f"missing): run the {stage} stage on this split or choose another folder")
    return files


def _mask_confusion(examples: tuple[Example, ...], folder: Path, num_labels: int) -> np.ndarray:
    return count_labels(examples, folder, {"confusion": confusion_counter(folder, num_labels)})["confusion"]


def _png(folder: Path, example: Example) -> Path:
    return Path(folder) / f"{example.image_id}.png"
