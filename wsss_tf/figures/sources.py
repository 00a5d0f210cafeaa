"""What a figure is drawn from: one finished run, others beside it, and the photos to show."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example
from wsss_tf.figures.settings import FigureConfig
from wsss_tf.stages.steps import PLAIN, REFINED

_FOLDERS = {"with": ((" + CRF", REFINED),), "without": (("", PLAIN),), "both": (("", PLAIN), (" + CRF", REFINED))}
_SCORED = 200  # photos that are looked at for the worst ones


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a stage of a run has made: name of the run, folder, and the stage's settings by flag."""

    name: str
    folder: Path
    settings: Mapping[str, Any]


class Run(Protocol):
    """A finished run, as far as figures look at it; all methods raise an InputError for what is missing."""

    name: str
    system: str
    dataset: Dataset

    def settings(self, group: str) -> Any | None:
        """A group of settings by the name of its field; None if the system has none of it."""

    def made(self, kind: str) -> Finished:
        """The last stage that makes artefacts of a kind, e.g. "cams"."""

    def made_by(self, name: str, kind: str) -> Finished:
        """The same of another run, made from the same photos."""

    def stage(self, name: str) -> Path:
        """The folder of a stage."""

    def segmenter(self) -> Any:
        """The trained segmentation net, a Keras model."""

    def classifier(self) -> Any:
        """The trained classifier, a Keras model."""

    def features(self, **changes: Any) -> Callable[[np.ndarray], np.ndarray]:
        """What superpixels are made of, uint8 [H, W, 3] -> float32 [h, w, D], with other settings if given."""


@dataclasses.dataclass(frozen=True)
class Sources:
    """The run that a figure is drawn from, and what to draw of it."""

    run: Run
    config: FigureConfig

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by label value."""
        return self.run.dataset.class_names

    def settings(self, group: str) -> Any:
        """A group of the run's settings, by the name of its field.

        Raises:
          InputError: the system has none of it.
        """
        found = self.run.settings(group)
        if found is None:
            raise InputError(f"--system={self.run.system}: it has no settings of '{group}', which figure {self.config.figure} "
                             "shows: give the flags of a run whose system has them")
        return found

    def folder(self, kind: str) -> Path:
        """Where the run's artefacts of a kind lie.

        Raises:
          InputError: no stage has made any.
        """
        return self.run.made(kind).folder

    @property
    def num_classes(self) -> int:
        """Number C of foreground classes."""
        return self.run.dataset.num_classes

    def train(self) -> tuple[Example, ...]:
        """The chosen training photos; see `val`."""
        return self._chosen(self.run.dataset.train, "training")

    def val(self, max_tags: int | None = None) -> tuple[Example, ...]:
        """The chosen evaluation photos: those named, else those with the most tags but no more than `max_tags`.

        Raises:
          InputError: an id that is not among them, or no photo with so few tags.
        """
        return self._chosen(self.run.dataset.val, "evaluation", max_tags)

    def worst(self, examples: Sequence[Example], split: str, score: Callable[[Example], float]) -> tuple[Example, ...]:
        """The named photos, else of those with a ground truth the ones with the lowest score, the worst first.

        At most 200 photos, evenly spread, are scored.

        Raises:
          InputError: an id that is not among them, or no photo with a ground truth.
        """
        if self.config.images:
            return self._chosen(examples, split)
        known = [example for example in examples if example.mask]
        if not known:
            raise InputError(f"figure {self.config.figure} shows the worst {split} photos by their masks, and none has one: "
                             "name photos with --images, or draw another figure")
        scored = [known[index] for index in np.unique(np.linspace(0, len(known) - 1, _SCORED).astype(int))]
        scores = {example.image_id: score(example) for example in scored}
        return tuple(sorted(scored, key=lambda example: (math.isnan(scores[example.image_id]), scores[example.image_id]))
                     [:self.config.photos])

    def compared(self, kind: str) -> list[Finished]:
        """The artefacts of a kind of each run of --compare, or of this run if there is none.

        Raises:
          InputError: a run lacks them, or made them from other images.
        """
        names = items(self.config.compare)
        return [self.run.made_by(name, kind) for name in names] if names else [self.run.made(kind)]

    def masks(self) -> tuple[tuple[str, Path], ...]:
        """(title, folder of <image_id>.png) of the masks of the compared runs as --crf asks for them, and of folders.

        Raises:
          InputError: a run lacks its masks, or made them from other images.
        """
        found = []
        for item in items(self.config.compare) or [""]:
            title, given, folder = item.partition("=")
            if given:
                found.append((title, Path(folder)))
            else:
                run = self.run.made_by(item, "masks") if item else self.run.made("masks")
                found += [(run.name + suffix, run.folder / kind) for suffix, kind in _FOLDERS[self.config.crf]]
        return tuple(found)

    def values(self, *default: float) -> list[float]:
        """The numbers of --values, else the default.

        Raises:
          InputError: one is no number.
        """
        try:
            values = [float(item) for item in items(self.config.values)]
        except ValueError:
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise InputError(f"--values={self.config.values}: expected numbers separated by commas: correct it")
        return values or list(default)

    def whole_values(self, *default: int) -> list[int]:
        """As `values`, for whole numbers.

        Raises:
          InputError: one is no whole number.
        """
        values = self.values(*default)
        if any(value != int(value) for value in values):
            raise InputError(f"--values={self.config.values}: expected whole numbers separated by commas: correct it")
        return [int(value) for value in values]

    def _chosen(self, examples: Sequence[Example], split: str, max_tags: int | None = None) -> tuple[Example, ...]:
        known = {example.image_id: example for example in examples}
        data = self.settings("data").data
        names = items(self.config.images)
        for name in names:
            if name not in known:
                raise InputError(f"--images: '{name}' is not among the {len(known)} {split} images of --data={data} (the "
                                 f"first is '{next(iter(known), None)}'): correct the id")
        if names:
            return tuple(known[name] for name in names)
        fitting = [example for example in known.values() if max_tags is None or 1 <= len(example.tags) <= max_tags]
        if not fitting:
            raise InputError(f"--data={data}: expected {split} images with 1 to {max_tags} tags, found none: name their "
                             "classes in the labels file")
        return tuple(sorted(fitting, key=lambda example: -len(example.tags))[:self.config.photos])


def items(text: str) -> list[str]:
    """Parts between commas, each once."""
    return list(dict.fromkeys(filter(None, (item.strip() for item in text.split(",")))))
