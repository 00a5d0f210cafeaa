"""Figures of the thesis, drawn from finished runs."""

from pathlib import Path

from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.figures.index import find_kind
from wsss_tf.figures.page import save_figure
from wsss_tf.figures.settings import FigureConfig
from wsss_tf.figures.sources import Sources


def draw_figures(experiment: Experiment, config: FigureConfig) -> list[Path]:
    """Writes a figure to RUNS/EXPERIMENT/figures as PNG and PDF; returns the paths.

    Args:
      experiment: all settings.
      config: what to draw.

    Raises:
      InputError: a figure, id, stage or run that does not exist, a flag that the
        figure does not take, too many tags or columns, or a damaged file.
    """
    kind = find_kind(config.figure)
    for name, taken in (("compare", kind.compares), ("values", kind.values)):
        given = getattr(config, name)
        if given and not taken:
            raise InputError(f"--{name}={given}: figure {config.figure} " +
                             ("shows one run: leave it out or draw --figure=2.7" if name == "compare" else
                              "shows no setting's effect: leave it out"))
    name = f"fig_{kind.numbers[0].replace('.', '_')}"
    return [path for end, figure in kind.draw(Sources(experiment, config)).items()
            for path in save_figure(figure, experiment.folder("figures"), name + end)]
