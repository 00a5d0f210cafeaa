"""The generated demo data: layout, exactness, promised difficulties, atomic writing."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.data.build import shapes, shapes_drawing
from wsss_tf.errors import InputError
from wsss_tf.files import images

CONFIG = shapes.ShapesConfig(shapes_train=72, shapes_val=6, shapes_size=96, shapes_seed=3)
SMALL = shapes.ShapesConfig(shapes_train=2, shapes_val=1, shapes_size=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "shapes"
    shapes.generate_shapes(folder, CONFIG)
    return folder


@pytest.fixture(scope="module")
def maps(root) -> list[tuple[np.ndarray, np.ndarray]]:
    """(labels, saliency) of the training images."""
    return [(images.read_labels(root / "SegmentationClass" / f"{image_id}.png"),
             images.read_grey(root / "saliency" / f"{image_id}.png")) for image_id in _ids(root, "train")]


def _ids(root: Path, split: str) -> list[str]:
    return (root / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()


def _files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_layout(root):
    assert (root / "classes.txt").read_text().splitlines() == list(shapes_drawing.CLASSES)
    assert json.loads((root / "shapes.json").read_text())["shapes_seed"] == 3
    assert len(_ids(root, "train")) == 72 and len(_ids(root, "val")) == 6
    assert {path.name for path in root.iterdir()} == {
        "JPEGImages", "SegmentationClass", "saliency", "ImageSets", "classes.txt", "labels.csv", "shapes.json"}
    for image_id in _ids(root, "train") + _ids(root, "val"):
        assert images.read_photo(root / "JPEGImages" / f"{image_id}.jpg").shape == (96, 96, 3)
        assert images.read_labels(root / "SegmentationClass" / f"{image_id}.png").shape == (96, 96)
        assert images.read_grey(root / "saliency" / f"{image_id}.png").shape == (96, 96)


def test_tags_are_the_classes_of_the_mask(root):
    with open(root / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == _ids(root, "train") + _ids(root, "val")
    for row in rows:
        labels = images.read_labels(root / "SegmentationClass" / f"{row['image_id']}.png")
        names = [shapes_drawing.CLASSES[label] for label in np.unique(labels) if label]
        assert row["classes"].split(";") == names


def test_same_seed_same_bytes_and_counts_do_not_matter(tmp_path):
    shapes.generate_shapes(tmp_path / "a", SMALL)
    shapes.generate_shapes(tmp_path / "b", SMALL)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    shapes.generate_shapes(tmp_path / "c", shapes.ShapesConfig(shapes_train=5, shapes_val=2, shapes_size=64))
    more = _files(tmp_path / "c")
    for name, content in _files(tmp_path / "a").items():
        if name.endswith((".jpg", ".png")):
            assert more[name] == content


def test_seeds_splits_and_numbers_differ():
    photos = [shapes.draw_example(shapes.ShapesConfig(shapes_seed=seed), split, number)[0].tobytes()
              for seed, split, number in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len(set(photos)) == 4


def test_every_object_is_visible(maps):
    for labels, _ in maps:
        shares = np.bincount(labels.ravel(), minlength=7) / labels.size
        assert len(shares) == 7
        assert np.all(shares[1:][shares[1:] > 0] >= shapes.MIN_AREA)


@pytest.mark.parametrize("seed", range(8))
def test_arranged_objects_keep_their_visible_share(seed):
    _, items, owner = shapes._arrange(np.random.default_rng(seed), [1, 4, 5], 192)
    for number, item in enumerate(items, start=1):
        whole = np.count_nonzero(item.index)
        assert 4 * np.count_nonzero(owner[::2, ::2] == number) >= shapes.MIN_VISIBLE * whole


def test_classes_are_balanced_and_keep_company(maps):
    present = np.array([[np.any(labels == label) for label in range(1, 7)] for labels, _ in maps])
    assert present.sum(axis=0).min() >= 12  # each is the main class of 72 / 6 images
    assert present.sum(axis=0).max() <= 2 * present.sum(axis=0).min()
    assert 0.25 <= np.mean(present.sum(axis=1) > 1) <= 0.55
    assert present.sum(axis=1).max() <= 3


def test_classes_with_a_scene_of_their_own_never_meet(maps):
    boat, train = shapes_drawing.CLASSES.index("boat"), shapes_drawing.CLASSES.index("train")
    assert not any(np.any(labels == boat) and np.any(labels == train) for labels, _ in maps)


def test_saliency_misses_objects_and_adds_false_ones(maps):
    found = [np.mean(saliency[labels == label] > 127)
             for labels, saliency in maps for label in np.unique(labels) if label]
    assert 0.1 <= np.mean(np.array(found) < 0.2) <= 0.4
    false = [np.mean((saliency > 127) & (labels == 0)) for labels, saliency in maps]
    assert 0.1 <= np.mean(np.array(false) > 0.012) <= 0.4
    salient, objects = (np.stack(part) for part in ([s > 127 for _, s in maps], [m > 0 for m, _ in maps]))
    assert 0.4 <= np.sum(salient & objects) / np.sum(salient | objects) <= 0.7


def test_saliency_is_grey(maps):
    assert all(len(np.unique(saliency)) > 16 for _, saliency in maps)


def test_photo_and_mask_agree():
    """The wing of the bird is the only yellow in its image, and all of it is labelled."""
    seen = 0
    for number in range(30):
        photo, labels, _ = shapes.draw_example(shapes.ShapesConfig(), 0, number)
        if set(np.unique(labels)) == {0, 1}:
            red, green, blue = np.moveaxis(photo.astype(int), 2, 0)
            yellow = (np.minimum(red, green) - blue > 110) & (green > 140)
            assert yellow.sum() > 60
            assert np.mean(labels[yellow] == 1) > 0.95
            seen += 1
    assert seen


def test_complete_folder_is_left_alone(tmp_path):
    shapes.generate_shapes(tmp_path / "a", SMALL)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")}
    shapes.generate_shapes(tmp_path / "a", SMALL)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").rglob("*")} == times


def test_other_settings_are_refused(tmp_path):
    shapes.generate_shapes(tmp_path / "a", SMALL)
    before = _files(tmp_path / "a")
    with pytest.raises(InputError, match="a: expected shapes with .* remove it"):
        shapes.generate_shapes(tmp_path / "a", shapes.ShapesConfig(shapes_train=2, shapes_val=1, shapes_size=65))
    assert _files(tmp_path / "a") == before


def test_incomplete_folder_is_refused(tmp_path):
    shapes.generate_shapes(tmp_path / "a", SMALL)
    next((tmp_path / "a" / "saliency").iterdir()).unlink()
    with pytest.raises(InputError, match="saliency: expected 3 files, found 2"):
        shapes.generate_shapes(tmp_path / "a", SMALL)


def test_other_content_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="shapes.json"):
        shapes.generate_shapes(tmp_path / "a", SMALL)
    with pytest.raises(InputError, match="shapes.json"):
        shapes.generate_shapes(tmp_path / "a" / "thesis.txt", SMALL)
    assert (tmp_path / "a" / "thesis.txt").read_text() == "precious"


def test_empty_folder_is_used(tmp_path):
    (tmp_path / "a").mkdir()
    shapes.generate_shapes(tmp_path / "a", SMALL)
    assert (tmp_path / "a" / "shapes.json").exists()


def test_nothing_is_left_after_a_failure(tmp_path, monkeypatch):
    draw = shapes.draw_example

    def failing(config, split, number):
        if number == 1:
            raise KeyboardInterrupt
        return draw(config, split, number)

    monkeypatch.setattr(shapes, "draw_example", failing)
    with pytest.raises(KeyboardInterrupt):
        shapes.generate_shapes(tmp_path / "a", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file.*choose"):
        shapes.generate_shapes(tmp_path / "file" / "a", SMALL)


@pytest.mark.parametrize("wrong", [{"shapes_train": 0}, {"shapes_val": 0}, {"shapes_size": 32}, {"shapes_seed": -1}])
def test_settings_out_of_range(tmp_path, wrong):
    with pytest.raises(InputError, match=f"--{next(iter(wrong))}: expected"):
        shapes.generate_shapes(tmp_path / "a", shapes.ShapesConfig(**wrong))
