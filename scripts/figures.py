"""Draws figures of the thesis from finished runs, as PNG and PDF; --figure=list tells which, and what each needs.

Usage: python scripts/figures.py --figure=list
       python scripts/figures.py --flagfile=flags/demo/attention.cfg --figure=2.5
       python scripts/figures.py --flagfile=flags/demo/attention.cfg --figure=2.7 --compare=demo_cam,demo_attention
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import define_flags, read_flags
from wsss_tf.experiment import Experiment
from wsss_tf.figures.draw import draw_figures
from wsss_tf.figures.index import table
from wsss_tf.figures.sources import FigureConfig
from wsss_tf.stages.steps import open_chain

define_flags(FigureConfig, flags.FLAGS)


def main(experiment: Experiment) -> None:
    """Draws the figure and prints where it is, or prints the list."""
    config = read_flags(FigureConfig, flags.FLAGS)
    if config.figure == "list":
        print(table())
        return
    for path in draw_figures(open_chain(experiment), experiment, config):
        print(path)


if __name__ == "__main__":
    run_script(main)
