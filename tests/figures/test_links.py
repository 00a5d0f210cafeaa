"""Figure 3.14: each panel shows what its title says."""

import numpy as np
import pytest

from wsss_tf.figures.links import links_page
from wsss_tf.figures.page import draw_page
from wsss_tf.files.images import read_photo
from wsss_tf.superpixels.settings import SuperpixelConfig

PLAIN = SuperpixelConfig(crf_set="none")


def halves(photo: np.ndarray) -> np.ndarray:
    """Features of 2 x 4 cells: the left column points one way, the other three the opposite way."""
    signs = np.where(np.arange(4) == 0, -1.0, 1.0)
    return np.tile(signs[None, :, None], [2, 1, 3]).astype(np.float32)


def test_panels_of_two_kinds_of_patches(tiny, tiny_data, nothing_overlaps):
    examples = tiny().dataset.val[:2]
    page = links_page(examples, halves, PLAIN)
    assert [len(row) for row in page.rows] == [4, 4] and all(panel.above == () for panel in page.rows[1])
    photo, positive, negative, _ = page.rows[0]
    np.testing.assert_array_equal(photo.image, read_photo(examples[0].image))
    expected = np.where(np.arange(64) < 16, 0.25, 0.75)
    np.testing.assert_allclose(positive.image, np.tile(expected, [64, 1]))
    np.testing.assert_allclose(negative.image, 1 - positive.image)
    assert [panel.below for panel in page.rows[0]] == [
        (examples[0].image_id,), ("0.25 to 0.75",), ("0.25 to 0.75",), ("2",)]
    nothing_overlaps(draw_page(page))


def test_the_script_draws_it(script, tiny_flags, tiny_data, drawn_files, tmp_path):
    ended = script("figures", *tiny_flags, f"--runs={tmp_path}", "--figure=3.14", "--feature_net=rgb", "--photos=2")
    assert ended.code == 0, ended.err
    drawn_files(sorted((tmp_path / "experiment" / "figures").iterdir(), key=lambda path: path.suffix, reverse=True),
                ["fig_3_14"])


@pytest.mark.parametrize("method", ["slic", "seeds"])
def test_methods_without_patches_are_refused(script, tiny_flags, tiny_data, tmp_path, method):
    ended = script("figures", *tiny_flags, f"--runs={tmp_path}", "--figure=3.14", f"--superpixel_method={method}")
    assert ended.code == 2 and "no patches to compare" in ended.error
