"""The cells of score tables."""

import math

from wsss_tf.evaluate.measures import percent, printed
from wsss_tf.report.document import NUM_SERIES, Bar, Cell, class_colour


def text_cell(text: str) -> Cell:
    """A text, which sorts as it reads."""
    return Cell(text, text)


def class_cell(label: int, name: str) -> Cell:
    """A class beside its colour, which sorts by its label."""
    return Cell(name, label, colour=class_colour(label))


def number_cell(measure: str, value: float | None) -> Cell:
    """A score as its measure is printed."""
    return Cell(printed(measure, value), _key(value), "number")


def bar_cell(share: float | None, series: int, width: int, best: bool = False) -> Cell:
    """A share of 0..1 in percent beside a bar of `width` pixels."""
    key = _key(share)
    return Cell(percent(share), key, "best" if best else "", Bar(key or 0.0, series % NUM_SERIES, width))


def _key(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
