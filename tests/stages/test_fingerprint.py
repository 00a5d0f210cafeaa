"""What outdates a stage and what does not."""

import dataclasses
import functools
import shutil

import pytest

from wsss_tf.config import setting
from wsss_tf.stages import chain as chains
from wsss_tf.stages.fingerprint import counted, fingerprint
from wsss_tf.stages.stage import Stage, work_name


@pytest.mark.parametrize("prefix, change, worked", [
    (None, {"seed": 1}, ["cams", "seeds"]),
    ("cls_", {"lr": 0.5}, ["cams", "seeds"]),
    ("cam_", {"scales": (1.0, 0.5)}, ["cams", "seeds"]),
    ("seed_", {"threshold": 0.9}, ["seeds"]),
    ("cls_", {"log_every": 7}, []),  # settings that count for nothing say so themselves
    ("cam_", {"backend": "own"}, []),
    (None, {"paper_row": "thesis_2.3/A4", "allow_mask_supervision": True, "workers": 3, "replicas": 2}, []),
])
def test_which_settings_rerun_what(shop, prefix, change, worked):
    shop.make()
    shop.set(prefix, **change) if prefix else shop.run(**change)
    assert shop.make() == worked


def test_a_setting_that_no_stage_is_handed_outdates_nothing(shop):
    shop.make()
    shop.settings["other_"] = shop.settings["seed_"]
    shop.set("other_", threshold=0.9)
    assert shop.make() == []


def test_a_setting_whose_name_ends_like_one_without_effect_counts(shop):
    """It is the definition that says so, and no list of names."""

    @dataclasses.dataclass(frozen=True)
    class Own:
        """Settings with telling names."""

        log_every: int = setting(20, "counts here")
        crf_backend: str = setting("auto", "counts here too")
        plain: int = setting(1, "counts for nothing", counts=False)

    named = {field.name: (value, field) for field, value in zip(dataclasses.fields(Own), (7, "own", 2), strict=True)}
    assert counted(named) == {"log_every": 7, "crf_backend": "own"}


def test_a_flag_of_a_later_version_outdates_nothing_until_it_is_used(shop):
    """What was made before the flag existed equals what is made with its default."""
    shop.make()
    old = type(shop.settings["cam_"])
    new = dataclasses.make_dataclass("Maps", [("new", int, setting(2, "a flag of a later version"))], bases=(old,), frozen=True)
    shop.settings["cam_"] = new()
    assert shop.make() == []
    shop.set("cam_", new=3)
    assert shop.make() == ["cams", "seeds"]


def test_a_new_version_or_another_work_is_another_stage(shop):
    shop.make()
    shop.changes["cams"] = {"version": 2}
    assert shop.make() == ["cams", "seeds"]
    shop.changes = {"seeds": {"work": functools.partial(_other_work, "x")}}
    assert shop.chain().folder("cams") is None and shop.make("cams") == [], "version 1 is taken back"
    assert shop.chain().folder("seeds") is None, "of another work"


def _other_work(word, place, *settings):
    return {}


def test_the_arguments_of_a_partial_are_a_part_of_its_work():
    names = {work_name(functools.partial(_other_work, word)) for word in ("x", "y", _other_work, ("x", 1))}
    assert len(names) == 4 and work_name(_other_work) not in names
    stages = [Stage("cams", functools.partial(_other_work, word)) for word in ("x", "y")]
    assert len({fingerprint(stage, {}, 0, {}) for stage in stages}) == 2


def test_two_systems_on_the_same_maps_never_share_what_they_train(shop):
    """Same name, same settings, same inputs; only the work differs."""
    shop.make()
    shop.run(experiment="other", reuse="mine")
    shop.system, shop.changes["seeds"] = "second", {"work": _other_work}
    shop.worked, chain = [], shop.chain()
    assert chain.folder("cams") == shop.folder("cams").parents[1] / "mine" / "cams", "what is the same is shared"
    assert chain.folder("seeds") is None


def test_changed_source_reruns_what_its_content_changes(shop):
    shop.make()
    shop.source = "touched photos"
    assert shop.make() == ["prepare"], "the content is the same"
    shop.source, shop.train = "other photos", "another digest"
    assert shop.make() == ["prepare", "cams", "seeds"]


def test_the_content_of_a_weights_file_counts_and_not_its_path(shop, tmp_path):
    path = tmp_path / "start.weights.h5"
    path.write_bytes(b"first")
    shop.set("cls_", weights=str(path))
    assert shop.make() == ["prepare", "cams", "seeds"]
    moved = shutil.move(path, tmp_path / "elsewhere.weights.h5")
    shop.set("cls_", weights=str(moved))
    assert shop.make() == [], "moved"
    shutil.copy(moved, path)
    shop.set("cls_", weights=str(path))
    assert shop.make() == [], "copied"
    path.write_bytes(b"other")
    assert shop.make() == ["cams", "seeds"], "replaced, with the same size"
    path.write_bytes(b"first")
    assert shop.make() == [], "and back: it is taken back"


def test_a_variable_in_the_path_of_weights_does_not_count(shop, tmp_path, monkeypatch):
    (tmp_path / "start.h5").write_bytes(b"first")
    shop.set("cls_", weights=str(tmp_path / "start.h5"))
    shop.make()
    monkeypatch.setenv("MY_WEIGHTS", str(tmp_path))
    shop.set("cls_", weights="${MY_WEIGHTS}/start.h5")
    assert shop.make() == []


@pytest.mark.parametrize("text", ["imagenet", "none", "absent.h5", "${NOWHERE}/x.h5", "\0"])
def test_a_word_in_place_of_a_file_counts_as_it_stands(shop, text):
    shop.make()
    shop.set("cls_", weights=text)
    assert shop.make() == ["cams", "seeds"]


def chain_of_rounds(shop, count: int):
    stages = [Stage("net_0", shop.work, (shop.settings["cls_"],))]
    for number in range(1, count + 1):
        before = f"net_{number - 1}"
        stages += [Stage(f"features_{number}", shop.work, (), {"net": before}),
                   Stage(f"clusters_{number}", shop.work, (), {"features": f"features_{number}", "net": before}),
                   Stage(f"net_{number}", shop.work, (), {"clusters": f"clusters_{number}", "net": before})]
    return shop.chain(stages)


def test_fingerprints_of_a_chain_with_many_rounds_are_computed_once_each(shop, monkeypatch):
    """Without memory, eight rounds took 50,528 of them."""
    calls = []

    def spy(stage, *arguments):
        calls.append(stage.name)
        return fingerprint(stage, *arguments)

    monkeypatch.setattr(chains, "fingerprint", spy)
    chain = chain_of_rounds(shop, 8)
    assert all(chain.folder(name) is None for name in chain.stages)
    assert len(calls) == len(set(calls)) == 1 + 3 * 8
