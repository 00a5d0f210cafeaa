"""Draws figures of thesis chapter 2 from finished runs, as PNG and PDF.

Usage: python scripts/figures.py --flagfile=flags/demo/attention.cfg --figure=2.5
       python scripts/figures.py --flagfile=flags/demo/attention.cfg --figure=2.7 --compare=demo_cam,demo_attention
"""

from absl import flags

from wsss_tf.command import run_script
from wsss_tf.config import define_flags, read_flags
from wsss_tf.experiment import Experiment
from wsss_tf.figures import FigureConfig, draw_figures
from wsss_tf.stages import open_chain

define_flags(FigureConfig, flags.FLAGS)


def main(experiment: Experiment) -> None:
    """Draws the figure and prints where it is."""
    for path in draw_figures(open_chain(experiment), experiment, read_flags(FigureConfig, flags.FLAGS)):
        print(path)


if __name__ == "__main__":
    run_script(main)
