import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data import coco, coco_annotations
from wsss_tf.data.check import check_dataset
from wsss_tf.data.coco_categories import CATEGORIES, CLASS_NAMES, LABELS
from wsss_tf.data.coco_layout import read_annotations
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.evaluate.confusion import cam_counts
from wsss_tf.pseudo_labels.seeds import pseudo_label

SQUARE = [[2, 2, 8, 2, 8, 8, 2, 8]]
CROWD = {"counts": [5, 10, 305], "size": [16, 20]}
# Image number -> categories of its objects; 90 and 13 lie behind gaps, image 7 shows nothing.
TRAIN = {9: [90, 1, 1], 7: [], 25: [13]}
VAL = {42: [90], 73: []}


def name(split: str, number: int) -> str:
    return f"COCO_{split}2014_{number:012d}"


def objects(shown: dict[int, list[int]]) -> list[dict]:
    return [{"id": 100 * number + index, "image_id": number, "category_id": category, "iscrowd": 0, "area": 36.0,
             "bbox": [2, 2, 6, 6], "segmentation": SQUARE}
            for number, categories in shown.items() for index, category in enumerate(categories)]


def document(split: str, shown: dict[int, list[int]]) -> dict:
    images = [{"id": number, "file_name": f"{name(split, number)}.jpg", "height": 16, "width": 20, "license": 3}
              for number in shown]
    categories = [{"supercategory": "any", "id": number, "name": text} for number, text in CATEGORIES.items()]
    return {"info": {"year": 2014}, "images": images, "licenses": [], "annotations": objects(shown),
            "categories": categories}


def make_coco(root: Path) -> Path:
    """Three training and two evaluation photos, all in the official layout."""
    (root / "annotations").mkdir(parents=True)
    for split, shown in (("train", TRAIN), ("val", VAL)):
        (root / f"{split}2014").mkdir()
        write_document(root, split, document(split, shown))
        for number in shown:
            Image.new("RGB", (20, 16)).save(root / f"{split}2014" / f"{name(split, number)}.jpg")
    return root


def write_document(root: Path, split: str, content: object) -> None:
    (root / "annotations" / f"instances_{split}2014.json").write_text(json.dumps(content))


def opened(root: Path, **settings):
    return open_dataset(DataConfig(**{"source": "coco", "data": str(root), **settings}))


def test_official_layout(tmp_path):
    dataset = opened(make_coco(tmp_path))
    assert dataset.name == "coco14" and dataset.num_classes == 80
    assert [example.image_id for example in dataset.train] == [name("train", 9), name("train", 25)]
    assert [example.tags for example in dataset.train + dataset.val] == [(1, 80), (12,), (80,)]
    assert dataset.train[0].image == tmp_path / "train2014" / f"{name('train', 9)}.jpg"
    assert all(example.mask is None and example.saliency is None for example in dataset.train + dataset.val)


def test_labels_close_the_gaps_between_the_category_ids():
    assert len(CATEGORIES) == 80 and list(CATEGORIES) == sorted(CATEGORIES) and len(set(CLASS_NAMES)) == 81
    assert list(LABELS.values()) == list(range(1, 81)) and CLASS_NAMES[LABELS[18]] == "dog"
    assert set(range(1, 91)) - set(CATEGORIES) == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def test_untagged_images_may_stay(tmp_path):
    dataset = opened(make_coco(tmp_path), untagged="keep")
    assert [example.tags for example in dataset.train] == [(), (1, 80), (12,)]
    assert [example.tags for example in dataset.val] == [(80,), ()]


def test_a_crowd_is_a_tag(tmp_path):
    content = document("train", TRAIN)
    content["annotations"].append({"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 1, "area": 10,
                                   "bbox": [0, 5, 1, 10], "segmentation": CROWD})
    write_document(make_coco(tmp_path), "train", content)
    assert opened(tmp_path).train[0].tags == (1,)


def test_masks_and_saliency_are_found_by_the_name_of_the_photo(tmp_path):
    root = make_coco(tmp_path)
    for folder in ("masks/val2014", "saliency"):
        (root / folder).mkdir(parents=True)
    Image.new("P", (20, 16)).save(root / "masks/val2014" / f"{name('val', 42)}.png")
    Image.new("L", (20, 16)).save(root / "saliency" / f"{name('train', 9)}.png")
    dataset = opened(root)
    assert dataset.val[0].mask == root / "masks/val2014" / f"{name('val', 42)}.png"
    assert dataset.train[0].saliency == root / "saliency" / f"{name('train', 9)}.png"


def test_half_written_masks_are_told(tmp_path, caplog):
    root = make_coco(tmp_path)
    (root / "masks/val2014").mkdir(parents=True)
    Image.new("P", (20, 16)).save(root / "masks/val2014" / f"{name('val', 42)}.png")
    with caplog.at_level(logging.WARNING, logger="absl"):
        opened(root)
        assert not caplog.records  # the photo without mask is left out
        opened(root, untagged="keep")
    assert "val2014: 1 of 2 masks are missing" in caplog.text and "wsss data coco_masks" in caplog.text


@pytest.mark.parametrize("lines", [[name("train", 25), name("train", 9)], ["25", "9"], ["000000000025", "09"],
                                   [f"train2014/{name('train', 25)}.jpg", f"{name('train', 9)}.jpg"]])
def test_lists_restrict_a_split(tmp_path, lines):
    root = make_coco(tmp_path)
    (root / "mine.txt").write_text("\n".join(lines))
    (root / "train2014" / f"{name('train', 7)}.jpg").unlink()
    dataset = opened(root, train_list=str(root / "mine.txt"))
    assert [example.image_id for example in dataset.train] == [name("train", 25), name("train", 9)]


def test_photos_are_needed_for_what_the_list_names(tmp_path):
    root = make_coco(tmp_path)
    (root / "train2014" / f"{name('train', 25)}.jpg").unlink()
    words = r"000025.jpg: no such photo \(1 of the 3 in .*json are missing\).*train2014.zip"
    with pytest.raises(InputError, match=words):
        opened(root)


def test_other_tags(tmp_path):
    root = make_coco(tmp_path)
    lines = ["image_id,classes", f"{name('train', 9)},dog;cat", "7,person", f"{name('val', 42)},tv", "73,"]
    (root / "mine.csv").write_text("\n".join(lines))
    dataset = opened(root, labels=str(root / "mine.csv"))
    assert {example.image_id: example.tags for example in dataset.train + dataset.val} == {
        name("train", 7): (1,), name("train", 9): (16, 17), name("val", 42): (63,)}


@pytest.mark.parametrize("settings, words", [
    ({"train_list": "train2014"}, "--train_list: expected train .*found 'train2014'"),
    ({"val_list": "train"}, "--val_list: expected val "),
    ({"val_list": "absent.txt"}, "absent.txt: cannot read it"),
    ({"labels": "absent.csv"}, "absent.csv: no such labels file"),
    ({"maps": "absent"}, "absent.*--maps"),
    ({"data": "absent"}, "absent: expected COCO 2014 .*no such folder"),
])
def test_wrong_settings(tmp_path, settings, words):
    root = make_coco(tmp_path)
    with pytest.raises(InputError, match=words):
        opened(root, **settings)


@pytest.mark.parametrize("line, words", [
    ("9" * 5000, "mine.txt: expected image ids of"),
    ("٩", "mine.txt: expected image ids of"),
    ("12", "mine.txt: expected image ids of instances_train2014.json, found '12'"),
    (name("val", 42), "found 'COCO_val2014_000000000042'"),
    (f"9\n{name('train', 9)}", "mine.txt: expected every image once"),
    ("7", r"mine.txt: expected images with any of the 80 classes, .*--untagged=keep"),
])
def test_wrong_lists(tmp_path, line, words):
    root = make_coco(tmp_path)
    (root / "mine.txt").write_text(line)
    with pytest.raises(InputError, match=words):
        opened(root, train_list=str(root / "mine.txt"))


def without(key: str, part: str | None = None):
    def change(content):
        (content[part][0] if part else content).pop(key)
    return change


def setting_to(part: str, **values):
    return lambda content: content[part][0].update(values)


@pytest.mark.parametrize("change, words", [
    (setting_to("annotations", category_id=12), r"annotation 900: expected one of COCO's 80 category ids .*found 12"),
    (setting_to("annotations", category_id=[1]), "annotation 900: .*found .1."),
    (setting_to("annotations", image_id=8), "expected annotations of its own images, found one of image 8"),
    (without("image_id", "annotations"), "annotation 900: expected the image_id, a whole number, found None"),
    (without("category_id", "annotations"), "expected the lists images and annotations"),
    (without("annotations"), "expected the lists images and annotations"),
    (without("images"), "expected the lists images and annotations"),
    (without("height", "images"), "image 9: expected a number, file_name, height and width"),
    (setting_to("images", id="9"), "image '9': expected a number"),
    (setting_to("annotations", category_id=True), "annotation 900: expected the category_id, a whole number, found True"),
    (setting_to("annotations", category_id=1.0), "annotation 900: expected the category_id, a whole number, found 1.0"),
    (setting_to("annotations", image_id=True), "annotation 900: expected the image_id, .*found True"),
    (setting_to("annotations", image_id=9.7), "annotation 900: expected the image_id, .*found 9.7"),
    (setting_to("annotations", image_id="9"), "annotation 900: expected the image_id, .*found '9'"),
    (setting_to("annotations", image_id=float("nan")), r"not readable as JSON \(NaN instead of a number"),
    (setting_to("annotations", image_id=9 * [[[9]]]), "annotation 900: expected the image_id"),
    (setting_to("images", id=True), "image True: expected a number"),
    (setting_to("images", id=9.0), "image 9.0: expected a number"),
    (setting_to("images", width=True), "image 9: expected a number, file_name, height and width"),
    (setting_to("images", width=60000, height=60000), "image 9: expected at most 80000000 pixels .*found 60000x60000"),
    (setting_to("images", width=10**300), "image 9: expected a number, file_name"),
    (setting_to("images", width=20001, height=1), "image 9: expected .*sides up to 20000, found 20001x1"),
    (setting_to("images", file_name="../../x\0.jpg"), "image 9: expected the name of a photo as file_name"),
    (setting_to("images", file_name=".."), "image 9: expected the name of a photo as file_name, found '..'"),
    (setting_to("categories", id=True), "expected categories with a whole number as id and a name"),
    (setting_to("images", id=7), "expected every image once"),
    (setting_to("categories", name="cat"), "expected COCO's categories, found 'cat' with id 1.*--source=folder"),
])
def test_malformed_annotations(tmp_path, change, words):
    content = document("train", TRAIN)
    change(content)
    write_document(make_coco(tmp_path), "train", content)
    with pytest.raises(InputError, match=f"instances_train2014.json: {words}"):
        opened(tmp_path)


@pytest.mark.parametrize("damage, words", [
    (lambda path: path.unlink(), "no such file: unpack annotations_trainval2014.zip"),
    (lambda path: path.write_bytes(path.read_bytes()[:-20]), "not readable as JSON .*take it anew"),
    (lambda path: path.write_bytes(b"\xff\xfe{"), "not readable as JSON"),
    (lambda path: path.write_text("[" * 200_000), "not readable as JSON"),
    (lambda path: path.write_text("1" * 5000), "not readable as JSON"),
    (lambda path: os.truncate(path, 2**33), "not readable as JSON .*more than"),
    (lambda path: path.write_text("[]"), "expected the lists"),
])
def test_damaged_annotations(tmp_path, damage, words):
    damage(make_coco(tmp_path) / "annotations" / "instances_val2014.json")
    with pytest.raises(InputError, match=f"instances_val2014.json: {words}"):
        opened(tmp_path)


def test_folder_missing(tmp_path):
    (make_coco(tmp_path) / "val2014").rename(tmp_path / "val2017")
    with pytest.raises(InputError, match="expected COCO 2014 with .*found no val2014 in it"):
        opened(tmp_path)


def test_another_number_of_images_is_told(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(coco, "COUNTS", {"train": (4, 3), "val": (2, 1)})
    with caplog.at_level(logging.WARNING, logger="absl"):
        opened(make_coco(tmp_path))
        assert "instances_train2014.json: 2 images, COCO 2014 has 3" in caplog.text and "val2014" not in caplog.text
        caplog.clear()
        opened(tmp_path, untagged="keep")
        assert "instances_train2014.json: 3 images, COCO 2014 has 4" in caplog.text


def test_an_excerpt_may_have_any_number(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        opened(make_coco(tmp_path))
    assert not caplog.records


def test_outlines_are_kept_only_where_asked_for(tmp_path):
    make_coco(tmp_path)
    assert {region.outline for region in read_annotations(tmp_path, "train").regions} == {None}
    region = read_annotations(tmp_path, "train", outlines=True).regions[0]
    assert region[:3] == (9, 80, 36.0) and [list(polygon) for polygon in region.outline] == SQUARE
    assert read_annotations(tmp_path, "train").pictures[0] == coco_annotations.Picture(7, name("train", 7), 16, 20)


def test_an_example_without_tags_passes_through_the_maps(tmp_path):
    """keys [0] and cam [0, H, W], from the artefact to pseudo-label and scores."""
    import keras

    from wsss_tf.files.cams import cam_path, read_cam, write_cam
    from wsss_tf.inference.cams import CamMaker
    from wsss_tf.inference.settings import CamConfig
    from wsss_tf.nets.backbone import Grid

    example = opened(make_coco(tmp_path), untagged="keep").train[0]
    image = keras.Input([None, None, 3])
    classifier = keras.Model(image, {"cam": keras.layers.Conv2D(80, 1)(image)})
    maker = CamMaker(classifier, Grid(1, corner=False), CamConfig(scales=(1.0,)))
    write_cam(cam_path(tmp_path, example.image_id), *maker.present(example))
    keys, cam = read_cam(tmp_path, example.image_id, 80)
    assert keys.shape == (0,) and cam.shape == (0, 16, 20)
    label = pseudo_label(keys, cam, 0.2)
    assert label.dtype == np.uint8 and label.shape == (16, 20) and not label.any()
    counts = cam_counts(np.ones([16, 20], np.uint8), keys, cam, [0.1, 0.2], 81)
    assert counts[1, 0, 0] == counts.sum() == 320


def test_untagged_images_go_through_the_whole_chain(tmp_path, tiny, finish):
    """Images without any class: no problem of the data, no CAM, only background and doubt to learn from."""
    root = make_coco(tmp_path / "coco")
    for split in ("train", "val"):
        for folder in ("saliency", f"masks/{split}2014"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            for number in (TRAIN if split == "train" else VAL):
                Image.fromarray(np.eye(16, 20, dtype=np.uint8)).save(root / folder / f"{name(split, number)}.png")
    experiment = tiny("--source=coco", f"--data={root}", "--untagged=keep", f"--runs={tmp_path / 'runs'}",
                      "--maps_max=1", "--cls_batch=3", "--seg_batch=3")
    assert check_dataset(experiment.dataset, progress=False, maps_max=1) == []
    run = finish(experiment)
    with Image.open(run.folder / "saliency" / f"{name('train', 7)}.png") as picture:
        np.testing.assert_array_equal(np.array(picture), np.where(np.eye(16, 20), 255, 0))
    assert (run.folder / "report" / "report.html").exists()


OWN = [{"id": 2, "name": "hole", "supercategory": "damage"}, {"id": 1, "name": "person", "supercategory": "damage"}]
HEADING = {"id": 0, "name": "damage", "supercategory": "none"}


def own_document(split: str, shown: dict[int, list[int]], categories=(HEADING, *OWN)) -> dict:
    return document(split, shown) | {"categories": list(categories)}


def make_own(root: Path, shown=None, **more) -> Path:
    """Classes person and hole; image 7 shows none of them."""
    make_coco(root)
    for split, images in (("train", {9: [2, 1], 7: [], 25: [1]}), ("val", {42: [2], 73: []})):
        write_document(root, split, own_document(split, images, **more))
    return root


def test_categories_of_ones_own(tmp_path):
    dataset = opened(make_own(tmp_path / "damage"))
    assert dataset.name == "damage" and dataset.class_names == ("background", "person", "hole") and dataset.untagged
    assert [example.tags for example in dataset.train] == [(), (1, 2), (1,)], "photos without annotations show none"
    assert [example.tags for example in dataset.val] == [(2,), ()]


def test_a_category_of_background_is_no_class(tmp_path):
    categories = [{"id": 5, "name": "background"}, *OWN]
    root = make_own(tmp_path, categories=categories)
    write_document(root, "val", own_document("val", {42: [5], 73: [2, 5]}, categories))
    dataset = opened(root)
    assert dataset.class_names == ("background", "person", "hole")
    assert [example.tags for example in dataset.val] == [(), (2,)]


def test_both_files_must_agree_on_the_classes(tmp_path):
    root = make_own(tmp_path)
    write_document(root, "val", own_document("val", {42: [1]}, OWN[1:]))
    words = r"instances_val2014.json: expected the categories of .*person, hole.*found others \(person"
    with pytest.raises(InputError, match=words):
        opened(root)


@pytest.mark.parametrize("categories, words", [
    ([{"id": 1, "name": "crack"}, {"id": 1, "name": "hole"}], "every category id once"),
    ([{"id": 1, "name": "crack"}, {"id": 2, "name": "crack"}], "category 2: class 'crack' comes twice"),
    ([{"id": "1", "name": "crack"}], "a whole number as id and a name"),
    ([{"id": 1}], "a whole number as id and a name"),
    ([{"id": 1, "name": "crack"}], "annotation 900: expected one of the category ids that it lists .1., found 2"),
])
def test_malformed_categories_of_ones_own(tmp_path, categories, words):
    with pytest.raises(InputError, match=words):
        opened(make_own(tmp_path, categories=categories))


@pytest.mark.parametrize("layout", ["2017", "exported"])
def test_other_layouts(tmp_path, layout):
    root = make_own(tmp_path)
    for split in ("train", "val"):
        old = root / f"annotations/instances_{split}2014.json"
        if layout == "2017":
            old.rename(root / f"annotations/instances_{split}2017.json")
            (root / f"{split}2014").rename(root / f"{split}2017")
        else:
            folder = root / {"train": "train", "val": "valid"}[split]
            (root / f"{split}2014").rename(folder)
            old.rename(folder / "_annotations.coco.json")
    dataset = opened(root)
    assert (len(dataset.train), len(dataset.val)) == (3, 2) and dataset.class_names[1:] == ("person", "hole")


@pytest.mark.parametrize("change", [lambda text: f"images/{text}", lambda text: f"images\\{text}", str.upper])
def test_file_names_as_other_programs_write_them(tmp_path, change):
    root = make_coco(tmp_path)
    content = document("train", TRAIN)
    for image in content["images"]:
        image["file_name"] = change(image["file_name"])
    write_document(root, "train", content)
    assert [example.image_id for example in opened(root).train] == [name("train", 9), name("train", 25)]


def test_a_file_of_instances_as_labels_of_a_folder(tmp_path):
    """One .json beside images/, as most programs export it."""
    root = make_own(tmp_path)
    (root / "train2014").rename(root / "images")
    (root / "annotations/instances_train2014.json").rename(root / "instances_default.json")
    settings = {"source": "folder", "labels": str(root / "instances_default.json")}
    dataset = opened(root, **settings)
    assert dataset.class_names == ("background", "person", "hole")
    assert {example.image_id: example.tags for example in dataset.train} == {
        name("train", 9): (1, 2), name("train", 7): (), name("train", 25): (1,)}
    (root / "classes.txt").write_text("hole\nperson\nstain\n")
    assert {example.tags for example in opened(root, **settings).train} == {(1, 2), (), (2,)}, "the numbers of classes.txt"
    (root / "classes.txt").write_text("hole\n")
    with pytest.raises(InputError, match="category 'person' is no class of the data set .hole."):
        opened(root, **settings)
