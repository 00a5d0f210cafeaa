"""Figure 3.14: positive and negative patches are counted within an object."""

import dataclasses

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.links import largest_object, links_page, positive_share
from wsss_tf.figures.page import draw_page
from wsss_tf.files.images import read_labels

RGB = ("--system=superpixels", "--feature_net=rgb", "--feature_stride=4", "--superpixel_crf_set=none")


def test_an_object_of_two_opposed_parts_in_a_photo_that_is_like_one_of_them():
    """Counted over the photo, the parts would have .9 and .1; within the object both have about half."""
    signs = np.ones([8, 8])
    signs[2:6, 4:6] = -1  # the right half of the object
    features = (signs[..., None] * np.ones(3)).astype(np.float32)
    inside = np.zeros([32, 32], bool)
    inside[8:24, 8:24] = True
    share = positive_share(features, inside)
    assert np.isfinite(share[2:6, 2:6]).all() and np.isnan(share).sum() == 48, "nothing outside the object"
    np.testing.assert_allclose(share[2:6, 2:4], 0.5)
    np.testing.assert_allclose(share[2:6, 4:6], 0.5)


def test_shares_by_brute_force():
    random = np.random.default_rng(0)
    features, inside = random.normal(size=[5, 6, 3]).astype(np.float32), random.random([50, 60]) < 0.5
    share = positive_share(features, inside)
    belongs = [(row, column) for row in range(5) for column in range(6)
               if inside[10 * row:10 * row + 10, 10 * column:10 * column + 10].mean() >= 0.5]
    assert 5 < len(belongs) < 25 and np.isfinite(share).sum() == len(belongs)
    for place in belongs:
        assert share[place] == pytest.approx(np.mean([features[place] @ features[other] > 0 for other in belongs]))


def test_an_object_smaller_than_a_patch_has_one():
    inside = np.zeros([16, 16], bool)
    inside[9, 9] = True
    share = positive_share(np.ones([2, 2, 3], np.float32), inside)
    assert share[1, 1] == 1 and np.isnan(share).sum() == 3


def test_the_largest_object_is_one_region_of_one_class():
    truth = np.zeros([10, 10], np.uint8)
    truth[0:3, 0:3], truth[6:9, 0:4], truth[0:3, 6:9], truth[9], truth[:, 9] = 1, 1, 2, 255, 255
    expected = np.zeros([10, 10], bool)
    expected[6:9, 0:4] = True
    np.testing.assert_array_equal(largest_object(truth), expected)
    assert not largest_object(np.full([3, 3], 255, np.uint8)).any()


def test_panels_of_the_page(tiny, sources_of, nothing_overlaps):
    sources = sources_of(tiny(*RGB), photos=2)
    page = links_page(sources)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "object", "positive", "negative"]
    for row, example in zip(page.rows, sources.train(), strict=True):
        inside = largest_object(read_labels(example.mask))
        np.testing.assert_array_equal(row[1].outlined > 0, inside)
        low, high = (float(number) for number in row[2].below[0].split(" to "))
        assert 0 < low <= high <= 1 and row[3].below[0] == f"{1 - high:.2f} to {1 - low:.2f}"
        outside = ~inside
        np.testing.assert_array_equal(row[2].image[outside], (0.35 * row[0].image[outside].astype(float)).astype(np.uint8))
    nothing_overlaps(draw_page(page))


@pytest.mark.parametrize("method", ["slic", "seeds"])
def test_methods_without_patches_are_refused(method, tiny, sources_of):
    experiment = tiny("--system=superpixels", f"--superpixel_method={method}")
    with pytest.raises(InputError, match=f"--superpixel_method={method}: it has no patches to compare: draw figure 3.14 with"):
        links_page(sources_of(experiment, figure="3.14"))


def test_a_photo_without_truth_is_named(tiny, sources_of):
    experiment = dataclasses.replace(tiny(*RGB))
    bare = tuple(dataclasses.replace(example, mask=None) for example in experiment.dataset.train)
    experiment.__dict__["dataset"] = dataclasses.replace(experiment.dataset, train=bare)
    with pytest.raises(InputError, match="jpg: it has no ground truth, and figure 3.14 looks at the objects in it"):
        links_page(sources_of(experiment, figure="3.14"))
