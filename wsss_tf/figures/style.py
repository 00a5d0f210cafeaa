"""The style of every figure: letters, and colours of classes that colour-blind readers can tell apart."""

import dataclasses
import functools
import logging
import re
from collections.abc import Iterable

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from wsss_tf.example import BACKGROUND, UNKNOWN

FONT = 7  # points
FAMILY = "DejaVu Sans"  # comes with matplotlib, so the letters are the same everywhere
STYLE = {"font.family": FAMILY, "font.size": FONT, "axes.linewidth": 0.4, "hatch.linewidth": 0.5,
         "pdf.fonttype": 42, "image.interpolation": "antialiased"}

# Okabe and Ito's colours; when they are used up they come again with the next hatch.
_COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000")
_HATCHES = ("", "/////", ".....", "xxxxx", "-----", "|||||", "\\\\\\\\\\", "+++++", "ooo", "**")
_MARKERS, _DASHES = "os^Dv<>pX", ("-", "--", "-.", ":")

logging.getLogger("fontTools").setLevel(logging.WARNING)  # else it tells of every letter that it puts into a PDF


@dataclasses.dataclass(frozen=True)
class Look:
    """Fill colour, hatch and colour of the hatch of one class."""

    colour: str
    hatch: str = ""
    ink: str = "#000000"


def class_look(label: int) -> Look:
    """How a label is drawn; 80 classes differ from each other, the first 8 in colour alone."""
    if label == UNKNOWN:
        return Look("#ffffff")
    if label == BACKGROUND:
        return Look("#e6e6e6")
    turn, index = divmod(label - 1, len(_COLOURS))
    colour = _COLOURS[index]
    return Look(colour, _HATCHES[turn % len(_HATCHES)], "#ffffff" if colour in ("#000000", "#0072b2") else "#000000")


def line_looks(count: int) -> list[dict]:
    """Keywords of `Axes.plot` for so many lines, which colour, marker and dashes tell apart."""
    colours = [colour for colour in _COLOURS if colour != "#f0e442"]  # yellow is lost on white
    return [{"color": colours[index % len(colours)], "marker": _MARKERS[index % len(_MARKERS)], "markersize": 3,
             "linewidth": 0.9, "linestyle": _DASHES[index % len(_DASHES)]} for index in range(count)]


def wrap(lines: Iterable[str], width: float) -> tuple[str, ...]:
    """The lines, broken at spaces and underscores, or inside a word if need be, to fit a width in inches."""
    wrapped = []
    for line in lines:
        current = ""
        for piece in re.findall(r"\s*[^\s_]+_*|\s*_+", line):
            if current and text_width(current + piece) > width:
                wrapped.append(current)
                current = ""
            current = current + piece if current else piece.lstrip()
            while text_width(current) > width and len(current) > 1:
                end = next(end for end in range(len(current) - 1, 0, -1) if end == 1 or
                           text_width(current[:end]) <= width)
                wrapped.append(current[:end])
                current = current[end:]
        wrapped += [current] if current else []
    return tuple(wrapped)


@functools.lru_cache(maxsize=4096)
def text_width(text: str) -> float:
    """Width in inches."""
    return text_to_path.get_text_width_height_descent(text, FontProperties(family=FAMILY, size=FONT), False)[0] / 72
