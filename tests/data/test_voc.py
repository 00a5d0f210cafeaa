import logging
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.class_names import read_class_names
from wsss_tf.data.labels_csv import read_csv
from wsss_tf.data.lists import read_list
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.voc import CLASS_NAMES, COUNTS, open_voc
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[2] / ".." / "shared"))
VOC = SHARED / "data" / "voc12_labels"
needs_voc = pytest.mark.skipif(not VOC.is_dir(), reason=f"no {VOC}: set WSSS_SHARED to the folder of benchmark data")

IDS = ("2007_000032", "2007_000039", "2007_000063", "2007_000068")
ANNOTATION = "<annotation><object><name>{}</name></object></annotation>"


def make_devkit(root: Path) -> Path:
    """Four photos: two for training (the second one with an SBD mask), two for evaluation."""
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationClassAug", "ImageSets/Segmentation", "Annotations"):
        (root / folder).mkdir(parents=True)
    for image_id, name in zip(IDS, ("aeroplane", "person", "dog", "tvmonitor")):
        Image.new("RGB", (20, 16)).save(root / "JPEGImages" / f"{image_id}.jpg")
        (root / "Annotations" / f"{image_id}.xml").write_text(ANNOTATION.format(name))
    for image_id in (IDS[0], IDS[2], IDS[3]):
        Image.new("P", (20, 16)).save(root / "SegmentationClass" / f"{image_id}.png")
    for image_id in IDS[:2]:
        Image.new("L", (20, 16)).save(root / "SegmentationClassAug" / f"{image_id}.png")
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train_aug.txt").write_text(f"{IDS[0]}\n{IDS[1]}\n")
    (lists / "val.txt").write_text(f"{IDS[2]}\r\n{IDS[3]}\r\n")
    return root


def opened(root: Path, **settings):
    return open_dataset(DataConfig(**{"source": "voc", "data": str(root), "train_list": "train_aug", **settings}))


def test_devkit_with_annotations(tmp_path):
    dataset = opened(make_devkit(tmp_path))
    assert dataset.name == "voc12" and dataset.num_classes == 20 and dataset.class_names[20] == "tvmonitor"
    assert [example.image_id for example in dataset.train + dataset.val] == list(IDS)
    assert [example.tags for example in dataset.train + dataset.val] == [(1,), (15,), (12,), (20,)]
    assert dataset.train[0].image == tmp_path / "JPEGImages" / f"{IDS[0]}.jpg"
    assert dataset.train[0].mask == tmp_path / "SegmentationClass" / f"{IDS[0]}.png"
    assert dataset.train[1].mask == tmp_path / "SegmentationClassAug" / f"{IDS[1]}.png"
    assert all(example.saliency is None for example in dataset.train)


def test_order_of_the_label_sources(tmp_path):
    root = make_devkit(tmp_path)
    with open(root / "cls_labels.npy", "wb") as file:
        pickle.dump({image_id: np.eye(20)[1] for image_id in IDS}, file)
    assert opened(root).train[0].tags == (2,)
    (root / "labels.csv").write_text("image_id,classes\n" + "".join(f"{image_id},bird\n" for image_id in IDS))
    assert opened(root).train[0].tags == (3,)
    assert opened(root, labels=str(root / "Annotations")).train[0].tags == (1,)


def test_paths_in_a_list_stand_for_ids(tmp_path):
    root = make_devkit(tmp_path)
    line = f"/JPEGImages/{IDS[0]}.jpg /SegmentationClassAug/{IDS[0]}.png"
    (root / "mine.txt").write_text(f"{line}\n\nJPEGImages/{IDS[1]}.jpg\n")
    dataset = opened(root, train_list=str(root / "mine.txt"))
    assert [example.image_id for example in dataset.train] == [IDS[0], IDS[1]]
    assert dataset.train[0].mask == root / "SegmentationClass" / f"{IDS[0]}.png"


def test_test_images_need_no_annotation(tmp_path):
    root = make_devkit(tmp_path)
    (root / "Annotations" / f"{IDS[2]}.xml").unlink()
    assert opened(root).val[0].tags == ()


def test_training_image_without_annotation(tmp_path):
    root = make_devkit(tmp_path)
    (root / "Annotations" / f"{IDS[1]}.xml").unlink()
    with pytest.raises(InputError, match=IDS[1]):
        opened(root)


def test_pseudo_labels_may_be_measured_on_training_images(tmp_path):
    root = make_devkit(tmp_path)
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text(f"{IDS[0]}\n")
    dataset = opened(root, val_list="train")
    assert [example.image_id for example in dataset.val] == [IDS[0]] and len(dataset.train) == 2


def test_lists_that_share_an_id(tmp_path):
    root = make_devkit(tmp_path)
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text(f"{IDS[1]}\n{IDS[2]}\n")
    with pytest.raises(InputError, match=f"val.txt: 1 of its 2 ids .*'{IDS[1]}'"):
        opened(root)


@pytest.mark.parametrize("settings, words", [
    ({"train_list": "trian"}, "trian.txt: no such list.*train_aug, val"),
    ({"val_list": "absent.txt"}, "absent.txt: no such list"),
    ({"labels": "absent.csv"}, "absent.csv"),
    ({"maps": "absent"}, "absent.*--maps"),
    ({"data": "absent"}, "absent: expected the folder VOC2012 .*no such folder"),
    ({"data": "${NO_SUCH_VARIABLE}/VOC2012"}, "NO_SUCH_VARIABLE"),
])
def test_wrong_settings(tmp_path, settings, words):
    root = make_devkit(tmp_path)
    with pytest.raises(InputError, match=words):
        opened(root, **settings)


def test_root_one_level_too_high(tmp_path):
    make_devkit(tmp_path / "VOC2012")
    with pytest.raises(InputError, match="set --data=.*VOC2012"):
        opened(tmp_path)


def test_devkit_without_train_aug(tmp_path):
    root = make_devkit(tmp_path)
    (root / "ImageSets" / "Segmentation" / "train_aug.txt").unlink()
    with pytest.raises(InputError, match="train_aug.txt: no such list.*build it.*wsss data voc_aug --voc=.*--sbd="):
        opened(root)


def test_photo_missing(tmp_path):
    root = make_devkit(tmp_path)
    (root / "JPEGImages" / f"{IDS[3]}.jpg").unlink()
    with pytest.raises(InputError, match=f"{IDS[3]}.jpg: no such photo .*val.txt"):
        opened(root)


def test_another_number_of_ids_is_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        opened(make_devkit(tmp_path))
    assert "train_aug.txt: 2 ids, the list of VOC 2012 has 10582" in caplog.text


@needs_voc
def test_real_lists_and_labels():
    assert read_class_names(VOC / "classes.txt") == CLASS_NAMES
    ids = {name: read_list(VOC / f"{name}.txt") for name in ("train", "val", "train_aug", "test")}
    assert {name: len(ids[name]) for name in ids} == {name: COUNTS[name] for name in ids}
    assert set(ids["train"]) < set(ids["train_aug"]) and not set(ids["val"]) & set(ids["train_aug"])
    tags = read_csv(VOC / "labels.csv", CLASS_NAMES)
    assert all(tags[image_id] for image_id in ids["train_aug"] + ids["val"])
    assert {label for values in tags.values() for label in values} == set(range(1, 21))


@needs_voc
def test_real_masks_hold_the_tagged_classes():
    tags = read_csv(VOC / "labels.csv", CLASS_NAMES)
    for image_id in read_list(VOC / "val.txt")[:40]:
        found = set(np.unique(read_labels(VOC / "SegmentationClass" / f"{image_id}.png")).tolist()) - {0, 255}
        assert found == set(tags[image_id]), image_id


@needs_voc
def test_whole_voc_opens(tmp_path, caplog):
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets" / "Segmentation").symlink_to(VOC)
    (tmp_path / "SegmentationClass").symlink_to(VOC / "SegmentationClass")
    for image_id in read_list(VOC / "train_aug.txt") + read_list(VOC / "val.txt"):
        (tmp_path / "JPEGImages" / f"{image_id}.jpg").touch()
    dataset = open_voc(tmp_path, DataConfig("voc", train_list="train_aug", labels=str(VOC / "labels.csv")))
    assert (len(dataset.train), len(dataset.val)) == (10582, 1449)
    assert sum(example.mask is not None for example in dataset.train) == 1464
    assert all(example.mask and example.tags for example in dataset.val)
    assert not caplog.records
