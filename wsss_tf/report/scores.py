"""Scores of a run as tables: of its masks, of every class, and of what its stages made."""

from collections.abc import Iterator, Sequence

from wsss_tf.evaluate.measures import OVERALL, order, percent, title
from wsss_tf.report.cells import bar_cell, class_cell, number_cell, text_cell
from wsss_tf.report.charts import Charts, lines
from wsss_tf.report.contract import ArtefactScores, ReportRow
from wsss_tf.report.document import Cell, Table

_MIOU = "miou"
_TITLES = {"cams": "Class activation maps"}  # of the kinds whose own word is no title

Head = tuple[str, bool]


def score_table(rows: Sequence[ReportRow]) -> tuple[Table, ...]:
    """The scores of whole splits, the best mIoU of each split bold; nothing for no rows."""
    if not rows:
        return ()
    measures = [name for name in OVERALL if any(name in row.scores for row in rows)]
    best = {split: max((row.scores.get(_MIOU) or 0 for row in rows if row.split == split), default=0)
            for split in {row.split for row in rows}}
    body = []
    for row in rows:
        facts = (row.title, row.split, "yes" if row.crf else "no", row.scales)
        body.append((*map(text_cell, facts), *_numbers(measures, row.scores, best[row.split])))
    heads = [(name, False) for name in ("Result", "Split", "CRF", "Scales")]
    return (Table((*heads, *map(_head, measures)), tuple(body)),)


def class_table(rows: Sequence[ReportRow], class_names: Sequence[str]) -> tuple[Table, ...]:
    """The IoU of each class in each row that has it; nothing if none has."""
    rows = [row for row in rows if "iou" in row.scores]
    ious = [row.scores["iou"] for row in rows]
    body = tuple((class_cell(label, name), *(bar_cell(iou[label], series, 120) for series, iou in enumerate(ious)))
                 for label, name in enumerate(class_names))
    return (Table((("Class", False), *((f"{row.title} ({row.split})", False) for row in rows)), body),) if rows else ()


def artefact_blocks(artefacts: Sequence[ArtefactScores]) -> tuple[Table | Charts, ...]:
    """For each kind a table with a row per stage, and the mIoU of maps over their threshold."""
    blocks = []
    for kind in dict.fromkeys(found.kind for found in artefacts):
        group = [found for found in artefacts if found.kind == kind]
        heading = _TITLES.get(kind, kind.replace("_", " ").capitalize())
        tables = _artefact_table(heading, [found for found in group if _scores(found)])
        series = dict(_curve(found) for found in group if found.curve)
        blocks += [*tables, *[Charts((lines("mIoU over the threshold", series),), "" if tables else heading)] * bool(series)]
    return tuple(blocks)


def _artefact_table(heading: str, group: Sequence[ArtefactScores]) -> tuple[Table, ...]:
    if not group:
        return ()
    numbers = dict.fromkeys(name for found in group for name, value in _scores(found).items()
                            if value is None or isinstance(value, float))
    measures = sorted(numbers, key=order)
    thresholds = any(found.threshold is not None for found in group)
    body = []
    for found in group:
        used = [Cell("-" if found.threshold is None else f"{found.threshold:g}", found.threshold, "number")] * thresholds
        body.append((text_cell(found.stage), text_cell(found.split), *used, *_numbers(measures, _scores(found))))
    heads = [("Stage", False), ("Split", False), *[("Threshold", True)] * thresholds]
    return (Table((*heads, *map(_head, measures)), tuple(body), heading),)


def _scores(found: ArtefactScores) -> dict:
    """Those of the maps at the threshold that the run uses, where the stage has no others."""
    return found.scores or found.curve.get(found.threshold, {})


def _curve(found: ArtefactScores) -> tuple[str, tuple[list[float], list[float]]]:
    """The label of a line, which tells its best, and its points."""
    thresholds = sorted(found.curve)
    mious = [found.curve[threshold][_MIOU] for threshold in thresholds]
    best = max(mious)
    return (f"{found.stage} ({found.split}): best {percent(best)} at {thresholds[mious.index(best)]:g}",
            (thresholds, [100 * miou for miou in mious]))


def _head(measure: str) -> Head:
    name = title(measure)
    return (name, False) if measure == _MIOU else (name[:1].upper() + name[1:], True)  # its bar begins at the left


def _numbers(measures: Sequence[str], scores: dict, best: float | None = None) -> Iterator[Cell]:
    for name in measures:
        value = scores.get(name)
        yield bar_cell(value, 0, 120, best=value == best) if name == _MIOU else number_cell(name, value)
