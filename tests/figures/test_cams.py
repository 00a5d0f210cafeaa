"""Figures 1.5, 2.4 and 2.6: each panel is what the stages left, or what their equations give."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.example import objects
from wsss_tf.figures.page import draw_page
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_labels, read_saliency


@pytest.fixture(scope="module")
def cams():
    """What imports TensorFlow is imported here."""
    from wsss_tf.figures import cams as figure_cams
    return figure_cams


@pytest.fixture
def sources(masking_run):
    """The function (settings) -> Sources of the masking run."""
    from wsss_tf.figures.sources import FigureConfig, Sources
    from wsss_tf.stages.steps import open_chain

    def make(**settings):
        return Sources(open_chain(masking_run.experiment), masking_run.experiment, FigureConfig(**settings))

    return make


def test_pseudo_labels(cams, sources, masking_run, nothing_overlaps):
    chosen = sources(values="0.2,0.6")
    page, names = cams.pseudo_label_page(chosen), masking_run.experiment.dataset.class_names
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


def test_more_classes_than_fit_show_the_strongest(cams, sources, monkeypatch):
    monkeypatch.setattr(cams, "_MOST_MAPS", 1)
    chosen = sources()
    crowded = [len(example.tags) > 1 for example in chosen.train()]
    assert any(crowded)
    for row, many in zip(cams.pseudo_label_page(chosen).rows, crowded):
        assert len(row) == 4 and row[1].above[0].startswith("CAM: strongest of") == many


def test_saliency_and_its_refinement(cams, sources, masking_run, nothing_overlaps):
    chosen = sources(photos=3)
    page = cams.saliency_page(chosen)
    assert page.class_names == ("not salient", "salient")
    assert [panel.above[0] for panel in page.rows[0]] == [
        "photo", "saliency", "object mask (O)", "CAM (B)", "refined (R)", "ground truth"]
    for row, example in zip(page.rows, chosen.train(), strict=True):
        scores = read_saliency(example.saliency, 255)
        np.testing.assert_array_equal(row[1].image, scores)
        np.testing.assert_array_equal(row[2].image, scores > 0.5)
        written = np.asarray(Image.open(masking_run.folder / "saliency" / f"{example.image_id}.png"))
        np.testing.assert_array_equal(row[4].image, written)
        np.testing.assert_array_equal(row[5].image, objects(read_labels(example.mask)))
    nothing_overlaps(draw_page(page))


def test_the_refinements_of_table_2_5(cams, sources, masking_run):
    chosen = sources(photos=3)
    page = cams.refinement_page(chosen)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "original (O)", "all labeled", "unlabeled", "ground truth"]
    for row, example in zip(page.rows, chosen.train()):
        _, original, labeled, unlabeled, _ = (panel.image for panel in row)
        np.testing.assert_array_equal(np.where(unlabeled == 255, 0, unlabeled), labeled)
        assert set(np.unique(labeled)) <= {0, 1} and (original[unlabeled == 255] == 1).all()
        written = np.asarray(Image.open(masking_run.folder / "saliency" / f"{example.image_id}.png"))
        np.testing.assert_array_equal(unlabeled, written)


def test_photos_without_masks(cams, sources, masking_run):
    chosen = sources(photos=1)
    bare = tuple(dataclasses.replace(example, mask=None) for example in masking_run.experiment.dataset.train)
    experiment = dataclasses.replace(masking_run.experiment)
    experiment.__dict__["dataset"] = dataclasses.replace(masking_run.experiment.dataset, train=bare)
    page = cams.pseudo_label_page(dataclasses.replace(chosen, experiment=experiment))
    assert page.rows[0][-1].above == ("threshold 0.2",)


def test_what_cannot_be_drawn(cams, sources, tiny):
    from wsss_tf.figures.sources import FigureConfig, Sources
    from wsss_tf.stages.steps import open_chain
    with pytest.raises(InputError, match="--values=0.2,x: expected numbers"):
        cams.pseudo_label_page(sources(values="0.2,x"))
    plain = tiny("--experiment=nowhere", "--refinement=none")
    with pytest.raises(InputError, match="--refinement=none: nothing is refined: draw figure 2.4 of a run with"):
        cams.saliency_page(Sources(open_chain(plain), plain, FigureConfig()))
    with pytest.raises(InputError, match="nowhere/cams: stage cams is missing .* run scripts/make_cams.py"):
        cams.refinement_page(Sources(open_chain(plain), plain, FigureConfig()))
