"""Figures 3.4 and 3.20 (a): seeds, and what grows from them, as training has it."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.figures.page import draw_page
from wsss_tf.figures.seeds import seed_parts


@pytest.fixture(scope="module")
def sources(growing_run, sources_of):
    """The function (settings) -> Sources of the growing run."""
    def make(experiment=growing_run.experiment, **settings):
        return sources_of(experiment, **settings)

    return make


@pytest.fixture(scope="module")
def growing():
    """What imports TensorFlow is imported here."""
    from wsss_tf.systems.superpixel_growing import figures
    return figures


def written(run, example):
    return np.asarray(Image.open(run.folder / "seeds" / f"{example.image_id}.png"))


def brute_force(seed, ids, probabilities, tags, beta):
    grown = seed.copy()
    for number in np.unique(ids):
        free = (ids == number) & (seed == 255)
        if free.any():
            means = probabilities[free].mean(axis=0)
            best = max([0, *tags], key=lambda label: means[label])
            if means[best] > beta:
                grown[free] = best
    return grown


def test_grown_labels_at_image_resolution_follow_the_equations(sources, growing, growing_run):
    import tensorflow as tf

    from wsss_tf.systems.superpixel_growing.settings import GrowingConfig
    parts = seed_parts(sources(photos=1))[0]
    grower = growing._finished(sources())
    seed, classes = written(growing_run, parts.example), growing_run.experiment.dataset.num_classes
    cells = 64 // growing_run.experiment.settings.seg_backbone.output_stride
    logits = np.random.default_rng(0).normal(0, 2, [1, cells, cells, classes + 1]).astype(np.float32)
    whole = tf.nn.softmax(tf.image.resize(logits, [64, 64]))[0].numpy()
    for beta in (0.1, 0.3):
        config = GrowingConfig(beta, beta, "image")
        expected = brute_force(seed, parts.ids, whole, parts.example.tags, beta)
        np.testing.assert_array_equal(grower.grown(parts, seed, tf.constant(logits), config), expected)
    coarse = grower.grown(parts, seed, tf.constant(logits), dataclasses.replace(config, growing_at="logits"))
    step = 64 // cells
    np.testing.assert_array_equal(coarse, np.kron(coarse[::step, ::step], np.ones([step, step])))
    small = np.s_[::step, ::step]
    exact = tf.nn.softmax(logits)[0].numpy()
    np.testing.assert_array_equal(coarse[small], brute_force(seed[small], parts.ids[small], exact, parts.example.tags, 0.3))


def test_photos_that_the_cells_do_not_cover_evenly(sources, growing):
    whole = seed_parts(sources(photos=1))[0]
    cut = dataclasses.replace(whole, photo=whole.photo[:61, :50], ids=whole.ids[:61, :50], cam=whole.cam[:, :61, :50])
    grower, seed = growing._finished(sources()), np.full([61, 50], 255, np.uint8)
    logits = grower.logits(cut.photo)
    assert grower.output(cut.photo, logits).shape == (61, 50)
    for at in ("image", "logits"):
        config = dataclasses.replace(sources().settings("growing"), growing_at=at, beta_background=0.0, beta_foreground=0.0)
        grown = grower.grown(cut, seed, logits, config)
        assert grown.shape == (61, 50) and set(np.unique(grown)) <= {0, *whole.example.tags}, "at beta 0 all is labeled"


def test_pages_of_the_finished_net(sources, growing, growing_run, nothing_overlaps):
    drawn = sources(photos=2)
    pages = growing.pipeline_page(drawn), growing.grown_page(drawn), growing.beta_page(sources(photos=2, values="0,0.7,1"))
    assert [[panel.above[0] for panel in page.rows[0]] for page in pages] == [
        ["photo", "superpixels", "CAM", "seed", "net's output", "grown label", "ground truth"],
        ["photo", "ground truth", "seed", "grown label"],
        ["photo", "ground truth", "seed", "beta 0", "beta 0.7", "beta 1"]]
    for first, second, third in zip(*(page.rows for page in pages)):
        np.testing.assert_array_equal(first[5].image, second[3].outlined)
        np.testing.assert_array_equal(first[5].image, third[4].image)
        assert (third[3].image != 255).all(), "at beta 0 every superpixel takes a class"
        shares = [np.mean(panel.image != 255) for panel in third[3:]]
        assert shares == sorted(shares, reverse=True)
        np.testing.assert_array_equal(second[3].image, first[0].image)
    for page in pages:
        nothing_overlaps(draw_page(page))


def test_failures_are_the_photos_whose_grown_label_is_least_right(sources, growing, growing_run, nothing_overlaps):
    train = growing_run.experiment.dataset.train
    every = growing.grown_page(sources(images=",".join(example.image_id for example in train)))

    def right(row) -> float:
        grown, truth = row[3].outlined, row[1].outlined
        known = (grown != 255) & (truth != 255)
        return (grown == truth)[known].mean() if known.any() else 2.0

    expected = sorted((right(row), index) for index, row in enumerate(every.rows))[:3]
    page = growing.failures_page(sources(photos=3))
    assert [row[0].below[0] for row in page.rows] == [train[index].image_id for _, index in expected]
    nothing_overlaps(draw_page(page))
    named = growing.failures_page(sources(images=train[0].image_id))
    assert [row[0].below[0] for row in named.rows] == [train[0].image_id]


def test_the_course_of_the_training(sources, growing, growing_run, tiny, nothing_overlaps):
    e = growing_run.experiment
    run = dataclasses.replace(e.run, experiment="course", reuse="tiny_growing,tiny_masking")
    train = dataclasses.replace(e.settings.seg_train, lr=0.002, save_every=2)
    experiment = dataclasses.replace(e, run=run, settings=dataclasses.replace(e.settings, seg_train=train))
    drawn = sources(experiment, photos=1)
    folder = experiment.chain.run("segmenter")
    page = growing.course_page(drawn)
    steps = sorted(int(path.name[5:-6]) for path in (folder / "checkpoints").glob("*.index"))
    assert len(steps) == 2
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", f"output, step {steps[0]}", "output, end", "ground truth"]
    assert [panel and panel.above[0] for panel in page.rows[1]] == ["seed", f"grown, step {steps[0]}", "grown, end", None]
    np.testing.assert_array_equal(page.rows[1][2].image, growing.pipeline_page(drawn).rows[0][5].image)
    assert list(growing.course_figures(drawn)) == ["", "_shares"]
    nothing_overlaps(draw_page(page))
    lines = {line.get_label(): line.get_xydata() for line in growing.course_figure(drawn).axes[0].lines}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    np.testing.assert_allclose(lines["after growing"], [(line["step"], 100 * line["labeled"]) for line in log])
    np.testing.assert_allclose(lines["initial seed"], [(line["step"], 100 * line["seed"]) for line in log])
    for path in (folder / "checkpoints").glob(f"ckpt-{steps[0]}.data*"):
        path.write_bytes(b"broken")
    with pytest.raises(InputError, match=f"ckpt-{steps[0]}: damaged, or of another net"):
        growing.course_page(drawn)


@pytest.mark.parametrize("stage", ["superpixels", "cams", "seeds", "segmenter"])
def test_missing_stage_is_named(stage, sources, growing, growing_run, tmp_path):
    runs = shutil.copytree(growing_run.folder.parent, tmp_path / "runs", ignore=shutil.ignore_patterns(stage))
    run = dataclasses.replace(growing_run.experiment.run, runs=str(runs))
    with pytest.raises(InputError, match=f"{stage}: stage {stage} is missing .* run `wsss run --until={stage}`"):
        growing.pipeline_page(sources(dataclasses.replace(growing_run.experiment, run=run)))


def test_runs_that_grow_nothing_are_told(growing, masking_run, sources):
    with pytest.raises(InputError, match="it tells no labeled shares: draw figure 3.4 of a run whose system grows seeds"):
        growing.course_figure(sources(masking_run.experiment))
    with pytest.raises(InputError, match="--system=masking: it makes no superpixels"):
        growing.pipeline_page(sources(masking_run.experiment))
