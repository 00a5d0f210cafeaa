"""Large images in overlapping tiles, whose maps are blended into one.

Neighbours share a quarter of the tile. In the outer quarters of what they share
only one of them counts, the one that sees further there; in between the maps
are mixed linearly. Tiles start at multiples of 96 pixels, so that the cells of a
net of stride 8 fall on the same pixels as in the whole image at scales 1, 0.75
and 0.5; tiles of 1024 start at multiples of 768, which does for stride 16 too.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from wsss_tf.errors import InputError

UNIT = 128  # pixels; a tile is a multiple of it
_SHARED = 4  # part of a tile that the next one covers too


def tiles(size: tuple[int, int], side: int) -> list[tuple[slice, slice]]:
    """The tiles of an image, (rows, columns) each, row by row; one that covers it if it is no larger than a tile.

    Args:
      size: (height, width) of the image.
      side: of a tile, in pixels; those at the right and bottom may be smaller,
        but cover more than what neighbours share.

    Raises:
      InputError: side is no multiple of 128.
    """
    if side <= 0 or side % UNIT:
        raise InputError(f"--tile={side}: expected a multiple of {UNIT} pixels: give e.g. {8 * UNIT}")
    rows, columns = (_spans(length, side) for length in size)
    return [(slice(*row), slice(*column)) for row in rows for column in columns]


def blend(size: tuple[int, int], side: int, maps: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blends the maps of all tiles, band by band from top to bottom, so that few of them are in memory.

    Args:
      size: (height, width) of the image.
      side: of a tile.
      maps: float32 [h, w, K] of each tile, in the order of `tiles`.

    Yields:
      float32 [h, W, K]; the heights add up to that of the image.
    """
    (height, width), overlap, maps = size, side // _SHARED, iter(maps)
    above = None  # what the tiles above have left in the rows that this band shares with them
    for top, bottom in _spans(height, side):
        down, band = _weights(top, bottom, height, overlap), None
        for left, right in _spans(width, side):
            found = next(maps)
            if band is None:
                band = np.zeros([bottom - top, width, found.shape[2]], np.float32)
            across = _weights(left, right, width, overlap)
            band[:, left:right] += found * down[:, None, None] * across[:, None]
        if above is not None:
            band[:overlap] += above
        if bottom == height:
            yield band
        else:
            above = band[-overlap:].copy()
            yield band[:-overlap]


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """First pixel of each tile along one side of the image, and the one after its last."""
    overlap = side // _SHARED
    return [(start, min(start + side, length)) for start in range(0, max(length - overlap, 1), side - overlap)]


def _weights(start: int, stop: int, length: int, overlap: int) -> np.ndarray:
    """What each pixel of a tile counts along one side, float32; neighbours add up to 1."""
    weights = np.ones(stop - start, np.float32)
    rise = np.clip((np.arange(overlap, dtype=np.float32) + 0.5) / (overlap / 2) - 0.5, 0, 1)
    if start > 0:
        weights[:overlap] = rise
    if stop < length:
        weights[-overlap:] = 1 - rise
    return weights
