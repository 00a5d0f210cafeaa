"""SegmentationClassAug from small files in the layout of SBD, and the real lists where they are."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from PIL import Image

from wsss_tf.data.build import voc_aug as sbd
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_labels
from wsss_tf.parallel.pool import Workers

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[3] / ".." / "shared"))
REAL = SHARED / "data" / "voc12_labels"
LABELS = np.array([[0, 0, 3], [0, 12, 3]], np.uint8)
ROLES = {"train": ("a", "b"), "val": ("v", "w")}
SBD_LISTS = {"train": ("b", "c", "v"), "val": ("d", "e")}  # SBD's own split, which crosses VOC's


def write_sbd_mask(path, labels, **options):
    """A struct GTcls with the fields of SBD's files: sparse boundaries in a cell, the mask, the classes."""
    boundaries = np.empty([20, 1], object)
    for label in range(20):
        boundaries[label, 0] = scipy.sparse.csc_matrix(labels == label + 1)
    present = np.unique(labels[labels > 0])[:, None].astype(float)
    scipy.io.savemat(path, {"GTcls": {"Boundaries": boundaries, "Segmentation": labels, "CategoriesPresent": present}},
                     **options)


@pytest.fixture
def roots(tmp_path):
    """VOC with masks of 0 and 1, SBD with masks of LABELS; both know b and v."""
    voc, theirs = tmp_path / "VOC2012", tmp_path / "dataset"
    for folder in (voc / "JPEGImages", voc / "ImageSets/Segmentation", theirs / "cls"):
        folder.mkdir(parents=True)
    for name, ids in ROLES.items():
        (voc / f"ImageSets/Segmentation/{name}.txt").write_text("".join(f"{i}\n" for i in ids))
        for i in ids:
            write_labels(voc / f"SegmentationClass/{i}.png", np.array([[1, 0, 255], [1, 0, 0]], np.uint8))
    for name, ids in SBD_LISTS.items():
        (theirs / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids))
        for i in ids:
            write_sbd_mask(theirs / f"cls/{i}.mat", LABELS, do_compression=name == "train")
    for i in "abcdevw":
        Image.new("RGB", (3, 2)).save(voc / f"JPEGImages/{i}.jpg")
    return voc, theirs


def test_lists_are_united_and_masks_of_voc_win(roots):
    voc, theirs = roots
    aug = sbd.open_aug(voc, theirs, partial=True)
    assert aug.train == ("a", "b", "c", "d", "e") and aug.val == ("v", "w")
    assert aug.from_voc == ("a", "b", "v", "w") and aug.from_sbd == ("c", "d", "e") and aug.missing == ()
    path = sbd.write_aug(aug, voc, theirs, voc, Workers(workers=1))
    assert path.read_text() == "a\nb\nc\nd\ne\n"
    masks = voc / "SegmentationClassAug"
    assert sorted(file.name for file in masks.iterdir()) == [f"{i}.png" for i in "abcdevw"]
    for i in "abvw":
        assert (masks / f"{i}.png").read_bytes() == (voc / f"SegmentationClass/{i}.png").read_bytes()
    for i in "cde":
        np.testing.assert_array_equal(read_labels(masks / f"{i}.png"), LABELS)
        assert Image.open(masks / f"{i}.png").mode == "P"


def test_the_voc_source_reads_what_was_built(roots):
    voc, theirs = roots
    sbd.write_aug(sbd.open_aug(voc, theirs, partial=True), voc, theirs, voc, Workers(workers=1))
    (voc / "labels.csv").write_text("image_id,classes\n" + "".join(f"{i},cat\n" for i in "abcdevw"))
    dataset = open_dataset(DataConfig(source="voc", data=str(voc), train_list="train_aug"))
    assert [example.image_id for example in dataset.train] == list("abcde")
    assert [example.mask.parent.name for example in dataset.train] == ["SegmentationClass"] * 2 + ["SegmentationClassAug"] * 3


def test_several_processes_go_on_where_it_stopped(roots, tmp_path):
    voc, theirs = roots
    aug = sbd.open_aug(voc, theirs, partial=True)
    kept = tmp_path / "out/SegmentationClassAug/c.png"
    write_labels(kept, LABELS * 0)
    before = kept.stat().st_mtime_ns
    sbd.write_aug(aug, voc, theirs, tmp_path / "out", Workers(workers=2))
    assert kept.stat().st_mtime_ns == before and len(list(kept.parent.iterdir())) == 7


def test_the_script_builds_a_part_only_if_asked(roots, script):
    voc, theirs = roots
    (theirs / "cls/d.mat").unlink()
    flags = (f"--voc={voc}", f"--sbd={theirs}", "--workers=1")
    assert "expected 1464 ids of train, found 2" in script("data", "voc_aug", *flags).error
    ended = script("data", "voc_aug", *flags, "--partial")
    assert ended.code == 0 and "train_aug.txt: 4 ids, none of the 2 evaluation ids" in ended.out
    assert "4 masks of VOC, 2 of SBD" in ended.out and "left out, without mask: 1, e.g. d" in ended.out
    assert "give both" in script("data", "voc_aug").error


def test_other_counts_and_missing_masks_are_refused_unless_partial(roots, monkeypatch):
    voc, theirs = roots
    with pytest.raises(InputError, match="train.txt: expected 1464 ids of train, found 2: .*--partial"):
        sbd.open_aug(voc, theirs)
    monkeypatch.setattr(sbd, "COUNTS", {"train": 2, "val": 2, "train_aug": 6})
    with pytest.raises(InputError, match="expected 6 ids of train_aug, found 5"):
        sbd.open_aug(voc, theirs)
    monkeypatch.setattr(sbd, "COUNTS", {"train": 2, "val": 2, "train_aug": 5})
    assert len(sbd.open_aug(voc, theirs).train) == 5
    (theirs / "cls/d.mat").unlink()
    with pytest.raises(InputError, match="d.mat: no such mask .*1 are missing"):
        sbd.open_aug(voc, theirs)
    aug = sbd.open_aug(voc, theirs, partial=True)
    assert aug.missing == ("d",) and "d" not in aug.train + aug.from_sbd


def test_another_list_is_not_overwritten(roots):
    voc, theirs = roots
    (voc / "ImageSets/Segmentation/train_aug.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="train_aug.txt: expected no such list or one of these 5"):
        sbd.write_aug(sbd.open_aug(voc, theirs, partial=True), voc, theirs, voc, Workers(workers=1))
    assert not (voc / "SegmentationClassAug").exists()


@pytest.mark.parametrize("labels, words", [(LABELS + np.uint8(9), "0 to 20, found 21"), (LABELS.T, "expected 3x2 pixels")])
def test_masks_that_do_not_fit_are_named(roots, labels, words):
    voc, theirs = roots
    write_sbd_mask(theirs / "cls/c.mat", labels)
    with pytest.raises(InputError, match=f"c.mat: .*{words}"):
        sbd.write_aug(sbd.open_aug(voc, theirs, partial=True), voc, theirs, voc, Workers(workers=1))
    assert not (voc / "ImageSets/Segmentation/train_aug.txt").exists()


def test_the_wrong_folder_is_named(roots):
    with pytest.raises(InputError, match="expected the folder dataset of SBD"):
        sbd.open_aug(roots[0], roots[1] / "cls")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no {REAL}: set WSSS_SHARED to the folder of the benchmark data")
def test_the_real_lists_give_10582(tmp_path):
    """SBD's own lists are not here: train_aug without VOC's training ids, and a part of val, stand for them."""
    lists = {name: (REAL / f"{name}.txt").read_text().split() for name in ("train", "val", "train_aug")}
    theirs = tmp_path / "dataset"
    (theirs / "cls").mkdir(parents=True)
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/Segmentation").symlink_to(REAL.resolve())
    (tmp_path / "SegmentationClass").symlink_to((REAL / "SegmentationClass").resolve())
    ids = sorted(set(lists["train_aug"]) - set(lists["train"])) + lists["train"][:500] + lists["val"][:700]
    (theirs / "train.txt").write_text("\n".join(ids[::2]))
    (theirs / "val.txt").write_text("\n".join(ids[1::2]))
    for image_id in set(ids) - set(lists["val"]):
        (theirs / f"cls/{image_id}.mat").touch()
    aug = sbd.open_aug(tmp_path, theirs)
    assert list(aug.train) == lists["train_aug"], "in the order of the community's list too"
    assert (len(aug.from_voc), len(aug.from_sbd)) == (2913, 9118) and not aug.missing
