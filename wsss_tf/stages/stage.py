"""Stages joined by folders: what is up to date is skipped, nothing is lost.

A stage writes to runs/<experiment>/<stage>/ and closes the folder with a
manifest.json. Its fingerprint is a hash of the settings that matter to it, as
far as they differ from the defaults, and of the fingerprints of its inputs: a
flag that a later version adds does not outdate what was made without it. A
folder with another fingerprint is renamed to <stage>.outdated-N, never deleted.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.files.store import make_folder, write_json
from wsss_tf.train.replicas import is_chief, wait_for_all

MANIFEST = "manifest.json"
_UNFINISHED = "unfinished.json"
WITHOUT_EFFECT = ("log_every", "save_every", "crf_backend", "paper_row", "workers", "parallel", "scheduler")
"""Ends of the names of settings that change no result beyond rounding."""
_DEFAULTS = Experiment()


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of the chain.

    Attributes:
      name: folder name.
      script: the script that runs it alone, for messages.
      groups: names of the settings groups that it reads.
      needs: experiment -> inputs, each "stage" or "prepare.part".
      run: (experiment, folder of its own, input name -> folder) -> results for
        the manifest.
      random: depends on --seed; other stages do so through their inputs only,
        and runs of different seeds share them.
      shared: all workers of TF_CONFIG make it together; of the others the
        chief makes all, while the rest waits.
      own: made in every experiment, never taken from another one: what bears
        the experiment's name, and where others look for its scores.
    """

    name: str
    script: str
    groups: tuple[str, ...]
    needs: Callable[[Experiment], tuple[str, ...]]
    run: Callable[[Experiment, Path, dict[str, Path]], dict]
    random: bool = False
    shared: bool = False
    own: bool = False


class Chain:
    """The stages of one experiment and what is already done of them."""

    def __init__(self, stages: dict[str, Stage], experiment: Experiment, source: Callable[[Experiment], str]):
        """Makes the chain.

        Args:
          stages: by name.
          experiment: all settings.
          source: fingerprint of what the first stage reads from outside.
        """
        self._stages, self._experiment = stages, experiment
        self._source = source(experiment)

    def required(self, target: str) -> list[str]:
        """The target and all stages before it, in an order that can be run."""
        order = []

        def visit(name: str) -> None:
            for need in self._stages[name].needs(self._experiment):
                visit(need.split(".")[0])
            if name not in order:
                order.append(name)

        visit(target)
        return order

    def run(self, name: str) -> Path:
        """Runs one stage unless it is up to date; returns the folder with its artefacts.

        Raises:
          InputError: an input stage is missing or outdated, or the stage's own.
        """
        stage = self._stages[name]
        needs = (need.split(".")[0] for need in stage.needs(self._experiment))
        inputs = {before: self.require(before) for before in needs}
        finished = self._finished(name)
        wait_for_all()  # nothing is made before all workers have looked
        if finished is not None:
            print(f"[{name}] up to date: {finished}")
        elif is_chief():
            self._make(stage, inputs)
        elif stage.shared:
            stage.run(self._experiment, self._experiment.folder(name), inputs)
        wait_for_all()
        return self.require(name)

    def folder(self, name: str) -> Path | None:
        """Folder of a stage that is done and up to date, else None."""
        return self._finished(name)

    def require(self, name: str) -> Path:
        """Folder of a stage that is done and up to date.

        Raises:
          InputError: it is missing or outdated.
        """
        folder = self._finished(name)
        if folder is None:
            raise InputError(f"{self._experiment.folder(name)}: stage {name} is missing or was made with other "
                             f"settings: run scripts/{self._stages[name].script}.py with the same flags first")
        return folder

    def _make(self, stage: Stage, inputs: dict[str, Path]) -> None:
        folder = self._experiment.folder(stage.name)
        record = self._record(stage)
        with _alone(folder):
            if self._finished(stage.name):  # another process has made it meanwhile
                return
            _set_aside(folder, record["fingerprint"])
        with _alone(folder):
            write_json(folder / _UNFINISHED, {"fingerprint": record["fingerprint"]})
            print(f"[{stage.name}] -> {folder}", flush=True)
            started = time.time()
            results = stage.run(self._experiment, folder, inputs)
            record |= {"results": results, "seconds": round(time.time() - started, 1), "machine": machine()}
            write_json(folder / MANIFEST, record)
            (folder / _UNFINISHED).unlink()

    def _record(self, stage: Stage) -> dict:
        """Settings and input fingerprints of a stage, and the fingerprint over both."""
        settings, defaults = (experiment.settings(*stage.groups) for experiment in (self._experiment, _DEFAULTS))
        inputs = {need: self._fingerprint(need) for need in stage.needs(self._experiment)}
        if not inputs:
            inputs = {"source": self._source}
        counted = {key: value for key, value in settings.items()
                   if value != defaults[key] and not key.endswith(WITHOUT_EFFECT)}
        seed = self._experiment.run.seed if stage.random else None
        described = json.dumps([stage.name, seed, counted, inputs], sort_keys=True)
        return {
            "stage": stage.name,
            "experiment": self._experiment.run.experiment,
            "seed": self._experiment.run.seed,
            "paper_row": self._experiment.run.paper_row,
            "settings": settings,
            "inputs": inputs,
            "fingerprint": hashlib.sha256(described.encode()).hexdigest(),
        }

    def _fingerprint(self, need: str) -> str:
        """Of a stage, or of the part of its results that "stage.part" names."""
        name, _, part = need.partition(".")
        if not part:
            return self._record(self._stages[name])["fingerprint"]
        folder = self._finished(name)
        return read_manifest(folder)["results"][part] if folder else "missing"

    def _finished(self, name: str) -> Path | None:
        fingerprint = self._record(self._stages[name])["fingerprint"]
        others = [] if self._stages[name].own else filter(None, self._experiment.run.reuse.split(","))
        for experiment in ["", *others]:
            folder = self._experiment.folder(name, experiment)
            if (folder / MANIFEST).exists() and read_manifest(folder)["fingerprint"] == fingerprint:
                return folder
        return None


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished stage.

    Raises:
      InputError: missing or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such manifest: this stage has not been finished; run it again") from None
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}): delete it and run the stage again") from error
    if not isinstance(manifest, dict) or not {"fingerprint", "results"} <= manifest.keys():
        raise InputError(f"{path}: damaged (it has no fingerprint or results): delete it and run the stage again")
    return manifest


def machine() -> dict[str, str]:
    """Versions and machine, for the manifest."""
    packages = ("wsss_tf", "tensorflow", "keras", "numpy", "opencv-contrib-python-headless", "pillow")
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        revision = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        revision = ""
    versions = {name: _version(name) for name in packages}
    return versions | {"python": platform.python_version(), "system": platform.platform(), "revision": revision}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # its module came otherwise, e.g. with tensorflow-cpu or opencv-python
        return "unknown"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Makes the folder if need be and keeps other processes from it; a process that dies lets go.

    Raises:
      InputError: another process has it.
    """
    make_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError(f"{folder}: another process is making this stage: wait until it is done, or stop it") from None
    finally:
        os.close(descriptor)


def _set_aside(folder: Path, fingerprint: str) -> None:
    """Renames the folder of an outdated stage; one of ours that is unfinished stays and is continued."""
    unfinished = folder / _UNFINISHED
    used = folder.exists() and any(path != unfinished for path in folder.iterdir())
    if used and not _is_note(unfinished, fingerprint):
        number = 1
        while (aside := folder.with_name(f"{folder.name}.outdated-{number}")).exists():
            number += 1
        folder.rename(aside)
        print(f"[{folder.name}] made with other settings or inputs before: kept as {aside}")


def _is_note(unfinished: Path, fingerprint: str) -> bool:
    try:
        return json.loads(unfinished.read_text(encoding="utf-8")) == {"fingerprint": fingerprint}
    except (FileNotFoundError, ValueError):
        return False
