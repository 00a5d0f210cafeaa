"""Drawing the figures of chapter 2 from finished runs, and what is wrong when they cannot be drawn."""

import dataclasses
import json
import shutil

import pytest
from matplotlib import rcParams

from wsss_tf.errors import InputError


@pytest.fixture(scope="module")
def draw(drawn, tiny, masking_run, cam_run):
    """The function (flags, settings) -> paths; draws into a run of its own that reuses the masking run."""
    return lambda *more, **settings: drawn(tiny("--experiment=drawn", "--reuse=tiny_masking", *more), **settings)


def test_figure_2_5_of_the_photos_with_the_most_tags(draw, masking_run, drawn_files):
    paths = draw(figure="2.5", photos=2)
    val = masking_run.experiment.dataset.val
    ids = sorted((-len(example.tags), index) for index, example in enumerate(val))
    drawn_files(paths, [f"fig_2_5_{val[index].image_id}" for _, index in ids[:2]])
    assert paths[0].parent == masking_run.folder.parent / "drawn" / "figures"


def test_same_run_same_bytes_and_no_setting_of_matplotlib_changed(draw):
    before = dict(rcParams)
    first = [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert first == [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert dict(rcParams) == before


@pytest.mark.parametrize("stage", ["classifier", "segmenter"])
def test_missing_stage_is_named(stage, tiny, drawn, masking_run, tmp_path):
    shutil.copytree(masking_run.folder, tmp_path / "runs" / "tiny_masking", ignore=shutil.ignore_patterns(stage))
    experiment = tiny("--experiment=tiny_masking", f"--runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match=f"tiny_masking/{stage}: stage {stage} is missing .*`wsss run --until={stage}`"):
        drawn(experiment, figure="2.5")


@pytest.mark.parametrize("settings, words", [
    ({"images": "shapes_val_0000,absent"}, "--images: 'absent' is not among the 4 evaluation images .*shapes_val_0000"),
    ({"values": "1"}, "--values=1: figure 2.5 shows no setting's effect"),
    ({"compare": "tiny_cam"}, "--compare=tiny_cam: figure 2.5 shows one run")])
def test_wrong_settings_of_figure_2_5(settings, words, draw):
    with pytest.raises(InputError, match=words):
        draw(figure="2.5", **settings)


@pytest.mark.parametrize("count", [0, 7])
def test_photo_with_too_many_or_no_tags(count, drawn, sources_of, masking_run):
    e = dataclasses.replace(masking_run.experiment)
    e.chain.require("segmenter")  # the chain knows the data set as it is
    photo = dataclasses.replace(e.dataset.val[0], tags=tuple(range(1, count + 1)))
    e.__dict__["dataset"] = dataclasses.replace(e.dataset, val=(photo, *e.dataset.val[1:]))
    with pytest.raises(InputError, match=f"shapes_val_0000.jpg: expected 1 to 6 tags, found {count}: choose another"):
        drawn(e, figure="2.5", images="shapes_val_0000")
    chosen = sources_of(e).val(max_tags=6)
    assert "shapes_val_0000" not in [example.image_id for example in chosen] and len(chosen) == 3


@pytest.mark.parametrize("crf, columns", [("with", 4), ("without", 4), ("both", 6)])
def test_crf_is_selectable(crf, columns, tiny, sources_of, masking_run, cam_run):
    from wsss_tf.figures.index import FIGURES, find_kind

    sources = sources_of(tiny("--experiment=drawn"), figure="2.7", compare="tiny_masking,tiny_cam", crf=crf,
                         images="shapes_val_0003")
    assert [head.endswith(" + CRF") for head, _ in sources.masks()] == {
        "with": [True] * 2, "without": [False] * 2, "both": [False, True] * 2}[crf]
    assert all(len(find_kind(number, FIGURES).draw(sources)[""].axes) == columns for number in ("2.7", "outlines"))


def test_compared_runs_must_exist_and_be_of_these_photos(draw, masking_run, tiny, tmp_path):
    with pytest.raises(InputError, match="absent: it has no masks: run `wsss run` with the flags of absent"):
        draw(figure="2.7", compare="tiny_masking,absent")
    runs = shutil.copytree(masking_run.folder.parent / "tiny_cam", tmp_path / "runs" / "other").parent
    manifest = runs / "other/masks/manifest.json"
    content = json.loads(manifest.read_text())
    content["inputs"]["photos"]["fingerprint"] = "of another data set"
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="other/masks: it was made from other images than those"):
        draw(f"--runs={runs}", figure="2.7", compare="other")


def test_script_draws_both_figures(script, tiny_flags, masking_run, cam_run):
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--reuse=tiny_masking", "--figure=2.5", "--images=shapes_val_0001")
    folder = masking_run.folder.parent / "by_script" / "figures"
    assert ended.code == 0 and ended.out.splitlines() == [str(folder / f"fig_2_5_shapes_val_0001.{end}")
                                                          for end in ("png", "pdf")]
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--figure=2.7", "--compare=tiny_masking,tiny_cam")
    assert ended.code == 0 and sorted(path.name for path in folder.glob("fig_2_7.*")) == ["fig_2_7.pdf", "fig_2_7.png"]
    ended = script("figures", *tiny_flags, "--experiment=nothing", "--figure=2.5", "--images=shapes_val_0001")
    assert ended.code == 2 and ended.error.endswith("`wsss run --until=classifier` with the same flags first")
