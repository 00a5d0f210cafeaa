"""Runs several flagfiles with several seeds and prints the mean and spread of their scores.

Usage: python scripts/sweep.py --rows=flags/demo/cam.cfg,flags/demo/saliency.cfg --seeds=0,1,2 [-- FLAGS OF EVERY RUN]
"""

import sys
from pathlib import Path

from absl import app, flags

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.sweep import row_name, run_sweep, sweep_scores, sweep_table

_ROWS = flags.DEFINE_list("rows", [], "flagfiles, one per row of the table; differences are to the first")
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "seeds of each row")
_RUNS = flags.DEFINE_string("runs", "runs", "folder of all runs; may contain ${VARIABLE}")


def main(argv: list[str]) -> None:
    """Runs what is missing and prints the table."""
    try:
        if not _ROWS.value or not _SEEDS.value or not all(seed.isdigit() for seed in _SEEDS.value):
            raise InputError("expected --rows=FLAGFILE,... and --seeds=NUMBER,...: give both")
        seeds = [int(seed) for seed in _SEEDS.value]
        run_sweep(_ROWS.value, seeds, [f"--runs={_RUNS.value}", *argv[1:]], Path(__file__).with_name("run.py"))
        names = [row_name(row) for row in _ROWS.value]
        print(sweep_table(sweep_scores(expand_path(_RUNS.value), names, seeds)))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    app.run(main)
