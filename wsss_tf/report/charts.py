"""The line charts of a page: where every line, tick and dot of their SVG lies."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
from matplotlib.ticker import MaxNLocator

from wsss_tf.report.document import NUM_SERIES

WIDTH, HEIGHT = 380, 190  # in SVG units
LEFT, TOP, RIGHT, BOTTOM = 56, 10, 370, 166  # of the plot area

_MAX_POINTS = 300  # vertices per curve: more cannot be seen
_DASHES = ("none", "7 3", "2 3", "9 3 2 3")  # with the colours 12 lines that differ; also without any colour 4 do


@dataclasses.dataclass(frozen=True)
class Line:
    """A polyline: its vertices "x,y x,y ...", classes of the style sheet, dashes, and what it shows."""

    points: str
    look: str
    dashes: str = "none"
    label: str = ""


@dataclasses.dataclass(frozen=True)
class Tick:
    """A labeled place on an axis."""

    at: float
    text: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart; `last` stands beside its name, `dot` is a point that no line shows."""

    name: str
    lines: tuple[Line, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    last: str = ""
    dot: tuple[float, float] | None = None

    @property
    def legend(self) -> tuple[Line, ...]:
        """The lines that have a label."""
        return tuple(line for line in self.lines if line.label)


@dataclasses.dataclass(frozen=True)
class Charts:
    """Charts beside each other under a heading; folded if they interest few."""

    template: ClassVar[str] = "charts.html"
    charts: tuple[Chart, ...]
    heading: str = ""
    folded: bool = False


def curve(name: str, steps: list[float], values: list[float]) -> Chart:
    """One line: the values faint, their moving mean strong; what is not finite is left out."""
    points = np.array([(x, y) for x, y in zip(steps, values) if math.isfinite(x) and math.isfinite(y)])
    if not len(points):
        return Chart(name, last="no finite value")
    axes = _Axes(points[:, 0], points[:, 1])
    smooth = np.stack([points[:, 0], _moving_mean(points[:, 1])], axis=1)
    drawn = []
    for look, line in (("raw", points), ("smooth", smooth)):
        shown = line[np.unique(np.linspace(0, len(line) - 1, _MAX_POINTS).astype(int))]
        drawn.append(Line(axes.vertices(shown[:, 0], shown[:, 1]), look))
    dot = axes.place(*points[0]) if len(points) == 1 else None
    return Chart(name, tuple(drawn), axes.x_ticks, axes.y_ticks, f"last {points[-1, 1]:.4g}", dot)


def lines(name: str, series: dict[str, tuple[list[float], list[float]]]) -> Chart:
    """Several lines, told apart by colour and by dashes.

    Args:
      name: what is drawn, e.g. "mIoU over threshold".
      series: label -> x and y, finite.
    """
    axes = _Axes(*(np.concatenate([points[axis] for points in series.values()]) for axis in (0, 1)))
    drawn = tuple(Line(axes.vertices(x, y), f"line s{index % NUM_SERIES}", _DASHES[index % len(_DASHES)], label)
                  for index, (label, (x, y)) in enumerate(series.items()))
    return Chart(name, drawn, axes.x_ticks, axes.y_ticks)


class _Axes:
    """Places numbers in the plot area; the lines fill its width."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        x_ticks, y_ticks = _ticks(x), _ticks(y)
        self._x_ends, self._y_ends = _padded(x), (y_ticks[0], y_ticks[-1])
        x_ticks = x_ticks[(x_ticks >= x.min()) & (x_ticks <= x.max())]
        self.x_ticks = tuple(Tick(self.place(tick, y_ticks[0])[0], f"{tick:.6g}") for tick in x_ticks)
        self.y_ticks = tuple(Tick(self.place(x.min(), tick)[1], f"{tick:.4g}") for tick in y_ticks)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """SVG units of a point, to a tenth."""
        across, up = (float((value - low) / (high - low)) for value, (low, high) in ((x, self._x_ends), (y, self._y_ends)))
        return round(LEFT + across * (RIGHT - LEFT), 1), round(BOTTOM - up * (BOTTOM - TOP), 1)

    def vertices(self, x: list[float], y: list[float]) -> str:
        """The points of a line as SVG has them."""
        return " ".join(f"{left},{top}" for left, top in map(self.place, x, y))


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = 0 if high > low else max(abs(low), 1) * 0.1  # a constant still needs a range
    return low - pad, high + pad


def _ticks(values: np.ndarray) -> np.ndarray:
    return MaxNLocator(nbins=4).tick_values(*_padded(values))


def _moving_mean(values: np.ndarray) -> np.ndarray:
    window = np.ones(1 + 2 * (len(values) // 60))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
