"""Looks at this machine, and at all that an experiment needs, and says what to do about what is missing.

Usage: python scripts/doctor.py --flagfile=flags/demo/attention.cfg
"""

import sys

from wsss_tf.commands.doctor import BAD, examine
from wsss_tf.commands.program import run_script
from wsss_tf.experiment import Experiment


def main(experiment: Experiment) -> None:
    """Prints each finding; exit code 1 if any is a fault."""
    faults = 0
    for finding in examine(experiment):
        print(finding, flush=True)
        faults += finding.level == BAD
    print(f"{faults} faults found" if faults else "no faults found")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    run_script(main)
