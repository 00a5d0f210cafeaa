"""Figure 3.17 and seeds: what superpixels and maps make of each other."""

import numpy as np
import pytest

from wsss_tf.figures.page import draw_page
from wsss_tf.figures.seeds import alpha_page, seed_page, seed_parts
from wsss_tf.files.images import read_labels


@pytest.fixture
def sources(growing_run, sources_of):
    """The function (settings) -> Sources of the growing run."""
    def make(**settings):
        return sources_of(growing_run.experiment, **settings)

    return make


def test_the_seed_is_that_of_the_stage(sources, growing_run, nothing_overlaps):
    page, swept = seed_page(sources()), alpha_page(sources(values="0.2,0.3,0.9"))
    assert [panel.above[0] for panel in page.rows[0]] == [
        "photo", "ground truth", "superpixels", "CAM", "mean of CAM", "seed"]
    assert [panel.above[0] for panel in swept.rows[0]] == ["photo", "ground truth", "alpha 0.2", "alpha 0.3", "alpha 0.9"]
    for row, alphas, parts in zip(page.rows, swept.rows, seed_parts(sources()), strict=True):
        seed = read_labels(growing_run.folder / "seeds" / f"{parts.example.image_id}.png")
        np.testing.assert_array_equal(row[-1].image, seed)
        np.testing.assert_array_equal(alphas[3].image, seed)
        labeled = [np.sum((panel.image != 0) & (panel.image != 255)) for panel in alphas[2:]]
        assert labeled == sorted(labeled, reverse=True), "a higher alpha makes fewer seeds"
        truth = read_labels(parts.example.mask)
        known = seed != 255
        assert row[-1].below[0] == f"{100 * known.mean():.0f}% labeled"
        assert row[-1].below[1] == f"{100 * np.mean(seed[known & (truth != 255)] == truth[known & (truth != 255)]):.0f}% right"
        quietest = [parts.activity[parts.ids == number] for number in np.unique(parts.ids)]
        assert all(np.ptp(values) == 0 for values in quietest)
        assert (seed[parts.activity > parts.activity.min()] != 0).all(), "background is the superpixel of the lowest mean"
    nothing_overlaps(draw_page(page))
    nothing_overlaps(draw_page(swept))
