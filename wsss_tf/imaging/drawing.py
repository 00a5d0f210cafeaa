"""Labels, maps and superpixels drawn over photos, as reports, figures and overlays show them."""

import cv2
import matplotlib
import numpy as np

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.store import voc_palette

_HATCH = (216, 164)  # the two greys of unknown pixels
_YELLOW = (255, 230, 60)  # borders of superpixels
_BRIGHT, _DARK = 245, 40  # greys of the first and the last superpixel


def draw_labels(photo: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Lays a label map over a photo in VOC colours.

    Args:
      photo: uint8 [H, W, 3].
      labels: uint8 [H, W]; the background stays a dim grey photo, unknown
        pixels (255) are hatched in grey.

    Returns:
      uint8 [H, W, 3].
    """
    grey = photo.mean(axis=2, keepdims=True)
    drawn = np.where((labels == BACKGROUND)[..., None], 0.55 * grey + 20, 0.35 * grey + 0.65 * voc_palette()[labels])
    unknown = labels == UNKNOWN
    drawn = np.where(unknown[..., None], _hatch(labels.shape)[..., None], drawn)
    hatched = cv2.dilate(unknown.astype(np.uint8), np.ones([3, 3], np.uint8))  # it is border enough
    drawn[_borders(labels, without=hatched)] = 255
    return drawn.astype(np.uint8)


def draw_heat(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lays a map float [H, W] in 0..1 over a photo uint8 [H, W, 3] in the colours of "inferno"."""
    colours = matplotlib.colormaps["inferno"](np.clip(heat, 0, 1))[..., :3] * 255
    return (0.35 * photo.mean(axis=2, keepdims=True) + 0.65 * colours).astype(np.uint8)


def draw_superpixels(photo: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Draws the borders of superpixels int [H, W] on a dimmed photo uint8 [H, W, 3]."""
    return np.where(_borders(ids)[..., None], _YELLOW, 0.8 * photo).astype(np.uint8)


def draw_order(ids: np.ndarray) -> np.ndarray:
    """Draws superpixels int [H, W] in greys that tell their order, the lowest id bright: uint8 [H, W, 3].

    Ref: thesis Figs 3.11 and 3.16.
    """
    _, rank = np.unique(ids, return_inverse=True)
    rank = rank.reshape(ids.shape)
    grey = np.linspace(_BRIGHT, _DARK, rank.max() + 1)[rank]
    return np.where(_borders(ids)[..., None], _YELLOW, grey[..., None]).astype(np.uint8)


def draw_grey(values: np.ndarray) -> np.ndarray:
    """A map float [H, W] in 0..1 or uint8 [H, W] as grey uint8 [H, W, 3]."""
    if values.dtype != np.uint8:
        values = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, axis=2)


def _hatch(shape: tuple[int, int]) -> np.ndarray:
    """Diagonal stripes that grow with the picture, to survive its reduction: int [*shape]."""
    stripe = max(4, shape[1] // 30)
    rows, columns = np.indices(shape)
    return np.where((rows + columns) % stripe < stripe // 3, _HATCH[1], _HATCH[0])


def _borders(labels: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
    """Where labels [H, W] meet, in lines that survive the reduction of the picture: bool [H, W]."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    if without is not None:
        edge[without > 0] = 0
    thickness = max(1, labels.shape[1] // 200)
    return cv2.dilate(edge, np.ones([thickness, thickness], np.uint8)) > 0
