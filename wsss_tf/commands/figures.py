"""wsss figures: figures of the thesis from finished runs."""

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.figures.settings import FigureConfig

USAGE = """wsss figures --flagfile=FILE --figure=NUMBER [--NAME=VALUE ...]

Draws figures of the thesis from finished runs, as PNG and PDF; --figure=list tells which there are and what each needs.

  wsss figures --figure=list
  wsss figures --flagfile=flags/demo/attention.cfg --figure=2.7 --compare=demo_cam,demo_attention"""


def main(parsed: Parsed) -> None:
    """Draws the figure and prints where it is, or prints the list."""
    from wsss_tf.figures.draw import draw_figures
    from wsss_tf.figures.index import table

    if parsed.config.figure == "list":
        print(table())
        return
    for path in draw_figures(parsed.experiment, parsed.config):
        print(path)


COMMAND = Command("figures", USAGE, main, FigureConfig)
