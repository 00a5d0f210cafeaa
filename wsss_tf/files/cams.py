"""Class activation maps on disk, cams/<image_id>.npz, without TensorFlow.

A file holds `keys` int [K], the label values of the present classes, and `cam`
float [K, H, W], their rectified maps at photo size (not normalised).
"""

from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.files.store import write_npz

_EPSILON = 1e-5  # keeps the maximum of an all-zero map from dividing by zero
_REMEDY = "delete it and run `wsss run --until=cams` again"


def cam_path(folder: Path, image_id: str) -> Path:
    """Where the maps of one image lie."""
    return Path(folder) / f"{image_id}.npz"


def write_cam(path: Path, keys: np.ndarray, cam: np.ndarray) -> None:
    """Writes the maps of one image: keys int64 [K], cam float [K, H, W], rounded to float16."""
    write_npz(path, keys=keys, cam=cam.astype(np.float16))


def read_cam(folder: Path, image_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads (keys int64 [K], cam float32 [K, H, W]) of one image.

    Raises:
      InputError: missing or damaged file, one without these two arrays or with
        arrays that do not fit together, keys below 1, NaN or infinity.
    """
    path = cam_path(folder, image_id)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            keys, cam = arrays["keys"], arrays["cam"].astype(np.float32)
    except FileNotFoundError:
        raise InputError(f"{path}: no such class activation map: run `wsss run --until=cams`") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own for a damaged file.
        raise InputError(f"{path}: expected the arrays 'keys' and 'cam' ({error}): {_REMEDY}") from error
    if keys.ndim != 1 or cam.ndim != 3 or len(keys) != len(cam):
        raise InputError(f"{path}: expected keys [K] and cam [K,H,W], found {list(keys.shape)} and {list(cam.shape)}: "
                         f"{_REMEDY}")
    if not np.issubdtype(keys.dtype, np.integer) or (keys < 1).any():
        raise InputError(f"{path}: expected keys of at least 1, the label values of classes, found {keys.tolist()}: {_REMEDY}")
    if not np.isfinite(cam).all():
        raise InputError(f"{path}: the CAM holds NaN or infinity: {_REMEDY}")
    return keys, cam


def normalise(cam: np.ndarray) -> np.ndarray:
    """Divides each map by its maximum over the pixels: float32 [K, H, W] -> 0..1.

    Ref: thesis eq. 2.5 (A2-21: the maximum runs over pixels, not classes).
    """
    return cam / (cam.max(axis=(1, 2), keepdims=True) + _EPSILON)
