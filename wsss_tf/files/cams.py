"""Class activation maps on disk, cams/<image_id>.npz, without TensorFlow.

A file holds `keys` int [K], the label values of the present classes, and `cam`
float [K, H, W], their rectified maps at photo size (not normalised).
"""

import math
import zipfile
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError, reason
from wsss_tf.example import MAX_CLASSES
from wsss_tf.files.images import MAX_PIXELS
from wsss_tf.files.store import write_npz

_EPSILON = 1e-5  # keeps the maximum of an all-zero map from dividing by zero
_MOST_NUMBERS = 2 * MAX_PIXELS  # of all maps of an image together
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_REMEDY = "delete it and run `wsss run --until=cams` again"


def cam_path(folder: Path, image_id: str) -> Path:
    """Where the maps of one image lie."""
    return Path(folder) / f"{image_id}.npz"


def write_cam(path: Path, keys: np.ndarray, cam: np.ndarray) -> None:
    """Writes the maps of one image: keys int64 [K], cam float [K, H, W], rounded to float16."""
    write_npz(path, keys=keys, cam=cam.astype(np.float16))


def read_cam(folder: Path, image_id: str, num_classes: int,
             size: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Reads (keys int64 [K], cam float32 [K, H, W]) of one image.

    Args:
      folder: of the artefacts.
      image_id: the image.
      num_classes: C; keys are 1..C.
      size: (H, W) that the maps must have, if it is known.

    Raises:
      InputError: missing or damaged file, one without these two arrays or with
        arrays that do not fit together, keys that are no classes or come twice,
        negative numbers, NaN or infinity, maps of another size.
    """
    path = cam_path(folder, image_id)
    try:
        with zipfile.ZipFile(path) as archive:
            keys = _array(archive, "keys", "iu", axes=1, most=MAX_CLASSES)
            cam = _array(archive, "cam", "f", axes=3, most=_MOST_NUMBERS).astype(np.float32)
    except FileNotFoundError:
        raise InputError(f"{path}: no such class activation map: run `wsss run --until=cams`") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own for a damaged file.
        raise InputError(f"{path}: expected the arrays 'keys' and 'cam' ({reason(error)}): {_REMEDY}") from error
    if len(keys) != len(cam):
        raise InputError(f"{path}: expected keys [K] and cam [K,H,W], found {list(keys.shape)} and {list(cam.shape)}: "
                         f"{_REMEDY}")
    if (keys < 1).any() or (keys > num_classes).any() or len(np.unique(keys)) < len(keys):
        raise InputError(f"{path}: expected keys from 1 to {num_classes}, the label values of classes, each once, found "
                         f"{keys.tolist()[:20]}: check the list of classes, or {_REMEDY}")
    if not np.isfinite(cam).all() or (cam < 0).any():
        raise InputError(f"{path}: expected rectified maps, found negative numbers, NaN or infinity: {_REMEDY}")
    if size is not None and cam.shape[1:] != tuple(size):
        raise InputError(f"{path}: expected maps of {size[1]}x{size[0]} pixels (width x height) as the photo has, found "
                         f"{cam.shape[2]}x{cam.shape[1]}: {_REMEDY}")
    return keys.astype(np.int64), cam


def _array(archive: zipfile.ZipFile, name: str, kinds: str, axes: int, most: int) -> np.ndarray:
    """An array of an .npz file, of which the header is looked at before the rest is unpacked."""
    with archive.open(f"{name}.npy") as file:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        if dtype.kind not in kinds or len(shape) != axes or min(shape) < 0 or math.prod(shape) > most:
            raise ValueError(f"{name}: {dtype} of shape {list(shape)}")
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def normalise(cam: np.ndarray) -> np.ndarray:
    """Divides each map by its maximum over the pixels: float32 [K, H, W] -> 0..1.

    Ref: thesis eq. 2.5 (A2-21: the maximum runs over pixels, not classes).
    """
    return cam / (cam.max(axis=(1, 2), keepdims=True) + _EPSILON)
