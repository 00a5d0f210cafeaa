"""The page of every figure: panels in rows at print width, their text, and a legend of the classes."""

import dataclasses
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.panel import Panel, show
from wsss_tf.figures.style import FONT, STYLE, class_look, text_width, wrap
from wsss_tf.files.store import writing

WIDTH = 7.0  # inches, the text width of a page: no scaling, so letters are as large as FONT says
DOTS = 300  # per inch
MAX_COLUMNS = 9  # in more, panels are smaller than a stamp

_LINE = 1.3 * FONT / 72  # inches from one line of text to the next
_PAD = 0.04  # inches between a panel and its text
_GAP = 0.08  # inches between panels
_MARGIN = 0.02  # inches left and right, for the frames
_WIDEST = 1.5  # inches, of a panel
_TALLEST = 1.25  # times the width, of a panel
_SWATCH = (0.22, 0.11)  # inches


@dataclasses.dataclass(frozen=True)
class Page:
    """A whole figure.

    Attributes:
      rows: the panels; None leaves a place empty.
      class_names: names by label value, for the legend.
      note: a sentence under the legend.
    """

    rows: tuple[tuple[Panel | None, ...], ...]
    class_names: tuple[str, ...]
    note: str = ""


def save_figure(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Writes <name>.png and <name>.pdf atomically; the same figure gives the same bytes.

    Raises:
      InputError: the folder cannot be written.
    """
    unsigned = {".png": {"Software": None}, ".pdf": {"Creator": None, "Producer": None, "CreationDate": None}}
    paths = tuple(folder / f"{name}{suffix}" for suffix in unsigned)
    for path in paths:
        with writing(path) as temporary, matplotlib.style.context(["default", STYLE]):
            figure.savefig(temporary, dpi=DOTS, metadata=unsigned[path.suffix])
    return paths


def draw_page(page: Page) -> Figure:
    """The page as a figure of WIDTH inches, one Axes per panel.

    Raises:
      InputError: too many columns.
    """
    columns = max(map(len, page.rows))
    if columns > MAX_COLUMNS:
        raise InputError(f"{columns} columns: expected at most {MAX_COLUMNS} beside each other: show fewer runs "
                         "or values, or masks only with or only without CRF")
    width = min((WIDTH - 2 * _MARGIN + _GAP) / columns - _GAP, _WIDEST)
    with matplotlib.style.context(["default", STYLE]):
        rows = [[panel and _wrapped(panel, width) for panel in row] for row in page.rows]
        legend, note = _legend_lines(page), wrap((page.note,), WIDTH)
        foot = (len(legend) * 1.2 + len(note)) * _LINE + 2 * _PAD
        top = sum(_row_height(row, width) for row in rows) + foot
        figure = Figure(figsize=(WIDTH, top))
        left = (WIDTH - columns * (width + _GAP) + _GAP) / 2
        for row in rows:
            _draw_row(figure, row, page.class_names, left, top, width)
            top -= _row_height(row, width)
        _draw_foot(figure, legend, note, foot)
    return figure


def _wrapped(panel: Panel, width: float) -> Panel:
    return dataclasses.replace(panel, above=wrap(panel.above, width), below=wrap(panel.below, width))


def _row_height(row: list[Panel | None], width: float) -> float:
    return _lines_above(row) * _LINE + _box_height(row, width) + _lines_below(row) * _LINE + 2 * _PAD + _GAP


def _box_height(row: list[Panel | None], width: float) -> float:
    return width * min(max(panel.image.shape[0] / panel.image.shape[1] for panel in row if panel), _TALLEST)


def _lines_above(row: list[Panel | None]) -> int:
    return max(len(panel.above) for panel in row if panel)


def _lines_below(row: list[Panel | None]) -> int:
    return max(len(panel.below) for panel in row if panel)


def _draw_row(figure: Figure, row: list[Panel | None], class_names: tuple[str, ...], left: float, top: float,
              width: float) -> None:
    page_width, page_height = figure.get_size_inches()
    height = _box_height(row, width)
    bottom = top - _PAD - _lines_above(row) * _LINE - height
    for index, panel in enumerate(row):
        if panel is not None:
            x = left + index * (width + _GAP)
            axes = figure.add_axes((x / page_width, bottom / page_height, width / page_width, height / page_height))
            show(axes, panel, class_names, (width, height))
            text = {"fontsize": FONT, "linespacing": 1.15, "parse_math": False}
            axes.set_title("\n".join(panel.above), pad=72 * _PAD, **text)
            axes.set_xlabel("\n".join(panel.below), labelpad=72 * _PAD, **text)


def _legend_lines(page: Page) -> list[list[tuple[int, str]]]:
    """(label, name) of the classes on the page, as many in a line as fit."""
    labels = sorted({label for row in page.rows for panel in row if panel for label in panel.shown})
    lines: list[list[tuple[int, str]]] = []
    for label in labels:
        entry = (label, "unknown" if label == UNKNOWN else page.class_names[label])
        if not lines or sum(_entry_width(name) for _, name in [*lines[-1], entry]) > WIDTH:
            lines.append([])
        lines[-1].append(entry)
    return lines


def _entry_width(name: str) -> float:
    return _SWATCH[0] + 2 * _GAP + 2 * _PAD + text_width(name)


def _draw_foot(figure: Figure, legend: list[list[tuple[int, str]]], note: tuple[str, ...], top: float) -> None:
    height = figure.get_size_inches()[1]
    scale = np.array([1 / WIDTH, 1 / height])
    for line in legend:
        x = (WIDTH - sum(_entry_width(name) for _, name in line)) / 2
        for label, name in line:
            look, corner = class_look(label), np.array([x + _GAP, top - _LINE])
            for fill in ({"facecolor": look.colour, "edgecolor": look.ink, "hatch": look.hatch, "linewidth": 0},
                         {"fill": False, "linewidth": 0.4}):
                figure.add_artist(Rectangle(corner * scale, *(_SWATCH * scale), **fill))
            place = (corner + (_SWATCH[0] + _PAD, _SWATCH[1] / 2)) * scale
            figure.text(*place, name, va="center_baseline", parse_math=False)
            x += _entry_width(name)
        top -= 1.2 * _LINE
    if note:
        figure.text(0.5, (top - _PAD) / height, "\n".join(note), ha="center", va="top", linespacing=1.15)
