"""The stage machinery, with stages that only write a small file."""

import dataclasses
import fcntl
import json
import os
from importlib import metadata
from pathlib import Path

import pytest

from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment, RunConfig
from wsss_tf.stages.stage import MANIFEST, Chain, Stage, machine, read_manifest


class Workshop:
    """A chain prepare -> cams -> seeds of fake stages that counts how often each one works."""

    def __init__(self, runs: Path):
        self.experiment = Experiment(run=RunConfig(runs=str(runs), experiment="mine"))
        self.source, self.train = "photos", "digest of the photos"
        self.worked = []
        self.break_after = None  # items that a stage writes before it fails

    def set(self, group: str, **settings) -> None:
        changed = dataclasses.replace(getattr(self.experiment, group), **settings)
        self.experiment = dataclasses.replace(self.experiment, **{group: changed})

    def chain(self) -> Chain:
        stages = (
            Stage("prepare", "prepare_data", ("data",), lambda e: (), self._work),
            Stage("cams", "make_cams", ("cam", "cls_train"), lambda e: ("prepare.train",), self._work, random=True),
            Stage("seeds", "make_seeds", ("seeds",), lambda e: ("cams",), self._work),
        )
        return Chain({stage.name: stage for stage in stages}, self.experiment, lambda e: self.source)

    def make(self, target: str = "seeds") -> list[str]:
        """Runs the chain up to a stage; returns the stages that did work."""
        self.worked, chain = [], self.chain()
        for name in chain.required(target):
            chain.run(name)
        return self.worked

    def folder(self, stage: str) -> Path:
        return self.experiment.folder(stage)

    def _work(self, experiment, folder, inputs):
        self.worked.append(folder.name)
        for item in range(3):
            if item == self.break_after:
                raise KeyboardInterrupt
            if not (folder / f"{item}.txt").exists():
                (folder / f"{item}.txt").write_text(f"{len(self.worked)}")
        return {"train": self.train}


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path / "runs")


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in folder.rglob("*") if path.is_file()}


def test_required_lists_each_stage_once_and_inputs_first(shop):
    assert shop.chain().required("seeds") == ["prepare", "cams", "seeds"]
    assert shop.chain().required("cams") == ["prepare", "cams"]


def test_finished_stage_is_skipped_and_left_untouched(shop, capsys):
    assert shop.make() == ["prepare", "cams", "seeds"]
    before = content(shop.folder("seeds").parent)
    assert shop.make() == []
    assert content(shop.folder("seeds").parent) == before
    assert f"[seeds] up to date: {shop.folder('seeds')}" in capsys.readouterr().out


def test_manifest_tells_how_the_stage_was_made(shop):
    shop.make()
    manifest = read_manifest(shop.folder("cams"))
    assert manifest["stage"] == "cams" and manifest["experiment"] == "mine" and manifest["seed"] == 0
    assert manifest["settings"]["cam_scales"] == [0.5, 0.75, 1.0] and manifest["settings"]["cls_epochs"] == 50
    assert manifest["inputs"] == {"prepare.train": "digest of the photos"}
    assert manifest["results"] == {"train": "digest of the photos"}
    assert {"tensorflow", "keras", "numpy", "python", "revision"} <= manifest["machine"].keys()
    assert sorted(path.name for path in shop.folder("cams").iterdir()) == ["0.txt", "1.txt", "2.txt", MANIFEST]


def test_changed_setting_reruns_from_its_stage_and_keeps_the_old_folder(shop, capsys):
    shop.make()
    old = content(shop.folder("cams"))
    shop.set("cam", flip=True)
    assert shop.make() == ["cams", "seeds"]
    aside = shop.folder("cams").with_name("cams.outdated-1")
    assert content(aside) == old
    assert f"[cams] made with other settings or inputs before: kept as {aside}" in capsys.readouterr().out
    assert read_manifest(shop.folder("cams"))["settings"]["cam_flip"] is True


def test_every_outdated_folder_is_kept(shop):
    for threshold in (0.1, 0.2, 0.3):
        shop.set("seeds", cam_threshold=threshold)
        shop.make()
    kept = {path.name: read_manifest(path)["settings"]["cam_threshold"]
            for path in shop.folder("seeds").parent.glob("seeds*")}
    assert kept == {"seeds": 0.3, "seeds.outdated-1": 0.1, "seeds.outdated-2": 0.2}


@pytest.mark.parametrize("change, worked", [
    ({"group": "run", "seed": 1}, ["cams", "seeds"]),
    ({"group": "cls_train", "lr": 0.5}, ["cams", "seeds"]),
    ({"group": "seeds", "cam_threshold": 0.9}, ["seeds"]),
    ({"group": "cls_train", "log_every": 7, "save_every": 9}, []),
    ({"group": "test", "crf_backend": "own"}, []),
    ({"group": "seg_train", "lr": 0.5}, []),  # no stage here reads it
    ({"group": "run", "method": "cam_baseline"}, []),
])
def test_which_settings_rerun_what(shop, change, worked):
    shop.make()
    shop.set(**change)
    assert shop.make() == worked


def test_a_flag_of_a_later_version_outdates_nothing_until_it_is_used(shop, monkeypatch):
    """What was made before the flag existed equals what is made with its default."""
    shop.make()
    later = Experiment.settings
    for value, worked in ((2, []), (3, ["cams", "seeds"])):
        def settings(self, *groups, value=value):
            new = 2 if self == Experiment() else value  # its default is 2
            return later(self, *groups) | ({"cam_new": new} if "cam" in groups else {})

        monkeypatch.setattr(Experiment, "settings", settings)
        assert shop.make() == worked


def test_changed_source_reruns_what_its_content_changes(shop):
    shop.make()
    shop.source = "touched photos"
    assert shop.make() == ["prepare"], "the content is the same"
    shop.source, shop.train = "other photos", "another digest"
    assert shop.make() == ["prepare", "cams", "seeds"]


def test_reuse_takes_stages_of_another_experiment_where_fingerprints_agree(shop):
    shop.make()
    theirs = shop.folder("seeds").parent
    before = content(theirs)
    shop.set("run", experiment="other", reuse="absent,mine")
    shop.set("seeds", cam_threshold=0.9)
    assert shop.make() == ["seeds"]
    assert shop.chain().run("cams") == theirs / "cams"
    assert shop.folder("seeds") == theirs.with_name("other") / "seeds" and shop.folder("seeds").is_dir()
    assert content(theirs) == before, "the other experiment stays as it is"


def test_runs_of_another_seed_share_what_no_seed_decides(shop):
    """The photos are the same for every seed; what draws from it and what follows from that are not."""
    shop.make()
    shop.set("run", experiment="other", reuse="mine", seed=1)
    assert shop.make() == ["cams", "seeds"]


def test_without_reuse_nothing_is_taken_from_other_experiments(shop):
    shop.make()
    shop.set("run", experiment="other")
    assert shop.make() == ["prepare", "cams", "seeds"]


def test_reuse_never_takes_an_unfinished_stage(shop):
    shop.make("prepare")
    shop.break_after = 2
    with pytest.raises(KeyboardInterrupt):
        shop.chain().run("cams")
    shop.break_after = None
    shop.set("run", experiment="other", reuse="mine")
    assert shop.make("cams") == ["cams"]


@pytest.mark.parametrize("done, target, script", [
    ((), "seeds", "make_cams"), ((), "cams", "prepare_data"), (("prepare",), "seeds", "make_cams")])
def test_missing_input_names_the_script_that_makes_it(shop, done, target, script):
    for name in done:
        shop.chain().run(name)
    with pytest.raises(InputError, match=f"run scripts/{script}.py with the same flags first"):
        shop.chain().run(target)
    assert not shop.folder(target).exists()


def test_outdated_input_names_the_script_that_makes_it(shop):
    shop.make()
    shop.set("cam", flip=True)
    with pytest.raises(InputError, match=r"stage cams is missing or was made with other settings: .*make_cams\.py"):
        shop.chain().run("seeds")


def test_interrupted_stage_continues_in_its_folder_and_keeps_what_is_done(shop):
    shop.make("prepare")
    shop.break_after = 2
    with pytest.raises(KeyboardInterrupt):
        shop.chain().run("cams")
    done = content(shop.folder("cams"))
    assert not (shop.folder("cams") / MANIFEST).exists()
    shop.break_after = None
    assert shop.make("cams") == ["cams"]
    now = content(shop.folder("cams"))
    assert now["0.txt"] == done["0.txt"] and now["1.txt"] == done["1.txt"]
    assert sorted(now) == ["0.txt", "1.txt", "2.txt", MANIFEST]
    assert list(shop.folder("cams").parent.glob("*.outdated-*")) == []


def test_interrupted_stage_with_other_settings_is_moved_aside(shop):
    shop.make("prepare")
    shop.break_after = 2
    with pytest.raises(KeyboardInterrupt):
        shop.chain().run("cams")
    shop.break_after = None
    shop.set("cam", flip=True)
    shop.make("cams")
    assert (shop.folder("cams").with_name("cams.outdated-1") / "1.txt").exists()


def test_files_of_somebody_else_are_kept(shop):
    shop.make("prepare")
    shop.folder("cams").mkdir()
    (shop.folder("cams") / "notes.txt").write_text("mine")
    shop.make("cams")
    assert (shop.folder("cams").with_name("cams.outdated-1") / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"fingerprint": ', b"\xff\xfe\x00", b"[]", b"{}", b'"text"'])
def test_damaged_manifest_is_named_with_its_remedy(shop, damage):
    shop.make()
    path = shop.folder("cams") / MANIFEST
    path.write_bytes(damage)
    with pytest.raises(InputError, match=rf"^{path}: damaged .*: delete it and run the stage again$"):
        shop.chain().run("seeds")
    path.unlink()
    assert shop.make() == ["cams"], "what the message advises works"


def test_damaged_note_of_an_unfinished_stage_moves_the_folder_aside(shop):
    shop.make("prepare")
    shop.folder("cams").mkdir()
    (shop.folder("cams") / "unfinished.json").write_text('{"finger')
    (shop.folder("cams") / "0.txt").write_text("of whom?")
    assert shop.make("cams") == ["cams"]
    assert (shop.folder("cams").with_name("cams.outdated-1") / "0.txt").read_text() == "of whom?"


def test_stage_that_failed_before_it_wrote_anything_leaves_no_outdated_folder(shop):
    shop.break_after = 0
    with pytest.raises(KeyboardInterrupt):
        shop.chain().run("prepare")
    shop.break_after, shop.source = None, "mended photos"
    shop.make("prepare")
    assert [path.name for path in shop.folder("prepare").parent.iterdir()] == ["prepare"]


def test_missing_manifest_is_named():
    with pytest.raises(InputError, match="no such manifest"):
        read_manifest(Path("nowhere"))


def test_machine_knows_packages_that_pip_does_not(monkeypatch):
    """tensorflow-cpu, opencv-python or a checkout that was not installed must not stop a finished stage."""

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert json.dumps(machine())


@pytest.mark.parametrize("settings", [{}, {"scales": (1.0,)}])
def test_a_stage_that_another_process_makes_is_left_alone(shop, settings):
    """Whether it makes the same or something else: its folder is neither written to nor renamed."""
    shop.make("prepare")
    shop.break_after = 1
    with pytest.raises(KeyboardInterrupt):
        shop.make("cams")
    shop.break_after = None
    shop.set("cam", **settings)
    before = {path.name: path.read_bytes() for path in shop.folder("cams").iterdir()}
    descriptor = os.open(shop.folder("cams"), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="cams: another process is making this stage: wait until it is done"):
        shop.make("cams")
    assert {path.name: path.read_bytes() for path in shop.folder("cams").iterdir()} == before
    os.close(descriptor)  # as when the process ends, however it ends
    assert shop.make("cams") == ["cams"]
