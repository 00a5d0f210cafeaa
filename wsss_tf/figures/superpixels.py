"""Figures 3.2, 3.8 to 3.10, 3.13 and 3.15: superpixels of several runs, and of several settings of one."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.figures.cams import truth_panel
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, over, titled_once
from wsss_tf.figures.sources import Finished, Sources
from wsss_tf.figures.superpixel_table import curves, read_scores
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.nets.settings import FACETS, VIT_SIZES
from wsss_tf.superpixels.discovery import ORDERS
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.grouping import group, superpixels
from wsss_tf.superpixels.metrics import SuperpixelScores, superpixel_scores
from wsss_tf.superpixels.refine import enlarge
from wsss_tf.superpixels.settings import SuperpixelConfig, parameter, uses_features

_NOTE = ("Under each picture: its superpixels (sp.) and, where there is a ground truth, what a label per superpixel can reach "
         "(ASA).")
_DIM = 0.25  # brightness of what no superpixel has yet


@dataclasses.dataclass(frozen=True)
class Measured:
    """Superpixels of a finished run, as superpixel_table.curves reads them."""

    method: str
    scores: SuperpixelScores


def curves_figure(sources: Sources) -> Figure:
    """Figures 3.5 to 3.7: UE, BP, BR and ASA of the compared runs over their number of superpixels.

    Raises:
      InputError: a run lacks the stage superpixels or scores, or its scores are damaged.
    """
    runs = zip(sources.compared("superpixels"), sources.compared("scores"), strict=True)
    return curves([Measured(", ".join(_title(made)[:-1]), read_scores(scored.folder)) for made, scored in runs])


def runs_page(sources: Sources) -> Page:
    """Figure 3.8, a row per photo: photo, ground truth, superpixels of the compared runs.

    Raises:
      InputError: a run lacks the stage superpixels, or a file is damaged.
    """
    runs = sources.compared("superpixels")
    return _page(sources, lambda example, photo: [
        (_title(run), read_ids(run.folder / f"{example.image_id}.png")) for run in runs])


def features_page(sources: Sources) -> Page:
    """Figure 3.10: as `runs_page`, for runs whose superpixels come from features (A3-25: compare at equal counts).

    Raises:
      InputError: also if the superpixels of a run come from no features.
    """
    for run in sources.compared("superpixels"):
        if not uses_features(_config(run)):
            raise InputError(f"{run.folder}: its superpixels ({_config(run).method}) come from no features: leave {run.name} "
                             "out of --compare, or draw --figure=3.8")
    return runs_page(sources)


def tau_page(sources: Sources) -> Page:
    """Figure 3.9, a row per photo: superpixels at several similarities tau.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    return _settings_page(sources, [((f"tau {tau:g}",), {"tau": tau}) for tau in sources.values(0.1, 0.2, 0.3, 0.4, 0.5)])


def order_page(sources: Sources) -> Page:
    """Figure 3.15, a row per photo: discovery that starts with the fewest links, or with the most.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    return _settings_page(sources, [((order.replace("_", " "),), {"order": order}) for order in ORDERS])


def facets_page(sources: Sources) -> Page:
    """Figure 3.13, for each photo and block of a transformer a row: superpixels from keys, queries, values and tokens.

    Raises:
      InputError: features come from no transformer, or its weights are missing.
    """
    own, config = sources.settings("features"), _grouping(sources)
    if own.net not in VIT_SIZES:
        raise InputError(f"--feature_net={own.net}: it has no blocks and facets: draw figure 3.13 with one of "
                         f"{', '.join(VIT_SIZES)}")
    blocks = sources.whole_values(own.block)
    read = {(block, facet): Features(dataclasses.replace(own, block=block, facet=facet))
            for block in blocks for facet in FACETS}
    rows = []
    for example in sources.train():
        photo = read_photo(example.image)
        for block in blocks:
            made = [((facet,), superpixels(photo, read[block, facet](photo), config)) for facet in FACETS]
            rows.append(_row(example, photo, made, example.image_id, f"block {block}"))
    return Page(titled_once(rows), sources.class_names, _NOTE)


def discovery_page(sources: Sources) -> Page:
    """Figure 3.2, a row per photo: what the first superpixels of Table 3.1 take, and all superpixels after the CRF.

    Raises:
      InputError: superpixels come from no features, or their net is missing.
    """
    config, rows = _grouping(sources), []
    features = Features(sources.settings("features"))
    for example in sources.train():
        photo = read_photo(example.image)
        cells = features(photo)
        found = enlarge(group(cells, config), photo.shape[:2])
        row = [Panel(photo, ("photo",), (example.image_id,))]
        for count in sources.whole_values(1, 2, 4, 8):
            taken = (found < count)[..., None]
            picture = draw_superpixels(np.where(taken, photo, _DIM * photo).astype(np.uint8), np.minimum(found, count))
            row.append(Panel(picture, (f"first {count}",), (f"{100 * taken.mean():.0f}% taken",)))
        made = [(("all",), found), (("after CRF",), superpixels(photo, cells, config))]
        rows.append((*row, *(_made(photo, ids, title, None) for title, ids in made)))
    return Page(titled_once(rows), (), f"Patches in the order of discovery ({config.order.replace('_', ' ')}, tau "
                f"{config.tau:g}); dark: not taken yet.")


def _settings_page(sources: Sources, changes: Sequence[tuple[tuple[str, ...], dict]]) -> Page:
    config, features = _grouping(sources), Features(sources.settings("features"))

    def made(example: Example, photo: np.ndarray) -> list:
        cells = features(photo)
        return [(title, superpixels(photo, cells, dataclasses.replace(config, **change))) for title, change in changes]

    return _page(sources, made)


def _page(sources: Sources, made: Callable[[Example, np.ndarray], list]) -> Page:
    rows = []
    for example in sources.train():
        photo = read_photo(example.image)
        rows.append(_row(example, photo, made(example, photo), example.image_id))
    return Page(titled_once(rows), sources.class_names, _NOTE)


def _row(example: Example, photo: np.ndarray, made: list, *words: str) -> tuple[Panel, ...]:
    truth = read_labels(example.mask) if example.mask else None
    outlined = [over(photo, panel) for panel in truth_panel(example)]
    return (Panel(photo, ("photo",), words), *outlined, *(_made(photo, ids, title, truth) for title, ids in made))


def _made(photo: np.ndarray, ids: np.ndarray, title: tuple[str, ...], truth: np.ndarray | None) -> Panel:
    below = f"{len(np.unique(ids))} sp."
    if truth is not None:
        below += f", ASA {superpixel_scores(ids, truth).achievable_accuracy:.3f}"
    return Panel(draw_superpixels(photo, ids), title, (below,))


def _grouping(sources: Sources) -> SuperpixelConfig:
    config = sources.settings("superpixels")
    if not uses_features(config):
        raise InputError(f"--superpixel_method={config.method}: it has no patches to compare: draw figure "
                         f"{sources.config.figure} with discovery or ncut")
    return config


def _config(run: Finished) -> SuperpixelConfig:
    settings = run.manifest["settings"]
    names = [field.name for field in dataclasses.fields(SuperpixelConfig) if "superpixel_" + field.name in settings]
    return SuperpixelConfig(**{name: settings["superpixel_" + name] for name in names})


def _title(run: Finished) -> tuple[str, ...]:
    """Method, the net of its features if any, and what decides on the number of superpixels."""
    config = _config(run)
    net = (run.manifest["settings"]["feature_net"],) if uses_features(config) else ()
    return config.method, *net, parameter(config)
