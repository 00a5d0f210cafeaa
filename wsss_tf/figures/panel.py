"""One picture of a figure: a photo, a map from black to white, or labels with borders and names as well as colours."""

import dataclasses

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from wsss_tf.example import BACKGROUND, UNKNOWN
from wsss_tf.figures.style import FONT, class_look, text_width

_NAME = 5  # points, of a class name inside a picture
_FLAT = (0.35, 0.8)  # height of such a name over its font size: of its letters, and with the room around them


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture with the lines of text above and below it.

    Attributes:
      image: uint8 [H, W, 3], a photo; uint8 [H, W], labels; or float [H, W]
        in 0..1, drawn from black to white.
      above: its title.
      below: its numbers.
      outlined: uint8 [H, W], labels drawn as named outlines over a photo.
    """

    image: np.ndarray
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    outlined: np.ndarray | None = None

    @property
    def is_labels(self) -> bool:
        """Whether the picture itself is made of labels."""
        return self.image.ndim == 2 and self.image.dtype == np.uint8

    @property
    def shown(self) -> list[int]:
        """The labels that it shows, sorted."""
        filled = np.unique(self.image).tolist() if self.is_labels else []
        return filled or ([] if self.outlined is None else _classes(self.outlined))


def over(photo: np.ndarray, panel: Panel) -> Panel:
    """A panel of labels with these as outlines over the photo uint8 [H, W, 3]."""
    return dataclasses.replace(panel, image=photo, outlined=panel.image)


def titled_once(rows: list[tuple[Panel | None, ...]]) -> tuple[tuple[Panel | None, ...], ...]:
    """The rows without titles but for those of the first, which say what a column shows."""
    return (*rows[:1], *(tuple(panel and dataclasses.replace(panel, above=()) for panel in row) for row in rows[1:]))


def show(axes: Axes, panel: Panel, class_names: tuple[str, ...], box: tuple[float, float]) -> None:
    """Draws the picture of a panel into a box of (width, height) inches."""
    axes.set_xticks([])
    axes.set_yticks([])
    if panel.image.ndim == 3:
        axes.imshow(panel.image)
    elif panel.is_labels:
        _fill(axes, panel.image)
    else:
        axes.imshow(panel.image, cmap="gray", vmin=0, vmax=1)
    if panel.outlined is not None:
        _outline(axes, panel.outlined)
    if panel.shown:
        height, width = panel.image.shape[:2]
        labels = panel.image if panel.is_labels else panel.outlined
        _name(axes, labels, class_names, max(width / box[0], height / box[1]), always=not panel.is_labels)


def _fill(axes: Axes, labels: np.ndarray) -> None:
    """Pixels in the colours of their classes, hatched where colours come again."""
    colours = np.zeros([256, 3], np.uint8)
    found = np.unique(labels)
    for label in found:
        colours[label] = [int(class_look(int(label)).colour[at:at + 2], 16) for at in (1, 3, 5)]
    axes.imshow(colours[labels], interpolation="nearest")
    for label in found:
        look = class_look(int(label))
        _hatch(axes, labels == label, look.hatch, look.ink)
        if len(found) > 1 and label != BACKGROUND:
            axes.contour(labels == label, levels=[0.5], colors="black", linewidths=0.3)


def _hatch(axes: Axes, region: np.ndarray, hatch: str, colour: str) -> None:
    if hatch:
        drawn = axes.contourf(region, levels=[0.5, 1.5], colors="none", hatches=[hatch])
        drawn.set_edgecolor(colour)
        drawn.set_linewidth(0)


def _outline(axes: Axes, labels: np.ndarray) -> None:
    """Borders of the classes in their colours between black and white lines, seen on any photo; hatched as in _fill."""
    for label in _classes(labels):
        _hatch(axes, labels == label, class_look(label).hatch, class_look(label).colour)
        region = np.pad(labels == label, 1)  # so that a border along the edge is drawn as well
        place = [np.arange(side) - 1 for side in region.shape[::-1]]
        for colour, line in (("black", 1.6), ("white", 1.1), (class_look(label).colour, 0.7)):
            axes.contour(*place, region, levels=[0.5], colors=colour, linewidths=line)
    axes.set_xlim(-0.5, labels.shape[1] - 0.5)
    axes.set_ylim(labels.shape[0] - 0.5, -0.5)


def _name(axes: Axes, labels: np.ndarray, class_names: tuple[str, ...], scale: float, always: bool) -> None:
    """Writes the name of each class where its region is widest, if it has room there or always; `scale`: pixels per inch."""
    for label in _classes(labels):
        wide, high = text_width(class_names[label]) * _NAME / FONT * scale, _NAME / 72 * scale
        box = np.ones([max(1, round(_FLAT[1] * high)), max(1, round(1.1 * wide))], np.uint8)
        region = np.pad((labels == label).astype(np.uint8), 1)
        room = cv2.erode(region, box, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        if not (room.any() or always):
            continue
        depth = cv2.distanceTransform(region, cv2.DIST_L2, 5) * (room if room.any() else 1)
        y, x = (place - 1 for place in np.unravel_index(depth.argmax(), depth.shape))
        x = max(wide / 2, min(x, labels.shape[1] - wide / 2))
        y = max(high / 2, min(y, labels.shape[0] - high / 2))
        axes.text(x, y + _FLAT[0] * high, class_names[label], fontsize=_NAME, ha="center", va="baseline", parse_math=False,
                  path_effects=[withStroke(linewidth=1.2, foreground="white")])


def _classes(labels: np.ndarray) -> list[int]:
    return [int(label) for label in np.unique(labels) if label not in (BACKGROUND, UNKNOWN)]
