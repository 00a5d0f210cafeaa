"""Stages joined by folders: what is up to date is skipped, nothing is lost.

A stage writes to runs/<experiment>/<stage>/ and closes the folder with a
manifest.json that holds its fingerprint. A folder with another fingerprint is
renamed to <stage>.outdated-N, never deleted, and taken back when it is wanted
again.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.files.manifest import MANIFEST, UNFINISHED, read_manifest
from wsss_tf.files.store import write_json
from wsss_tf.stages.fingerprint import counted, fingerprint
from wsss_tf.stages.folders import alone, make_room
from wsss_tf.stages.place import Place
from wsss_tf.stages.settings import RunConfig
from wsss_tf.stages.stage import Stage, united
from wsss_tf.stages.versions import machine
from wsss_tf.train.workers import is_chief, wait_for_all


@dataclasses.dataclass(frozen=True)
class Named:
    """A stage with its settings by flag: flag -> (value, field of its settings class)."""

    stage: Stage
    settings: dict[str, tuple[Any, dataclasses.Field]]


class Chain:
    """The stages of one experiment and what is already done of them."""

    def __init__(self, system: str, stages: Sequence[Stage], prefix: Callable[[Any], str], run: RunConfig,
                 open_dataset: Callable[[], Dataset]):
        """Makes the chain; nothing is opened yet.

        Args:
          system: name of the system whose chain it is.
          stages: each after those that it needs.
          prefix: settings -> the prefix of their flags.
          run: what to run and where.
          open_dataset: opens the data set.

        Raises:
          ValueError: two stages of one name, or an input that comes from no stage before.
        """
        self.system, self.run_config, self._open = system, run, functools.cache(open_dataset)
        self._stages: dict[str, Named] = {}
        self._fingerprints: dict[str, str] = {}
        for stage in stages:
            unknown = [need for need in stage.needs.values() if need.split(".")[0] not in self._stages]
            if stage.name in self._stages or unknown:
                raise ValueError(f"stage {stage.name}: {'a second one of this name' if not unknown else unknown}")
            self._stages[stage.name] = Named(stage, {
                prefix(settings) + field.name: (getattr(settings, field.name), field)
                for settings in stage.settings for field in dataclasses.fields(settings)})

    @property
    def stages(self) -> dict[str, Stage]:
        """All stages by name, each after those that it needs."""
        return {name: named.stage for name, named in self._stages.items()}

    @property
    def last(self) -> str:
        """The stage that a run ends with: the last one that is not made on demand alone."""
        return list(self._stages)[-1]

    def stage(self, name: str) -> Stage:
        """The stage of a name.

        Raises:
          InputError: this system has none.
        """
        if name not in self._stages:
            raise InputError(f"{name}: --system={self.system} has no such stage: choose one of {', '.join(self._stages)}")
        return self._stages[name].stage

    def required(self, target: str = "") -> list[str]:
        """The target and all stages before it, in an order that can be run; without a target, those of the last stage."""
        order = []

        def visit(name: str) -> None:
            for need in self.stage(name).needs.values():
                visit(need.split(".")[0])
            if name not in order:
                order.append(name)

        visit(target or self.last)
        return order

    def prove(self, names: Sequence[str]) -> None:
        """Makes sure that all that these stages will open from outside is there, before any of them works.

        Raises:
          InputError: something is missing, or a stage opens masks without permission.
        """
        for name in names:
            stage = self.stage(name)
            if self._finished(name):
                continue
            if stage.opens_masks and not self.run_config.allow_mask_supervision:
                raise InputError(f"stage {name}: it learns from the masks of the training images, so that the result is "
                                 "mask supervision and not learned from tags: add --allow_mask_supervision if that is meant")
            if stage.prove:
                stage.prove(self._open(), *stage.settings)

    def run(self, name: str) -> Path:
        """Runs one stage unless it is up to date; returns the folder with its artefacts.

        Raises:
          InputError: an input stage is missing or outdated, or the stage's own.
        """
        needed = {role: need for role, need in self.stage(name).needs.items() if "." not in need}
        inputs = {role: self.require(need) for role, need in needed.items()}
        for need in self.stage(name).needs.values():
            self.require(need.split(".")[0])
        finished = self._finished(name)
        wait_for_all()  # nothing is made before all workers have looked
        if finished is not None:
            print(f"[{name}] up to date: {finished}")
        elif is_chief():
            self._make(name, inputs)
        elif self.stage(name).shared:
            self._work(name, inputs)
        wait_for_all()
        self._fingerprints.clear()  # what it has made may be a part of them
        return self.require(name)

    def folder(self, name: str) -> Path | None:
        """Folder of a stage that is done and up to date, else None."""
        return self._finished(name)

    def own_folder(self, name: str, experiment: str = "") -> Path:
        """Where a stage of this run (or of another experiment beside it) keeps its artefacts."""
        return expand_path(self.run_config.runs) / (experiment or self.run_config.experiment) / name

    def require(self, name: str) -> Path:
        """Folder of a stage that is done and up to date.

        Raises:
          InputError: it is missing or outdated.
        """
        folder = self._finished(name)
        if folder is None:
            raise InputError(f"{self.own_folder(name)}: stage {name} is missing or was made with other settings: run "
                             f"`wsss run --until={name}` with the same flags first")
        return folder

    def settings(self, name: str) -> dict[str, Any]:
        """Flag -> value of all settings that a stage gets."""
        return {flag: value for flag, (value, _) in self._stages[name].settings.items()}

    def supervision(self, name: str) -> tuple[str, ...]:
        """What a stage and all before it learn from, each once."""
        words = [word for before in self.required(name) for word in self.stage(before).supervision]
        return tuple(dict.fromkeys(words))

    def _work(self, name: str, inputs: dict[str, Path]) -> dict:
        stage = self.stage(name)
        place = Place(self.own_folder(name), inputs, self._open, self.run_config.seed, self.run_config)
        return stage.work(place, *stage.settings)

    def _make(self, name: str, inputs: dict[str, Path]) -> None:
        folder, record = self.own_folder(name), self._record(name)
        with alone(folder):
            self.prove([name])
            make_room(folder, record["fingerprint"])
            if self._finished(name):  # another process has made it meanwhile, or it was taken back
                print(f"[{name}] up to date: {folder}")
                return
            write_json(folder / UNFINISHED, {"fingerprint": record["fingerprint"]})
            print(f"[{name}] -> {folder}", flush=True)
            started = time.time()
            results = self._work(name, inputs)
            record |= {"results": results, "seconds": round(time.time() - started, 1), "machine": machine()}
            write_json(folder / MANIFEST, record)
            (folder / UNFINISHED).unlink()

    def _record(self, name: str) -> dict:
        """All of the manifest that is known before the work."""
        stage, run = self.stage(name), self.run_config
        words = self.supervision(name)
        return {
            "system": self.system, "stage": name, "version": stage.version, "experiment": run.experiment, "seed": run.seed,
            "paper_row": run.paper_row, "makes": stage.makes.value, "supervision": list(words), "learned_from": united(words),
            "settings": self.settings(name),
            "inputs": {role: {"from": need, "fingerprint": self._fingerprint_of(need)} for role, need in stage.needs.items()},
            "fingerprint": self._fingerprint(name),
        }

    def _fingerprint(self, name: str) -> str:
        if name not in self._fingerprints:
            stage = self.stage(name)
            inputs = {role: self._fingerprint_of(need) for role, need in stage.needs.items()}
            if stage.listing:
                inputs["listing"] = stage.listing(self._open)
            self._fingerprints[name] = fingerprint(stage, counted(self._stages[name].settings), self.run_config.seed, inputs)
        return self._fingerprints[name]

    def _fingerprint_of(self, need: str) -> str:
        """Of a stage, or of the part of its results that "stage.part" names."""
        name, _, part = need.partition(".")
        if not part:
            return self._fingerprint(name)
        folder = self._finished(name)
        found = read_manifest(folder)["results"].get(part) if folder else None
        return "missing" if found is None else found

    def _finished(self, name: str) -> Path | None:
        wanted = self._fingerprint(name)
        others = [] if self.stage(name).own else filter(None, self.run_config.reuse.split(","))
        for experiment in ["", *others]:
            folder = self.own_folder(name, experiment)
            if (folder / MANIFEST).exists() and read_manifest(folder)["fingerprint"] == wanted:
                return folder
        return None
