"""Class activation maps of a trained classifier.

Artefact: cams/<image_id>.npz with `keys` int64 [K], the label values of the
present classes, and `cam` float16 [K, H, W], the rectified maps M* at photo
size (not normalised).
"""

import dataclasses
from pathlib import Path

import numpy as np

from wsss_tf.config import setting
from wsss_tf.data.store import write_npz
from wsss_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class CamConfig:
    """How class activation maps are computed."""

    scales: tuple = setting((0.5, 0.75, 1.0), "input scales of the multi-scale map (eq. 2.4, A2-17, Table 2.6)",
                            low=0.1)
    fusion: str = setting("max", "how the maps of the scales become one: max (eq. 2.4), sum, or irn, the sum exactly as IRN "
                                 "forms it, cells at tiles (A3-15)", ("max", "sum", "irn"))
    flip: bool = setting(False, "also fuse the mirror image (A2-18: chapter 2 is silent, no flip; A3-15: chapter 3 does)")


def cam_path(folder: Path, image_id: str) -> Path:
    """Where the artefact of one image lies."""
    return folder / f"{image_id}.npz"


def write_cam(path: Path, keys: np.ndarray, cam: np.ndarray) -> None:
    """Writes the artefact of one image: keys int64 [K], cam float [K, H, W], rounded to float16."""
    write_npz(path, keys=keys, cam=cam.astype(np.float16))


def read_cam(folder: Path, image_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads (keys int64 [K], cam float32 [K, H, W]) of one image.

    Raises:
      InputError: missing or damaged file, or one without these two arrays.
    """
    path = cam_path(folder, image_id)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["keys"], arrays["cam"].astype(np.float32)
    except FileNotFoundError:
        raise InputError(f"{path}: no such class activation map: run scripts/make_cams.py") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own for a damaged file.
        raise InputError(f"{path}: expected the arrays 'keys' and 'cam' ({error}): delete it and run "
                         "scripts/make_cams.py again") from error


def normalise(cam: np.ndarray) -> np.ndarray:
    """Divides each map by its maximum over the pixels: float32 [K, H, W] -> 0..1.

    Ref: thesis eq. 2.5 (A2-21: the maximum runs over pixels, not classes).
    """
    return cam / (cam.max(axis=(1, 2), keepdims=True) + 1e-5)
