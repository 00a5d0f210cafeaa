"""The page and the style of every figure."""

import numpy as np
import pytest

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.page import Page, draw_page, save_figure
from wsss_tf.figures.panel import Panel
from wsss_tf.figures.style import class_look


def test_too_many_columns():
    panel = Panel(np.zeros([20, 20], np.uint8))
    with pytest.raises(InputError, match="10 columns: expected at most 9"):
        draw_page(Page(((panel,) * 10,), CLASS_NAMES))


def test_eighty_classes_look_different():
    looks = [class_look(label) for label in (*range(81), UNKNOWN)]
    assert len({(look.colour, look.hatch) for look in looks}) == 82
    assert len({look.colour for look in looks[1:9]}) == 8 and not any(look.hatch for look in looks[:9])


def crowded() -> Page:
    """Twenty classes with long names, strange ones among them, nine columns, and photos of different shapes."""
    names = (*CLASS_NAMES[:19], "a_class_with_a_very_long_name_that_does_not_fit_anywhere", "$x$ & _y_ {z}")
    rows = []
    for height, width in ((60, 90), (90, 60), (20, 200)):
        count = width * height
        labels = (np.arange(count) * 21 // count).reshape(height, width).astype(np.uint8)
        labels[-3:, -3:] = UNKNOWN
        heat = np.linspace(0, 1, count).reshape(height, width)
        rows.append((Panel(np.zeros([height, width, 3], np.uint8), ("photo",), ("2007_000033_with_a_long.id",)),
                     Panel(heat, ("erased: " + ", ".join(names[-3:]),)),
                     *[Panel(labels, ("experiment_with_a_name + CRF",), ("mIoU 100.0", names[-2]))] * 7))
    return Page(tuple(rows), names, "A note. " * 40)


def test_crowded_page_has_no_overlapping_text(tmp_path, nothing_overlaps, drawn_files):
    figure = draw_page(crowded())
    assert len(figure.axes) == 27
    nothing_overlaps(figure)
    shown = {text.get_text() for text in figure.texts}
    assert {*crowded().class_names, "unknown"} <= shown, "the legend has the names as they are"
    drawn_files(save_figure(draw_page(crowded()), tmp_path, "2007.000033"), ["2007.000033"])


def test_legend_names_only_what_is_shown():
    labels = np.array([[0, 3], [3, 7]], np.uint8)
    figure = draw_page(Page(((Panel(labels),),), CLASS_NAMES))
    assert [text.get_text() for text in figure.texts] == ["background", "bird", "car"]
