"""Charts of several lines; tests/report/test_page.py has the curves of a training."""

import numpy as np
import pytest

from wsss_tf.report.charts import BOTTOM, LEFT, RIGHT, TOP, Charts, lines
from wsss_tf.report.document import Document, Section
from wsss_tf.report.render import render


def points(text: str) -> np.ndarray:
    return np.array([list(map(float, point.split(","))) for point in text.split()])


def test_lines_share_their_axes():
    drawn = [points(line.points) for line in lines("x", {"a": ([0, 1, 2], [0, 5, 10]), "b": ([1, 2], [5, 10])}).lines]
    assert np.allclose(drawn[0][1:], drawn[1], atol=0.1), "equal numbers lie on each other"
    steps = np.diff(drawn[0], axis=0)
    assert np.allclose(steps[0], steps[1], atol=0.2) and (steps[:, 0] > 0).all() and (steps[:, 1] < 0).all()


def test_ticks_stand_where_their_numbers_are():
    chart = lines("x", {"a": ([0, 1], [20, 40])})
    (left, top), (right, bottom) = points(chart.lines[0].points)
    assert (left, right) == (LEFT, RIGHT) and (top, bottom) == (BOTTOM, TOP)
    for ticks, (zero, one), (low, high) in ((chart.x_ticks, (left, right), (0, 1)), (chart.y_ticks, (top, bottom), (20, 40))):
        assert len(ticks) >= 3
        for tick in ticks:
            assert tick.at == pytest.approx(zero + (float(tick.text) - low) / (high - low) * (one - zero), abs=0.1)


def test_labels_are_text_and_in_the_legend():
    chart = lines("<b>", {"<script>": ([0, 1], [0, 1]), "other": ([0, 1], [1, 0])})
    page = render(Document("t", {}, (Section("s", (Charts((chart,)),)),)))
    page = page[page.index("<main>"):page.index("</main>")]
    assert "<script>" not in page and "<b><b>" not in page
    assert page.count("&lt;script&gt;") == 2 and page.count("other</span>") == 1


@pytest.mark.parametrize("count", [1, 4, 12])
def test_twelve_lines_look_different(count):
    chart = lines("x", {str(index): ([0, 1], [0, index]) for index in range(count)})
    assert len({(line.look, line.dashes) for line in chart.lines}) == count


def test_a_constant_still_has_a_range():
    (line,) = lines("x", {"a": ([0.1, 0.2], [3, 3])}).lines
    assert np.isfinite(points(line.points)).all() and len(set(points(line.points)[:, 1])) == 1
