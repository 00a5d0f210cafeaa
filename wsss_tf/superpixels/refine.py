"""Superpixels of patches refined to pixels by a dense CRF (thesis section 3.4.1)."""

import cv2
import numpy as np

from wsss_tf.imaging.crf import CRF_SETS, CrfParams, dense_crf, unary_from_labels


def refine(ids: np.ndarray, photo: np.ndarray, params: CrfParams = CRF_SETS["superpixels"], trust: float = 0.7,
           backend: str = "auto") -> np.ndarray:
    """Superpixels of the pixels of a photo; ids without any pixel left vanish, the others keep their order.

    The CRF holds about six float32 [H, W, n]: 300 superpixels of a photo of
    500x375 take 1.4 GB and minutes, the usual 30 a tenth of both.

    Args:
      ids: int32 [h, w] superpixels of the patches, 0..n-1.
      photo: uint8 [H, W, 3] RGB.
      params: of the CRF (A3-3).
      trust: probability of a patch's superpixel at each of its pixels.
      backend: of the CRF, see wsss_tf.imaging.crf.dense_crf.

    Returns:
      int32 [H, W], 0..m-1 without gaps, m <= n.

    Raises:
      ValueError: a shape, dtype or backend that the caller got wrong.
      InputError: the backend is asked for but missing.

    Ref: thesis section 3.4.1, A3-3.
    """
    pixels = enlarge(ids, photo.shape[:2])
    energies = unary_from_labels(pixels, int(ids.max()) + 1, trust)
    refined = dense_crf(energies, photo, params, backend).argmax(axis=2)
    return np.unique(refined, return_inverse=True)[1].reshape(refined.shape).astype(np.int32)


def enlarge(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest superpixel of each pixel: int32 [h, w] -> int32 [*size].

    The grid covers the whole photo, also where its sides are no multiples of the
    patch: the network saw it resized to multiples. OpenCV does it, because its
    index is floor(i * in / out) but for roundings that show: 2 of 333 rows.

    Raises:
      ValueError: ids that are not whole numbers [h, w].
    """
    if ids.ndim != 2 or ids.dtype.kind not in "iu" or not ids.size:
        raise ValueError(f"ids: expected integer [h, w], found {ids.dtype} {list(ids.shape)}")
    return cv2.resize(ids.astype(np.int32), size[::-1], interpolation=cv2.INTER_NEAREST)
