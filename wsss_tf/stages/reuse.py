"""Experiments that --reuse names and that do not exist."""

from wsss_tf.config import expand_path
from wsss_tf.data.names import near_match
from wsss_tf.stages.settings import RunConfig


def absent_experiments(run: RunConfig) -> list[str]:
    """One line per name in --reuse that has no folder among the runs, with the name that may have been meant."""
    runs = expand_path(run.runs)
    lines = []
    for name in filter(None, run.reuse.split(",")):
        if not (runs / name).is_dir():
            there = (path.name for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else ()
            close = near_match(name, sorted(there))
            lines.append(f"--reuse={name}: no such experiment in {runs}" + (f", did you mean '{close}'?" if close else ""))
    return lines
