"""The superpixels of a photo, by any of the methods that the thesis compares.

Artefact: superpixels/<image_id>.png, 16-bit grey at photo size, ids from 0 on.
"""

import dataclasses
from pathlib import Path

import numpy as np

from wsss_tf.imaging import crf
from wsss_tf.config import setting
from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_ids
from wsss_tf.superpixels import classic, discovery, ncut, refine

_FROM_FEATURES = ("discovery", "ncut", "ncut_dense")


@dataclasses.dataclass(frozen=True)
class SuperpixelConfig:
    """How superpixels are made."""

    method: str = setting("discovery", "discovery from features (Table 3.1), ncut, the normalised cuts of eqs 3.13-3.15 "
                                       "(ncut_dense solves them without Lanczos), or OpenCV's slic, seeds and lsc",
                          (*_FROM_FEATURES, *classic.METHODS))
    tau: float = setting(0.3, "similarity above which a patch joins a superpixel (Table 3.1; Table 3.6: 0 to 0.5)")
    order: str = setting("low_first", "patch that starts the next superpixel: the one with the fewest links (thesis) or "
                                      "the most", discovery.ORDERS)
    size: int = setting(80, "side of the regions of slic and lsc in pixels, or number of superpixels of seeds (Table 3.5)",
                        low=1)
    crf_set: str = setting("C5", "parameter set of the dense CRF that follows discovery and ncut (A3-3), or none",
                           (*crf.CRF_SETS, "none"))
    crf_trust: float = setting(0.7, "probability that the CRF gives to the id of a pixel before it (A3-3)")
    crf_backend: str = setting("auto", "pydensecrf when importable, else the project's own", crf.BACKENDS)


def uses_features(config: SuperpixelConfig) -> bool:
    """Whether the method reads features, and not the photo alone."""
    return config.method in _FROM_FEATURES


def parameter(config: SuperpixelConfig) -> str:
    """What decides on the number of superpixels, e.g. "tau 0.3" or "size 80"."""
    return f"tau {config.tau:g}" if uses_features(config) else f"size {config.size}"


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
