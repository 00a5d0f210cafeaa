"""Drawing the figures of chapter 2 from finished runs, and what is wrong when they cannot be drawn."""

import dataclasses
import json
import shutil

import pytest
from matplotlib import rcParams

from wsss_tf.errors import InputError


@pytest.fixture(scope="module")
def figures():
    """What imports TensorFlow is imported here."""
    from wsss_tf.figures import draw as figures
    return figures


@pytest.fixture(scope="module")
def draw(figures, tiny, masking_run, cam_run):
    """The function (flags, settings) -> paths; draws into a run of its own that reuses the masking run."""
    from wsss_tf.stages.steps import open_chain

    def run(*more: str, **settings):
        experiment = tiny("--experiment=drawn", "--reuse=tiny_masking", *more)
        return figures.draw_figures(open_chain(experiment), experiment, figures.FigureConfig(**settings))

    return run


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


def test_run_without_attention_takes_a_classifier_that_exists(tiny, figures, masking_run, drawn_files):
    from wsss_tf.stages.steps import open_chain
    experiment = tiny("--experiment=row_a2", "--attention_weight=0", "--reuse=tiny_masking", "--seg_epochs=1")
    chain = open_chain(experiment)
    assert "classifier" not in chain._stages["segmenter"].needs(experiment)
    chain.run("segmenter")
    drawn_files(figures.draw_figures(chain, experiment, figures.FigureConfig(images="shapes_val_0001")),
                ["fig_2_5_shapes_val_0001"])


@pytest.mark.parametrize("stage, script", [("classifier", "train_classifier"), ("segmenter", "train_segmenter")])
def test_missing_stage_is_named(stage, script, tiny, figures, masking_run, tmp_path):
    from wsss_tf.stages.steps import open_chain
    shutil.copytree(masking_run.folder, tmp_path / "runs" / "tiny_masking", ignore=shutil.ignore_patterns(stage))
    experiment = tiny("--experiment=tiny_masking", f"--runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match=f"tiny_masking/{stage}: stage {stage} is missing .* run scripts/{script}.py"):
        figures.draw_figures(open_chain(experiment), experiment, figures.FigureConfig())


@pytest.mark.parametrize("settings, words", [
    ({"images": "shapes_val_0000,absent"}, "--images: 'absent' is not among the 4 evaluation images .*shapes_val_0000"),
    ({"values": "1"}, "--values=1: figure 2.5 shows no setting's effect"),
    ({"compare": "tiny_cam"}, "--compare=tiny_cam: figure 2.5 shows one run")])
def test_wrong_settings_of_figure_2_5(settings, words, draw):
    with pytest.raises(InputError, match=words):
        draw(figure="2.5", **settings)


@pytest.mark.parametrize("count", [0, 7])
def test_photo_with_too_many_or_no_tags(count, figures, masking_run):
    from wsss_tf.stages.steps import open_chain
    e = dataclasses.replace(masking_run.experiment)
    chain = open_chain(e)
    photo = dataclasses.replace(e.dataset.val[0], tags=tuple(range(1, count + 1)))
    changed = dataclasses.replace(e.dataset, val=(photo, *e.dataset.val[1:]))
    e.__dict__["dataset"] = changed
    with pytest.raises(InputError, match=f"shapes_val_0000.jpg: expected 1 to 6 tags, found {count}: choose another"):
        figures.draw_figures(chain, e, figures.FigureConfig(images="shapes_val_0000"))
    chosen = figures.Sources(chain, e, figures.FigureConfig()).val(max_tags=6)
    assert "shapes_val_0000" not in [example.image_id for example in chosen] and len(chosen) == 3


@pytest.mark.parametrize("crf, columns", [("with", 4), ("without", 4), ("both", 6)])
def test_crf_is_selectable(crf, columns, tiny, figures, masking_run, cam_run):
    from wsss_tf.figures.index import find_kind
    from wsss_tf.stages.steps import open_chain
    experiment = tiny("--experiment=drawn")
    sources = figures.Sources(open_chain(experiment), experiment, figures.FigureConfig(
        figure="2.7", compare="tiny_masking,tiny_cam", crf=crf, images="shapes_val_0003"))
    assert [head.endswith(" + CRF") for head, _ in sources.masks()] == {
        "with": [True] * 2, "without": [False] * 2, "both": [False, True] * 2}[crf]
    assert all(len(find_kind(number).draw(sources)[""].axes) == columns for number in ("2.7", "2.8", "3.20"))


def test_compared_runs_must_exist_and_be_of_these_photos(draw, masking_run, tiny, tmp_path):
    with pytest.raises(InputError, match="absent/masks: stage masks is missing: run scripts/predict.py with"):
        draw(figure="2.7", compare="tiny_masking,absent")
    runs = shutil.copytree(masking_run.folder.parent / "tiny_cam", tmp_path / "runs" / "other").parent
    manifest = runs / "other/masks/manifest.json"
    content = json.loads(manifest.read_text())
    content["inputs"]["prepare.val"] = "of another data set"
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="other/masks: it was made from other images than those"):
        draw(f"--runs={runs}", figure="2.7", compare="other")


def test_script_draws_both_figures(script, tiny_flags, masking_run, cam_run):
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--reuse=tiny_masking", "--images=shapes_val_0001")
    folder = masking_run.folder.parent / "by_script" / "figures"
    assert ended.code == 0 and ended.out.splitlines() == [str(folder / f"fig_2_5_shapes_val_0001.{end}")
                                                          for end in ("png", "pdf")]
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--figure=2.7", "--compare=tiny_masking,tiny_cam")
    assert ended.code == 0 and sorted(path.name for path in folder.glob("fig_2_7.*")) == ["fig_2_7.pdf", "fig_2_7.png"]
    ended = script("figures", *tiny_flags, "--experiment=nothing", "--images=shapes_val_0001")
    assert ended.code == 2 and ended.error.endswith("run scripts/train_segmenter.py with the same flags first")
