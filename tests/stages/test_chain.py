"""What a chain runs, skips, reuses and tells, with stages that only write a small file."""

import dataclasses
import json
from importlib import metadata

import pytest

from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, read_manifest
from wsss_tf.stages.reuse import absent_experiments
from wsss_tf.stages.stage import Stage, united
from wsss_tf.stages.versions import machine


def test_required_lists_each_stage_once_and_inputs_first(shop):
    assert shop.chain().required() == shop.chain().required("seeds") == ["prepare", "cams", "seeds"]
    assert shop.chain().required("cams") == ["prepare", "cams"]


def test_a_stage_that_needs_what_does_not_come_before_it_is_a_mistake_of_the_system(shop):
    stages = shop.stages()
    for wrong in (stages[::-1], stages[1:], [*stages, stages[0]]):
        with pytest.raises(ValueError, match="stage (seeds|cams|prepare): "):
            shop.chain(wrong)


def test_a_stage_that_the_system_lacks_is_refused_with_those_that_it_has(shop):
    for ask in (shop.chain().required, shop.chain().run, shop.chain().stage):
        with pytest.raises(InputError, match="camz: --system=fake has no such stage: choose one of prepare, cams, seeds"):
            ask("camz")


def test_finished_stage_is_skipped_and_left_untouched(shop, capsys, content):
    assert shop.make() == ["prepare", "cams", "seeds"]
    before = content(shop.folder("seeds").parent)
    assert shop.make() == []
    assert content(shop.folder("seeds").parent) == before
    assert f"[seeds] up to date: {shop.folder('seeds')}" in capsys.readouterr().out


def test_manifest_tells_how_the_stage_was_made(shop):
    shop.make()
    manifest = read_manifest(shop.folder("cams"))
    assert manifest["system"] == "fake" and manifest["stage"] == "cams" and manifest["version"] == 1
    assert manifest["experiment"] == "mine" and manifest["seed"] == 0 and manifest["makes"] == "cams"
    assert manifest["settings"] == {"cam_scales": [0.5, 1.0], "cam_flip": False, "cam_backend": "auto", "cls_lr": 0.1,
                                    "cls_weights": "", "cls_log_every": 20}
    assert manifest["inputs"] == {"photos": {"from": "prepare.train", "fingerprint": "digest of the photos"}}
    assert manifest["results"]["train"] == "digest of the photos"
    assert {"tensorflow", "keras", "numpy", "python", "revision"} <= manifest["machine"].keys()
    assert sorted(path.name for path in shop.folder("cams").iterdir()) == ["0.txt", "1.txt", "2.txt", MANIFEST]


def test_work_gets_exactly_the_settings_of_its_manifest_and_the_inputs_that_it_needs(shop):
    shop.make()
    for name, handed, inputs in (("prepare", (), []), ("cams", ("cam_", "cls_"), []), ("seeds", ("seed_",), ["cams"])):
        results = read_manifest(shop.folder(name))["results"]
        assert results["handed"] == [repr(shop.settings[prefix]) for prefix in handed]
        assert results["inputs"] == inputs, "the folder of prepare is not needed where a part of its results is"


def test_supervision_is_united_along_the_chain(shop):
    shop.changes["cams"] = {"supervision": ("image tags", "mask supervision: classifier started from some_net")}
    shop.changes["seeds"] = {"supervision": ("saliency maps",)}
    shop.make()
    assert read_manifest(shop.folder("prepare"))["learned_from"] == "none"
    assert read_manifest(shop.folder("seeds"))["learned_from"] == (
        "image tags and saliency maps; mask supervision: classifier started from some_net")
    assert united(("a", "b", "a")) == "a and b" and united(()) == "none"


def test_reuse_takes_stages_of_another_experiment_where_fingerprints_agree(shop, content):
    shop.make()
    theirs = shop.folder("seeds").parent
    before = content(theirs)
    shop.run(experiment="other", reuse="absent,mine")
    shop.set("seed_", threshold=0.9)
    assert shop.make() == ["seeds"]
    assert shop.chain().run("cams") == theirs / "cams"
    assert shop.folder("seeds") == theirs.with_name("other") / "seeds" and shop.folder("seeds").is_dir()
    assert content(theirs) == before, "the other experiment stays as it is"


def test_experiments_in_reuse_that_are_not_there_are_told(shop):
    shop.make()
    shop.run(reuse="mien,mine")
    assert absent_experiments(shop.run_config) == [
        f"--reuse=mien: no such experiment in {shop.run_config.runs}, did you mean 'mine'?"]


def test_what_bears_the_name_of_an_experiment_is_never_taken_from_another(shop):
    shop.changes["seeds"] = {"own": True}
    shop.make()
    shop.run(experiment="other", reuse="mine")
    assert shop.make() == ["seeds"]


def test_runs_of_another_seed_share_what_no_seed_decides(shop):
    """The photos are the same for every seed; what draws from it and what follows from that are not."""
    shop.make()
    shop.run(experiment="other", reuse="mine", seed=1)
    assert shop.make() == ["cams", "seeds"]


def test_without_reuse_nothing_is_taken_from_other_experiments(shop):
    shop.make()
    shop.run(experiment="other")
    assert shop.make() == ["prepare", "cams", "seeds"]


def test_reuse_never_takes_an_unfinished_stage(shop):
    shop.make("prepare")
    shop.interrupt("cams")
    shop.run(experiment="other", reuse="mine")
    assert shop.make("cams") == ["cams"]


@pytest.mark.parametrize("done, target, missing", [
    ((), "seeds", "cams"), ((), "cams", "prepare"), (("prepare",), "seeds", "cams")])
def test_missing_input_names_the_command_that_makes_it(shop, done, target, missing):
    for name in done:
        shop.chain().run(name)
    with pytest.raises(InputError, match=f"run `wsss run --until={missing}` with the same flags first"):
        shop.chain().run(target)
    assert not shop.folder(target).exists()


def test_outdated_input_names_the_command_that_makes_it(shop):
    shop.make()
    shop.set("cam_", flip=True)
    with pytest.raises(InputError, match="stage cams is missing or was made with other settings: run `wsss run --until=cams`"):
        shop.chain().run("seeds")


@pytest.mark.parametrize("damage", [b"", b"{", b'{"fingerprint": ', b"\xff\xfe\x00", b"[]", b"{}", b'"text"'])
def test_damaged_manifest_is_named_with_its_remedy(shop, damage):
    shop.make()
    path = shop.folder("cams") / MANIFEST
    path.write_bytes(damage)
    with pytest.raises(InputError, match=rf"^{path}: damaged .*: move its folder away and run the stage again$"):
        shop.chain().run("seeds")
    path.parent.rename(path.parent.with_name("away"))
    assert shop.make() == ["cams"]


def test_what_the_message_on_a_damaged_manifest_advises_works(shop):
    shop.make()
    (shop.folder("cams") / MANIFEST).write_text("torn")
    shop.folder("cams").rename(shop.folder("cams").with_name("away"))
    assert shop.make() == ["cams"]


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file: this stage has not been finished"):
        read_manifest(tmp_path)


def test_masks_of_training_photos_need_permission_before_any_stage_works(shop):
    shop.changes["seeds"] = {"opens_masks": True}
    with pytest.raises(InputError, match="stage seeds: .*: add --allow_mask_supervision if that is meant"):
        shop.chain().prove(["prepare", "cams", "seeds"])
    shop.run(allow_mask_supervision=True)
    shop.chain().prove(["prepare", "cams", "seeds"])


def test_what_is_not_there_is_told_before_any_stage_works_but_not_of_finished_ones(shop):
    def prove(dataset, *settings):
        assert dataset == "photos" and settings == (shop.settings["seed_"],)
        raise InputError("x.png: not there")

    shop.changes["seeds"] = {"prove": prove}
    with pytest.raises(InputError, match="x.png: not there"):
        shop.chain().prove(["prepare", "cams", "seeds"])
    with pytest.raises(InputError, match="x.png: not there"):
        shop.make()
    assert shop.worked == ["prepare", "cams"]
    shop.changes.clear()
    shop.make()
    shop.changes["seeds"] = {"prove": prove}
    shop.chain().prove(["prepare", "cams", "seeds"])


def test_rounds_are_a_plain_loop_and_each_stage_is_visited_once(shop):
    chain = shop.chain(rounds(shop, 8))
    for name in chain.required():
        chain.run(name)
    assert len(shop.worked) == len(set(shop.worked)) == 1 + 3 * 8


def rounds(shop, count: int) -> list[Stage]:
    """Clusters and classifiers in turn, each with two inputs, as in SC-CAM."""
    stages = [Stage("net_0", shop.work, (shop.settings["cls_"],), random=True)]
    for number in range(1, count + 1):
        before = f"net_{number - 1}"
        stages += [Stage(f"features_{number}", shop.work, (), {"net": before}),
                   Stage(f"clusters_{number}", shop.work, (), {"features": f"features_{number}", "net": before}, random=True),
                   Stage(f"net_{number}", shop.work, (), {"clusters": f"clusters_{number}", "net": before}, random=True)]
    return stages


def test_the_settings_of_a_stage_bear_the_names_of_their_flags(shop):
    assert shop.chain().settings("seeds") == {"seed_threshold": 0.2} and shop.chain().settings("prepare") == {}


def test_machine_knows_packages_that_pip_does_not(monkeypatch):
    """tensorflow-cpu, opencv-python or a checkout that was not installed must not stop a finished stage."""

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert json.dumps(machine())


def test_a_place_is_all_that_work_touches():
    from wsss_tf.stages.place import Place

    assert [field.name for field in dataclasses.fields(Place)] == ["folder", "inputs", "open_dataset", "seed", "machine"]
