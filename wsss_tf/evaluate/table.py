"""The scores of a folder of predictions as text, JSON and CSV."""

import csv
import functools
import io
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from wsss_tf.evaluate.measures import OVERALL, PER_CLASS, percent, printed
from wsss_tf.files.store import write_json, write_text
from wsss_tf.superpixels.metrics import SHORT_NAMES

_percent = functools.partial(percent, digits=2)


def text_table(scores: dict) -> str:
    """What `evaluate_folder` returns as text, in percent; '-' is undefined."""
    lines = [f"{scores['kind']} in {scores['predictions']}: {scores['images']} images of {scores['data_set']} "
             f"{scores['split']}, against {scores['truth']}, {scores['seconds']} s"]
    if "threshold" in scores:
        lines += ["", *_threshold_lines(scores)]
    if scores["kind"] == "superpixels":
        return "\n".join([*lines, "", _aligned([(short, printed(name, scores[name])) for name, short in SHORT_NAMES.items()])])
    lines += ["", _aligned([(title, _percent(scores[name])) for name, title in OVERALL.items() if name in scores])]
    lines += ["", _aligned(_class_rows(scores))]
    absent = [name for name, iou in zip(scores["class_names"], scores.get("iou", ())) if iou is None]
    if absent:
        lines.append(f"neither in the truth nor predicted, not in the means: {', '.join(absent)}")
    if "boundaries" in scores:
        found = scores["boundaries"]
        lines += ["", f"edges within {found['tolerance']:g} of the diagonal: recall {_percent(found['recall'])}, precision "
                      f"{_percent(found['precision'])}, F1 {_percent(found['f1'])}"]
    for pair in scores.get("cooccurrence", ()):
        ratio = "-" if pair["confusion_ratio"] is None else f"{pair['confusion_ratio']:.3f}"
        lines += ["", f"{pair['name']}: confusion ratio {ratio}, IoU of the target {_percent(pair['target_iou'])} on the "
                      f"{pair['images']} images that show both"]
    return "\n".join(lines)


def write_scores(path: Path, scores: dict) -> tuple[Path, ...]:
    """Writes the scores atomically as JSON, and those of each class as CSV beside it; returns what was written."""
    write_json(path, scores)
    if "class_names" not in scores:
        return (path,)
    table = io.StringIO()
    columns = [name for name in PER_CLASS if name in scores]
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["label", "class", *columns])
    for label, name in enumerate(scores["class_names"]):
        writer.writerow([label, name, *("" if scores[column][label] is None else repr(scores[column][label])
                                        for column in columns)])
    write_text(path.with_suffix(".csv"), table.getvalue())
    return path, path.with_suffix(".csv")


def _class_rows(scores: dict) -> list[tuple[str, ...]]:
    columns = {name: title for name, title in PER_CLASS.items() if name in scores}
    rows = [("class", *columns.values())]
    for label, name in enumerate(scores["class_names"]):
        rows.append((name, *(_percent(scores[column][label]) for column in columns)))
    return rows


def _threshold_lines(scores: dict) -> list[str]:
    rows = [("threshold", "mIoU"), *((f"{point['threshold']:g}", _percent(point["miou"])) for point in scores["curve"])]
    if scores["threshold_chosen_with_masks"]:
        return [_aligned(rows), f"below: threshold {scores['threshold']:g}, chosen with the masks of these images: "
                                 "not a result of image tags alone"]
    return [f"threshold {scores['threshold']:g}, given and not chosen with the masks of these images"]


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """The rows with the first column flush left and the others flush right."""
    return tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=["left"] + ["right"] * (len(rows[0]) - 1))
