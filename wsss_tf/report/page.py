"""The report of a run: one HTML page with its scores, curves and pictures.

The page needs no network and no other file, so it can be mailed or archived.
"""

import dataclasses
import json
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.files.store import voc_palette, write_text
from wsss_tf.report import html
from wsss_tf.report import svg as report_chart

_MEASURES = {  # scores of a whole split in the order of the columns
    "miou": "mIoU",
    "pixel_accuracy": "Pixel accuracy",
    "mean_accuracy": "Mean accuracy",
    "frequency_weighted_iou": "Weighted IoU",
    "coverage": "Coverage",
    "foreground_precision": "Precision",
    "foreground_recall": "Recall",
}
_CRF_SUFFIX = " + CRF"  # what a row's title ends with after the CRF
_HATCH = (216, 164)  # the two greys of unknown pixels
_YELLOW = (255, 230, 60)  # borders of superpixels


@dataclasses.dataclass(frozen=True)
class ReportRow:
    """One line of the score table.

    Attributes:
      title: what was scored, e.g. "segmenter + CRF".
      split: the images, e.g. "val".
      crf: whether the dense CRF was applied.
      scores: `Scores.as_dict()` or `SeedScores.as_dict()`.
      scales: test-time scales and flip, e.g. "0.5, 1, 1.5, flip".
    """

    title: str
    split: str
    crf: bool
    scores: dict
    scales: str = ""


@dataclasses.dataclass(frozen=True)
class PictureRow:
    """The pictures of one image: (caption, uint8 [H, W, 3]) from left to right, and its tags."""

    title: str
    pictures: tuple[tuple[str, np.ndarray], ...]
    tags: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class ReportPage:
    """All that a page shows.

    Attributes:
      title: heading, e.g. the name of the experiment.
      summary: facts on the run by name: data set, images, supervision,
        backbone, initialisation.
      rows: the score table.
      class_names: names by label value, background first.
      pictures: one strip of pictures per image.
      curves: by stage, the lines of its training log; each has "step" and
        numbers by name.
      flags: every flag of the run.
      manifests: by stage, its manifest.
    """

    title: str
    summary: dict[str, str]
    rows: tuple[ReportRow, ...]
    class_names: tuple[str, ...]
    pictures: tuple[PictureRow, ...] = ()
    curves: dict[str, list[dict]] = dataclasses.field(default_factory=dict)
    flags: dict = dataclasses.field(default_factory=dict)
    manifests: dict = dataclasses.field(default_factory=dict)


def write_report(path: Path, page: ReportPage) -> None:
    """Writes the page atomically as one HTML file.

    Raises:
      InputError: the folder cannot be written.
    """
    write_text(path, render(page))


def render(page: ReportPage) -> str:
    """The whole page as HTML."""
    return html.document(page.title, "".join([
        _summary(page),
        html.section("Scores", "In percent. Every number counts the pixels of its whole split in one confusion "
                     "matrix, without the void pixels; the best mIoU of each split is bold.", _score_table(page.rows)),
        html.section("IoU per class", "In percent; a dash stands for a class that neither the masks nor the "
                     "predictions contain.", _class_table(page)),
        html.section("Training", "", _curves(page.curves)),
        html.section("Pictures", "", strips(page.pictures, page.class_names)),
        html.section("How it was made", "", _provenance(page)),
    ]))


def print_table(rows: tuple[ReportRow, ...]) -> str:
    """The rows as aligned text in percent, one line per result with and without CRF.

    Two rows share a line when split and scales agree and their titles differ
    only by the ending " + CRF" of the one that used it.
    """
    lines: list[tuple[tuple[str, str, str], dict[bool, dict]]] = []
    for row in rows:
        title = row.title.removesuffix(_CRF_SUFFIX) if row.crf else row.title
        key = (title, row.split, row.scales)
        scores = next((scores for known, scores in lines if known == key and row.crf not in scores), None)
        if scores is None:  # also for a second run of the same name
            scores = {}
            lines.append((key, scores))
        scores[row.crf] = row.scores
    measures = [(name, crf) for name in ("miou", "pixel_accuracy") if any(name in row.scores for row in rows)
                for crf in sorted({row.crf for row in rows})]
    cells = [("result", "split", "scales", *(_MEASURES[name] + _CRF_SUFFIX * crf for name, crf in measures))]
    for key, scores in lines:
        cells.append((*key, *(html.percent(scores.get(crf, {}).get(name)) for name, crf in measures)))
    columns = [_aligned(column, left=index < 3) for index, column in enumerate(zip(*cells)) if any(column[1:])]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns))


def draw_labels(photo: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Lays a label map over a photo in VOC colours.

    Args:
      photo: uint8 [H, W, 3].
      labels: uint8 [H, W]; the background stays a dim grey photo, unknown
        pixels (255) are hatched in grey.

    Returns:
      uint8 [H, W, 3].
    """
    grey = photo.mean(axis=2, keepdims=True)
    drawn = np.where((labels == BACKGROUND)[..., None], 0.55 * grey + 20, 0.35 * grey + 0.65 * voc_palette()[labels])
    stripe = max(4, photo.shape[1] // 30)  # grows with the photo, to survive its reduction
    rows, columns = np.indices(labels.shape)
    hatch = np.where((rows + columns) % stripe < stripe // 3, _HATCH[1], _HATCH[0])
    unknown = labels == UNKNOWN
    drawn = np.where(unknown[..., None], hatch[..., None], drawn)
    hatched = cv2.dilate(unknown.astype(np.uint8), np.ones([3, 3], np.uint8))  # it is border enough
    drawn[_borders(labels, without=hatched)] = 255
    return drawn.astype(np.uint8)


def draw_heat(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lays a map float [H, W] in 0..1 over a photo uint8 [H, W, 3] in the colours of "inferno"."""
    colours = matplotlib.colormaps["inferno"](np.clip(heat, 0, 1))[..., :3] * 255
    return (0.35 * photo.mean(axis=2, keepdims=True) + 0.65 * colours).astype(np.uint8)


def draw_superpixels(photo: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Draws the borders of superpixels int [H, W] on a dimmed photo uint8 [H, W, 3]."""
    return np.where(_borders(ids)[..., None], _YELLOW, 0.8 * photo).astype(np.uint8)


def draw_grey(values: np.ndarray) -> np.ndarray:
    """A map float [H, W] in 0..1 or uint8 [H, W] as grey uint8 [H, W, 3]."""
    if values.dtype != np.uint8:
        values = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, axis=2)


def strips(rows: tuple[PictureRow, ...], class_names: tuple[str, ...]) -> str:
    """The pictures of several images as HTML, below a legend of the classes' colours; "" for none."""
    if not rows:
        return ""
    palette = voc_palette()
    legend = "".join(f"<span>{html.swatch(palette[label])}{html.text(name)}</span>\n"
                     for label, name in enumerate(class_names) if label != BACKGROUND)
    shown = "".join(_strip(row, class_names) for row in rows)
    return f'<div class="legend">\n{legend}<span>{html.swatch(None)}unknown</span>\n</div>\n{shown}'


def _borders(labels: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
    """Where labels [H, W] meet, in lines that survive the reduction of the picture: bool [H, W]."""
    edge = np.zeros(labels.shape, np.uint8)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    if without is not None:
        edge[without > 0] = 0
    thickness = max(1, labels.shape[1] // 200)
    return cv2.dilate(edge, np.ones([thickness, thickness], np.uint8)) > 0


def _aligned(column: tuple[str, ...], left: bool) -> list[str]:
    width = max(map(len, column))
    return [item.ljust(width) if left else item.rjust(width) for item in column]


def _summary(page: ReportPage) -> str:
    facts = "".join(f"<div><dt>{html.text(name)}</dt><dd>{html.text(value)}</dd></div>\n"
                    for name, value in page.summary.items())
    return f"<h1>{html.text(page.title)}</h1>\n<dl>\n{facts}</dl>\n"


def _score_table(rows: tuple[ReportRow, ...]) -> str:
    measures = [name for name in _MEASURES if any(name in row.scores for row in rows)]
    best = {}
    for row in rows:
        best[row.split] = max(best.get(row.split, 0), row.scores.get("miou") or 0)
    lines = []
    for row in rows:
        line = [html.cell(html.text(item), item) for item in
                (row.title, row.split, "yes" if row.crf else "no", row.scales)]
        for name in measures:
            share = row.scores.get(name)
            if name == "miou":
                kind = "best" if share == best[row.split] else ""
                line.append(html.cell(html.bar(share, 0, 160), share, kind))
            else:
                line.append(html.cell(html.percent(share), share, "number"))
        lines.append(line)
    heads = [(name, False) for name in ("Result", "Split", "CRF", "Scales")]
    heads += [(_MEASURES[name], name != "miou") for name in measures]
    return html.table(heads, lines) if rows else ""


def _class_table(page: ReportPage) -> str:
    rows = [row for row in page.rows if "iou" in row.scores]
    heads = [("Class", False), *((f"{row.title} ({row.split})", False) for row in rows)]
    lines = []
    for label, name in enumerate(page.class_names):
        ious = [row.scores["iou"][label] for row in rows]
        lines.append([html.cell(html.swatch(voc_palette()[label]) + html.text(name), label),
                      *(html.cell(html.bar(iou, series, 120), iou) for series, iou in enumerate(ious))])
    return html.table(heads, lines) if rows else ""


def _curves(curves: dict[str, list[dict]]) -> str:
    parts = []
    for stage, log in curves.items():
        latest = {line.get("step", index): line for index, line in enumerate(log)}  # a resumed run repeats steps
        steps = sorted(latest)
        names = dict.fromkeys(name for line in log for name, value in line.items() if name != "step" and _number(value))
        charts = []
        for name in names:
            points = [(step, latest[step][name]) for step in steps if _number(latest[step].get(name))]
            charts.append(report_chart.curve(name, [step for step, _ in points], [value for _, value in points]))
        if charts:
            parts.append(f'<h3>{html.text(stage)}</h3>\n<div class="charts">\n' + "\n".join(charts) + "\n</div>\n")
    return "".join(parts)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _strip(row: PictureRow, class_names: tuple[str, ...]) -> str:
    tags = "".join(f"<span>{html.swatch(voc_palette()[tag])}{html.text(class_names[tag])}</span>" for tag in row.tags)
    pictures = "\n".join(html.picture(image, caption) for caption, image in row.pictures)
    return (f'<div class="strip"><h3>{html.text(row.title)}{tags}</h3>\n'
            f'<div class="pictures">\n{pictures}\n</div></div>\n')


def _provenance(page: ReportPage) -> str:
    parts = [html.folded("Flags", html.facts(page.flags))] if page.flags else []
    for stage, manifest in page.manifests.items():
        plain = {name: value if isinstance(value, (str, int, float)) else json.dumps(value, indent=2, default=str)
                 for name, value in manifest.items()}
        parts.append(html.folded(f"Manifest of the stage {stage}", html.facts(plain)))
    return "".join(parts)
