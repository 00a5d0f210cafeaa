"""The report of a run: one HTML page with its scores, curves and pictures.

The page needs no network and no other file, so it can be mailed or archived.
"""

from collections.abc import Sequence
from pathlib import Path

from wsss_tf.example import MASK_SUPERVISION
from wsss_tf.report.charts import Charts, curve
from wsss_tf.report.contract import PictureRow, ReportPage
from wsss_tf.report.document import Document, Section, Strip, Strips, class_legend, class_tag, jpeg
from wsss_tf.report.flags import flag_blocks, manifest_blocks
from wsss_tf.report.render import write_page
from wsss_tf.report.scores import artefact_blocks, class_table, score_table


def write_report(path: Path, page: ReportPage) -> None:
    """Writes the page atomically as one HTML file.

    Raises:
      InputError: the folder cannot be written.
    """
    write_page(path, document(page))


def document(page: ReportPage) -> Document:
    """The page, section by section; what there is nothing of has none."""
    return Document(page.title, page.summary, (
        Section("Scores", score_table(page.rows), "In percent. Every number counts the pixels of its whole split in one "
                "confusion matrix, without the void pixels; the best mIoU of each split is bold."),
        Section("IoU per class", class_table(page.rows, page.class_names), "In percent; a dash stands for a class that "
                "neither the masks nor the predictions contain."),
        Section("What the stages made", artefact_blocks(page.artefacts), "Measured afterwards with true masks. Scores of "
                "labels in percent, measures of superpixels as shares; tags are given."),
        Section("Pictures", strips(page.pictures, page.class_names)),
        Section("Training", training_charts(page.curves)),
        Section("How it was made", (*flag_blocks(page.flags, page.defaults), *manifest_blocks(page.manifests))),
    ), page.supervision, MASK_SUPERVISION in page.supervision)


def strips(rows: Sequence[PictureRow], class_names: tuple[str, ...]) -> tuple[Strips, ...]:
    """The pictures of several images below a legend of the classes; nothing for none."""
    drawn = tuple(Strip(row.title, tuple(jpeg(*picture) for picture in row.pictures),
                        tuple(class_tag(tag, class_names) for tag in row.tags)) for row in rows)
    return (Strips(class_legend(class_names), drawn),) if drawn else ()


def training_charts(curves: dict[str, list[dict]]) -> tuple[Charts, ...]:
    """For each stage its losses over the steps, and all other numbers of its log folded."""
    blocks = []
    for stage, log in curves.items():
        latest = {line.get("step", index): line for index, line in enumerate(log)}  # a resumed run repeats steps
        names = dict.fromkeys(name for line in log for name, value in line.items() if name != "step" and _number(value))
        charts = {}
        for name in names:
            points = [(step, latest[step][name]) for step in sorted(latest) if _number(latest[step].get(name))]
            charts[name] = curve(name, [step for step, _ in points], [value for _, value in points])
        losses = tuple(chart for name, chart in charts.items() if "loss" in name)
        others = tuple(chart for name, chart in charts.items() if "loss" not in name)
        blocks += [Charts(losses, stage)] * bool(losses)
        blocks += [Charts(others, f"{stage}: rates, speed and other numbers", folded=True)] * bool(others)
    return tuple(blocks)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
