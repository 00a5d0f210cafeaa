"""Figures 3.2, 3.5 to 3.10, 3.13 and 3.15: superpixels of several runs and settings, each under its own title."""

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.page import draw_page
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.superpixels.metrics import superpixel_scores

RGB = ("--feature_net=rgb", "--feature_stride=8", "--superpixel_crf_set=none", "--superpixel_tau=0.9")
VIT = ("--feature_net=vit_tiny", "--feature_weights=none", "--superpixel_crf_set=none")


@pytest.fixture(scope="module")
def figures():
    """What imports TensorFlow is imported here."""
    from wsss_tf.figures import superpixels as figure_superpixels
    return figure_superpixels


@pytest.fixture(scope="module")
def sources(tiny, tiny_data, tmp_path_factory):
    """The function (flags, settings) -> Sources in a folder with the runs rgb and slic."""
    from wsss_tf.figures.sources import FigureConfig, Sources
    from wsss_tf.stages.steps import open_chain
    runs = f"--runs={tmp_path_factory.mktemp('runs')}"
    for flags in (("--experiment=rgb", *RGB), ("--experiment=slic", "--superpixel_method=slic", "--superpixel_size=16")):
        chain = open_chain(tiny(runs, *flags))
        for stage in chain.required("superpixel_scores"):
            chain.run(stage)

    def make(*flags, **settings):
        experiment = tiny(runs, *flags)
        return Sources(open_chain(experiment), experiment, FigureConfig(**settings))

    return make


def test_runs_side_by_side(figures, sources, nothing_overlaps):
    chosen = sources("--experiment=new", compare="rgb,slic", photos=2)
    page = figures.runs_page(chosen)
    assert [panel.above for panel in page.rows[0]] == [
        ("photo",), ("ground truth",), ("discovery", "rgb", "tau 0.9"), ("slic", "size 16")]
    for row, example in zip(page.rows, chosen.train(), strict=True):
        truth, photo = read_labels(example.mask), read_photo(example.image)
        np.testing.assert_array_equal(row[1].outlined, truth)
        for panel, name in zip(row[2:], ("rgb", "slic")):
            ids = read_ids(chosen.experiment.folder("superpixels", name) / f"{example.image_id}.png")
            np.testing.assert_array_equal(panel.image, draw_superpixels(photo, ids))
            reach = superpixel_scores(ids, truth).achievable_accuracy
            assert panel.below == (f"{len(np.unique(ids))} sp., ASA {reach:.3f}",)
    nothing_overlaps(draw_page(page))
    with pytest.raises(InputError, match=r"its superpixels \(slic\) come from no features: leave slic out of --compare"):
        figures.features_page(chosen)
    assert len(figures.features_page(sources(*RGB, "--experiment=rgb")).rows[0]) == 3


def test_curves_of_finished_runs(figures, sources):
    chosen = sources(compare="rgb,slic")
    drawn = figures.curves_figure(chosen)
    assert [ax.get_title().split()[0] for ax in drawn.axes] == ["UE", "BP", "BR", "ASA"]
    assert [line.get_label() for line in drawn.axes[0].lines] == ["discovery, rgb", "slic"]
    for name, line in zip(("rgb", "slic"), drawn.axes[3].lines):
        scores = [superpixel_scores(read_ids(chosen.experiment.folder("superpixels", name) / f"{example.image_id}.png"),
                                    read_labels(example.mask)) for example in chosen.experiment.dataset.train]
        assert line.get_xydata()[0] == pytest.approx([np.mean([score.count for score in scores]),
                                                      np.mean([score.achievable_accuracy for score in scores])])


def test_superpixels_taken_from_another_run(figures, sources):
    chosen = sources("--experiment=borrower", "--reuse=rgb", *RGB)
    chosen.chain.run("superpixel_scores")
    assert [line.get_label() for line in figures.curves_figure(chosen).axes[0].lines] == ["discovery, rgb"]


def test_one_setting_at_several_values(figures, sources, nothing_overlaps):
    taus = figures.tau_page(sources(*RGB, values="0.5,0.9,0.99", photos=2))
    assert [panel.above[0] for panel in taus.rows[0][2:]] == ["tau 0.5", "tau 0.9", "tau 0.99"]
    for row in taus.rows:
        counts = [int(panel.below[0].split()[0]) for panel in row[2:]]
        assert counts == sorted(counts) and counts[0] < counts[2]
    finished = figures.runs_page(sources(*RGB, "--experiment=rgb", photos=2))
    np.testing.assert_array_equal(taus.rows[1][3].image, finished.rows[1][2].image)
    orders = figures.order_page(sources(*RGB, photos=2))
    assert [panel.above[0] for panel in orders.rows[0][2:]] == ["low first", "high first"]
    np.testing.assert_array_equal(orders.rows[0][2].image, finished.rows[0][2].image)
    nothing_overlaps(draw_page(taus))


def test_discovery_takes_more_and_more(figures, sources, nothing_overlaps):
    page = figures.discovery_page(sources(*RGB, values="1,3,1000", photos=2))
    assert [panel.above[0] for panel in page.rows[0]] == [
        "photo", "first 1", "first 3", "first 1000", "all", "after CRF"]
    for row in page.rows:
        taken = [int(panel.below[0].split("%")[0]) for panel in row[1:4]]
        assert taken[0] < taken[1] < taken[2] == 100
        np.testing.assert_array_equal(row[3].image, row[4].image)
    nothing_overlaps(draw_page(page))


def test_facets_of_several_blocks(figures, sources, nothing_overlaps):
    page = figures.facets_page(sources(*VIT, values="0,-1", photos=2))
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", "key", "query", "value", "token"]
    assert [row[0].below[1] for row in page.rows] == ["block 0", "block -1"] * 2
    assert any(not np.array_equal(upper.image, lower.image) for upper, lower in zip(page.rows[0][2:], page.rows[1][2:]))
    nothing_overlaps(draw_page(page))


def test_what_cannot_be_drawn(figures, sources, tmp_path):
    with pytest.raises(InputError, match="absent/superpixels: stage superpixels is missing: run scripts/make_superpixels.py"):
        figures.runs_page(sources(compare="rgb,absent"))
    with pytest.raises(InputError, match="new/superpixels: stage superpixels is missing"):
        figures.runs_page(sources("--experiment=new"))
    with pytest.raises(InputError, match="--superpixel_method=slic: it has no patches to compare: draw figure 3.9"):
        figures.tau_page(sources("--superpixel_method=slic", figure="3.9"))
    with pytest.raises(InputError, match="--values=1.5: expected whole numbers"):
        figures.discovery_page(sources(*RGB, values="1.5"))
    with pytest.raises(InputError, match="block"):
        figures.facets_page(sources(*VIT, values="9"))
    with pytest.raises(InputError, match="--feature_net=rgb: it has no blocks and facets"):
        figures.facets_page(sources(*RGB))
    other = sources(f"--data={tmp_path / 'other'}", "--shapes_seed=7", compare="slic")
    with pytest.raises(InputError, match="slic/superpixels: it was made from other images than those of --data"):
        figures.runs_page(other)


def test_damaged_scores_are_told(figures, sources):
    chosen = sources("--experiment=rgb", *RGB)
    path = chosen.experiment.folder("superpixel_scores") / "scores.json"
    whole = path.read_text()
    path.write_text("{")
    try:
        with pytest.raises(InputError, match="scores.json: damaged"):
            figures.curves_figure(chosen)
    finally:
        path.write_text(whole)
