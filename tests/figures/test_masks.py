"""Figures 2.7, 2.8 and 3.18 to 3.20 (b): masks and scores."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.masks import failures_page, masks_page, outlines_page, side_by_side
from wsss_tf.figures.page import draw_page


def test_masks_of_several_runs(masking_run, cam_run, nothing_overlaps):
    e = masking_run.experiment
    folders = tuple((f"{run.folder.name}, {kind}", run.folder / "masks" / kind)
                    for run in (masking_run, cam_run) for kind in ("plain", "crf"))
    page = side_by_side(e.dataset.val, e.dataset.class_names, folders)
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
    assert [[panel.above + panel.below for panel in row] for row in side_by_side(bare[:2], CLASS_NAMES, folders).rows] == [
        [("photo", "shapes_val_0000"), ("mine",)], [("shapes_val_0001",), ()]]
    some = side_by_side((bare[0], e.dataset.val[1]), CLASS_NAMES, folders)
    assert some.rows[0][1].below == ("none",) and some.rows[0][2].below == () and len(some.rows[1][2].below) == 1
    with pytest.raises(InputError, match="shapes_val_0000.png: no such file"):
        side_by_side(bare, CLASS_NAMES, (("mine", tmp_path),))
    with pytest.raises(InputError, match="shapes_val_0000.png: expected labels 0 to 0 or 255"):
        side_by_side((e.dataset.val[0],), CLASS_NAMES[:1], folders)
    Image.fromarray(np.zeros([64, 63], np.uint8)).save(tmp_path / "shapes_val_0000.png")
    with pytest.raises(InputError, match="shapes_val_0000.png: expected 64x64 .*shapes_val_0000.jpg, found 63x64"):
        side_by_side(bare, CLASS_NAMES, (("mine", tmp_path),))


@pytest.mark.parametrize("crf, columns", [("with", 4), ("without", 4), ("both", 6)])
def test_crf_is_selectable(crf, columns, masking_run, cam_run, sources_of):
    sources = sources_of(masking_run.experiment, compare="tiny_masking,tiny_cam", crf=crf, images="shapes_val_0003")
    assert [title.endswith(" + CRF") for title, _ in sources.masks()] == {
        "with": [True] * 2, "without": [False] * 2, "both": [False, True] * 2}[crf]
    assert [len(page(sources).rows[0]) for page in (masks_page, outlines_page)] == [columns] * 2


def test_outlines_lie_over_the_photo(masking_run, sources_of):
    sources = sources_of(masking_run.experiment, photos=2)
    for filled, outlined in zip(masks_page(sources).rows, outlines_page(sources).rows):
        for before, after in zip(filled[1:], outlined[1:]):
            np.testing.assert_array_equal(after.outlined, before.image)
            np.testing.assert_array_equal(after.image, filled[0].image)


def test_masks_of_any_origin_stand_beside_those_of_runs(masking_run, sources_of, tmp_path):
    for example in masking_run.experiment.dataset.val:
        Image.fromarray(np.full([64, 64], 2, np.uint8)).save(tmp_path / f"{example.image_id}.png")
    sources = sources_of(masking_run.experiment, compare=f"tiny_masking,DRS={tmp_path}", photos=1)
    page = masks_page(sources)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", "tiny_masking + CRF", "DRS"]
    assert (page.rows[0][-1].image == 2).all()
    with pytest.raises(InputError, match="absent/shapes_val_0000.png: no such file"):
        masks_page(sources_of(masking_run.experiment, compare=f"DRS={tmp_path / 'absent'}", images="shapes_val_0000"))


def test_failures_come_worst_first(masking_run, sources_of, tmp_path):
    """Masks that are right on more and more of the rows, but for one photo that has no true label at all."""
    e = dataclasses.replace(masking_run.experiment)
    shares = {"shapes_val_0002": 0, "shapes_val_0000": 10, "shapes_val_0003": 30}
    void = tmp_path / "void.png"
    Image.fromarray(np.full([64, 64], UNKNOWN, np.uint8)).save(void)
    val = tuple(dataclasses.replace(example, mask=example.mask if example.image_id in shares else void)
                for example in e.dataset.val)
    e.__dict__["dataset"] = dataclasses.replace(e.dataset, val=val)
    for example in val:
        mask = np.asarray(Image.open(example.mask)).copy()
        mask[shares.get(example.image_id, 0):] = 5 - mask[shares.get(example.image_id, 0):] % 6
        Image.fromarray(np.where(mask > 6, 0, mask).astype(np.uint8)).save(tmp_path / f"{example.image_id}.png")
    page = failures_page(sources_of(e, compare=f"mine={tmp_path}", photos=4))
    assert [row[0].below[0] for row in page.rows] == [*shares, "shapes_val_0001"]
    scores = [float(row[-1].below[0].split()[1]) for row in page.rows[:3]]
    assert scores == sorted(scores) and scores[0] < scores[2]
    bare = dataclasses.replace(e.dataset, val=tuple(dataclasses.replace(example, mask=None) for example in val))
    e.__dict__["dataset"] = bare
    with pytest.raises(InputError, match="figure 3.20b shows the worst evaluation photos by their masks, and none has one"):
        failures_page(sources_of(e, compare=f"mine={tmp_path}", figure="3.20b"))
