"""Figures of the thesis, drawn from finished runs."""

from collections.abc import Sequence
from pathlib import Path

from wsss_tf.errors import InputError
from wsss_tf.figures.index import find_kind
from wsss_tf.figures.kind import Kind
from wsss_tf.figures.page import save_figure
from wsss_tf.figures.sources import Sources


def draw_figures(sources: Sources, kinds: Sequence[Kind], folder: Path) -> list[Path]:
    """Writes the figure that --figure names as PNG and PDF; returns the paths.

    Args:
      sources: the run, and what to draw of it.
      kinds: all figures that there are.
      folder: receives the files.

    Raises:
      InputError: a figure, id, stage or run that does not exist, a figure of
        another system, a flag that the figure does not take, too many tags or
        columns, or a damaged file.
    """
    config, system = sources.config, sources.run.system
    kind = find_kind(config.figure, kinds)
    if kind.system not in ("", system):
        raise InputError(f"--figure={config.figure}: it is drawn from runs of --system={kind.system}, not of {system}: "
                         "give the flags of such a run")
    for name, taken in (("compare", kind.compares), ("values", kind.values)):
        given = getattr(config, name)
        if given and not taken:
            raise InputError(f"--{name}={given}: figure {config.figure} " +
                             ("shows one run: leave it out, or draw --figure=masks" if name == "compare" else
                              "shows no setting's effect: leave it out"))
    name = f"fig_{config.figure.replace('.', '_')}"
    return [path for end, figure in kind.draw(sources).items() for path in save_figure(figure, folder, name + end)]
