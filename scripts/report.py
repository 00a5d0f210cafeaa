"""Writes the HTML report of a run, or prints a table of several.

Usage: python scripts/report.py --flagfile=flags/demo/attention.cfg
       python scripts/report.py --compare=demo_cam,demo_saliency,demo_attention
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import expand_path
from wsss_tf.experiment import Experiment
from wsss_tf.report.run import compare_runs
from wsss_tf.stages.steps import open_chain

_COMPARE = flags.DEFINE_list("compare", [], "finished experiments to print side by side instead")


def main(experiment: Experiment) -> None:
    """Prints the comparison, or makes the stage."""
    if _COMPARE.value:
        print(compare_runs(expand_path(experiment.run.runs), _COMPARE.value))
    else:
        print(open_chain(experiment).run("report"))


if __name__ == "__main__":
    run_script(main)
