"""Seconds from the command to the first trained step of an experiment.

Usage: python benchmarks/startup.py --flagfile=flags/demo/cam.cfg

Runs scripts/run.py with the same flags in a new process and an empty folder, data of the embedded set included, and ends
it when the log of the classifier has its first line.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.experiment import Experiment

_REPEATS = flags.DEFINE_integer("repeats", 1, "times; the median is printed", lower_bound=1)
_SCRIPT = Path(__file__).parents[1] / "scripts" / "run.py"


def seconds_to_first_step(arguments: list[str]) -> float:
    """Of one start.

    Raises:
      RuntimeError: the run ended before.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = ["--cls_log_every=1", f"--runs={folder}/runs", f"--data={folder}/data", "--experiment=startup"]
        log = Path(folder) / "runs" / "startup" / "classifier" / "log.jsonl"
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, _SCRIPT, *arguments, *own], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            while not (log.exists() and log.stat().st_size):
                if process.poll() is not None:
                    raise RuntimeError(f"run.py ended with {process.returncode} before the first step")
                time.sleep(0.01)
            return time.perf_counter() - start
        finally:
            process.kill()
            process.wait()


def main(experiment: Experiment) -> None:
    """Prints the time."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--repeats")]
    print(f"{statistics.median(seconds_to_first_step(arguments) for _ in range(_REPEATS.value)):.1f} s to the first step")


if __name__ == "__main__":
    run_script(main)
