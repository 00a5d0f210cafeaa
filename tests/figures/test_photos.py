"""Figure 1.2: every photo stands above its ground truth."""

import dataclasses

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.page import draw_page
from wsss_tf.figures.photos import photos_page
from wsss_tf.files.images import read_labels, read_photo


def test_photos_above_their_truth(tiny, sources_of, nothing_overlaps):
    experiment = tiny("--shapes_val=6", "--shapes_train=6", f"--data={tiny().settings.data.data}_six")
    sources = sources_of(experiment, photos=6)
    page = photos_page(sources)
    assert [len(row) for row in page.rows] == [4, 4, 2, 2]
    shown = [pair for upper, lower in (page.rows[:2], page.rows[2:]) for pair in zip(upper, lower)]
    for (photo, truth), example in zip(shown, sources.val(), strict=True):
        assert photo.above == (example.image_id,)
        np.testing.assert_array_equal(photo.image, read_photo(example.image))
        np.testing.assert_array_equal(truth.image, read_labels(example.mask))
    nothing_overlaps(draw_page(page))


def test_a_photo_without_truth_is_named(tiny, sources_of):
    experiment = dataclasses.replace(tiny())
    bare = tuple(dataclasses.replace(example, mask=None) for example in tiny().dataset.val)
    experiment.__dict__["dataset"] = dataclasses.replace(tiny().dataset, val=bare)
    with pytest.raises(InputError, match="shapes_val_0001.jpg: it has no ground truth, which figure 1.2 shows"):
        photos_page(sources_of(experiment, images="shapes_val_0001", figure="1.2"))
