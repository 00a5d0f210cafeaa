"""One picture of a figure: its names stand inside their regions, its outlines on the photo."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.panel import Panel, show, titled_once
from wsss_tf.figures.style import class_look, line_looks

BOX = (1.5, 1.5)  # inches


@pytest.fixture
def axes():
    return Figure(figsize=BOX).add_axes((0, 0, 1, 1))


def labels() -> np.ndarray:
    """A large region of each of two classes (the second hatched), a tiny one of a third, and unknown pixels."""
    drawn = np.zeros([120, 150], np.uint8)
    drawn[10:50, 20:110], drawn[70:110, 40:140], drawn[5:8, 130:133], drawn[-4:] = 3, 9, 12, UNKNOWN
    return drawn


def test_names_stand_in_their_regions(axes):
    show(axes, Panel(labels()), CLASS_NAMES, BOX)
    words = {text.get_text(): text for text in axes.texts}
    assert set(words) == {"bird", "chair"}, "no name without room, and none of background and unknown"
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    for name, text in words.items():
        box = text.get_window_extent(renderer).transformed(axes.transData.inverted())
        columns, rows = sorted((box.x0, box.x1)), sorted((box.y0, box.y1))
        place = (slice(int(rows[0]) + 2, int(rows[1]) - 1), slice(int(columns[0]) + 1, int(columns[1])))
        assert (labels()[place] == CLASS_NAMES.index(name)).all(), name


def test_outlines_of_small_objects_are_named_too(axes):
    photo = np.full([120, 150, 3], 90, np.uint8)
    show(axes, Panel(photo, outlined=labels()), CLASS_NAMES, BOX)
    np.testing.assert_array_equal(axes.images[0].get_array(), photo)
    assert {text.get_text() for text in axes.texts} == {"bird", "chair", "dog"}
    colours = {to_hex(colour) for drawn in axes.collections for colour in drawn.get_edgecolor()}
    assert {class_look(label).colour for label in (3, 9, 12)} <= colours
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    for text in axes.texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= -1 and box.x1 <= axes.bbox.x1 + 1


@pytest.mark.parametrize("shape", [(20, 200), (200, 20), (16, 16)])
def test_photos_of_any_shape(axes, shape):
    whole = np.full(shape, 15, np.uint8)
    show(axes, Panel(np.zeros([*shape, 3], np.uint8), outlined=whole), CLASS_NAMES, BOX)
    assert [text.get_text() for text in axes.texts] == ["person"]
    assert axes.get_xlim() == (-0.5, shape[1] - 0.5) and axes.get_ylim() == (shape[0] - 0.5, -0.5)


def test_what_a_panel_shows():
    assert Panel(labels()).shown == [0, 3, 9, 12, UNKNOWN]
    assert Panel(np.zeros([120, 150, 3], np.uint8), outlined=labels()).shown == [3, 9, 12]
    assert Panel(np.zeros([120, 150], np.float32)).shown == []


def test_titles_stand_over_the_first_row_alone():
    panel = Panel(labels(), ("title",), ("number",))
    rows = titled_once([(panel, panel), (panel, None)])
    assert rows[0] == (panel, panel) and rows[1][1] is None
    assert rows[1][0].above == () and rows[1][0].below == ("number",)


def test_lines_differ_in_more_than_colour():
    looks = line_looks(9)
    assert len({(look["marker"], look["linestyle"]) for look in looks}) == 9
    assert len({look["color"] for look in looks[:7]}) == 7
