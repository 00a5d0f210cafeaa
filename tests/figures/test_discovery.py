"""Figures 3.2, 3.11, 3.15 and 3.16: superpixels at settings of the figure's own, and their order."""

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.discovery import discovery_page, facets_page, high_tau_page, seed_rule_page, tau_page
from wsss_tf.figures.page import draw_page
from wsss_tf.imaging.drawing import draw_order, draw_superpixels
from wsss_tf.superpixels.grouping import superpixels
from wsss_tf.superpixels.settings import SuperpixelConfig

SYSTEM = "--system=superpixels"
RGB = (SYSTEM, "--feature_net=rgb", "--feature_stride=8", "--superpixel_crf_set=none", "--superpixel_tau=0.9")
VIT = (SYSTEM, "--feature_net=vit_tiny", "--feature_weights=none", "--superpixel_crf_set=none")


@pytest.fixture
def sources(tiny, sources_of):
    """The function (flags, settings) -> Sources; superpixels are made by the figure."""
    def make(*flags, **settings):
        return sources_of(tiny(*flags), **settings)

    return make


def made(sources, photo, **settings):
    """The superpixels of a photo with these settings."""
    config = SuperpixelConfig(**{"crf_set": "none", "tau": 0.9} | settings)
    return superpixels(photo, sources.run.features()(photo), config)


def test_the_order_of_discovery_at_several_tau(sources, nothing_overlaps):
    chosen = sources(*RGB, values="0.5,0.9,0.99", photos=2)
    page = tau_page(chosen)
    assert [panel.above[0] for panel in page.rows[0][1:]] == ["tau 0.5", "tau 0.9", "tau 0.99"]
    for row in page.rows:
        counts = [int(panel.below[0].split()[0]) for panel in row[1:]]
        assert counts == sorted(counts) and counts[0] < counts[2]
        for panel, tau in zip(row[1:], (0.5, 0.9, 0.99)):
            np.testing.assert_array_equal(panel.image, draw_order(made(chosen, row[0].image, tau=tau)))
    nothing_overlaps(draw_page(page))


def test_the_rule_for_the_seed_patch_at_a_low_and_a_high_tau(sources, nothing_overlaps):
    chosen = sources(*RGB, values="0.8,0.97", photos=2)
    page = seed_rule_page(chosen)
    assert [panel.above for panel in page.rows[0][1:]] == [
        ("low first", "tau 0.8"), ("high first", "tau 0.8"), ("low first", "tau 0.97"), ("high first", "tau 0.97")]
    settings = [{"tau": tau, "order": order} for tau in (0.8, 0.97) for order in ("low_first", "high_first")]
    for row in page.rows:
        for panel, setting in zip(row[1:], settings, strict=True):
            np.testing.assert_array_equal(panel.image, draw_order(made(chosen, row[0].image, **setting)))
    nothing_overlaps(draw_page(page))
    (row,) = seed_rule_page(sources(*RGB, photos=1)).rows
    assert [panel.above[1] for panel in row[1:]] == ["tau 0.1"] * 2 + ["tau 0.5"] * 2


def test_superpixels_at_a_high_tau(sources, nothing_overlaps):
    chosen = sources(*RGB, photos=2)
    page = high_tau_page(chosen)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", "tau 0.7"]
    for row in page.rows:
        ids = made(chosen, row[0].image, tau=0.7)
        np.testing.assert_array_equal(row[2].image, draw_superpixels(row[0].image, ids))
        assert row[2].below[0].startswith(f"{len(np.unique(ids))} sp., ASA 0.")
    assert len(high_tau_page(sources(*RGB, values="0.7,0.9", photos=1)).rows[0]) == 4
    nothing_overlaps(draw_page(page))


def test_discovery_takes_more_and_more(sources, nothing_overlaps):
    page = discovery_page(sources(*RGB, values="1,3,1000", photos=2))
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "first 1", "first 3", "first 1000", "all", "after CRF"]
    for row in page.rows:
        taken = [int(panel.below[0].split("%")[0]) for panel in row[1:4]]
        assert taken[0] < taken[1] < taken[2] == 100
        np.testing.assert_array_equal(row[3].image, row[4].image)
    nothing_overlaps(draw_page(page))


def test_facets_of_several_blocks(sources, nothing_overlaps):
    page = facets_page(sources(*VIT, values="0,-1", photos=2))
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", "key", "query", "value", "token"]
    assert [row[0].below[1] for row in page.rows] == ["block 0", "block -1"] * 2
    assert any(not np.array_equal(upper.image, lower.image) for upper, lower in zip(page.rows[0][2:], page.rows[1][2:]))
    nothing_overlaps(draw_page(page))


def test_what_cannot_be_drawn(sources):
    for page in (tau_page, discovery_page, seed_rule_page, high_tau_page, facets_page):
        with pytest.raises(InputError, match="--superpixel_method=slic: it has no patches to compare: draw figure 3.16 with"):
            page(sources(SYSTEM, "--superpixel_method=slic", figure="3.16"))
    with pytest.raises(InputError, match="--values=1.5: expected whole numbers"):
        discovery_page(sources(*RGB, values="1.5"))
    with pytest.raises(InputError, match="block"):
        facets_page(sources(*VIT, values="9"))
    with pytest.raises(InputError, match="--feature_net=rgb: it has no blocks and facets: draw --figure=facets with one of"):
        facets_page(sources(*RGB, figure="facets"))
    with pytest.raises(InputError, match="--system=masking: it has no settings of 'superpixels', which figure 3.2 shows"):
        discovery_page(sources("--system=masking", figure="3.2"))
