"""A finished experiment as figures look at it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wsss_tf.data.check import content_digest
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.experiment import Experiment
from wsss_tf.figures.sources import Finished
from wsss_tf.files.manifest import MANIFEST, read_manifest
from wsss_tf.stages.place import NET
from wsss_tf.stages.steps import PREPARE


@dataclasses.dataclass(frozen=True)
class FinishedExperiment:
    """What `wsss_tf.figures.sources.Run` asks for, from the stages of an experiment."""

    experiment: Experiment
    _digests: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the run."""
        return self.experiment.run.experiment

    @property
    def system(self) -> str:
        """Name of the system."""
        return self.experiment.system.name

    @property
    def dataset(self) -> Dataset:
        """The photos."""
        return self.experiment.dataset

    def settings(self, group: str) -> Any | None:
        """A group of settings by the name of its field; None if the system has none of it."""
        return self.experiment.group(group)

    def made(self, kind: str) -> Finished:
        """The last stage that makes artefacts of a kind.

        Raises:
          InputError: the system makes none, or the stage is missing or outdated.
        """
        stages = [name for name, stage in self.experiment.chain.stages.items() if stage.makes.value == kind]
        if not stages:
            raise InputError(f"--system={self.system}: it makes no {kind}: give the flags of a run whose system does")
        folder = self.stage(stages[-1])
        return Finished(folder.parent.name, folder, read_manifest(folder)["settings"])

    def made_by(self, name: str, kind: str) -> Finished:
        """The last stage of another run beside this one that makes artefacts of a kind.

        Raises:
          InputError: it has none, or made them from other images.
        """
        run = self.experiment.folder(kind, name).parent
        found = {path.parent: manifest for path in sorted(run.glob(f"*/{MANIFEST}"))
                 if "." not in path.parent.name and (manifest := read_manifest(path.parent)).get("makes") == kind}
        if not found:
            raise InputError(f"{run}: it has no {kind}: run `wsss run` with the flags of {name} first, or leave it out of "
                             "--compare")
        folder = run / kind if run / kind in found else list(found)[-1]
        self._check_images(folder, found[folder])
        return Finished(name, folder, found[folder]["settings"])

    def stage(self, name: str) -> Path:
        """The folder of a stage that is done and up to date.

        Raises:
          InputError: there is no such stage, or it is missing or outdated.
        """
        self.experiment.chain.stage(name)
        return self.experiment.chain.require(name)

    def segmenter(self) -> Any:
        """The trained segmentation net."""
        from wsss_tf.systems.segmenter import trained_segmenter

        return trained_segmenter(self.stage("segmenter") / NET, self.settings("seg_backbone"), self.settings("segmenter"),
                                 self.dataset.num_classes)

    def classifier(self) -> Any:
        """The trained classifier."""
        from wsss_tf.systems.classifier import trained_classifier

        return trained_classifier(self.stage("classifier"), self.settings("cls_backbone"), self.settings("classifier"),
                                  self.dataset.num_classes)

    def features(self, **changes: Any) -> Callable[[np.ndarray], np.ndarray]:
        """The features of the run's superpixels, from the transformer that it trained if it did."""
        from wsss_tf.superpixels.features import Features

        makers = [stage for stage in self.experiment.chain.stages.values() if stage.makes.value == "superpixels"]
        trained = [stage.needs["net"] for stage in makers if "net" in stage.needs]
        own = {"weights": str(self.stage(trained[-1]) / NET)} if trained else {}
        return Features(dataclasses.replace(self.settings("features"), **own, **changes))

    def _check_images(self, folder: Path, manifest: dict) -> None:
        for told in manifest["inputs"].values():
            stage, _, part = told["from"].partition(".")
            split, _, masks = part.partition("_")
            examples = {"train": self.dataset.train, "val": self.dataset.val}.get(split)
            if stage != PREPARE or examples is None:
                continue
            if part not in self._digests:  # it reads every photo of the split
                self._digests[part] = content_digest(examples, masks == "masks")
            if told["fingerprint"] != self._digests[part]:
                raise InputError(f"{folder}: it was made from other images than those of "
                                 f"--data={self.experiment.settings.data.data}: give the flags of its data set, or leave the "
                                 "run out of --compare")
