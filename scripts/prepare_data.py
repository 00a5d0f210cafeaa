"""Opens the data set, generates the embedded one if asked for, and decodes every file once.

Usage: python scripts/prepare_data.py --source=folder --data=MY_FOLDER --check
"""

import sys

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.data.advice import advice
from wsss_tf.data.check import check_dataset
from wsss_tf.experiment import Experiment
from wsss_tf.stages.steps import open_chain

_CHECK = flags.DEFINE_bool("check", False, "only list what is wrong, file by file; exit code 1 if anything is")


def main(experiment: Experiment) -> None:
    """Checks only, or makes the stage."""
    chain = open_chain(experiment)
    if not _CHECK.value:
        print(chain.run("prepare"))
        return
    problems = check_dataset(experiment.dataset, True, experiment.data.saliency_max)
    print("\n".join(problems) or "no problems found")
    for line in advice(experiment.dataset):
        print(f"warning: {line}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    run_script(main)
