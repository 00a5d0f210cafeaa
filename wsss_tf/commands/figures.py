"""wsss figures: figures of the thesis from finished runs."""

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.figures.settings import LIST, FigureConfig

USAGE = """wsss figures --flagfile=FILE --figure=NUMBER [--NAME=VALUE ...]

Draws figures of the thesis from finished runs, as PNG and PDF; --figure=list tells which there are and what each needs.

  wsss figures --figure=list
  wsss figures --flagfile=flags/demo/attention.cfg --figure=2.7 --compare=demo_cam,demo_attention"""


def main(parsed: Parsed) -> None:
    """Draws the figure and prints where it is, or prints the list."""
    from wsss_tf.commands.finished import FinishedExperiment
    from wsss_tf.figures.draw import draw_figures
    from wsss_tf.figures.index import all_kinds, table
    from wsss_tf.figures.sources import Sources
    from wsss_tf.systems.catalogue import SYSTEMS

    kinds = all_kinds(kind for system in SYSTEMS.values() for kind in system.figures())
    if parsed.config.figure == LIST:
        print(table(kinds))
        return
    sources = Sources(FinishedExperiment(parsed.experiment), parsed.config)
    for path in draw_figures(sources, kinds, parsed.experiment.folder("figures")):
        print(path)


COMMAND = Command("figures", USAGE, main, FigureConfig)
