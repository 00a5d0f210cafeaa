"""Figure 3.14: how many patches each patch is similar to, which orders the discovery of superpixels."""

from collections.abc import Callable, Sequence

import numpy as np

from wsss_tf.example import Example
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel
from wsss_tf.files.images import read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.superpixels.discovery import positiveness
from wsss_tf.superpixels.grouping import superpixels
from wsss_tf.superpixels.refine import enlarge
from wsss_tf.superpixels.settings import SuperpixelConfig

_NOTE = ("Positiveness: share of the patches whose features point to the same side as a patch's, white = all; negativeness: "
         "the others. Discovery starts with the patch of the lowest positiveness (low first).")


def links_page(examples: Sequence[Example], features: Callable[[np.ndarray], np.ndarray],
               config: SuperpixelConfig) -> Page:
    """The page with a row per photo: photo, positiveness, negativeness, superpixels.

    Args:
      examples: the photos.
      features: uint8 [H, W, 3] -> float32 [h, w, D].
      config: how superpixels are made of them.
    """
    rows = []
    for example in examples:
        photo = read_photo(example.image)
        cells = features(photo)
        rank = np.arange(cells.shape[0] * cells.shape[1], dtype=np.int32).reshape(cells.shape[:2])
        share = positiveness(cells.reshape(-1, cells.shape[-1]))[enlarge(rank, photo.shape[:2])]
        ids = superpixels(photo, cells, config)
        titles = ((), (), (), ()) if rows else (("photo",), ("positiveness",), ("negativeness",), ("superpixels",))
        texts = ((example.image_id,), (f"{share.min():.2f} to {share.max():.2f}",),
                 (f"{1 - share.max():.2f} to {1 - share.min():.2f}",), (f"{ids.max() + 1}",))
        images = (photo, share, 1 - share, draw_superpixels(photo, ids))
        rows.append(tuple(map(Panel, images, titles, texts)))
    return Page(tuple(rows), (), _NOTE)
