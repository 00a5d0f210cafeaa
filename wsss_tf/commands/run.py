"""wsss run: the stages of an experiment."""

import dataclasses
import time
from pathlib import Path

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command, prepare
from wsss_tf.commands.sweep import run_sweep, sweep_scores, sweep_table
from wsss_tf.config import expand_path, setting
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.stages.reuse import absent_experiments
from wsss_tf.stages.stage import Makes


@dataclasses.dataclass(frozen=True)
class RunCommandConfig:
    """Which stages and seeds"""

    until: str = setting("", "last stage to make; empty: all up to the report")
    only: str = setting("", "make this stage alone; those before it must be done")
    seeds: str = setting("", "seeds, separated by commas: runs EXPERIMENT_SEED for each, and prints mean and spread")
    rows: str = setting("", "with --seeds: flagfiles, separated by commas, one per row of the table; differences are to the first")
    plan: bool = setting(False, "only list the stages and say which are up to date")


USAGE = """wsss run --flagfile=FILE [--NAME=VALUE ...]

Runs all stages of an experiment in order and skips those that are up to date. Interrupted, it goes on where it stopped
when the same command is given again.

  wsss run --flagfile=flags/demo/cam.cfg
  wsss run --flagfile=flags/demo/cam.cfg --until=cams
  wsss run --rows=flags/demo/cam.cfg,flags/demo/saliency.cfg --seeds=0,1,2"""


def main(parsed: Parsed) -> None:
    """Runs a chain, a part of it, or several of them."""
    config, experiment = parsed.config, parsed.experiment
    if config.seeds or config.rows:
        _sweep(parsed)
        return
    for line in absent_experiments(experiment.run):
        if any(word.startswith("--reuse=") for word in parsed.typed):
            raise InputError(f"{line}: correct the name or leave it out")
        print(f"note: {line}: nothing is taken from it")
    chain = experiment.chain
    names = [config.only] if config.only else chain.required(config.until)
    chain.stage(names[-1])
    if config.plan:
        _plan(experiment, names)
        return
    prepare(experiment)
    started = time.time()
    if not config.only:
        chain.prove(names)  # better now than after hours of other stages
    for name in names:
        folder = chain.run(name)
    if chain.stage(names[-1]).makes is Makes.REPORT and not config.only:
        _farewell(experiment, folder, time.time() - started)
    else:
        print(folder)


def _farewell(experiment: Experiment, folder: Path, seconds: float) -> None:
    made = [name for name, stage in experiment.chain.stages.items() if stage.makes is Makes.MASKS]
    for name in made:
        print(f"masks of {len(experiment.dataset.val)} photos: {experiment.chain.require(name)}")
    print(f"done in {seconds / 60:.1f} min: {folder / 'report.html'}")


def _plan(experiment: Experiment, names: list[str]) -> None:
    for name in names:
        done = experiment.chain.folder(name)
        print(f"{name:20} {f'up to date: {done}' if done else 'to do'}")


def _sweep(parsed: Parsed) -> None:
    config, run = parsed.config, parsed.experiment.run
    seeds = [seed.strip() for seed in config.seeds.split(",") if seed.strip()]
    rows = [row.strip() for row in config.rows.split(",") if row.strip()]
    if not rows or not seeds or not all(seed.isdigit() for seed in seeds) or config.until or config.only:
        raise InputError("expected --rows=FLAGFILE,... and --seeds=NUMBER,... and neither --until nor --only: give both")
    runs = expand_path(run.runs)
    names = run_sweep(rows, [int(seed) for seed in seeds], parsed.given, runs)
    print(sweep_table(sweep_scores(runs, names, [int(seed) for seed in seeds])))


COMMAND = Command("run", USAGE, main, RunCommandConfig)
