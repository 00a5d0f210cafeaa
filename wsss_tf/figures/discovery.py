"""Figures 3.2, 3.11, 3.15 and 3.16: how superpixels are discovered, with settings of the figure's own."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.sources import Sources
from wsss_tf.figures.superpixels import NOTE, superpixel_row, told
from wsss_tf.files.images import read_photo
from wsss_tf.imaging.drawing import draw_order, draw_superpixels
from wsss_tf.nets.settings import FACETS, VIT_SIZES
from wsss_tf.superpixels.grouping import group, superpixels
from wsss_tf.superpixels.refine import enlarge
from wsss_tf.superpixels.settings import ORDERS, SuperpixelConfig, uses_features

_DIM = 0.25  # brightness of what no superpixel has yet
_ORDER = "Brightness: the order of discovery, the first superpixel bright and the last dark."

Changes = Sequence[tuple[tuple[str, ...], dict]]  # title, settings


def discovery_page(sources: Sources) -> Page:
    """Figure 3.2, a row per photo: what the first superpixels of Table 3.1 take, and all superpixels after the CRF.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    config, features, rows = grouping(sources), sources.run.features(), []
    for example in sources.train():
        photo = read_photo(example.image)
        cells = features(photo)
        found = enlarge(group(cells, config), photo.shape[:2])
        row = [Panel(photo, ("photo",), (example.image_id,))]
        for count in sources.whole_values(1, 2, 4, 8):
            taken = (found < count)[..., None]
            picture = draw_superpixels(np.where(taken, photo, _DIM * photo).astype(np.uint8), np.minimum(found, count))
            row.append(Panel(picture, (f"first {count}",), (f"{100 * taken.mean():.0f}% taken",)))
        row += [Panel(draw_superpixels(photo, ids), (title,), (told(ids),))
                for title, ids in (("all", found), ("after CRF", superpixels(photo, cells, config)))]
        rows.append(tuple(row))
    return Page(titled_once(rows), (), f"Patches in the order of discovery ({_words(config.order)}, tau {config.tau:g}); "
                "dark: not taken yet.")


def seed_rule_page(sources: Sources) -> Page:
    """Figure 3.11, a row per photo: discovery that starts with the fewest links, or with the most, at a low and a high tau.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    changes = [((_words(order), f"tau {tau:g}"), {"order": order, "tau": tau})
               for tau in sources.values(0.1, 0.5) for order in ORDERS]
    return _orders_page(sources, changes)


def tau_page(sources: Sources) -> Page:
    """Figure 3.16, a row per photo: the order of discovery at several similarities tau.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    return _orders_page(sources, [((f"tau {tau:g}",), {"tau": tau}) for tau in sources.values(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)])


def high_tau_page(sources: Sources) -> Page:
    """Figure 3.15, a row per photo: superpixels at tau 0.7, or at other similarities.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    config, features, rows = grouping(sources), sources.run.features(), []
    for example in sources.train():
        photo = read_photo(example.image)
        cells = features(photo)
        made = [((f"tau {tau:g}",), superpixels(photo, cells, dataclasses.replace(config, tau=tau)))
                for tau in sources.values(0.7)]
        rows.append(superpixel_row(example, photo, made))
    return Page(titled_once(rows), sources.class_names, NOTE)


def facets_page(sources: Sources) -> Page:
    """For each photo and block of a transformer a row: superpixels from keys, queries, values and tokens.

    Raises:
      InputError: features come from no transformer, or its weights are missing.
    """
    config, own = grouping(sources), sources.settings("features")
    if own.net not in VIT_SIZES:
        raise InputError(f"--feature_net={own.net}: it has no blocks and facets: draw --figure={sources.config.figure} with "
                         f"one of {', '.join(VIT_SIZES)}")
    blocks = sources.whole_values(own.block)
    read = {(block, facet): sources.run.features(block=block, facet=facet) for block in blocks for facet in FACETS}
    rows = []
    for example in sources.train():
        photo = read_photo(example.image)
        for block in blocks:
            made = [((facet,), superpixels(photo, read[block, facet](photo), config)) for facet in FACETS]
            rows.append(superpixel_row(example, photo, made, f"block {block}"))
    return Page(titled_once(rows), sources.class_names, NOTE)


def grouping(sources: Sources) -> SuperpixelConfig:
    """The settings of the run's superpixels, which come from features.

    Raises:
      InputError: they do not.
    """
    config = sources.settings("superpixels")
    if not uses_features(config):
        raise InputError(f"--superpixel_method={config.method}: it has no patches to compare: draw figure "
                         f"{sources.config.figure} with discovery or ncut")
    return config


def _orders_page(sources: Sources, changes: Changes) -> Page:
    config, features, rows = grouping(sources), sources.run.features(), []
    for example in sources.train():
        photo = read_photo(example.image)
        cells = features(photo)
        row = [Panel(photo, ("photo",), (example.image_id,))]
        for title, change in changes:
            ids = superpixels(photo, cells, dataclasses.replace(config, **change))
            row.append(Panel(draw_order(ids), title, (told(ids),)))
        rows.append(tuple(row))
    return Page(titled_once(rows), (), _ORDER)


def _words(order: str) -> str:
    return order.replace("_", " ")
