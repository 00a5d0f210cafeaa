"""What an experiment is, refuses, and says of itself."""

import json
from pathlib import Path

import pytest

from wsss_tf.commands.parsing import experiment_of
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.nets import tiny as tiny_net
from wsss_tf.nets.origin import Provenance
from wsss_tf.nets.weights import save_weights
from wsss_tf.stages.stage import united
from wsss_tf.systems.catalogue import SYSTEMS

GOLDEN = Path(__file__).parent / "golden/defaults.json"
CLIMBING = ("..", ".", "../other", "a/b", "/tmp/x", "", "-x", ".hidden", "a\\b", "a b", "a\nb", "x" * 300, "a:b", "C:\\x", "~")


def learned_from(experiment: Experiment) -> str:
    """The supervision of the masks, in one phrase."""
    return united(experiment.chain.supervision("masks"))


@pytest.mark.parametrize("supervision", ["none", "image labels", "mask supervision"])
@pytest.mark.parametrize("part, flag", [
    ("segmenter", "seg_weights"), ("classifier", "cls_weights")])
def test_a_start_that_learned_from_masks_marks_the_run(tiny, tmp_path, supervision, part, flag):
    path = tmp_path / "start.weights.h5"
    save_weights(tiny_net.build(8, "none"), path, Provenance("some_net", "tiny", "symmetric", supervision, "0" * 64))
    marked = f"; mask supervision: {part} started from some_net" if "mask" in supervision else ""
    assert learned_from(tiny(f"--{flag}={path}", "--system=superpixel_growing")) == f"image tags{marked}"
    assert learned_from(tiny(f"--{flag}={path}", "--system=cam_baseline")) == f"image tags{marked}"
    assert ("started from some_net" in learned_from(tiny(f"--{flag}={path}"))) == bool(marked)


@pytest.mark.parametrize("supervision", ["none", "mask supervision"])
def test_features_that_learned_from_masks_mark_the_superpixels(tiny, tmp_path, supervision):
    path = tmp_path / "start.weights.h5"
    save_weights(tiny_net.build(8, "none"), path, Provenance("some_net", "tiny", "symmetric", supervision, "0" * 64))
    for system in ("superpixel_growing", "superpixels"):
        words = tiny(f"--feature_weights={path}", "--feature_net=tiny", f"--system={system}").chain.supervision("superpixels")
        assert words == (("mask supervision: features started from some_net",) if "mask" in supervision else ())


def test_weights_that_are_not_there_say_nothing(tiny):
    assert learned_from(tiny("--seg_weights=${NOWHERE}/x.weights.h5", "--system=cam_baseline")) == "image tags"


def test_supervision_never_says_less_than_is_true(tiny):
    """Issue 14: it said "image tags" for every method but one."""
    said = {name: learned_from(tiny(f"--system={name}")) for name in ("masking", "cam_baseline", "superpixel_growing")}
    assert said["cam_baseline"] == said["superpixel_growing"] == "image tags"
    assert said["masking"].startswith("image tags and ") and "saliency" in said["masking"]
    masks = tiny("--saliency_source=ground_truth", "--allow_mask_supervision")
    assert "mask" in learned_from(masks) and "image tags" in learned_from(masks)
    assert tiny("--system=dino").chain.supervision("dino") == ()


@pytest.mark.parametrize("name", CLIMBING)
@pytest.mark.parametrize("flag", ["experiment", "reuse"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, flag, name):
    """A run writes below --runs and nowhere else, and renames nothing but its own stages."""
    if flag == "reuse" and not name:
        assert experiment_of(["--reuse="]).run.reuse == ""
        return
    with pytest.raises(InputError, match=f"--{flag}=.*: expected a name of letters, digits"):
        experiment_of([f"--{flag}={name}", f"--runs={tmp_path / 'runs'}"])
    assert list(tmp_path.iterdir()) == []


def test_ordinary_names_are_taken():
    for name in ("demo_cam", "A4", "table_2.3", "mein-Lauf", "実験"):
        assert experiment_of([f"--experiment={name}", f"--reuse=one,{name}"]).run.experiment == name


@pytest.mark.parametrize("flags, words", [
    (("--paper_row=thesis_9.9/X",), "thesis_9.9"),
    (("--seg_scales=0.5,1",), "--seg_scales=0.5,1: expected 1 first"),
    (("--system=superpixel_growing", "--seg_scales=0.5,1"), "--seg_scales=0.5,1: expected 1 first"),
    (("--cls_resize_long=640,320",), "--cls_resize_long=640,320: expected the shortest"),
    (("--seg_average=batch", "--seg_parts=2"), "--seg_average=batch --seg_parts=2: expected means over images"),
    (("--system=dino", "--dino_global_crop=30"), "--dino_global_crop=30: expected a multiple of"),
])
def test_flags_that_contradict_each_other_are_refused(flags, words):
    with pytest.raises(InputError) as error:
        experiment_of(flags)
    assert words in str(error.value)


def test_scales_need_no_order_where_nothing_depends_on_it():
    assert experiment_of(["--seg_scales=0.5,1", "--attention_weight=0"]).group("segmenter").scales == (0.5, 1)
    assert experiment_of(["--system=cam_baseline", "--seg_scales=0.5,1"]).group("segmenter").scales == (0.5, 1)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_chain_ends_with_what_it_has_made(name):
    chain = Experiment(SYSTEMS[name], experiment_of([]).run, SYSTEMS[name].settings()).chain
    assert chain.last == ("dino" if name == "dino" else "report")
    for stage in chain.stages.values():
        flags = chain.settings(stage.name)
        assert len(flags) == sum(len(vars(own)) for own in stage.settings), f"{stage.name}: two settings of one flag"


def test_a_system_without_masks_says_so():
    with pytest.raises(InputError, match="--system=superpixels: it makes no masks"):
        experiment_of(["--system=superpixels"]).masks()
    assert experiment_of([]).masks() == "masks"


def test_defaults_are_those_of_the_golden_file():
    """Finished runs are known by what differs from the defaults, and users rely on them.

    After a change that is meant, write the file anew and look at the difference:

      python -c "from tests.test_experiment import write_golden; write_golden()" && git diff tests/golden/defaults.json
    """
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == json.loads(json.dumps(defaults()))


def defaults() -> dict[str, dict]:
    """System -> flag -> default, of all systems."""
    return {name: experiment_of([f"--system={name}"]).flags() for name in SYSTEMS}


def write_golden() -> None:
    """Takes the defaults of now for right."""
    GOLDEN.write_text(json.dumps(defaults(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
