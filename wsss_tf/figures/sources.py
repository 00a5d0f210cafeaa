"""What a figure is drawn from: the stages of one finished run, those of others beside it, and the photos to show."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from wsss_tf.config import setting
from wsss_tf.data.check import content_digest
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.stages.stage import MANIFEST, Chain, read_manifest
from wsss_tf.stages.steps import PLAIN, REFINED, STAGES

_FOLDERS = {"with": ((" + CRF", REFINED),), "without": (("", PLAIN),), "both": (("", PLAIN), (" + CRF", REFINED))}


@dataclasses.dataclass(frozen=True)
class FigureConfig:
    """Which figure to draw of which photos and runs."""

    figure: str = setting("2.5", "figure of the thesis, or list: which there are and what each needs")
    images: str = setting("", "ids of images, separated by commas; empty: those with the most tags")
    photos: int = setting(4, "how many photos if --images is empty", low=1)
    compare: str = setting("", "figures of several runs: finished experiments, separated by commas; empty: this run alone")
    crf: str = setting("with", "figures of masks: with dense CRF, without, or both", tuple(_FOLDERS))
    values: str = setting("", "figures of a setting's effect: its values, separated by commas; empty: those of --figure=list")


@dataclasses.dataclass(frozen=True)
class Finished:
    """A stage of a run: the name of the run, its folder, and its manifest."""

    name: str
    folder: Path
    manifest: dict


@dataclasses.dataclass(frozen=True)
class Sources:
    """The run that a figure is drawn from, and what to draw of it."""

    chain: Chain
    experiment: Experiment
    config: FigureConfig

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by label value."""
        return self.experiment.dataset.class_names

    @property
    def num_classes(self) -> int:
        """Number C of foreground classes."""
        return self.experiment.dataset.num_classes

    def train(self) -> tuple[Example, ...]:
        """The chosen training photos; see `val`."""
        return self._chosen(self.experiment.dataset.train, "training")

    def val(self, max_tags: int | None = None) -> tuple[Example, ...]:
        """The chosen evaluation photos: those named, else those with the most tags but no more than `max_tags`.

        Raises:
          InputError: an id that is not among them, or no photo with so few tags.
        """
        return self._chosen(self.experiment.dataset.val, "evaluation", max_tags)

    def compared(self, stage: str) -> list[Finished]:
        """A stage of each run of --compare, or of this run if there is none.

        Raises:
          InputError: a run lacks the stage, or made it from other images.
        """
        e = self.experiment
        names = _items(self.config.compare)
        if not names:
            folder = self.chain.require(stage)
            return [Finished(folder.parent.name, folder, read_manifest(folder))]
        found = []
        for name in names:
            folder = e.folder(stage, name)
            if not (folder / MANIFEST).exists():
                raise InputError(f"{folder}: stage {stage} is missing: run scripts/{STAGES[stage].script}.py with the flags "
                                 f"of {name} first, or leave it out of --compare")
            found.append(Finished(name, folder, read_manifest(folder)))
        self._check_images(found)
        return found

    def masks(self) -> tuple[tuple[str, Path], ...]:
        """(title, folder of <image_id>.png) of the masks of the compared runs, as --crf asks for them."""
        return tuple((run.name + suffix, run.folder / kind) for run in self.compared("masks")
                     for suffix, kind in _FOLDERS[self.config.crf])

    def values(self, *default: float) -> list[float]:
        """The numbers of --values, else the default.

        Raises:
          InputError: one is no number.
        """
        try:
            values = [float(item) for item in _items(self.config.values)]
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

    def _check_images(self, runs: Sequence[Finished]) -> None:
        dataset = self.experiment.dataset
        for split, examples in (("train", dataset.train), ("val", dataset.val)):
            for need, with_masks in ((f"prepare.{split}", False), (f"prepare.{split}_masks", True)):
                seen = {run.manifest["inputs"][need]: run for run in runs if need in run.manifest.get("inputs", {})}
                if seen:  # a digest reads every photo of the split
                    seen.pop(content_digest(examples, with_masks), None)
                for run in seen.values():
                    raise InputError(f"{run.folder}: it was made from other images than those of --data="
                                     f"{self.experiment.data.data}: give the flags of its data set, or leave the run out of "
                                     "--compare")

    def _chosen(self, examples: Sequence[Example], split: str, max_tags: int | None = None) -> tuple[Example, ...]:
        known = {example.image_id: example for example in examples}
        data = self.experiment.data.data
        names = _items(self.config.images)
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


def _items(text: str) -> list[str]:
    """Parts between commas, each once."""
    return list(dict.fromkeys(filter(None, (item.strip() for item in text.split(",")))))
