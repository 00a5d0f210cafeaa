"""Superpixels of several methods on the same photos: the table and pictures of thesis Table 3.5 and Figs 3.8-3.16."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.example import Example
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.superpixels import NOTE, told
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.superpixels.metrics import SuperpixelScores


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to make superpixels, and how good they are.

    Attributes:
      experiment: name of the run.
      method: of making them, with the net of its features.
      parameter: what decides on their number.
      folder: of <image_id>.png.
      scores: means over the training images.
    """

    experiment: str
    method: str
    parameter: str
    folder: Path
    scores: SuperpixelScores


def table(rows: Sequence[Row]) -> str:
    """Markdown in the layout of Table 3.5."""
    lines = ["| method | parameter | superpixels | UE | BP | BR | ASA |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        values = dataclasses.astuple(row.scores)
        cells = [row.method, row.parameter, f"{values[0]:.1f}", *(f"{value:.3f}" for value in values[1:])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def pictures(rows: Sequence[Row], examples: Sequence[Example], class_names: tuple[str, ...]) -> Page:
    """A row per photo: photo, ground truth, and the superpixels of each method."""
    lines = []
    for example in examples:
        photo, truth = read_photo(example.image), read_labels(example.mask)
        line = [Panel(photo, ("photo",)), Panel(photo, ("ground truth",), outlined=truth)]
        for row in rows:
            ids = read_ids(row.folder / f"{example.image_id}.png")
            line.append(Panel(draw_superpixels(photo, ids), (row.method, row.parameter), (told(ids, truth),)))
        lines.append(tuple(line))
    return Page(titled_once(lines), class_names, NOTE)


def shown(examples: Sequence[Example], count: int) -> list[Example]:
    """Some examples, evenly spread: neither the best nor the worst are picked."""
    return [examples[index] for index in np.linspace(0, len(examples) - 1, min(count, len(examples))).astype(int)]
