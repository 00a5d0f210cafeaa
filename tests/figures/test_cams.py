"""Figure 2.1: each panel is what the stages left, or what eqs 1.12 and 1.13 give."""

import dataclasses

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures import cams
from wsss_tf.figures.cams import pseudo_label_page
from wsss_tf.figures.page import draw_page
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_labels


@pytest.fixture
def sources(masking_run, sources_of):
    """The function (settings) -> Sources of the masking run."""
    def make(**settings):
        return sources_of(masking_run.experiment, **settings)

    return make


def test_pseudo_labels(sources, masking_run, nothing_overlaps):
    chosen = sources(values="0.2,0.6")
    page, names = pseudo_label_page(chosen), masking_run.experiment.dataset.class_names
    widest = max(len(example.tags) for example in chosen.train())
    for row, example in zip(page.rows, chosen.train(), strict=True):
        keys, cam = read_cam(masking_run.folder / "cams", example.image_id, masking_run.experiment.dataset.num_classes)
        assert [panel and panel.above[0] for panel in row] == [
            "photo", *(f"CAM: {names[key]}" for key in keys), *[None] * (widest - len(keys)), "threshold 0.2",
            "threshold 0.6", "ground truth"]
        strength = cam / (cam.max(axis=(1, 2), keepdims=True) + 1e-5)
        for panel, threshold in zip(row[-3:], (0.2, 0.6)):
            best = np.asarray(keys)[strength.argmax(0)]
            np.testing.assert_array_equal(panel.image, np.where(strength.max(0) > threshold, best, 0))
        np.testing.assert_array_equal(row[-1].image, read_labels(example.mask))
    nothing_overlaps(draw_page(page))


def test_more_classes_than_fit_show_the_strongest(sources, monkeypatch):
    monkeypatch.setattr(cams, "_MOST_MAPS", 1)
    chosen = sources()
    crowded = [len(example.tags) > 1 for example in chosen.train()]
    assert any(crowded)
    for row, many in zip(pseudo_label_page(chosen).rows, crowded):
        assert len(row) == 4 and row[1].above[0].startswith("CAM: strongest of") == many


def test_photos_without_masks(sources, masking_run):
    experiment = dataclasses.replace(masking_run.experiment)
    experiment.__dict__["chain"] = masking_run.experiment.chain
    bare = tuple(dataclasses.replace(example, mask=None) for example in masking_run.experiment.dataset.train)
    experiment.__dict__["dataset"] = dataclasses.replace(masking_run.experiment.dataset, train=bare)
    chosen = sources(photos=1)
    page = pseudo_label_page(dataclasses.replace(chosen, run=dataclasses.replace(chosen.run, experiment=experiment)))
    assert page.rows[0][-1].above == ("threshold 0.2",)


def test_the_threshold_of_the_run_is_drawn(cam_run, sources_of, tiny):
    experiment = tiny("--experiment=tiny_cam", "--system=cam_baseline", "--reuse=tiny_masking", "--label_threshold=0.35")
    assert pseudo_label_page(sources_of(experiment, photos=1)).rows[0][-2].above == ("threshold 0.35",)


def test_what_cannot_be_drawn(sources, sources_of, tiny):
    with pytest.raises(InputError, match="--values=0.2,x: expected numbers"):
        pseudo_label_page(sources(values="0.2,x"))
    nowhere = tiny("--experiment=nowhere")
    with pytest.raises(InputError, match="nowhere/cams: stage cams is missing .* run `wsss run --until=cams`"):
        pseudo_label_page(sources_of(nowhere))
    with pytest.raises(InputError, match="--system=superpixels: it makes no cams"):
        pseudo_label_page(sources_of(tiny("--system=superpixels")))
