"""Charts of several lines; tests/test_report.py has the curves of a training."""

import re

import numpy as np
import pytest

from wsss_tf.report.svg import lines

DRAWN = re.compile(r'<polyline class="line s(\d)" stroke-dasharray="([^"]*)" points="([^"]*)"><title>')


def points(text: str) -> np.ndarray:
    return np.array([list(map(float, point.split(","))) for point in text.split()])


def test_lines_share_their_axes():
    drawn = [points(found[2]) for found in DRAWN.findall(lines("x", {"a": ([0, 1, 2], [0, 5, 10]), "b": ([1, 2], [5, 10])}))]
    assert np.allclose(drawn[0][1:], drawn[1], atol=0.1), "equal numbers lie on each other"
    steps = np.diff(drawn[0], axis=0)
    assert np.allclose(steps[0], steps[1], atol=0.2) and (steps[:, 0] > 0).all() and (steps[:, 1] < 0).all()


def test_labels_are_text_and_in_the_legend():
    page = lines("<b>", {"<script>": ([0, 1], [0, 1]), "other": ([0, 1], [1, 0])})
    assert "<script>" not in page and "<b>" not in page
    assert page.count("&lt;script&gt;") == 2 and page.count("other</span>") == 1


@pytest.mark.parametrize("count", [1, 4, 12])
def test_twelve_lines_look_different(count):
    found = DRAWN.findall(lines("x", {str(index): ([0, 1], [0, index]) for index in range(count)}))
    assert len({style[:2] for style in found}) == count


def test_a_constant_still_has_a_range():
    (found,) = DRAWN.findall(lines("x", {"a": ([0.1, 0.2], [3, 3])}))
    assert np.isfinite(points(found[2])).all() and len(set(points(found[2])[:, 1])) == 1
