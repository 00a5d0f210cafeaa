"""Figures 3.1, 3.8 to 3.10 and 3.13: superpixels of several runs beside each other."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, over, titled_once
from wsss_tf.figures.photos import truth_panel
from wsss_tf.figures.sources import Finished, Sources
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.superpixels.metrics import superpixel_scores
from wsss_tf.superpixels.settings import SuperpixelConfig, parameter, uses_features

NOTE = ("Under each picture: its superpixels (sp.) and, where there is a ground truth, what a label per superpixel can reach "
        "(ASA).")


def runs_page(sources: Sources) -> Page:
    """Figures 3.1, 3.8, 3.9 and 3.13, a row per photo: photo, ground truth, superpixels of the compared runs.

    Raises:
      InputError: a run has no superpixels, or a file is damaged.
    """
    runs, rows = sources.compared("superpixels"), []
    for example in sources.train():
        photo = read_photo(example.image)
        made = [(title_of(run), read_ids(run.folder / f"{example.image_id}.png")) for run in runs]
        rows.append(superpixel_row(example, photo, made))
    return Page(titled_once(rows), sources.class_names, NOTE)


def features_page(sources: Sources) -> Page:
    """Figure 3.10: as `runs_page`, for runs whose superpixels come from features (A3-25: compare at equal counts).

    Raises:
      InputError: also if the superpixels of a run come from no features.
    """
    for run in sources.compared("superpixels"):
        method = config_of(run).method
        if not uses_features(config_of(run)):
            raise InputError(f"{run.folder}: its superpixels ({method}) come from no features: leave {run.name} out of "
                             "--compare, or draw --figure=superpixels")
    return runs_page(sources)


def superpixel_row(example: Example, photo: np.ndarray, made: Sequence[tuple[tuple[str, ...], np.ndarray]],
                   *words: str) -> tuple[Panel, ...]:
    """Photo, ground truth if any, and superpixels, (title, int [H, W]) each; `words` stand below the id of the photo."""
    truth = read_labels(example.mask) if example.mask else None
    outlined = [over(photo, panel) for panel in truth_panel(example)]
    drawn = (Panel(draw_superpixels(photo, ids), title, (told(ids, truth),)) for title, ids in made)
    return (Panel(photo, ("photo",), (example.image_id, *words)), *outlined, *drawn)


def told(ids: np.ndarray, truth: np.ndarray | None = None) -> str:
    """How many superpixels int [H, W] there are and, with a ground truth uint8 [H, W], what a label for each can reach."""
    count = f"{len(np.unique(ids))} sp."
    return count if truth is None else f"{count}, ASA {superpixel_scores(ids, truth).achievable_accuracy:.3f}"


def title_of(run: Finished) -> tuple[str, ...]:
    """Method, the net of its features if any, and what decides on the number of superpixels."""
    config = config_of(run)
    net = (str(run.settings["feature_net"]),) if uses_features(config) else ()
    return config.method, *net, parameter(config)


def config_of(run: Finished) -> SuperpixelConfig:
    """The settings of a run's superpixels."""
    names = [field.name for field in dataclasses.fields(SuperpixelConfig) if f"superpixel_{field.name}" in run.settings]
    return SuperpixelConfig(**{name: run.settings[f"superpixel_{name}"] for name in names})
