"""Runs several flagfiles with several seeds and prints the mean and spread of their scores.

Usage: python scripts/sweep.py --rows=flags/demo/cam.cfg,flags/demo/saliency.cfg --seeds=0,1,2

Any other flag that is given here goes to every run and wins over the flagfiles.
"""

from pathlib import Path

from absl import flags

from wsss_tf.commands.program import given_flags, run_script
from wsss_tf.commands.sweep import run_sweep, sweep_scores, sweep_table
from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment

_ROWS = flags.DEFINE_list("rows", [], "flagfiles, one per row of the table; differences are to the first")
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "seeds of each row")


def main(experiment: Experiment) -> None:
    """Runs what is missing and prints the table."""
    if not _ROWS.value or not _SEEDS.value or not all(seed.isdigit() for seed in _SEEDS.value):
        raise InputError("expected --rows=FLAGFILE,... and --seeds=NUMBER,...: give both")
    seeds = [int(seed) for seed in _SEEDS.value]
    runs = expand_path(experiment.run.runs)
    names = run_sweep(_ROWS.value, seeds, given_flags(experiment), Path(__file__).with_name("run.py"), runs)
    print(sweep_table(sweep_scores(runs, names, seeds)))


if __name__ == "__main__":
    run_script(main)
