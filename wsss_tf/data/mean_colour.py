"""The mean colour of a set of photos."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from wsss_tf.files.images import read_photo


def mean_colour(photos: Iterable[Path]) -> tuple[float, float, float]:
    """Mean red, green and blue of all pixels of the photos, each 0..255; large photos count for more.

    Args:
      photos: their files, one at least.

    Raises:
      InputError: one cannot be read; it is named.

    Ref: mu of thesis eq. 2.9.
    """
    total, pixels = np.zeros(3), 0
    for path in photos:
        photo = read_photo(path)
        total += photo.sum(axis=(0, 1), dtype=np.int64)
        pixels += photo.shape[0] * photo.shape[1]
    return tuple((total / pixels).tolist())
