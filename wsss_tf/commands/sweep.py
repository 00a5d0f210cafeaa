"""Several experiments over several seeds: run what is missing, then mean and spread.

Each run is its own experiment NAME_SEED, where NAME is what its flagfile gives
to --experiment. Runs of one seed share their finished stages.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.commands.flagfiles import expand
from wsss_tf.errors import InputError
from wsss_tf.files.store import make_folder
from wsss_tf.stages.steps import PLAIN, REFINED

MASKS = (PLAIN, REFINED)  # keys of scores.json


def row_name(flagfile: str) -> str:
    """The experiment that a flagfile names, itself or through those it includes.

    Raises:
      InputError: no such file, or it names none.
    """
    names = [line.split("=", 1)[1] for line in expand([f"--flagfile={flagfile}"]) if line.startswith("--experiment=")]
    if not names:
        raise InputError(f"{flagfile}: expected a line --experiment=NAME in it, found none: add one")
    return names[-1]


def run_sweep(flagfiles: Sequence[str], seeds: Sequence[int], extra: Sequence[str], runs: Path) -> list[str]:
    """Runs every flagfile with every seed; what is up to date is skipped. Returns the names of the rows.

    Args:
      flagfiles: one per row of the table.
      seeds: of the runs.
      extra: further flags for every run; they win over those of the flagfiles.
      runs: folder of all runs; every run gets its own in it first, since --reuse names those to come too.

    Raises:
      InputError: a flagfile is unusable, two rows have the same name, or a run failed.
    """
    names = [row_name(flagfile) for flagfile in flagfiles]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{' and '.join(flagfiles)}: several of them have --experiment={name}: name them apart")
    for seed in seeds:
        for name in names:
            make_folder(runs / f"{name}_{seed}")
        for row, flagfile in enumerate(flagfiles):
            shared = ",".join(f"{name}_{seed}" for name in names[:row] + names[row + 1 :])
            command = [sys.executable, "-m", "wsss_tf.commands", "run", f"--flagfile={flagfile}", *extra, f"--seed={seed}",
                       f"--experiment={names[row]}_{seed}", f"--reuse={shared}"]
            print("wsss", *command[3:], flush=True)
            if subprocess.run(command, check=False).returncode:
                raise InputError(f"{flagfile}: its run with seed {seed} failed (see above): mend it and run the same "
                                 "command again; what is done is kept")
    return names


def sweep_scores(runs: Path, names: Sequence[str], seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """mIoU of finished runs: name -> float64 [seeds, 2], in percent, without and with CRF.

    Raises:
      InputError: a run has no scores.
    """
    scores = {}
    for name in names:
        values = []
        for seed in seeds:
            path = runs / f"{name}_{seed}" / "scores" / "scores.json"
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
                values.append([100 * found["masks"][key]["miou"] for key in MASKS])
            except (OSError, ValueError, KeyError) as error:
                raise InputError(f"{path}: expected the scores of a finished run with evaluation masks "
                                 f"({error!r}): run it first") from error
        scores[name] = np.array(values)
    return scores


def sweep_table(scores: dict[str, np.ndarray]) -> str:
    """Markdown table: mean and standard deviation of each row, and of its difference to the first row seed by seed."""
    first = next(iter(scores.values()))
    count = len(first)
    lines = ["| row | mIoU | mIoU + CRF | difference | difference + CRF |", "| --- | --- | --- | --- | --- |"]
    for name, values in scores.items():
        cells = [_spread(values[:, column]) for column in range(len(MASKS))]
        cells += ["" if values is first else _spread(values[:, column] - first[:, column], sign="+")
                  for column in range(len(MASKS))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    spread = "mean ± standard deviation (n - 1)" if count > 1 else "one seed: no spread"
    return "\n".join([*lines, "", f"mIoU in percent, {count} seed{'s' * (count > 1)}, {spread}; differences to the "
                                  "first row, seed by seed."])


def _spread(values: np.ndarray, sign: str = "") -> str:
    mean = f"{values.mean():{sign}.1f}"
    return f"{mean} ± {values.std(ddof=1):.1f}" if len(values) > 1 else mean
