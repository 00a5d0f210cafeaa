"""Figures 3.1, 3.8 to 3.10 and 3.13: superpixels of several runs, each under its own title."""

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.page import draw_page
from wsss_tf.figures.superpixels import features_page, runs_page
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_superpixels
from wsss_tf.superpixels.metrics import superpixel_scores

SYSTEM = ("--system=superpixels",)
RGB = (*SYSTEM, "--feature_net=rgb", "--feature_stride=8", "--superpixel_crf_set=none", "--superpixel_tau=0.9")


@pytest.fixture(scope="module")
def sources(tiny, sources_of, tmp_path_factory):
    """The function (flags, settings) -> Sources in a folder with the scored runs rgb and slic."""
    runs = f"--runs={tmp_path_factory.mktemp('runs')}"
    for flags in (("--experiment=rgb", *RGB), ("--experiment=slic", *SYSTEM, "--superpixel_method=slic",
                                               "--superpixel_size=16")):
        chain = tiny(runs, *flags).chain
        for stage in chain.required("scores"):
            chain.run(stage)

    def make(*flags, **settings):
        return sources_of(tiny(runs, *SYSTEM, *flags), **settings)

    return make


def test_runs_side_by_side(sources, nothing_overlaps):
    chosen = sources("--experiment=new", compare="rgb,slic", photos=2)
    page = runs_page(chosen)
    assert [panel.above for panel in page.rows[0]] == [
        ("photo",), ("ground truth",), ("discovery", "rgb", "tau 0.9"), ("slic", "size 16")]
    for row, example in zip(page.rows, chosen.train(), strict=True):
        truth, photo = read_labels(example.mask), read_photo(example.image)
        np.testing.assert_array_equal(row[1].outlined, truth)
        for panel, name in zip(row[2:], ("rgb", "slic")):
            ids = read_ids(chosen.run.made_by(name, "superpixels").folder / f"{example.image_id}.png")
            np.testing.assert_array_equal(panel.image, draw_superpixels(photo, ids))
            reach = superpixel_scores(ids, truth).achievable_accuracy
            assert panel.below == (f"{len(np.unique(ids))} sp., ASA {reach:.3f}",)
    nothing_overlaps(draw_page(page))
    with pytest.raises(InputError, match=r"its superpixels \(slic\) come from no features: leave slic out of --compare"):
        features_page(chosen)
    assert len(features_page(sources(*RGB, "--experiment=rgb")).rows[0]) == 3


def test_superpixels_taken_from_another_run(sources):
    chosen = sources("--experiment=borrower", "--reuse=rgb", *RGB)
    assert [panel.above for panel in runs_page(chosen).rows[0][2:]] == [("discovery", "rgb", "tau 0.9")]


def test_what_cannot_be_drawn(sources, tmp_path):
    with pytest.raises(InputError, match="runs./absent: it has no superpixels: run `wsss run` with the flags of absent first"):
        runs_page(sources(compare="rgb,absent"))
    with pytest.raises(InputError, match="new/superpixels: stage superpixels is missing"):
        runs_page(sources("--experiment=new"))
    other = sources(f"--data={tmp_path / 'other'}", "--shapes_seed=7", compare="slic")
    with pytest.raises(InputError, match="slic/superpixels: it was made from other images than those of --data"):
        runs_page(other)
