"""The superpixels of a photo, by any of the methods that the thesis compares.

Artefact: superpixels/<image_id>.png, 16-bit grey at photo size, ids from 0 on.
"""

from pathlib import Path

import numpy as np

from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_ids
from wsss_tf.imaging import crf
from wsss_tf.superpixels import classic, discovery, ncut, refine
from wsss_tf.superpixels.settings import SuperpixelConfig


def superpixels(photo: np.ndarray, features: np.ndarray | None, config: SuperpixelConfig) -> np.ndarray:
    """The superpixels of one photo.

    Args:
      photo: uint8 [H, W, 3] RGB.
      features: float32 [h, w, D] of the cells that cover the photo evenly, or
        None where the method needs none.
      config: the method.

    Returns:
      int32 [H, W], ids 0..n-1, all of them in use.
    """
    if features is None:
        return classic.METHODS[config.method](photo, config.size)
    ids = group(features, config)
    if config.crf_set == "none":
        return refine.enlarge(ids, photo.shape[:2])
    return refine.refine(ids, photo, crf.CRF_SETS[config.crf_set], config.crf_trust, config.crf_backend)


def group(features: np.ndarray, config: SuperpixelConfig) -> np.ndarray:
    """Superpixels on the grid of the features: float32 [h, w, D] -> int32 [h, w]."""
    rows = features.reshape(-1, features.shape[-1])
    if config.method == "discovery":
        ids = discovery.discover(rows, config.tau, config.order)
    else:
        ids = ncut.ncut(rows, config.tau, "dense" if config.method == "ncut_dense" else "lanczos")
    return ids.reshape(features.shape[:2])


def write_superpixels(path: Path, photo: Path, features: np.ndarray | None, config: SuperpixelConfig) -> None:
    """Makes and writes the artefact of one photo, given by its file."""
    write_ids(path, superpixels(read_photo(photo), features, config))
