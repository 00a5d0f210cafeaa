"""Figure 2.4 and the refinements: each panel is what the stages left, or what eq. 2.6 gives."""

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.example import objects
from wsss_tf.figures.page import draw_page
from wsss_tf.figures.saliency import refinement_page, saliency_page
from wsss_tf.files.images import read_labels, read_saliency


@pytest.fixture
def sources(masking_run, sources_of):
    """The function (settings) -> Sources of the masking run."""
    def make(**settings):
        return sources_of(masking_run.experiment, **settings)

    return make


def test_saliency_and_its_refinement(sources, masking_run, nothing_overlaps):
    chosen = sources(photos=3)
    page = saliency_page(chosen)
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


def test_the_refinements_of_table_2_5(sources, masking_run):
    chosen = sources(photos=3)
    page = refinement_page(chosen)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "original (O)", "all labeled", "unlabeled", "ground truth"]
    for row, example in zip(page.rows, chosen.train()):
        _, original, labeled, unlabeled, _ = (panel.image for panel in row)
        np.testing.assert_array_equal(np.where(unlabeled == 255, 0, unlabeled), labeled)
        assert set(np.unique(labeled)) <= {0, 1} and (original[unlabeled == 255] == 1).all()
        written = np.asarray(Image.open(masking_run.folder / "saliency" / f"{example.image_id}.png"))
        np.testing.assert_array_equal(unlabeled, written)


def test_what_cannot_be_drawn(sources_of, tiny):
    plain = tiny("--experiment=nowhere", "--saliency_refinement=none")
    with pytest.raises(InputError, match="--saliency_refinement=none: nothing is refined: draw figure 2.4 of a run with"):
        saliency_page(sources_of(plain))
    with pytest.raises(InputError, match="nowhere/cams: stage cams is missing .* run `wsss run --until=cams`"):
        refinement_page(sources_of(tiny("--experiment=nowhere")))
    growing = tiny("--system=superpixel_growing")
    with pytest.raises(InputError, match="superpixel_growing: it has no settings of 'saliency', which figure 2.4 shows"):
        saliency_page(sources_of(growing, figure="2.4"))
