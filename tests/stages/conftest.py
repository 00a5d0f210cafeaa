"""A chain of small stages that write a file each and count how often they work."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss_tf.config import setting
from wsss_tf.stages.chain import Chain
from wsss_tf.stages.settings import RunConfig
from wsss_tf.stages.stage import Makes, Stage


@dataclasses.dataclass(frozen=True)
class Maps:
    """Settings of a stage that makes maps."""

    scales: tuple = setting((0.5, 1.0), "input scales")
    flip: bool = setting(False, "mirror images too")
    backend: str = setting("auto", "who computes", counts=False)


@dataclasses.dataclass(frozen=True)
class Training:
    """Settings of a stage that trains."""

    lr: float = setting(0.1, "learning rate")
    weights: str = setting("", "file of the start", file=True)
    log_every: int = setting(20, "steps between log lines", counts=False)


@dataclasses.dataclass(frozen=True)
class Targets:
    """Settings of a stage that makes targets."""

    threshold: float = setting(0.2, "score of the background")


class Workshop:
    """A chain prepare -> cams -> seeds of fake stages."""

    def __init__(self, runs: Path):
        self.run_config = RunConfig(runs=str(runs), experiment="mine")
        self.settings = {"cam_": Maps(), "cls_": Training(), "seed_": Targets()}
        self.system, self.source, self.train = "fake", "photos", "digest of the photos"
        self.worked: list[str] = []
        self.break_after: int | None = None  # items that a stage writes before it fails
        self.changes: dict[str, dict] = {}  # stage -> fields that are not those of below

    def run(self, **changed) -> None:
        """Changes settings of the run."""
        self.run_config = dataclasses.replace(self.run_config, **changed)

    def set(self, prefix: str, **changed) -> None:
        """Changes a group of settings."""
        self.settings[prefix] = dataclasses.replace(self.settings[prefix], **changed)

    def prefix(self, settings: object) -> str:
        """The prefix of the flags of settings."""
        return next(prefix for prefix, own in self.settings.items() if type(own) is type(settings))

    def stages(self) -> list[Stage]:
        """All stages."""
        own = self.settings
        stages = [
            Stage("prepare", self.work, listing=lambda open_dataset: open_dataset()),
            Stage("cams", self.work, (own["cam_"], own["cls_"]), {"photos": "prepare.train"}, Makes.CAMS, ("image tags",),
                  random=True),
            Stage("seeds", self.work, (own["seed_"],), {"cams": "cams"}, Makes.LABELS),
        ]
        return [dataclasses.replace(stage, **self.changes.get(stage.name, {})) for stage in stages]

    def chain(self, stages: list[Stage] | None = None, prefix: Callable | None = None) -> Chain:
        """The chain as a new command sees it."""
        return Chain(self.system, self.stages() if stages is None else stages, prefix or self.prefix, self.run_config,
                     lambda: self.source)

    def make(self, target: str = "seeds") -> list[str]:
        """Runs the chain up to a stage; returns the stages that did work."""
        self.worked, chain = [], self.chain()
        for name in chain.required(target):
            chain.run(name)
        return self.worked

    def interrupt(self, name: str) -> None:
        """Stops a stage after two of its three items."""
        self.break_after = 2
        with pytest.raises(KeyboardInterrupt):
            self.chain().run(name)
        self.break_after = None

    def folder(self, stage: str) -> Path:
        """Where a stage keeps its artefacts."""
        return self.chain([]).own_folder(stage)

    def work(self, place, *settings) -> dict:
        """Writes three items, of which those that are there stay."""
        self.worked.append(place.folder.name)
        for item in range(3):
            if item == self.break_after:
                raise KeyboardInterrupt
            if not (place.folder / f"{item}.txt").exists():
                (place.folder / f"{item}.txt").write_text(f"{len(self.worked)}")
        return {"train": self.train, "handed": [repr(own) for own in settings], "inputs": sorted(place.inputs)}


@pytest.fixture
def shop(tmp_path) -> Workshop:
    """A workshop with nothing done yet."""
    return Workshop(tmp_path / "runs")


@pytest.fixture(scope="session")
def content():
    """The function folder -> name -> (bytes, time) of every file below it but locks."""

    def read(folder: Path) -> dict[str, tuple[bytes, int]]:
        return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
                for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}

    return read
