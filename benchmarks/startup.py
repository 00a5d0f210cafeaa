"""Seconds from the command to the first trained step of an experiment.

Usage: python benchmarks/startup.py --flagfile=flags/demo/cam.cfg

Runs scripts/run.py with the same flags in a new process and an empty folder, data of the embedded set included, and ends
it when the log of the classifier has its first line.
"""

import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from program import run_benchmark

from wsss_tf.config import setting
from wsss_tf.experiment import Experiment

_SCRIPT = Path(__file__).parents[1] / "scripts" / "run.py"


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to measure"""

    repeats: int = setting(1, "times; the median is printed", low=1)


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


def main(experiment: Experiment, config: Config) -> None:
    """Prints the time."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--repeats")]
    print(f"{statistics.median(seconds_to_first_step(arguments) for _ in range(config.repeats)):.1f} s to the first step")


if __name__ == "__main__":
    run_benchmark(main, Config, __doc__)
