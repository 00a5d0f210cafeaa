"""What two numbers must share before they are subtracted."""

import dataclasses

import pytest

from wsss_tf.originals.protocol import Protocol, differences, start_of

ROW = Protocol(data="VOC 2012", split="val", images=1449, train="train_aug", train_images=10582, crf="authors",
               scales=(1.0, 0.75, 0.5), flip=False, supervision="image tags", backbone="vgg16", start="imagenet",
               settings={"paths": 2, "cam_scales": [0.5, 1.0]})


def test_equal_protocols_have_no_differences():
    assert differences(ROW, ROW) == ()


def test_order_of_scales_types_of_lists_and_further_settings_do_not_matter():
    measured = dataclasses.replace(ROW, scales=(0.5, 1, 0.75), settings={"paths": 2, "cam_scales": (0.5, 1), "crop": 9})
    assert differences(measured, ROW) == ()


@pytest.mark.parametrize("change, reason", [
    ({"images": 46}, "measured on 46 images of VOC 2012 val, the row 1,449 images of VOC 2012 val"),
    ({"split": "train"}, "measured on 1,449 images of VOC 2012 train, the row 1,449 images of VOC 2012 val"),
    ({"train": "train", "train_images": 1464},
     "trained on 1,464 images of VOC 2012 train, the row 10,582 images of VOC 2012 train_aug"),
    ({"crf": "none"}, "CRF none, the row authors"),
    ({"scales": (1.0,)}, "test scales 1, the row 1, 0.75, 0.5"),
    ({"flip": True}, "test scales 1, 0.75, 0.5, flip, the row 1, 0.75, 0.5"),
    ({"supervision": "image tags and masks"}, "learned from image tags and masks, the row image tags"),
    ({"backbone": "resnet101"}, "backbone resnet101, the row vgg16"),
    ({"start": "coco"}, "started from coco, the row imagenet"),
    ({"settings": {"paths": 3, "cam_scales": [0.5, 1.0]}}, "--paths 3, the row 2"),
    ({"settings": {"paths": 2, "cam_scales": []}}, "--cam_scales none, the row 0.5,1"),
    ({"settings": {"cam_scales": [0.5, 1.0]}}, "--paths not set, the row 2"),
])
def test_each_difference_is_told(change, reason):
    assert differences(dataclasses.replace(ROW, **change), ROW) == (reason,)


def test_another_data_set_differs_in_training_too():
    assert len(differences(dataclasses.replace(ROW, data="msrc_objects"), ROW)) == 2


@pytest.mark.parametrize("weights, start", [
    ("none", "random"), ("", "random"), ("imagenet", "imagenet"), ("${X}/mobilenet_v2_imagenet_notop.weights.h5", "imagenet"),
    ("a/resnet101_COCO.h5", "coco"), ("imagenet/resnet101_coco_imagenet.h5", "coco"), ("w/dino_vit_b8.h5", "dino"),
    ("imagenet/mine.h5", "file mine.h5")])
def test_start_by_the_name_of_the_weights(weights, start):
    assert start_of(weights) == start
