"""Figure 3.14: how many patches within an object each of its patches is similar to, and how many it is not."""

import numpy as np
from scipy import ndimage

from wsss_tf.errors import InputError
from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.figures.discovery import grouping
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.sources import Sources
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.imaging.drawing import draw_heat
from wsss_tf.superpixels.discovery import positiveness
from wsss_tf.superpixels.refine import enlarge

_DIM = 0.35  # brightness of what lies outside the object
_NOTE = ("The largest object of each photo. Positive: share of the object's patches whose features point to the same side as "
         "a patch's; negative: the others; dark 0 to yellow 1.")


def links_page(sources: Sources) -> Page:
    """Figure 3.14, a row per training photo: photo, its largest object, the shares of positive and of negative patches in it.

    Raises:
      InputError: superpixels come from no features, or a photo has no ground truth with an object.
    """
    grouping(sources)
    features, rows = sources.run.features(), []
    for example in sources.train():
        if not example.mask:
            raise InputError(f"{example.image}: it has no ground truth, and figure {sources.config.figure} looks at the "
                             "objects in it: choose others with --images")
        photo, truth = read_photo(example.image), read_labels(example.mask)
        inside = largest_object(truth)
        if not inside.any():
            raise InputError(f"{example.mask}: expected an object, found none: choose another photo with --images")
        share = positive_share(features(photo), inside)
        outlined = Panel(photo, ("object",), (f"{np.isfinite(share).sum()} patches",),
                         np.where(inside, truth, BACKGROUND).astype(np.uint8))
        rows.append((Panel(photo, ("photo",), (example.image_id,)), outlined,
                     _shown(photo, share, inside, "positive"), _shown(photo, 1 - share, inside, "negative")))
    return Page(titled_once(rows), sources.class_names, _NOTE)


def largest_object(truth: np.ndarray) -> np.ndarray:
    """The largest connected region of one class: uint8 [H, W] -> bool [H, W], empty without any."""
    best = np.zeros(truth.shape, bool)
    for label in set(np.unique(truth).tolist()) - {BACKGROUND, UNKNOWN}:
        regions, count = ndimage.label(truth == label)
        sizes = np.bincount(regions.ravel())[1:]
        if count and sizes.max() > best.sum():
            best = regions == sizes.argmax() + 1
    return best


def positive_share(features: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """For each patch of an object the share of the object's patches that it is positive to.

    A patch belongs to the object if half of its pixels do; if there is none, the
    ones with the most do.

    Args:
      features: float32 [h, w, D] of the patches.
      inside: bool [H, W], the object.

    Returns:
      float32 [h, w] in 0..1, NaN outside the object.

    Ref: thesis section 3.4.4, Fig. 3.14.
    """
    grid = features.shape[:2]
    patch = _patches(grid, inside.shape).ravel()
    sizes, within = (np.bincount(patch, weights, grid[0] * grid[1]) for weights in (None, inside.ravel()))
    covered = within / np.maximum(sizes, 1)
    belongs = covered >= min(0.5, covered.max())
    share = np.full(len(covered), np.nan, np.float32)
    share[belongs] = positiveness(features.reshape(len(covered), -1)[belongs])
    return share.reshape(grid)


def _patches(grid: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The patch of each pixel: int32 [*size]."""
    return enlarge(np.arange(grid[0] * grid[1], dtype=np.int32).reshape(grid), size)


def _shown(photo: np.ndarray, share: np.ndarray, inside: np.ndarray, title: str) -> Panel:
    pixels = share.ravel()[_patches(share.shape, inside.shape)]
    shown = (inside & np.isfinite(pixels))[..., None]
    drawn = np.where(shown, draw_heat(photo, np.nan_to_num(pixels)), _DIM * photo).astype(np.uint8)
    return Panel(drawn, (title,), (f"{np.nanmin(share):.2f} to {np.nanmax(share):.2f}",))
