"""The charts of a report page, as SVG."""

import math

import numpy as np
from matplotlib.ticker import MaxNLocator

from wsss_tf.report.html import NUM_SERIES, text

_CHART = (380, 190)  # width, height in SVG units
_MARGIN = (56, 10, 10, 24)  # left, top, right, bottom of the plot area
_MAX_POINTS = 300  # vertices per curve: more cannot be seen
_DASHES = ("none", "7 3", "2 3", "9 3 2 3")  # with the colours 12 lines that differ; also without any colour 4 do


def curve(name: str, steps: list[float], values: list[float]) -> str:
    """A line chart: the values faint, their moving mean strong; not-finite values are left out."""
    points = np.array([(x, y) for x, y in zip(steps, values) if math.isfinite(x) and math.isfinite(y)])
    if not len(points):
        return f"<figure><figcaption><b>{text(name)}</b><span>no finite value</span></figcaption></figure>"
    x_ticks, y_ticks = _within(_ticks(points[:, 0]), points[:, 0]), _ticks(points[:, 1])
    ends = (*_padded(points[:, 0]), y_ticks[0], y_ticks[-1])
    smooth = np.stack([points[:, 0], _moving_mean(points[:, 1])], axis=1)
    lines = _grid(x_ticks, y_ticks, ends)
    for kind, line in (("raw", points), ("smooth", smooth)):
        shown = line[np.unique(np.linspace(0, len(line) - 1, _MAX_POINTS).astype(int))]
        vertices = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(*_place(shown[:, 0], shown[:, 1], ends)))
        lines += f'<polyline class="{kind}" points="{vertices}"></polyline>'
    if len(points) == 1:  # a line of one point is invisible
        x, y = _place(*points[0], ends)
        lines += f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"></circle>'
    return (f"<figure><figcaption><b>{text(name)}</b><span>last {points[-1, 1]:.4g}</span></figcaption>"
            f'<svg viewBox="0 0 {_CHART[0]} {_CHART[1]}" role="img" aria-label="{text(name)}">{lines}</svg></figure>')


def lines(name: str, series: dict[str, tuple[list[float], list[float]]]) -> str:
    """A chart of several lines, told apart by colour and by dashes.

    Args:
      name: what is drawn, e.g. "mIoU over threshold".
      series: label -> x and y, finite.
    """
    xs, ys = (np.concatenate([points[axis] for points in series.values()]) for axis in (0, 1))
    y_ticks = _ticks(ys)
    ends = (*_padded(xs), y_ticks[0], y_ticks[-1])
    drawn = [_grid(_within(_ticks(xs), xs), y_ticks, ends)]
    legend = []
    for index, (label, (x, y)) in enumerate(series.items()):
        vertices = " ".join(f"{left:.1f},{top:.1f}" for left, top in zip(*_place(np.array(x), np.array(y), ends)))
        style = f'class="line s{index % NUM_SERIES}" stroke-dasharray="{_DASHES[index % len(_DASHES)]}"'
        drawn.append(f'<polyline {style} points="{vertices}"><title>{text(label)}</title></polyline>')
        sample = f'<svg width="34" height="10" aria-hidden="true"><polyline {style} points="0,5 34,5"></polyline></svg>'
        legend.append(f"<span>{sample} {text(label)}</span>")
    return (f'<figure class="lines"><svg viewBox="0 0 {_CHART[0]} {_CHART[1]}" role="img" aria-label="{text(name)}">'
            f'{"".join(drawn)}</svg><figcaption class="legend">{"".join(legend)}</figcaption></figure>')


def _within(ticks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The ticks that the values reach: the lines fill the width."""
    return ticks[(ticks >= values.min()) & (ticks <= values.max())]


def _padded(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    pad = 0 if high > low else max(abs(low), 1) * 0.1  # a constant still needs a range
    return low - pad, high + pad


def _ticks(values: np.ndarray) -> np.ndarray:
    return MaxNLocator(nbins=4).tick_values(*_padded(values))


def _moving_mean(values: np.ndarray) -> np.ndarray:
    window = np.ones(1 + 2 * (len(values) // 60))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def _place(x: np.ndarray, y: np.ndarray, ends: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    (width, height), (left, top, right, bottom) = _CHART, _MARGIN
    x_low, x_high, y_low, y_high = ends
    return (left + (x - x_low) / (x_high - x_low) * (width - left - right),
            height - bottom - (y - y_low) / (y_high - y_low) * (height - top - bottom))


def _grid(x_ticks: np.ndarray, y_ticks: np.ndarray, ends: tuple[float, float, float, float]) -> str:
    left, right = _MARGIN[0], _CHART[0] - _MARGIN[2]
    parts = []
    for tick, y in zip(y_ticks, _place(ends[0], y_ticks, ends)[1]):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"></line>'
                     f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick, x in zip(x_ticks, _place(x_ticks, ends[2], ends)[0]):
        parts.append(f'<text x="{x:.1f}" y="{_CHART[1] - 6}" text-anchor="middle">{tick:.6g}</text>')
    return "".join(parts)
