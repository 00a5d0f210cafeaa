"""Superpixels of several methods on the same photos: the table and curves of thesis Table 3.5 and Figs 3.5-3.7."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.figures.page import WIDTH, Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.style import STYLE, line_looks
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.report import run
from wsss_tf.superpixels.metrics import SHORT_NAMES, SuperpixelScores, superpixel_scores
from wsss_tf.superpixels.settings import parameter, uses_features

_MEASURES = {short: field for field, short in SHORT_NAMES.items()}


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to make superpixels, and how good they are.

    Attributes:
      experiment: its settings.
      folder: of <image_id>.png.
      scores: means over the training images.
    """

    experiment: Experiment
    folder: Path
    scores: SuperpixelScores

    @property
    def method(self) -> str:
        """Name of the method, with the net of its features."""
        s = self.experiment.settings
        return f"{s.superpixels.method}, {s.features.net}" if uses_features(s.superpixels) else s.superpixels.method

    @property
    def parameter(self) -> str:
        """What decides on the number of superpixels."""
        return parameter(self.experiment.settings.superpixels)


def measure(experiments: Sequence[Experiment]) -> list[Row]:
    """Makes and scores the superpixels of every experiment; what is up to date is skipped.

    Raises:
      InputError: two experiments have one name, or a stage's own.
    """
    names = [experiment.run.experiment for experiment in experiments]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--experiment={name}: {names.count(name)} of the rows bear this name: give each its own")
    rows = []
    for experiment in experiments:
        chain = experiment.chain
        for stage in chain.required("scores"):
            folder = chain.run(stage)
        rows.append(Row(experiment, chain.require("superpixels"), read_scores(folder)))
    return rows


def read_scores(folder: Path) -> SuperpixelScores:
    """The scores of superpixels that the stage `scores` has left in its folder.

    Raises:
      InputError: they are missing or damaged.
    """
    try:
        scores = run.read_scores(folder)["superpixels"]
        return SuperpixelScores(**{name: float("nan") if value is None else float(value) for name, value in scores.items()})
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / 'scores.json'}: damaged, or of a run without superpixels ({error!r}): remove the folder and "
                         "run `wsss run --until=scores` again") from error


def table(rows: Sequence[Row]) -> str:
    """Markdown in the layout of Table 3.5."""
    lines = ["| method | parameter | superpixels | UE | BP | BR | ASA |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        values = dataclasses.astuple(row.scores)
        cells = [row.method, row.parameter, f"{values[0]:.1f}", *(f"{value:.3f}" for value in values[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def curves(rows: Sequence[Row]) -> Figure:
    """Each measure against the number of superpixels, a line per method (Figs 3.5-3.7)."""
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(WIDTH, 0.3 * WIDTH), layout="constrained")
        axes = figure.subplots(1, len(_MEASURES) - 1)
        for ax, (short, field) in zip(axes, list(_MEASURES.items())[1:]):
            methods = dict.fromkeys(row.method for row in rows)
            for method, look in zip(methods, line_looks(len(methods))):
                points = sorted((row.scores.count, getattr(row.scores, field)) for row in rows if row.method == method)
                ax.plot(*zip(*points), label=method, **look)
            ax.set_title(short + (" (lower is better)" if short == "UE" else ""))
            ax.set_xlabel("superpixels")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def pictures(rows: Sequence[Row], examples: Sequence[Example]) -> Page:
    """A row per photo: photo, ground truth, and the superpixels of each method (as Figs 3.8-3.16)."""
    lines = []
    for example in examples:
        photo, truth = read_photo(example.image), read_labels(example.mask)
        line = [Panel(photo, ("photo",)), Panel(photo, ("ground truth",), outlined=truth)]
        for row in rows:
            ids = read_ids(row.folder / f"{example.image_id}.png")
            score = superpixel_scores(ids, truth)
            line.append(Panel(draw_superpixels(photo, ids), (row.method, row.parameter),
                              (f"{score.count} sp., ASA {score.achievable_accuracy:.3f}",)))
        lines.append(tuple(line))
    return Page(titled_once(lines), rows[0].experiment.dataset.class_names,
                "Under each picture: its superpixels (sp.) and what a label per superpixel can reach (ASA).")


def shown(examples: Sequence[Example], count: int) -> list[Example]:
    """Some examples, evenly spread: neither the best nor the worst are picked."""
    return [examples[index] for index in np.linspace(0, len(examples) - 1, min(count, len(examples))).astype(int)]
