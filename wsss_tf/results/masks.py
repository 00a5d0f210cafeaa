"""Masks from the probabilities of a net: without and with dense CRF. Worker processes do this, without TensorFlow.

Artefacts: masks/plain/<image_id>.png and masks/crf/<image_id>.png, palette PNGs.
"""

from pathlib import Path

import numpy as np

from wsss_tf.files.store import write_labels
from wsss_tf.imaging import crf


def write_masks(refined: Path, plain: Path, probabilities: np.ndarray, image: np.ndarray, crf_set: str,
                crf_backend: str) -> None:
    """Writes the masks of one photo with and without dense CRF, the first one last.

    Args:
      refined, plain: files.
      probabilities: float32 [H, W, C+1], background first.
      image: uint8 [H, W, 3] RGB.
      crf_set: name in wsss_tf.imaging.crf.CRF_SETS.
      crf_backend: one of wsss_tf.imaging.crf.BACKENDS.
    """
    write_labels(plain, probabilities.argmax(-1))
    write_labels(refined, marginals(probabilities, image, crf_set, crf_backend).argmax(-1))


def marginals(probabilities: np.ndarray, image: np.ndarray, crf_set: str, crf_backend: str) -> np.ndarray:
    """Probabilities after the dense CRF: float32 [H, W, C+1], uint8 [H, W, 3] -> float32 [H, W, C+1]."""
    return crf.refine_probabilities(probabilities, image, crf.CRF_SETS[crf_set], crf_backend)
