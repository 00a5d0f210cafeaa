"""Scores of several results as text, for terminals."""

from collections.abc import Sequence

from tabulate import tabulate

from wsss_tf.evaluate.measures import percent, title
from wsss_tf.report.contract import ReportRow

_CRF_SUFFIX = " + CRF"  # what a row's title ends with after the CRF


def print_table(rows: Sequence[ReportRow]) -> str:
    """The rows as aligned text in percent, one line per result with and without CRF.

    Two rows share a line when split and scales agree and their titles differ
    only by the ending " + CRF" of the one that used it.
    """
    lines: list[tuple[tuple[str, str, str], dict[bool, dict]]] = []
    for row in rows:
        name = row.title.removesuffix(_CRF_SUFFIX) if row.crf else row.title
        key = (name, row.split, row.scales)
        scores = next((scores for known, scores in lines if known == key and row.crf not in scores), None)
        if scores is None:  # also for a second run of the same name
            scores = {}
            lines.append((key, scores))
        scores[row.crf] = row.scores
    measures = [(name, crf) for name in ("miou", "pixel_accuracy") if any(name in row.scores for row in rows)
                for crf in sorted({row.crf for row in rows})]
    cells = [(*key, *(percent(scores.get(crf, {}).get(name)) for name, crf in measures)) for key, scores in lines]
    columns = list(zip(*cells))
    heads = ("result", "split", "scales", *(title(name) + _CRF_SUFFIX * crf for name, crf in measures))
    kept = [index for index, column in enumerate(columns) if any(column)]
    return tabulate(zip(*(columns[index] for index in kept)), [heads[index] for index in kept], "plain", disable_numparse=True,
                    colalign=["left" if index < 3 else "right" for index in kept])
