"""Scores files of masks, seeds and class activation maps against true label maps.

Every number comes from one confusion matrix accumulated over a split, so it
does not matter in how many parts the images were counted. Void pixels of the
truth (255) never count.
"""

import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from wsss_tf.data.example import BACKGROUND, UNKNOWN, Example, objects
from wsss_tf.data.images import read_ids, read_labels
from wsss_tf.errors import InputError
from wsss_tf.image_by_image import each_image
from wsss_tf.parallel import Workers
from wsss_tf.scores import Scores, SeedScores, scores_from_confusion, seed_scores_from_confusion
from wsss_tf.superpixels.metrics import SuperpixelScores, mean_scores, superpixel_scores

T = TypeVar("T")

_CAM_EPSILON = 1e-5  # keeps the maximum of an all-zero CAM from dividing by zero
_OBJECT_NAMES = ("background", "object")
_IN_FLIGHT = 32  # images counted before their counts are summed: bounds the memory
_MAX_WORKERS = 16  # threads; above it the decoders wait for the disk


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray, num_labels: int,
                     truth_name: object = "truth", prediction_name: object = "prediction") -> np.ndarray:
    """Counts the pixels of one image by true and predicted label.

    Args:
      truth: uint8 [H, W], values 0..L-1 or 255 (void, not counted).
      prediction: uint8 [H, W], values 0..L-1 or 255 (undecided).
      num_labels: L, with the background, at most 255.
      truth_name: what errors call the truth, e.g. its file.
      prediction_name: what errors call the prediction.

    Returns:
      int64 [L, L + 1]: rows are true labels, columns predicted labels; the
      last column counts the undecided pixels.

    Raises:
      InputError: the sizes differ, or a map holds another value.
    """
    _check_size(prediction.shape, truth.shape, truth_name, prediction_name)
    pairs = truth.astype(np.uint16) << 8 | prediction
    counts = np.bincount(pairs.ravel(), minlength=256 * 256).reshape(256, 256)
    _check_labels(counts.sum(axis=1), num_labels, truth_name)
    _check_labels(counts.sum(axis=0), num_labels, prediction_name)
    return counts[:num_labels, [*range(num_labels), UNKNOWN]]


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
    _check_files(examples, folder, ".png", "saliency")

    def count(example: Example) -> np.ndarray:
        truth, path = objects(read_labels(example.mask)), _file(folder, example, ".png")
        return confusion_matrix(truth, read_labels(path), len(_OBJECT_NAMES), example.mask, path)

    return seed_scores_from_confusion(_sum_over(examples, count), _OBJECT_NAMES)


def score_cams(examples: tuple[Example, ...], folder: Path, class_names: tuple[str, ...],
               thresholds: tuple[float, ...]) -> dict[float, Scores]:
    """Scores class activation maps at several background thresholds in one pass.

    Each <folder>/<image_id>.npz holds `keys` int [K] (the present classes,
    each in 1..C) and `cam` float [K, H, W] (raw, at the photo's size). A pixel
    gets the class with the highest CAM / (maximum + 1e-5), or the background
    where that does not exceed the threshold.

    Returns:
      Scores by threshold, in ascending order.

    Raises:
      InputError: as `score_masks`; a CAM file is malformed; a threshold is
        outside 0..1.
    """
    for threshold in thresholds:
        if not 0 <= threshold < 1:
            raise InputError(f"CAM threshold: expected a number from 0 to below 1, found {threshold}")
    _check_files(examples, folder, ".npz", "cams")
    levels, num_labels = sorted(set(thresholds)), len(class_names)

    def count(example: Example) -> np.ndarray:
        path = _file(folder, example, ".npz")
        truth = read_labels(example.mask)
        _check_labels(np.bincount(truth.ravel(), minlength=256), num_labels, example.mask)
        keys, cam = _read_cam(path, num_labels)
        _check_size(cam.shape[1:], truth.shape, example.mask, path)
        return cam_counts(truth, keys, cam, levels, num_labels)

    counts = _sum_over(examples, count)
    return {level: scores_from_confusion(_at_level(counts, index), class_names)
            for index, level in enumerate(levels)}


def score_superpixels(examples: tuple[Example, ...], folder: Path, workers: Workers = Workers()) -> SuperpixelScores:
    """Mean over the images of the scores of <folder>/<image_id>.png (16-bit grey ids) as superpixels.

    Raises:
      InputError: as `score_masks`.
    """
    _check_files(examples, folder, ".png", "superpixels")
    return mean_scores(each_image(_score_superpixels, examples, lambda example: (_file(folder, example, ".png"), example.mask),
                                  "superpixel scores", workers))


def _score_superpixels(ids: Path, truth: Path) -> SuperpixelScores:
    return superpixel_scores(read_ids(ids), read_labels(truth))


def cam_counts(truth: np.ndarray, keys: np.ndarray, cam: np.ndarray, thresholds: list[float],
               num_labels: int) -> np.ndarray:
    """Counts the pixels of one image by truth, strongest class and thresholds passed.

    The strongest class does not depend on the threshold, so this one count
    holds the confusion matrices of all thresholds.

    Args:
      truth: uint8 [H, W] with 255 for void.
      keys: int [K], each in 1..C.
      cam: float [K, H, W], raw.
      thresholds: ascending, T of them.
      num_labels: L, with the background.

    Returns:
      int64 [L, L, T + 1]; the last index is the number of thresholds that the
      normalised CAM of the strongest class exceeds.
    """
    scores = np.zeros([len(keys) + 1, *truth.shape], np.float32)  # channel 0: no class at all
    scores[1:] = cam
    scores[1:] /= scores[1:].max(axis=(1, 2), keepdims=True) + _CAM_EPSILON
    strongest = np.concatenate([[BACKGROUND], keys]).astype(np.int64)[scores.argmax(axis=0)]
    passed = np.searchsorted(np.asarray(thresholds, np.float32), scores.max(axis=0), side="left")
    shape = (num_labels, num_labels, len(thresholds) + 1)
    valid = truth != UNKNOWN
    cells = np.ravel_multi_index((truth[valid], strongest[valid], passed[valid]), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape)


def _at_level(counts: np.ndarray, index: int) -> np.ndarray:
    confusion = np.zeros([counts.shape[0], counts.shape[1] + 1], np.int64)
    confusion[:, :-1] = counts[:, :, index + 1:].sum(axis=2)
    confusion[:, BACKGROUND] += counts[:, :, :index + 1].sum(axis=(1, 2))
    return confusion


def _mask_confusion(examples: tuple[Example, ...], folder: Path, num_labels: int) -> np.ndarray:
    _check_files(examples, folder, ".png", "masks")

    def count(example: Example) -> np.ndarray:
        path = _file(folder, example, ".png")
        return confusion_matrix(read_labels(example.mask), read_labels(path), num_labels, example.mask, path)

    return _sum_over(examples, count)


def _sum_over(examples: tuple[Example, ...], count: Callable[[Example], np.ndarray]) -> np.ndarray:
    total = 0
    for counts in _each_of(examples, count):
        total = total + counts
    return total


def _each_of(examples: tuple[Example, ...], count: Callable[[Example], T]) -> Iterator[T]:
    """What `count` gives for each example, in order, counted by several threads."""
    workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool, tqdm(total=len(examples), desc="scoring", disable=None) as bar:
        for start in range(0, len(examples), _IN_FLIGHT):
            for counts in pool.map(count, examples[start:start + _IN_FLIGHT]):
                yield counts
                bar.update()


def _file(folder: Path, example: Example, suffix: str) -> Path:
    return Path(folder) / f"{example.image_id}{suffix}"


def _check_files(examples: tuple[Example, ...], folder: Path, suffix: str, stage: str) -> None:
    if not examples:
        raise InputError(f"{folder}: nothing to score, the split has no examples: choose another split")
    for example in examples:
        if example.mask is None:
            raise InputError(f"{example.image_id}: it has no mask to score against: "
                             "add its mask to the data set or score another split")
    missing = [path for path in (_file(folder, example, suffix) for example in examples) if not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]}: no such file ({len(missing)} of {len(examples)} predictions are missing): "
                         f"run the {stage} stage on this split or choose another folder")


def _read_cam(path: Path, num_labels: int) -> tuple[np.ndarray, np.ndarray]:
    remedy = "run the cams stage again"
    try:
        with np.load(path, allow_pickle=False) as file:
            keys, cam = file["keys"], file["cam"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: expected an .npz with `keys` and `cam` ({error}): {remedy}") from error
    if keys.ndim != 1 or cam.ndim != 3 or len(keys) != len(cam):
        raise InputError(f"{path}: expected keys [K] and cam [K,H,W], "
                         f"found {list(keys.shape)} and {list(cam.shape)}: {remedy}")
    if any(not 1 <= key < num_labels for key in keys):
        raise InputError(f"{path}: expected keys from 1 to {num_labels - 1}, found {keys.tolist()}: {remedy}")
    if not np.isfinite(cam).all():
        raise InputError(f"{path}: the CAM holds NaN or infinity: {remedy}")
    return keys, cam


def _check_size(found: tuple[int, ...], expected: tuple[int, ...], truth_name: object, name: object) -> None:
    if tuple(found) != tuple(expected):
        (height, width), (true_height, true_width) = found, expected
        raise InputError(f"{name}: expected {true_width}x{true_height} pixels (width x height) as in {truth_name}, "
                         f"found {width}x{height}: predict at the size of the photo")


def _check_labels(counts: np.ndarray, num_labels: int, name: object) -> None:
    beyond = np.flatnonzero(counts[num_labels:UNKNOWN]) + num_labels
    if beyond.size:
        raise InputError(f"{name}: expected labels 0 to {num_labels - 1} or {UNKNOWN}, "
                         f"found {beyond[:5].tolist()}: check the list of classes")
