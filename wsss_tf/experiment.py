"""One experiment: a system, its settings, and the chain of its stages."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from wsss_tf.config import expand_path, groups
from wsss_tf.data.build.shapes import generate_shapes
from wsss_tf.data.open import open_dataset
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.files.names import component
from wsss_tf.originals.tables import find_row, row_names
from wsss_tf.stages import steps
from wsss_tf.stages.chain import Chain
from wsss_tf.stages.settings import RunConfig
from wsss_tf.stages.stage import Makes
from wsss_tf.systems.contract import System
from wsss_tf.train.workers import chief_first


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes:
      system: whose stages.
      run: where, and with whose help.
      settings: instance of the system's settings.
    """

    system: System
    run: RunConfig
    settings: Any

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The data set, opened once; the embedded one is generated first.

        Raises:
          InputError: see wsss_tf.data.open.open_dataset.
        """
        data = self.settings.data
        if data.source == "shapes":
            with chief_first():
                generate_shapes(expand_path(data.data), self.settings.shapes)
        return open_dataset(data)

    @functools.cached_property
    def chain(self) -> Chain:
        """The stages of the system, and what any chain ends with: scores of what they have made, and the report."""
        stages, own = list(self.system.stages(self.settings)), groups(self.settings)
        if any(stage.name == steps.PREPARE for stage in stages):
            if any(stage.makes in steps.SCORED for stage in stages):
                stages.append(steps.scores(stages))
            stages.append(steps.report(stages, [settings for _, settings in own.values()], _flags(self.system.settings())))
        return Chain(self.system.name, stages, self.prefix, self.run, lambda: self.dataset)

    def prefix(self, settings: Any) -> str:
        """The prefix of the flags of settings that a stage gets: those of the group they are, or are derived from."""
        own = groups(self.settings)
        same = [prefix for prefix, known in own.values() if known is settings]
        alike = [prefix for prefix, known in own.values() if type(known) is type(settings)]
        return (same or alike or [f"{type(settings).__name__}."])[0]

    def group(self, name: str) -> Any:
        """A group of settings by the name of its field; None if the system has none of it."""
        return getattr(self.settings, name, None)

    def folder(self, stage: str, experiment: str = "") -> Path:
        """Where a stage of this run (or of another experiment beside it) keeps its artefacts."""
        return self.chain.own_folder(stage, experiment)

    def flags(self) -> dict[str, Any]:
        """Flag -> value of all settings but those of the run."""
        return _flags(self.settings)

    def masks(self) -> str:
        """The stage that makes the masks.

        Raises:
          InputError: the system makes none.
        """
        made = [name for name, stage in self.chain.stages.items() if stage.makes is Makes.MASKS]
        if not made:
            raise InputError(f"--system={self.system.name}: it makes no masks: choose a system that does")
        return made[-1]


def _flags(settings: Any) -> dict[str, Any]:
    """Flag -> value of all groups of settings."""
    return {prefix + field.name: getattr(own, field.name) for prefix, own in groups(settings).values()
            for field in dataclasses.fields(own)}


def check(experiment: Experiment) -> Experiment:
    """The same experiment, if its flags make sense together.

    Raises:
      InputError: they contradict each other, or name something that is not there.
    """
    run, settings = experiment.run, experiment.settings
    component(run.experiment, "--experiment")
    for name in filter(None, run.reuse.split(",")):
        component(name, "--reuse")
    for name in row_names(run.paper_row):
        find_row(name)  # better now than after the training
    for prefix, own in groups(settings).values():
        ends = getattr(own, "resize_long", ())
        if ends and (len(ends) != 2 or not 1 <= ends[0] <= ends[1]):
            raise InputError(f"--{prefix}resize_long={','.join(f'{end:g}' for end in ends)}: expected the shortest and the "
                             "longest long side in pixels, e.g. 320,640: give two numbers, the smaller one first")
    segmenter, train = experiment.group("segmenter"), experiment.group("seg_train")
    if segmenter and train and segmenter.average == "batch" and train.parts > 1:
        raise InputError(f"--seg_average=batch --seg_parts={train.parts}: expected means over images, as a part does "
                         "not know the rest of the batch: leave one of them out")
    experiment.system.check(settings)
    return experiment
