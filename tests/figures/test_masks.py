"""Figure 2.7: its masks and scores."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.masks import masks_page
from wsss_tf.figures.page import draw_page


def test_masks_of_several_runs(masking_run, cam_run, nothing_overlaps):
    e = masking_run.experiment
    folders = tuple((f"{run.folder.name}, {kind}", run.folder / "masks" / kind)
                    for run in (masking_run, cam_run) for kind in ("plain", "crf"))
    page = masks_page(e.dataset.val, e.dataset.class_names, folders)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", *dict(folders)]
    for row, example in zip(page.rows, e.dataset.val, strict=True):
        truth = np.asarray(Image.open(example.mask))
        np.testing.assert_array_equal(row[1].image, truth)
        for panel, (_, folder) in zip(row[2:], folders, strict=True):
            mask = np.asarray(Image.open(folder / f"{example.image_id}.png"))
            np.testing.assert_array_equal(panel.image, mask)
            mask, true = mask[truth != UNKNOWN], truth[truth != UNKNOWN]
            ious = [np.sum((mask == label) & (true == label)) / np.sum((mask == label) | (true == label))
                    for label in np.union1d(mask, true)]
            assert panel.below == (f"mIoU {100 * np.mean(ious):.1f}",)
    figure = draw_page(page)
    assert len(figure.axes) == 4 * 6
    nothing_overlaps(figure)


def test_photos_without_ground_truth(masking_run, tmp_path):
    e = masking_run.experiment
    folders = (("mine", masking_run.folder / "masks" / "plain"),)
    bare = tuple(dataclasses.replace(example, mask=None) for example in e.dataset.val)
    assert [[panel.above + panel.below for panel in row] for row in masks_page(bare[:2], CLASS_NAMES, folders).rows] == [
        [("photo", "shapes_val_0000"), ("mine",)], [("shapes_val_0001",), ()]]
    some = masks_page((bare[0], e.dataset.val[1]), CLASS_NAMES, folders)
    assert some.rows[0][1].below == ("none",) and some.rows[0][2].below == () and len(some.rows[1][2].below) == 1
    with pytest.raises(InputError, match="shapes_val_0000.png: no such file"):
        masks_page(bare, CLASS_NAMES, (("mine", tmp_path),))
    with pytest.raises(InputError, match="shapes_val_0000.png: expected labels 0 to 0 or 255"):
        masks_page((e.dataset.val[0],), CLASS_NAMES[:1], folders)
    Image.fromarray(np.zeros([64, 63], np.uint8)).save(tmp_path / "shapes_val_0000.png")
    with pytest.raises(InputError, match="shapes_val_0000.png: expected 64x64 .*shapes_val_0000.jpg, found 63x64"):
        masks_page(bare, CLASS_NAMES, (("mine", tmp_path),))
