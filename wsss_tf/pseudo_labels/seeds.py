"""Pseudo-labels (eqs 1.12-1.13) and sparse initial seeds (eqs 3.3-3.5) from class activation maps."""

from pathlib import Path

import numpy as np

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_ids
from wsss_tf.files.store import write_image
from wsss_tf.pseudo_labels.settings import LabelConfig, SeedConfig


def superpixel_seed(keys: np.ndarray, cam: np.ndarray, superpixels: np.ndarray, alpha: float,
                    keep_foreground: bool = True) -> np.ndarray:
    """Sparse initial seed: confident CAM pixels, and the least active superpixel as background.

    Args:
      keys: int64 [K], label values of the present classes.
      cam: float32 [K, H, W], rectified maps.
      superpixels: int [H, W] ids.
      alpha: normalised CAM above which a pixel is labeled, 0..1 (A3-1).
      keep_foreground: confident pixels inside the background superpixel stay
        foreground (A3-6); False overwrites them, as the equations read.

    Returns:
      uint8 [H, W] of 0..C and 255 (unlabeled).

    Ref: thesis eqs 3.3-3.5.
    """
    maps = normalise(cam)
    strength = maps.max(axis=0, initial=0)
    strongest = keys[maps.argmax(axis=0)] if len(keys) else BACKGROUND
    seed = np.where(strength > alpha, strongest, UNKNOWN).astype(np.uint8)
    _, index = np.unique(superpixels, return_inverse=True)
    index = index.reshape(superpixels.shape)
    activity = np.bincount(index.ravel(), strength.ravel()) / np.bincount(index.ravel())
    quiet = index == activity.argmin()
    return np.where(quiet & ((seed == UNKNOWN) | (not keep_foreground)), BACKGROUND, seed).astype(np.uint8)


def pseudo_label(keys: np.ndarray, cam: np.ndarray, threshold: float, ignore_below: float | None = None) -> np.ndarray:
    """The strongest present class of each pixel, background below the threshold.

    Args:
      keys: int64 [K], label values of the present classes; none means all background.
      cam: float32 [K, H, W], rectified maps.
      threshold: score of the background, 0..1.
      ignore_below: score that a class has to exceed, from the threshold on;
        pixels between the two are ignored. None: the threshold.

    Returns:
      uint8 [H, W] label map of 0..C and 255 (ignored).

    Ref: thesis eqs 1.12-1.13.
    """
    if not len(keys):
        return np.full(cam.shape[1:], BACKGROUND, np.uint8)
    maps = normalise(cam)
    strength, label = maps.max(axis=0), keys[maps.argmax(axis=0)]
    doubtful = BACKGROUND if ignore_below is None else np.where(strength > threshold, UNKNOWN, BACKGROUND)
    return np.where(strength > (threshold if ignore_below is None else ignore_below), label, doubtful).astype(np.uint8)


def write_label(path: Path, image_id: str, cams: Path, config: LabelConfig, num_classes: int) -> None:
    """Makes and writes the pseudo-label of one image.

    Args:
      path: <image_id>.png, 8-bit grey.
      image_id: the image.
      cams: folder of its class activation maps.
      config: thresholds.
      num_classes: C.

    Raises:
      InputError: the maps are missing or damaged.
    """
    keys, cam = read_cam(cams, image_id, num_classes)
    write_image(path, pseudo_label(keys, cam, config.threshold, config.ignore_below))


def write_seed(path: Path, image_id: str, cams: Path, superpixels: Path, config: SeedConfig, num_classes: int) -> None:
    """Makes and writes the initial seed of one image; see `write_label`.

    Raises:
      InputError: an artefact that it is made of is missing, damaged or of another size.
    """
    ids = read_ids(superpixels / f"{image_id}.png")
    keys, cam = read_cam(cams, image_id, num_classes, ids.shape)
    write_image(path, superpixel_seed(keys, cam, ids, config.alpha, config.keep_foreground))
