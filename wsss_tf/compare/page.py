"""The comparison as one HTML page that needs no network and no other file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.compare.comparison import Comparison, Group, Line
from wsss_tf.compare.table import COLUMNS, NUMBERS, cells, legend
from wsss_tf.data.check import content_digest
from wsss_tf.data.open import open_dataset
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.files.store import voc_palette, write_text
from wsss_tf.originals.rows import original_classes
from wsss_tf.originals.tables import find_row
from wsss_tf.report import html
from wsss_tf.report import page as report
from wsss_tf.report import svg as report_chart


def write_page(path: Path, comparison: Comparison, photos: int) -> None:
    """Writes the page atomically.

    Args:
      path: the HTML file.
      comparison: what it shows.
      photos: photos of each data set to show with their masks.

    Raises:
      InputError: the folder cannot be written.
    """
    write_text(path, render(comparison, photos))


def render(comparison: Comparison, photos: int) -> str:
    """The whole page as HTML."""
    notes = "".join(f"<li>{html.text(note)}</li>\n" for note in legend(comparison))
    parts = [_summary(comparison), html.section("Scores", "", _score_table(comparison.lines)),
             html.section("Remarks", "", f"<ul>\n{notes}</ul>")]
    for groups in _by_data(comparison.groups):
        parts += _data_sections(groups, comparison.lines, photos)
    return html.document("Measured beside original", "".join(parts))


def _data_sections(groups: Sequence[Group], lines: Sequence[Line], photos: int) -> list[str]:
    """What the groups of one data set have to show."""
    protocol = groups[0].runs[0].measured()[0][2]
    return [
        html.section(f"IoU per class: {protocol.scored_on}", "In percent, with CRF, mean of the seeds; a dash stands for a "
                     "class that neither the masks nor the predictions contain.", _class_table(groups, lines)),
        html.section(f"CAMs over their threshold: {protocol.trained_on}", "mIoU of the class activation maps in percent, "
                     "tags given, mean of the seeds. Measured afterwards, with masks that training does not see.",
                     _cam_chart(groups)),
        html.section(f"Pictures: {protocol.scored_on}", "Evenly spread over the split; masks of the lowest seed.",
                     _pictures(groups, photos))]


def _summary(comparison: Comparison) -> str:
    lines = comparison.lines
    facts = {"Experiments": len(comparison.groups), "Runs": sum(len(group.runs) for group in comparison.groups),
             "Original rows": len({line.paper_row for line in lines} - {""}), "Scores": len(lines),
             "Measured like the original": sum(line.difference is not None for line in lines)}
    items = "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>\n" for name, number in facts.items())
    return f"<h1>Measured beside original</h1>\n<dl>\n{items}</dl>\n"


def _score_table(lines: Sequence[Line]) -> str:
    """The reasons against a difference unfold where it would stand."""
    columns, rows = COLUMNS[:-1], []
    for line in lines:
        original = None if line.original is None else line.original.value
        keys = {"measured": line.mean, "original": original, "difference": line.difference, "seeds": len(line.values)}
        rows.append([html.cell(_reasons(line) if column == "difference" and line.reasons else html.text(content),
                               keys.get(column, content), "number" if column in NUMBERS else "")
                     for column, content in zip(columns, cells(line))])
    heads = [(column[0].upper() + column[1:], column in NUMBERS) for column in columns]
    return html.table(heads, rows, filtered="Show rows with")


def _reasons(line: Line) -> str:
    items = "".join(f"<li>{html.text(reason)}</li>" for reason in line.reasons)
    what = "no original" if line.original is None else "not comparable"
    return f"<details><summary>{what}</summary><ul>{items}</ul></details>"


def _by_data(groups: Sequence[Group]) -> list[list[Group]]:
    """The groups with masks, by the data set that they were scored on."""
    found = {}
    for group in groups:
        run = group.runs[0]
        if "masks" in run.stages:
            found.setdefault((run.class_names, run.inputs["val_masks"]), []).append(group)
    return list(found.values())


def _class_table(groups: Sequence[Group], lines: Sequence[Line]) -> str:
    names, columns = groups[0].runs[0].class_names, _class_columns(groups, lines)
    rows = []
    for label, name in enumerate(names):
        bars = [html.cell(html.bar(ious[label], series, 120), _key(ious[label])) for series, (_, ious) in enumerate(columns)]
        rows.append([html.cell(html.swatch(voc_palette()[label]) + html.text(name), label), *bars])
    return html.table([("Class", False), *((title, False) for title, _ in columns)], rows, filtered="Show classes with")


def _class_columns(groups: Sequence[Group], lines: Sequence[Line]) -> list[tuple[str, np.ndarray]]:
    """(title, IoU by label) of each group, and of originals that were measured alike."""
    columns = [(group.name, _mean([run.scores["masks"]["crf"]["iou"] for run in group.runs])) for group in groups]
    names = groups[0].runs[0].class_names
    for line in lines:
        printed = {} if line.difference is None or line.group not in groups else original_classes(find_row(line.paper_row))
        if printed:
            columns.append((f"{line.paper_row}, original", np.array([printed.get(name, np.nan) for name in names]) / 100))
    return columns


def _cam_chart(groups: Sequence[Group]) -> str:
    """Groups with the same maps share a line; its label tells the best threshold."""
    found: dict[tuple, list[str]] = {}
    for group in groups:
        curves = [run.scores.get("cams") for run in group.runs]
        if all(curves):
            thresholds = sorted(curves[0], key=float)
            points = _mean([[curve[threshold]["miou"] for threshold in thresholds] for curve in curves])
            found.setdefault((tuple(map(float, thresholds)), tuple(100 * points)), []).append(group.name)
    series = {}
    for (thresholds, mious), names in found.items():
        best = int(np.argmax(mious))
        series[f"{', '.join(names)}: best {mious[best]:.1f} at {thresholds[best]:g}"] = (list(thresholds), list(mious))
    return report_chart.lines("mIoU of class activation maps over their threshold", series) if series else ""


def _pictures(groups: Sequence[Group], photos: int) -> str:
    """Photo, truth and all masks of some images; a sentence if the photos are gone or others."""
    first = groups[0].runs[0]
    if not photos:
        return ""
    try:
        examples = open_dataset(first.data).val
        if content_digest(examples, with_masks=False) != first.inputs["val"]:
            raise InputError(f"{first.data.data}: its evaluation images have changed since the runs")
        chosen = examples[::max(1, len(examples) // photos)][:photos]
        return report.strips(tuple(_strip(example, groups) for example in chosen), first.class_names)
    except InputError as error:
        return f"<p>No pictures: {html.text(error)}</p>"


def _strip(example: Example, groups: Sequence[Group]) -> report.PictureRow:
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", report.draw_labels(photo, read_labels(example.mask))))
    for group in groups:
        masks = group.runs[0].stages["masks"]
        for folder, suffix in (("plain", ""), ("crf", " + CRF")):
            labels = read_labels(masks / folder / f"{example.image_id}.png")
            pictures.append((group.name + suffix, report.draw_labels(photo, labels)))
    return report.PictureRow(example.image_id, tuple(pictures), example.tags)


def _mean(values: Sequence[Sequence[float | None]]) -> np.ndarray:
    """Mean over the first axis of what is defined; NaN where nothing is."""
    array = np.array(values, np.float64)
    defined = ~np.isnan(array)
    return np.divide(np.where(defined, array, 0).sum(axis=0), defined.sum(axis=0), out=np.full(array.shape[1:], np.nan),
                     where=defined.any(axis=0))


def _key(value: float) -> float | None:
    return None if np.isnan(value) else value
