"""Counting the pixels of one image by true and predicted label."""

import math

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.cams import normalise


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
    check_size(prediction.shape, truth.shape, truth_name, prediction_name)
    pairs = truth.astype(np.uint16) << 8 | prediction
    counts = np.bincount(pairs.ravel(), minlength=256 * 256).reshape(256, 256)
    _check_labels(counts.sum(axis=1), num_labels, truth_name)
    _check_labels(counts.sum(axis=0), num_labels, prediction_name)
    return counts[:num_labels, [*range(num_labels), UNKNOWN]]


def cam_counts(truth: np.ndarray, keys: np.ndarray, cam: np.ndarray, thresholds: list[float], num_labels: int,
               truth_name: object = "truth", cam_name: object = "CAM") -> np.ndarray:
    """Counts the pixels of one image by truth, strongest class and thresholds passed.

    The strongest class does not depend on the threshold, so this one count
    holds the confusion matrices of all thresholds.

    Args:
      truth: uint8 [H, W], values 0..L-1 or 255 (void, not counted).
      keys: int [K], each in 1..L-1.
      cam: float [K, H, W], raw.
      thresholds: ascending, T of them.
      num_labels: L, with the background.
      truth_name: what errors call the truth.
      cam_name: what errors call the maps.

    Returns:
      int64 [L, L, T + 1]; the last index is the number of thresholds that the
      normalised CAM of the strongest class exceeds.

    Raises:
      InputError: the sizes differ, or a label or key is none of the classes.
    """
    check_size(cam.shape[1:], truth.shape, truth_name, cam_name)
    _check_labels(np.bincount(truth.ravel(), minlength=256), num_labels, truth_name)
    if (keys < 1).any() or (keys >= num_labels).any():
        raise InputError(f"{cam_name}: expected keys from 1 to {num_labels - 1}, found {keys.tolist()}: "
                         "check the list of classes")
    scores = np.zeros([len(keys) + 1, *truth.shape], np.float32)  # channel 0: no class at all
    scores[1:] = normalise(cam.astype(np.float32))
    strongest = np.concatenate([[BACKGROUND], keys]).astype(np.int64)[scores.argmax(axis=0)]
    passed = np.searchsorted(np.asarray(thresholds, np.float32), scores.max(axis=0), side="left")
    shape = (num_labels, num_labels, len(thresholds) + 1)
    valid = truth != UNKNOWN
    cells = np.ravel_multi_index((truth[valid], strongest[valid], passed[valid]), shape)
    return np.bincount(cells, minlength=math.prod(shape)).reshape(shape)


def at_threshold(counts: np.ndarray, index: int) -> np.ndarray:
    """The confusion matrix int64 [L, L + 1] of the threshold of this index: what does not exceed it is background."""
    confusion = np.zeros([counts.shape[0], counts.shape[1] + 1], np.int64)
    confusion[:, :-1] = counts[:, :, index + 1:].sum(axis=2)
    confusion[:, BACKGROUND] += counts[:, :, :index + 1].sum(axis=(1, 2))
    return confusion


def check_size(found: tuple[int, ...], expected: tuple[int, ...], truth_name: object, name: object) -> None:
    """Refuses a prediction [H, W] of another size than the truth.

    Raises:
      InputError: the sizes differ.
    """
    if tuple(found) != tuple(expected):
        (height, width), (true_height, true_width) = found, expected
        raise InputError(f"{name}: expected {true_width}x{true_height} pixels (width x height) as in {truth_name}, "
                         f"found {width}x{height}: predict at the size of the photo")


def _check_labels(counts: np.ndarray, num_labels: int, name: object) -> None:
    beyond = np.flatnonzero(counts[num_labels:UNKNOWN]) + num_labels
    if beyond.size:
        raise InputError(f"{name}: expected labels 0 to {num_labels - 1} or {UNKNOWN}, "
                         f"found {beyond[:5].tolist()}: check the list of classes")
