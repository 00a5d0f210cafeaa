"""The comparison as one HTML page that needs no network and no other file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.compare.comparison import Comparison, Group, Line
from wsss_tf.compare.run_record import RunRecord
from wsss_tf.compare.table import COLUMNS, NUMBERS, cells, legend
from wsss_tf.data.check import content_digest
from wsss_tf.data.open import open_dataset
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.imaging.drawing import draw_labels
from wsss_tf.originals.rows import original_classes
from wsss_tf.originals.tables import find_row
from wsss_tf.report import render as report
from wsss_tf.report.cells import bar_cell, class_cell
from wsss_tf.report.charts import Charts, lines
from wsss_tf.report.contract import PictureRow
from wsss_tf.report.document import Cell, Document, Notes, Section, Strips, Table
from wsss_tf.report.page import strips
from wsss_tf.stages.steps import PLAIN, REFINED


def write_page(path: Path, comparison: Comparison, photos: int) -> None:
    """Writes the page atomically.

    Args:
      path: the HTML file.
      comparison: what it shows.
      photos: photos of each data set to show with their masks.

    Raises:
      InputError: the folder cannot be written.
    """
    report.write_page(path, document(comparison, photos))


def document(comparison: Comparison, photos: int) -> Document:
    """The page, section by section."""
    sections = [Section("Scores", (_score_table(comparison.lines),)),
                Section("Remarks", (Notes(tuple(legend(comparison))),))]
    for groups in _by_data(comparison.groups):
        sections += _data_sections(groups, comparison.lines, photos)
    return Document("Measured beside original", _facts(comparison), tuple(sections))


def _data_sections(groups: Sequence[Group], measured: Sequence[Line], photos: int) -> list[Section]:
    """What the groups of one data set have to show."""
    protocol = groups[0].runs[0].measured()[0][2]
    return [
        Section(f"IoU per class: {protocol.scored_on}", (_class_table(groups, measured),), "In percent, with CRF, mean of the "
                "seeds; a dash stands for a class that neither the masks nor the predictions contain."),
        Section(f"CAMs over their threshold: {protocol.trained_on}", _cam_chart(groups), "mIoU of the class activation maps "
                "in percent, tags given, mean of the seeds. Measured afterwards, with masks that training does not see."),
        Section(f"Pictures: {protocol.scored_on}", _pictures(groups, photos),
                "Evenly spread over the split; masks of the lowest seed.")]


def _facts(comparison: Comparison) -> dict[str, str]:
    found = comparison.lines
    numbers = {"Experiments": len(comparison.groups), "Runs": sum(len(group.runs) for group in comparison.groups),
               "Original rows": len({line.paper_row for line in found} - {""}), "Scores": len(found),
               "Measured like the original": sum(line.difference is not None for line in found)}
    return {name: str(number) for name, number in numbers.items()}


def _score_table(measured: Sequence[Line]) -> Table:
    columns = COLUMNS[:-1]
    heads = tuple((column[0].upper() + column[1:], column in NUMBERS) for column in columns)
    return Table(heads, tuple(tuple(map(_cell, [line] * len(columns), columns, cells(line))) for line in measured),
                 search="Show rows with")


def _cell(line: Line, column: str, text: str) -> Cell:
    """The reasons against a difference unfold where it would stand."""
    look = "number" if column in NUMBERS else ""
    if column == "difference" and line.reasons:
        return Cell("no original" if line.original is None else "not comparable", None, look, folded=line.reasons)
    keys = {"measured": line.mean, "original": None if line.original is None else line.original.value,
            "difference": line.difference, "seeds": len(line.values)}
    return Cell(text, keys.get(column, text), look)


def _by_data(groups: Sequence[Group]) -> list[list[Group]]:
    """The groups with masks, by the data set that they were scored on."""
    found = {}
    for group in groups:
        run = group.runs[0]
        if _masks(run):
            found.setdefault((run.class_names, run.inputs["val_masks"]), []).append(group)
    return list(found.values())


def _class_table(groups: Sequence[Group], measured: Sequence[Line]) -> Table:
    columns = _class_columns(groups, measured)
    rows = tuple((class_cell(label, name), *(bar_cell(ious[label], series, 120) for series, (_, ious) in enumerate(columns)))
                 for label, name in enumerate(groups[0].runs[0].class_names))
    return Table((("Class", False), *((title, False) for title, _ in columns)), rows, search="Show classes with")


def _class_columns(groups: Sequence[Group], measured: Sequence[Line]) -> list[tuple[str, np.ndarray]]:
    """(title, IoU by label) of each group, and of originals that were measured alike."""
    columns = [(group.name, _mean([_ious(run) for run in group.runs])) for group in groups]
    names = groups[0].runs[0].class_names
    for line in measured:
        printed = {} if line.difference is None or line.group not in groups else original_classes(find_row(line.paper_row))
        if printed:
            columns.append((f"{line.paper_row}, original", np.array([printed.get(name, np.nan) for name in names]) / 100))
    return columns


def _cam_chart(groups: Sequence[Group]) -> tuple[Charts, ...]:
    """Groups with the same maps share a line; its label tells the best threshold."""
    found: dict[tuple, list[str]] = {}
    for group in groups:
        curves = [_cam_curve(run) for run in group.runs]
        if all(curves):
            thresholds = sorted(curves[0], key=float)
            points = _mean([[curve[threshold]["miou"] for threshold in thresholds] for curve in curves])
            found.setdefault((tuple(map(float, thresholds)), tuple(100 * points)), []).append(group.name)
    series = {}
    for (thresholds, mious), names in found.items():
        best = int(np.argmax(mious))
        series[f"{', '.join(names)}: best {mious[best]:.1f} at {thresholds[best]:g}"] = (list(thresholds), list(mious))
    return (Charts((lines("mIoU over the threshold", series),)),) if series else ()


def _pictures(groups: Sequence[Group], photos: int) -> tuple[Strips | Notes, ...]:
    """Photo, truth and all masks of some images; a sentence if the photos are gone or others."""
    first = groups[0].runs[0]
    if not photos:
        return ()
    try:
        examples = open_dataset(first.data).val
        if content_digest(examples, with_masks=False) != first.inputs["val"]:
            raise InputError(f"{first.data.data}: its evaluation images have changed since the runs")
        chosen = examples[::max(1, len(examples) // photos)][:photos]
        return strips([_strip(example, groups) for example in chosen], first.class_names)
    except InputError as error:
        return (Notes((f"No pictures: {error}",)),)


def _strip(example: Example, groups: Sequence[Group]) -> PictureRow:
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", draw_labels(photo, read_labels(example.mask))))
    for group in groups:
        for suffix, folder in _masks(group.runs[0]).items():
            pictures.append((group.name + suffix, draw_labels(photo, read_labels(folder / f"{example.image_id}.png"))))
    return PictureRow(example.image_id, tuple(pictures), example.tags)


def _ious(run: RunRecord) -> list[float | None]:
    """IoU by label of the masks after the CRF."""
    return run.scores["masks"][REFINED]["iou"]


def _cam_curve(run: RunRecord) -> dict[str, dict]:
    """Threshold -> scores of the class activation maps, empty without any."""
    return run.scores.get("cams", {})


def _masks(run: RunRecord) -> dict[str, Path]:
    """Ending of the title -> folder of masks, empty without any."""
    folder = run.stages.get("masks")
    return {"": folder / PLAIN, " + CRF": folder / REFINED} if folder else {}


def _mean(values: Sequence[Sequence[float | None]]) -> np.ndarray:
    """Mean over the first axis of what is defined; NaN where nothing is."""
    array = np.array(values, np.float64)
    defined = ~np.isnan(array)
    return np.divide(np.where(defined, array, 0).sum(axis=0), defined.sum(axis=0), out=np.full(array.shape[1:], np.nan),
                     where=defined.any(axis=0))
