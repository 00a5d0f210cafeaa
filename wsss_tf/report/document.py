"""What a page is made of: plain data, which the templates of this room turn into HTML."""

import base64
import dataclasses
import io
from typing import ClassVar

import numpy as np
from PIL import Image

from wsss_tf.example import BACKGROUND
from wsss_tf.files.store import voc_palette

NUM_SERIES = 6  # colours of lines and bars that the style sheet defines

_PICTURE_WIDTH = 320  # pixels embedded per picture; shown at half of it, sharp on dense screens
_JPEG_QUALITY = 88


@dataclasses.dataclass(frozen=True)
class Bar:
    """A share of 0..1 as a bar of `width` pixels, in one of NUM_SERIES colours; an undefined share is an empty bar."""

    share: float
    series: int = 0
    width: int = 120


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
      text: what stands in it.
      key: what it sorts by; None sorts below every number.
      look: "number" sets it to the right, "best" makes it stand out.
      bar: drawn before the text.
      colour: RGB of a swatch before the text.
      folded: lines that a click on the text unfolds.
    """

    text: str
    key: object = None
    look: str = ""
    bar: Bar | None = None
    colour: tuple[int, int, int] | None = None
    folded: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that is sorted by a click on a head.

    Attributes:
      heads: (text, whether its column is set to the right).
      rows: cells, as many as heads.
      heading: a title above it.
      search: label of a field above it that hides the rows without the words
        typed there; "" for no such field.
    """

    template: ClassVar[str] = "table.html"
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]
    heading: str = ""
    search: str = ""


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names and values beside each other, line breaks kept; a click on the heading unfolds them."""

    template: ClassVar[str] = "facts.html"
    heading: str
    values: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Notes:
    """A list of sentences."""

    template: ClassVar[str] = "notes.html"
    sentences: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Tag:
    """The name of a class beside its colour; None is the hatch of unknown pixels."""

    name: str
    colour: tuple[int, int, int] | None


@dataclasses.dataclass(frozen=True)
class Picture:
    """A captioned picture as a data URI."""

    caption: str
    source: str


@dataclasses.dataclass(frozen=True)
class Strip:
    """The pictures of one photo from left to right, and its tags."""

    title: str
    pictures: tuple[Picture, ...]
    tags: tuple[Tag, ...] = ()


@dataclasses.dataclass(frozen=True)
class Strips:
    """The pictures of several photos below a legend of the classes."""

    template: ClassVar[str] = "strips.html"
    legend: tuple[Tag, ...]
    strips: tuple[Strip, ...]


@dataclasses.dataclass(frozen=True)
class Section:
    """A titled card of blocks, each a dataclass of this module or of wsss_tf.report.charts; none without blocks."""

    heading: str
    blocks: tuple[object, ...]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Document:
    """A whole page.

    Attributes:
      title: its heading.
      facts: short ones below the heading.
      sections: cards from top to bottom.
      supervision: what was learned from, below the heading.
      alarming: whether more was learned from than image tags would allow.
    """

    title: str
    facts: dict[str, str]
    sections: tuple[Section, ...]
    supervision: str = ""
    alarming: bool = False


def class_tag(label: int, class_names: tuple[str, ...]) -> Tag:
    """The name and VOC colour of a label value."""
    return Tag(class_names[label], class_colour(label))


def class_colour(label: int) -> tuple[int, int, int]:
    """The RGB colour of a label value in VOC's palette."""
    return tuple(voc_palette()[label].tolist())


def class_legend(class_names: tuple[str, ...]) -> tuple[Tag, ...]:
    """All classes but the background, and unknown pixels."""
    tags = (class_tag(label, class_names) for label in range(len(class_names)) if label != BACKGROUND)
    return (*tags, Tag("unknown", None))


def jpeg(caption: str, image: np.ndarray) -> Picture:
    """A captioned uint8 [H, W, 3] picture, reduced and embedded as JPEG."""
    height, width = image.shape[:2]
    small = Image.fromarray(np.ascontiguousarray(image, np.uint8))
    if width > _PICTURE_WIDTH:
        small = small.resize((_PICTURE_WIDTH, max(1, round(height * _PICTURE_WIDTH / width))), Image.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return Picture(caption, f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")
