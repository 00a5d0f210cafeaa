"""What a figure that can be drawn is."""

import dataclasses
from collections.abc import Callable

from matplotlib.figure import Figure

from wsss_tf.figures.page import Page, draw_page
from wsss_tf.figures.sources import Sources

Drawing = Callable[[Sources], dict[str, Figure]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A figure that can be drawn.

    Attributes:
      name: what --figure calls it.
      title: what it shows.
      needs: what has to be made, in this run or with `compares` in each compared one.
      draw: from sources to figures by the end of their file's name.
      numbers: of the figures of the thesis that show this.
      compares: it shows several runs.
      values: what --values gives, "" if nothing.
      system: the only system whose runs have it, "" if any may.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    draw: Drawing
    numbers: tuple[str, ...] = ()
    compares: bool = False
    values: str = ""
    system: str = ""


def one_page(draw: Callable[[Sources], Page]) -> Drawing:
    """The drawing of a figure that is one page of panels."""
    return lambda sources: {"": draw_page(draw(sources))}


def one_figure(draw: Callable[[Sources], Figure]) -> Drawing:
    """The drawing of a figure that is one figure of curves."""
    return lambda sources: {"": draw(sources)}
