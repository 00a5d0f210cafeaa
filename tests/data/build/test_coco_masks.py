import json
import re
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.limited import call_limited
from wsss_tf.data.build.coco_masks import from_stuff, write_instance_masks, write_masks
from wsss_tf.data.build.outlines import draw_regions
from wsss_tf.data.check import check_dataset
from wsss_tf.data.coco_annotations import Region
from wsss_tf.data.coco_categories import LABELS
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files import store
from wsss_tf.files.images import read_labels

HEIGHT, WIDTH = 18, 24
PLATE, TABLE, CROWD = [[4, 4, 10, 4, 10, 9, 4, 9]], [[2, 2, 20, 2, 20, 15, 2, 15]], {
    "counts": [0, HEIGHT, HEIGHT * (WIDTH - 1)], "size": [HEIGHT, WIDTH]}


@pytest.fixture
def rle():
    """pycocotools.mask, where it is installed."""
    return pytest.importorskip("pycocotools.mask")


@pytest.fixture
def root(tmp_path) -> Path:
    """COCO with a plate on a table and a crowd in training, and one empty photo in evaluation."""
    objects = [(1, 67, 0, 234.0, TABLE), (1, 51, 0, 30.0, PLATE), (1, 1, 1, 18.0, CROWD)]
    write_annotations(tmp_path, "train", [1], objects)
    write_annotations(tmp_path, "val", [2], [])
    return tmp_path


def name(split: str, number: int) -> str:
    return f"COCO_{split}2014_{number:012d}"


def write_annotations(root: Path, split: str, numbers: list[int], objects: list[tuple]) -> None:
    for folder in ("annotations", f"{split}2014"):
        (root / folder).mkdir(exist_ok=True)
    for number in numbers:
        Image.new("RGB", (WIDTH, HEIGHT)).save(root / f"{split}2014" / f"{name(split, number)}.jpg")
    images = [{"id": number, "file_name": f"{name(split, number)}.jpg", "height": HEIGHT, "width": WIDTH}
              for number in numbers]
    keys = ("image_id", "category_id", "iscrowd", "area", "segmentation")
    annotations = [{"id": index, **dict(zip(keys, values))} for index, values in enumerate(objects)]
    (root / "annotations" / f"instances_{split}2014.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": []}))


def add_stuff(root: Path, folder: str, number: int, values: np.ndarray) -> Path:
    path = root / "stuffthingmaps" / folder / f"{number:012d}.png"
    store.write_image(path, values)
    return path


def polygons(*parts) -> list[array]:
    return [array("d", part) for part in parts]


def rectangle(top: int, left: int, bottom: int, right: int) -> list[array]:
    return polygons([left, top, right, top, right, bottom, left, bottom])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 6), st.integers(1, 6),
                          st.integers(1, 80)), max_size=6))
def test_the_smallest_rectangle_is_in_front_pixel_by_pixel(boxes):
    pytest.importorskip("pycocotools.mask")
    regions = [Region(1, label, float(h * w), rectangle(y, x, y + h, x + w)) for y, x, h, w, label in boxes]
    expected = np.zeros([HEIGHT, WIDTH], np.uint8)
    for row, column in np.ndindex(HEIGHT, WIDTH):
        there = [box for box in boxes if box[0] <= row < box[0] + box[2] and box[1] <= column < box[1] + box[3]]
        if there:
            expected[row, column] = min(there, key=lambda box: box[2] * box[3])[4]
    np.testing.assert_array_equal(draw_regions(HEIGHT, WIDTH, regions), expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4 * HEIGHT), min_size=6, max_size=6))
def test_a_triangle_covers_the_pixels_whose_middle_is_within(numbers):
    """Checked a pixel away from the edges, where all rules of rasterisation agree."""
    pytest.importorskip("pycocotools.mask")
    corners = np.reshape(numbers, [3, 2]) / 4
    labels = draw_regions(HEIGHT, WIDTH, [Region(1, 5, 1.0, polygons(corners.ravel().tolist()))])
    for row, column in np.ndindex(HEIGHT, WIDTH):
        sides, distances = [], []
        for start, end in zip(corners, np.roll(corners, -1, axis=0)):
            along, to = end - start, [column + 0.5, row + 0.5] - start
            part = np.clip(along @ to / max(along @ along, 1e-9), 0, 1)
            distances.append(np.linalg.norm(to - part * along))
            sides.append(along[0] * to[1] - along[1] * to[0])
        if min(distances) > 1:
            assert labels[row, column] == (5 if min(sides) > 0 or max(sides) < 0 else 0), (row, column)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=30))
def test_runs_go_down_the_columns_as_in_pycocotools(runs):
    rle = pytest.importorskip("pycocotools.mask")
    counts, left = [], HEIGHT * WIDTH
    for run in runs:
        counts.append(min(run, left))
        left -= counts[-1]
    counts.append(left)
    outline = {"counts": counts, "size": [HEIGHT, WIDTH]}
    labels = draw_regions(HEIGHT, WIDTH, [Region(1, 7, 1.0, outline)])
    np.testing.assert_array_equal(labels, 7 * rle.decode(rle.frPyObjects(outline, HEIGHT, WIDTH)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH), st.integers(0, HEIGHT))
def test_packed_runs_are_those_of_pycocotools(pixels, filled):
    rle = pytest.importorskip("pycocotools.mask")
    where = np.asfortranarray(np.reshape(pixels, [HEIGHT, WIDTH]), np.uint8)
    where[:filled] = 1
    packed = rle.encode(where)
    outline = {"counts": packed["counts"].decode(), "size": packed["size"]}
    np.testing.assert_array_equal(draw_regions(HEIGHT, WIDTH, [Region(1, 7, 1.0, outline)]), 7 * where)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e9, 1e300])
def test_coordinates_that_would_take_all_memory_are_refused(rle, number):
    with pytest.raises(InputError, match="expected coordinates of pixels"):
        draw_regions(HEIGHT, WIDTH, [Region(1, 1, 1.0, polygons([number, 10, 20, 10, 20, 16]))])


def test_coordinates_around_the_picture_are_cut(rle):
    labels = draw_regions(HEIGHT, WIDTH, [Region(1, 1, 1.0, polygons([-5, -5, 200, -5, 200, 200, -5, 200]))])
    assert (labels == 1).all()


def test_polygons_of_one_object_are_joined_and_two_points_cover_nothing(rle):
    outline = polygons([0, 0, 4, 4], [0, 0, 3, 0, 3, 3, 0, 3], [10, 10, 12, 10, 12, 12, 10, 12])
    labels = draw_regions(HEIGHT, WIDTH, [Region(1, 3, 13.0, outline), Region(1, 4, 1.0, polygons([1, 1, 9, 9]))])
    expected = np.zeros([HEIGHT, WIDTH])
    expected[:3, :3] = expected[10:12, 10:12] = 3
    np.testing.assert_array_equal(labels, expected)


def test_of_the_same_area_the_first_is_in_front(rle):
    regions = [Region(1, label, 4.0, rectangle(0, 0, 2, 2)) for label in (8, 9)]
    assert draw_regions(HEIGHT, WIDTH, regions)[0, 0] == 8


@pytest.mark.parametrize("outline, words", [
    ({"counts": [0, 4], "size": [2, 2]}, r"runs of the image's size \[18, 24\] .*found \[2, 2\]"),
    ({"counts": [0, 4], "size": [HEIGHT, WIDTH]}, "sum up to 432 pixels, found 4"),
    ({"counts": [-1, HEIGHT * WIDTH + 1], "size": [HEIGHT, WIDTH]}, "a list of run lengths"),
    ({"counts": "0l4", "size": [HEIGHT, WIDTH]}, "sum up to 432 pixels, found 156"),
    ({"counts": "0 l4", "size": [HEIGHT, WIDTH]}, "a list of run lengths"),
    ({"counts": "o" * 50, "size": [HEIGHT, WIDTH]}, "a list of run lengths"),
    ({"counts": "", "size": [HEIGHT, WIDTH]}, "sum up to 432 pixels, found 0"),
    ({"size": [HEIGHT, WIDTH]}, "a list of run lengths"),
    ({"counts": [True, HEIGHT * WIDTH - 1], "size": [HEIGHT, WIDTH]}, "a list of run lengths"),
    ({"counts": [10**300], "size": [HEIGHT, WIDTH]}, "sum up to 432 pixels"),
    (polygons([0, 0, 20000, 20000] * 100), "at most 1000000 pixels along their edge, found one of 4000000"),
])
def test_malformed_outlines(outline, words):
    with pytest.raises(InputError, match=words):
        draw_regions(HEIGHT, WIDTH, [Region(1, 1, 1.0, outline)])


def test_masks_from_instances(rle, root):
    folder = write_masks(root, "train", "instances", progress=False)
    expected = np.zeros([HEIGHT, WIDTH])
    expected[2:15, 2:20], expected[4:9, 4:10], expected[:, 0] = LABELS[67], LABELS[51], LABELS[1]
    path = folder / f"{name('train', 1)}.png"
    assert path == root / "masks/train2014" / path.name and Image.open(path).mode == "P"
    np.testing.assert_array_equal(read_labels(path), expected)
    assert not read_labels(write_masks(root, "val", "instances", False) / f"{name('val', 2)}.png").any()


def test_masks_of_classes_of_ones_own(rle, root, tmp_path):
    path = root / "annotations/instances_train2014.json"
    content = json.loads(path.read_text())
    content["categories"] = [{"id": 67, "name": "crack"}, {"id": 51, "name": "hole"}, {"id": 1, "name": "stain"}]
    path.write_text(json.dumps(content))
    expected = np.zeros([HEIGHT, WIDTH])
    expected[2:15, 2:20], expected[4:9, 4:10], expected[:, 0] = 3, 2, 1
    folder = write_masks(root, "train", "instances", progress=False)
    np.testing.assert_array_equal(read_labels(folder / f"{name('train', 1)}.png"), expected)
    alone = write_instance_masks(path, tmp_path / "drawn", progress=False)
    np.testing.assert_array_equal(read_labels(alone / f"{name('train', 1)}.png"), expected)
    with pytest.raises(InputError, match="expected COCO's categories, which COCO-Stuff has maps of"):
        write_masks(root, "train", "stuff", progress=False)


def test_masks_hold_the_tags_and_pass_the_check(rle, root):
    for split in ("train", "val"):
        write_masks(root, split, "instances", progress=False)
    dataset = open_dataset(DataConfig("coco", str(root), untagged="keep"))
    for example in dataset.train + dataset.val:
        assert tuple(np.unique(read_labels(example.mask))[1:]) == example.tags
    assert check_dataset(dataset, progress=False) == []


def test_masks_that_exist_are_kept(rle, root):
    folder = write_masks(root, "train", "instances", progress=False)
    path = folder / f"{name('train', 1)}.png"
    path.write_bytes(b"mine")
    write_masks(root, "train", "instances", progress=False)
    assert path.read_bytes() == b"mine"
    path.unlink()
    write_masks(root, "train", "instances", progress=False)
    assert sorted(entry.name for entry in folder.iterdir()) == [path.name, "made_from.json"]


def test_masks_of_another_kind_do_not_mix(rle, root):
    add_stuff(root, "train2014", 1, np.zeros([HEIGHT, WIDTH], np.uint8))
    folder = write_masks(root, "train", "stuff", progress=False)
    with pytest.raises(InputError, match="masks made from instances, found masks made from stuff: rename"):
        write_masks(root, "train", "instances", progress=False)
    (folder / "made_from.json").unlink()
    with pytest.raises(InputError, match="masks made from something unknown"):
        write_masks(root, "train", "stuff", progress=False)


def test_a_malformed_outline_names_the_file_and_the_image(rle, root):
    write_annotations(root, "train", [1], [(1, 1, 1, 9.0, {"counts": [9], "size": [3, 3]})])
    with pytest.raises(InputError, match="instances_train2014.json: image 1: expected .*take the file anew"):
        write_masks(root, "train", "instances", progress=False)


BEYOND = "numbers that are no places in an image"


@pytest.mark.parametrize("segmentation, words", [
    (5, "not iterable"), ([["a", "b"]], "number"), (None, "not iterable"), ([[1, 2, 3, 4, 5]], BEYOND),
    ([[0, 0, 1e9, 0, 1e9, 1e9]], BEYOND), ([[0, 0, -1e9, 0, 0, 9]], BEYOND), ([[0, 0, 10**400, 0, 0, 9]], "too large"),
    ([[0, 0, 40001, 0, 0, 9]], BEYOND)])
def test_outlines_that_are_none(root, segmentation, words):
    write_annotations(root, "train", [1], [(1, 1, 0, 9.0, segmentation)])
    ended = call_limited(write_masks, root, "train", "instances", False)
    assert re.search(f"annotation 0: expected a segmentation in pixels .*{words}", ended.error) and ended.mebibytes < 64


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_outlines_of_what_is_no_number(root, number):
    """pycocotools ends the process over them."""
    write_annotations(root, "train", [1], [(1, 1, 0, 9.0, [[0, 0, 8, 0, 12345, 9]])])
    path = root / "annotations/instances_train2014.json"
    path.write_text(path.read_text().replace("12345", number))
    ended = call_limited(write_masks, root, "train", "instances", False)
    assert f"not readable as JSON ({number} instead of a number)" in ended.error


@pytest.mark.parametrize("area", [True, "9", None, -1, 10**400, [9]])
def test_areas_that_are_none(root, area):
    write_annotations(root, "train", [1], [(1, 1, 0, area, PLATE)])
    with pytest.raises(InputError, match="annotation 0: expected (the area, a number from 0|a segmentation in pixels .*too large)"):
        write_masks(root, "train", "instances", progress=False)


def test_outlines_may_leave_the_image(rle, root):
    """As some of COCO's do by a fraction of a pixel; what is outside is cut off."""
    write_annotations(root, "train", [1], [(1, 1, 0, 9.0, [[-5, -5, 90, -5, 90, 4, -5, 4]])])
    labels = read_labels(write_masks(root, "train", "instances", progress=False) / f"{name('train', 1)}.png")
    assert (labels[:4] == 1).all() and not labels[4:].any()


def test_large_sides_end_nothing(root):
    """pycocotools counts the pixels in 32 bits, and ends the process where they do not fit."""
    write_annotations(root, "train", [1], [(1, 1, 0, 9.0, PLATE)])
    path = root / "annotations/instances_train2014.json"
    path.write_text(path.read_text().replace(f'"height": {HEIGHT}, "width": {WIDTH}', '"height": 70000, "width": 70000'))
    ended = call_limited(write_masks, root, "train", "instances", False)
    assert "image 1: expected at most 80000000 pixels and sides up to 20000, found 70000x70000" in ended.error


def test_a_damaged_note_of_what_masks_are_made_from(rle, root):
    folder = write_masks(root, "train", "instances", progress=False)
    (folder / "made_from.json").write_text("[1]")
    with pytest.raises(InputError, match=r"made_from\.json: damaged \(it: expected a text, found a list\): delete .*train2014"):
        write_masks(root, "train", "instances", progress=False)


def test_without_pycocotools(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(InputError, match="need pycocotools.*pip install"):
        write_masks(root, "train", "instances", progress=False)
    assert not (root / "masks").exists()


def test_values_of_stuff_maps():
    values = np.uint8([[category - 1 for category in LABELS], [91] * 79 + [181]])
    np.testing.assert_array_equal(from_stuff(values), [list(range(1, 81)), [0] * 80])
    np.testing.assert_array_equal(from_stuff(np.uint8([[255, 11]])), [[255, 0]])  # 12 is no category
    for wrong in (182, 254):
        with pytest.raises(InputError, match=f"values 0 to 181 or 255, found {wrong}"):
            from_stuff(np.uint8([[0, wrong]]))


@pytest.mark.parametrize("folder", ["train2014", "val2017"])
def test_masks_from_stuff_maps_of_either_year(root, folder):
    values = np.full([HEIGHT, WIDTH], 120, np.uint8)
    values[3], values[4] = 17, 255
    add_stuff(root, folder, 1, values)
    written = read_labels(write_masks(root, "train", "stuff", progress=False) / f"{name('train', 1)}.png")
    np.testing.assert_array_equal(written, np.select([values == 17, values == 255], [LABELS[18], 255]))


def test_stuff_maps_under_the_names_of_the_photos(root):
    path = add_stuff(root, "train2014", 1, np.zeros([HEIGHT, WIDTH], np.uint8))
    path.rename(path.with_name(f"{name('train', 1)}.png"))
    write_masks(root, "train", "stuff", progress=False)
    assert (read_labels(root / "masks/train2014" / f"{name('train', 1)}.png") == 1).all()


@pytest.mark.parametrize("shape, value, words", [
    ((HEIGHT, WIDTH), 200, "000000000001.png: expected a COCO-Stuff map .*found 200"),
    ((HEIGHT, 9), 0, "000000000001.png: expected 24x18 pixels .*found 9x18"),
])
def test_wrong_stuff_maps(root, shape, value, words):
    add_stuff(root, "train2014", 1, np.full(shape, value, np.uint8))
    with pytest.raises(InputError, match=words):
        write_masks(root, "train", "stuff", progress=False)
    assert not list((root / "masks").rglob("*.png"))


def test_stuff_map_missing(root):
    with pytest.raises(InputError, match="none for 1 of 1, e.g. 000000000001.png: unpack stuffthingmaps"):
        write_masks(root, "train", "stuff", progress=False)


def test_script(rle, script, root):
    ended = script("data", "coco_masks", "--source=coco", f"--data={root}")
    assert ended.code == 0 and ended.out.split() == [str(root / "masks/train2014"), str(root / "masks/val2014")]
    ended = script("data", "coco_masks", "--source=coco", f"--data={root}", "--mask_splits=train", "--masks_from=stuff")
    assert ended.code == 2 and "expected a pixel map for every image" in ended.error
    ended = script("data", "coco_masks", "--source=coco", f"--data={root}", "--mask_splits=test")
    assert ended.code == 2 and ended.error.startswith("--mask_splits: expected train, val or both, found 'test'")
