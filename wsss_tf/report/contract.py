"""All that the report of a run shows, as the stages left it."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ReportRow:
    """One line of the score table: masks.

    Attributes:
      title: what was scored, e.g. "segmenter + CRF".
      split: the images, e.g. "val".
      crf: whether the dense CRF was applied.
      scores: `Scores.as_dict()` or `SeedScores.as_dict()`.
      scales: test-time scales and flip, e.g. "0.5, 1, 1.5, flip".
    """

    title: str
    split: str
    crf: bool
    scores: dict
    scales: str = ""


@dataclasses.dataclass(frozen=True)
class ArtefactScores:
    """How good what a stage made is, measured with masks that its making did not need.

    Attributes:
      stage: its name.
      kind: what it makes, e.g. "cams", "labels", "saliency", "superpixels"; a
        word that is not known here is shown like the others.
      split: the images, e.g. "train".
      scores: measure -> number, None where it is undefined; what is no number is
        not shown. Of maps with a curve those at `threshold` if not given.
      curve: threshold -> such scores, of maps that need one.
      threshold: the one that the run uses.
    """

    stage: str
    kind: str
    split: str
    scores: dict = dataclasses.field(default_factory=dict)
    curve: dict[float, dict] = dataclasses.field(default_factory=dict)
    threshold: float | None = None


@dataclasses.dataclass(frozen=True)
class PictureRow:
    """The pictures of one image: (caption, uint8 [H, W, 3]) from left to right, and its tags."""

    title: str
    pictures: tuple[tuple[str, np.ndarray], ...]
    tags: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class ReportPage:
    """All that a page shows.

    Attributes:
      title: heading, e.g. the name of the experiment.
      summary: short facts by name: data set, system, backbones.
      rows: the score table.
      class_names: names by label value, background first.
      pictures: one strip of pictures per image.
      curves: by stage, the lines of its training log; each has "step" and
        numbers by name.
      flags: every flag of the run.
      manifests: by stage, its manifest.
      artefacts: scores of what the stages made, in their order.
      supervision: what the run learned from, in words.
      defaults: flag -> the value that the run's system gives it.
    """

    title: str
    summary: dict[str, str]
    rows: tuple[ReportRow, ...]
    class_names: tuple[str, ...]
    pictures: tuple[PictureRow, ...] = ()
    curves: dict[str, list[dict]] = dataclasses.field(default_factory=dict)
    flags: dict = dataclasses.field(default_factory=dict)
    manifests: dict = dataclasses.field(default_factory=dict)
    artefacts: tuple[ArtefactScores, ...] = ()
    supervision: str = ""
    defaults: dict = dataclasses.field(default_factory=dict)
