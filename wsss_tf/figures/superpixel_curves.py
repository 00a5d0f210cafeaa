"""Figures 3.5 to 3.7 and 3.12: measures of superpixels of several methods as curves."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import matplotlib.style
from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.figures.page import WIDTH
from wsss_tf.figures.sources import Sources
from wsss_tf.figures.style import STYLE, line_looks, text_width
from wsss_tf.figures.superpixels import title_of
from wsss_tf.stages.run_report import read_scores
from wsss_tf.superpixels.metrics import SuperpixelScores

_SAMPLE = 0.6  # inches that a line of the legend takes beside its text

# Name -> title, fields of the axes, and what these are called.
CURVES = {
    "UE": ("UE (lower is better)", "count", "under_segmentation", "superpixels", "UE"),
    "BP-BR": ("boundary precision and recall", "boundary_recall", "boundary_precision", "BR", "BP"),
    "ASA": ("ASA", "count", "achievable_accuracy", "superpixels", "ASA"),
}


class Scored(Protocol):
    """Superpixels of a method and their scores."""

    method: str
    scores: SuperpixelScores


@dataclasses.dataclass(frozen=True)
class Measured:
    """Superpixels of a finished run."""

    method: str
    scores: SuperpixelScores


def under_segmentation_figure(sources: Sources) -> Figure:
    """Figure 3.5: UE of the compared runs over their number of superpixels; see `curves_figure` for what is raised."""
    return curves(_measured(sources), ("UE",))


def boundaries_figure(sources: Sources) -> Figure:
    """Figure 3.6: boundary precision over boundary recall of the compared runs; see `curves_figure` for what is raised."""
    return curves(_measured(sources), ("BP-BR",))


def accuracy_figure(sources: Sources) -> Figure:
    """Figure 3.7: ASA of the compared runs over their number of superpixels; see `curves_figure` for what is raised."""
    return curves(_measured(sources), ("ASA",))


def bipartition_figure(sources: Sources) -> Figure:
    """Figure 3.12: ASA and UE of the compared runs, ours and Ncut's; see `curves_figure` for what is raised."""
    return curves(_measured(sources), ("ASA", "UE"))


def curves_figure(sources: Sources) -> Figure:
    """All curves of the compared runs beside each other.

    Raises:
      InputError: a run lacks superpixels or their scores, or these are damaged.
    """
    return curves(_measured(sources))


def curves(rows: Sequence[Scored], names: Sequence[str] = tuple(CURVES)) -> Figure:
    """The named curves, a line per method whose points are its rows by their number of superpixels."""
    methods = dict.fromkeys(row.method for row in rows)
    width = WIDTH if len(names) > 1 else 0.6 * WIDTH
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(width, 0.36 * WIDTH), layout="constrained")
        axes = figure.subplots(1, len(names), squeeze=False)[0]
        for ax, name in zip(axes, names):
            title, right, up, *labels = CURVES[name]
            for method, look in zip(methods, line_looks(len(methods))):
                own = sorted((row.scores for row in rows if row.method == method), key=lambda scores: scores.count)
                xs, ys = ([getattr(scores, field) for scores in own] for field in (right, up))
                ax.plot(xs, ys, label=method, **look)
            ax.set(title=title, xlabel=labels[0], ylabel=labels[1])
        across = max(1, int(width / (max(map(text_width, methods)) + _SAMPLE)))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=across, frameon=False)
    return figure


def superpixel_scores_of(folder: Path) -> SuperpixelScores:
    """The scores of superpixels that the stage `scores` has left in its folder.

    Raises:
      InputError: they are missing or damaged.
    """
    try:
        scores = read_scores(folder)["superpixels"]
        return SuperpixelScores(**{name: float("nan") if value is None else float(value) for name, value in scores.items()})
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / 'scores.json'}: damaged, or of a run without superpixels ({error!r}): remove the folder "
                         "and run `wsss run --until=scores` again") from error


def _measured(sources: Sources) -> list[Measured]:
    runs = zip(sources.compared("superpixels"), sources.compared("scores"), strict=True)
    return [Measured(", ".join(title_of(made)[:-1]), superpixel_scores_of(scored.folder)) for made, scored in runs]
