"""Measured numbers beside the original ones, subtracted only where they were measured alike."""

import dataclasses
import glob
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.compare.printed import printed
from wsss_tf.compare.run_record import RunRecord, known_stages, read_run
from wsss_tf.errors import InputError
from wsss_tf.originals.protocol import Protocol, differences
from wsss_tf.originals.rows import MIOU, Original
from wsss_tf.originals.tables import find_row, paper_tables, table_of


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
      name: of the experiment; the folder of a run where several share a name.
      runs: one per seed, in the order of the seeds.
      paper_rows: the original rows that they reproduce.
    """

    name: str
    runs: tuple[RunRecord, ...]
    paper_rows: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Line:
    """One measured score and the printed number that belongs to it.

    Attributes:
      group: the runs.
      paper_row: name of the original row, or "".
      measure: "mIoU" (percent), or a measure of superpixels.
      values: of the runs, one per seed.
      protocol: how they were measured.
      original: the printed number, or None.
      reasons: why the two must not be subtracted; none if they may be.
    """

    group: Group
    paper_row: str
    measure: str
    values: tuple[float, ...]
    protocol: Protocol
    original: Original | None
    reasons: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean of the seeds."""
        return float(np.mean(self.values))

    @property
    def spread(self) -> float | None:
        """Standard deviation of the seeds (n - 1); None for one seed."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Mean minus original; None where that would compare different things."""
        return None if self.reasons or self.original is None else self.mean - self.original.value


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All lines, and what was left out, by run with the reason."""

    groups: tuple[Group, ...]
    lines: tuple[Line, ...]
    left_out: dict[str, str]

    @property
    def remarks(self) -> tuple[tuple[str, str], ...]:
        """(what about, remark) on the tables that occur, on runs of several versions, and on what was left out."""
        tables = dict.fromkeys(table_of(line.paper_row).id for line in self.lines if line.paper_row)
        notes = [(paper_tables()[table].where, note) for table in tables for note in paper_tables()[table].notes]
        for group in self.groups:
            revisions = dict.fromkeys(run.revision[:7] or "unknown" for run in group.runs)
            if len(revisions) > 1:
                notes.append((group.name, f"its runs are of several versions of this project: {', '.join(revisions)}"))
        return (*notes, *((f"Left out: {run}", reason) for run, reason in self.left_out.items()))


def compare(patterns: Sequence[str], rows: Sequence[str] = ()) -> Comparison:
    """Reads finished runs and puts each beside the row that it reproduces.

    Args:
      patterns: folders of runs, or globs for them.
      rows: NAME=ROW, for runs whose manifests name no row; NAME is the
        experiment, with or without its seed.

    Raises:
      InputError: a pattern finds nothing, none of the runs is finished, or no
        such row.
    """
    records, left_out = _read(_folders(patterns))
    given = dict(_split(row) for row in rows)
    unused = given.keys() - {name for record in records for name in (record.name, record.folder.name)}
    if unused:
        raise InputError(f"--row={min(unused)}=...: no run of this name was given: name one of "
                         f"{', '.join(sorted({record.name for record in records}))}")
    groups = _groups(records, given, left_out)
    lines = [line for group in groups for row in group.paper_rows or ("",) for line in _lines(group, row)]
    return Comparison(groups, tuple(sorted(lines, key=_order)), left_out)


def _folders(patterns: Sequence[str]) -> list[Path]:
    if not patterns:
        raise InputError("expected folders of finished runs, found none: write wsss compare runs/NAME ...")
    folders = []
    for pattern in patterns:
        found = sorted(path for path in map(Path, glob.glob(pattern)) if path.is_dir())
        if not found and not glob.glob(pattern):
            raise InputError(f"{pattern}: no such folder: give the folders of finished runs, e.g. runs/NAME")
        folders += found
    return list({folder.resolve(): folder for folder in folders}.values())


def _read(folders: Sequence[Path]) -> tuple[list[RunRecord], dict[str, str]]:
    records, left_out = [], {}
    known = {runs: known_stages(runs) for runs in {folder.parent for folder in folders}}
    for folder in folders:
        try:
            records.append(read_run(folder, known[folder.parent]))
        except InputError as error:
            left_out[str(folder)] = str(error).removeprefix(f"{folder}: ")
    if not records:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        raise InputError(f"none of the folders is a finished run ({reasons}): name others" if reasons else
                         "none of the paths is a folder: give the folders of finished runs, e.g. runs/NAME")
    return records, left_out


def _split(row: str) -> tuple[str, str]:
    name, _, paper_row = row.partition("=")
    if not name or not paper_row:
        raise InputError(f"--row={row}: expected NAME=ROW, e.g. --row=msrc_2_3_A4=thesis_2.3/A4")
    find_row(paper_row)
    return name, paper_row


def _groups(records: Sequence[RunRecord], given: dict[str, str], left_out: dict[str, str]) -> tuple[Group, ...]:
    """Runs by what they share; of several that measure the same the first counts."""
    found: dict[str, list[RunRecord]] = {}
    rows: dict[str, dict[str, None]] = {}
    for record in records:
        identity, names = record.identity, dict.fromkeys((record.folder.name, record.name))
        named = record.paper_rows or [given[name] for name in names if name in given]
        rows.setdefault(identity, {}).update(dict.fromkeys(named))
        runs = found.setdefault(identity, [])
        same = [run for run in runs if run.seed == record.seed or run.fingerprint == record.fingerprint]
        if same:  # the seed may differ where nothing is drawn
            left_out[str(record.folder)] = f"it measures the same as {same[0].folder}"
        else:
            runs.append(record)
    shown = [runs[0].name for runs in found.values()]
    return tuple(Group(runs[0].name if shown.count(runs[0].name) == 1 else str(runs[0].folder),
                       tuple(sorted(runs, key=lambda run: run.seed)), tuple(rows[identity]))
                 for identity, runs in found.items())


def _lines(group: Group, paper_row: str) -> list[Line]:
    numbers = printed(paper_row) if paper_row else ()
    lines = []
    for scores in zip(*(run.measured() for run in group.runs)):
        measure, _, protocol = scores[0]
        values = tuple(value for _, value, _ in scores)
        original = _belonging(measure, protocol, numbers)
        if original is None:
            reasons = _without_original(paper_row, numbers, measure, protocol)
        else:
            reasons = differences(protocol, original.protocol)
        lines.append(Line(group, paper_row, measure, values, protocol, original, reasons))
    return lines


def _belonging(measure: str, protocol: Protocol, numbers: tuple[Original, ...]) -> Original | None:
    """The number of the same measure; of an mIoU, the one with a CRF, whichever, or the one without."""
    refined = protocol.crf != "none"
    return next((number for number in numbers if number.measure == measure and
                 (measure != MIOU or (number.protocol.crf != "none") == refined)), None)


def _without_original(paper_row: str, numbers: tuple[Original, ...], measure: str, protocol: Protocol) -> tuple[str, ...]:
    if not paper_row:
        return ("it names no row of an original table",)
    if not numbers:
        return ("how the row was measured is not recorded here",)
    crf = f" with CRF {protocol.crf}" if protocol.crf != "none" else " without CRF" if measure == MIOU else ""
    return (f"the row has no {measure}{crf}",)


def _order(line: Line) -> tuple:
    """As the tables stand in the documents; lines without a row last, by name."""
    if not line.paper_row:
        return (1, 0, 0, line.group.name)
    table = table_of(line.paper_row)
    return (0, list(paper_tables()).index(table.id), list(table.rows).index(line.paper_row), line.group.name)
