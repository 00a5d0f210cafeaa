"""The command and the files that it writes, and what is wrong when they cannot be drawn."""

import json
import shutil

import pytest
from matplotlib import rcParams

from wsss_tf.errors import InputError


@pytest.fixture(scope="module")
def draw(drawn, tiny, masking_run, cam_run):
    """The function (flags, settings) -> paths; draws into a run of its own that reuses the masking run."""
    return lambda *more, **settings: drawn(tiny("--experiment=drawn", "--reuse=tiny_masking", *more), **settings)


@pytest.mark.parametrize("figure", ["2.1", "3.18", "outlines"])
def test_files_bear_the_number_or_name_that_was_asked_for(figure, draw, masking_run, drawn_files):
    paths = draw(figure=figure, photos=1)
    drawn_files(paths, [f"fig_{figure.replace('.', '_')}"])
    assert paths[0].parent == masking_run.folder.parent / "drawn" / "figures"


def test_same_run_same_bytes_and_no_setting_of_matplotlib_changed(draw):
    before = dict(rcParams)
    first = [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert first == [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert dict(rcParams) == before


@pytest.mark.parametrize("stage", ["classifier", "segmenter"])
def test_missing_stage_is_named(stage, tiny, draw, masking_run, tmp_path):
    shutil.copytree(masking_run.folder, tmp_path / "runs" / "tiny_masking", ignore=shutil.ignore_patterns(stage))
    with pytest.raises(InputError, match=f"/{stage}: stage {stage} is missing .* run `wsss run --until={stage}`"):
        draw(f"--runs={tmp_path / 'runs'}", figure="2.5")


@pytest.mark.parametrize("settings, words", [
    ({"figure": "2.5", "images": "shapes_val_0000,absent"},
     "--images: 'absent' is not among the 4 evaluation images .*shapes_val_0000"),
    ({"figure": "2.5", "values": "1"}, "--values=1: figure 2.5 shows no setting's effect"),
    ({"figure": "2.5", "compare": "tiny_cam"}, "--compare=tiny_cam: figure 2.5 shows one run"),
    ({"figure": "3.4"}, "--figure=3.4: it is drawn from runs of --system=superpixel_growing, not of masking"),
    ({"figure": "9.9"}, "--figure=9.9: expected list or one of")])
def test_wrong_settings(settings, words, draw):
    with pytest.raises(InputError, match=words):
        draw(**settings)


def test_compared_runs_must_exist_and_be_of_these_photos(draw, masking_run, tmp_path):
    with pytest.raises(InputError, match="absent: it has no masks: run `wsss run` with the flags of absent first"):
        draw(figure="2.7", compare="tiny_masking,absent")
    runs = shutil.copytree(masking_run.folder.parent / "tiny_cam", tmp_path / "runs" / "other").parent
    manifest = runs / "other/masks/manifest.json"
    content = json.loads(manifest.read_text())
    (photos,) = [told for told in content["inputs"].values() if told["from"] == "prepare.val"]
    photos["fingerprint"] = "of another data set"
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="other/masks: it was made from other images than those"):
        draw(f"--runs={runs}", figure="2.7", compare="other")


def test_the_command_draws(script, tiny_flags, masking_run, cam_run):
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--reuse=tiny_masking", "--figure=2.5",
                   "--images=shapes_val_0001")
    folder = masking_run.folder.parent / "by_script" / "figures"
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [str(folder / f"fig_2_5_shapes_val_0001.{end}") for end in ("png", "pdf")]
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--figure=2.7", "--compare=tiny_masking,tiny_cam")
    assert ended.code == 0 and sorted(path.name for path in folder.glob("fig_2_7.*")) == ["fig_2_7.pdf", "fig_2_7.png"]
    ended = script("figures", *tiny_flags, "--experiment=nothing", "--figure=2.7")
    assert ended.code == 2 and ended.error.endswith("run `wsss run --until=masks` with the same flags first")
