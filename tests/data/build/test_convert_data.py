"""Whole data sets, written anew."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.build.convert_data import convert_data, convert_photos
from wsss_tf.data.check import inspect_dataset
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import ConvertConfig, DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.parallel.pool import Workers

ALONE = Workers(workers=1)
STORE = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}  # upright -> stored
COLOURS = np.uint8([[0, 0, 0], [48, 112, 32], [176, 112, 32]])


def scene(number: int, side: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A photo of a bright block on a dark ground, and its mask."""
    labels = np.zeros(side, np.uint8)
    labels[side[0] // 8:side[0] // 3, side[1] // 6:side[1] // 2] = 1 + number % 2
    return np.repeat(np.where(labels > 0, 220, 30).astype(np.uint8)[..., None], 3, 2), labels


def make_data(root: Path, side=(40, 56), orientation: int = 1, masks_as_stored: bool = False) -> Path:
    """Six photos with masks and saliency, stored in some orientation."""
    for folder in ("images", "masks", "saliency"):
        (root / folder).mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for number in range(6):
        pixels, labels = map(Image.fromarray, scene(number, side))
        stored = [image.transpose(STORE[orientation]) if orientation > 1 else image for image in (pixels, labels)]
        stored[0].save(root / f"images/p{number}.jpg", quality=95, exif=exif)
        mask = stored[1] if masks_as_stored else labels
        mask.save(root / f"masks/p{number}.png")
        Image.fromarray(np.where(np.asarray(mask) > 0, 255, 0).astype(np.uint8)).save(root / f"saliency/p{number}.png")
    (root / "classes.txt").write_text("disc\nsquare\n")
    rows = [f"p{number},{('disc', 'square')[number % 2]}\n" for number in range(6)]
    (root / "labels.csv").write_text("image_id,classes\n" + "".join(rows))
    return root


def converted(root: Path, output: Path, data=None, **settings):
    convert_data(DataConfig("folder", str(root), **(data or {})), ConvertConfig(str(output), **settings), ALONE)
    return open_dataset(DataConfig("folder", str(output)))


def assert_photos_fit_their_masks(dataset) -> None:
    for example in dataset.train:
        bright = read_photo(example.image)[..., 0] > 120
        np.testing.assert_array_equal(bright, read_labels(example.mask) > 0)
        np.testing.assert_array_equal(bright, read_labels(example.saliency) > 120)
    findings = inspect_dataset(dataset, False)
    assert findings.problems == [] and not [line for line in findings.warnings if "class '" not in line]


@pytest.mark.parametrize("orientation, side, as_stored", [
    (1, (40, 56), False), (6, (40, 56), False), (6, (40, 56), True), (3, (40, 56), False), (6, (48, 48), False)])
def test_photos_become_upright_and_their_masks_fit(tmp_path, orientation, side, as_stored):
    root = make_data(tmp_path / "mine", side, orientation, as_stored)
    dataset = converted(root, tmp_path / "made")
    assert len(dataset.train) == 6 and read_photo(dataset.train[0].image).shape[:2] == side
    assert_photos_fit_their_masks(dataset)


def test_masks_of_which_the_size_says_nothing_are_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        converted(make_data(tmp_path / "mine", orientation=3), tmp_path / "made")
    assert "6 masks or maps of photos that EXIF turns are taken for upright" in caplog.text


def test_the_others_decide_for_masks_of_which_the_size_says_nothing(tmp_path):
    root = make_data(tmp_path / "mine", (40, 56), 6, masks_as_stored=True)
    half = make_data(tmp_path / "half", (48, 48), 6, masks_as_stored=True)
    for folder in ("images", "masks", "saliency"):
        for number in (4, 5):
            name = f"{folder}/p{number}.{'jpg' if folder == 'images' else 'png'}"
            (half / name).replace(root / name)
    assert_photos_fit_their_masks(converted(root, tmp_path / "made"))


def test_everything_becomes_smaller_together(tmp_path):
    dataset = converted(make_data(tmp_path / "mine", (400, 560)), tmp_path / "made", long_side=56)
    assert read_photo(dataset.train[0].image).shape[:2] == (40, 56)
    for example in dataset.train:
        assert read_labels(example.mask).shape == read_labels(example.saliency).shape == (40, 56)
        np.testing.assert_array_equal(read_labels(example.mask), scene(int(example.image_id[1]), (40, 56))[1])


def test_masks_in_colours_get_the_numbers_of_the_class_list(tmp_path):
    root = make_data(tmp_path / "mine")
    for path in (root / "masks").iterdir():
        Image.fromarray(COLOURS[read_labels(path)]).quantize(2).save(path.with_name(f"{path.stem}_mask.png"))
        path.unlink()
    (root / "labelmap.txt").write_text("background:0,0,0::\nsquare:176,112,32::\ndisc:48,112,32::\n")
    settings = {"data": {"mask_pattern": "{id}_mask.png"}, "labelmap": str(root / "labelmap.txt")}
    assert_photos_fit_their_masks(dataset := converted(root, tmp_path / "made", **settings))
    for number, example in enumerate(dataset.train):
        np.testing.assert_array_equal(read_labels(example.mask), scene(number, (40, 56))[1])
    (root / "classes.txt").unlink()
    convert_data(DataConfig("folder", str(root)), ConvertConfig(str(tmp_path / "named"), settings["labelmap"]), ALONE)
    assert (tmp_path / "named/classes.txt").read_text() == "background\nsquare\ndisc\n"


def test_masks_of_many_formats(tmp_path):
    root = make_data(tmp_path / "mine")
    for number, suffix in enumerate((".bmp", ".tif", ".gif", ".npy")):
        path = root / f"masks/p{number}.png"
        if suffix == ".npy":
            np.save(path.with_suffix(suffix), read_labels(path))
        else:
            Image.open(path).save(path.with_suffix(suffix))
        path.unlink()
    assert_photos_fit_their_masks(dataset := converted(root, tmp_path / "made"))
    for number, example in enumerate(dataset.train):
        np.testing.assert_array_equal(read_labels(example.mask), scene(number, (40, 56))[1])


def test_a_jpeg_among_the_masks_is_named_and_the_others_are_done(tmp_path):
    root = make_data(tmp_path / "mine")
    Image.open(root / "masks/p0.png").save(root / "masks/p0.jpg")
    (root / "masks/p0.png").unlink()
    with pytest.raises(InputError, match="1 of 6 images failed(.|\n)*p0.jpg: expected numbers of classes, found a JPEG"):
        converted(root, tmp_path / "made")
    assert len(list((tmp_path / "made/masks").iterdir())) == 5 and (tmp_path / "made/labels.csv").exists()


def test_photos_of_all_formats_and_folders_come_into_one(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
    names = ("a.webp", "b.BMP", "more/c.tif", "more/0.png", "other/0.jpg", "d.jfif", "._a.jpg", ".cache/e.png", "notes.txt")
    for name in names:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, {"txt": "PNG", "jfif": "JPEG"}.get(path.suffix[1:]))
    (tmp_path / "photos" / os.fsdecode(b"caf\xe9.png")).write_bytes((tmp_path / "photos/more/0.png").read_bytes())
    found = convert_photos(tmp_path / "photos", tmp_path / "made", ALONE)
    assert sorted(found) == ["a", "b", "c", "caf_xe9", "d", "more_0", "other_0"]
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "a.png", "b.png", "c.png", "caf_xe9.png", "d.jpg", "more_0.png", "other_0.jpg"]
    np.testing.assert_array_equal(read_photo(tmp_path / "made/c.png"), pixels)


def test_a_folder_of_photos_alone(tmp_path):
    root = make_data(tmp_path / "mine", orientation=6)
    convert_data(DataConfig("folder", str(root / "images")), ConvertConfig(str(tmp_path / "made"), long_side=28), ALONE)
    assert read_photo(tmp_path / "made/p0.jpg").shape == (20, 28, 3)


def test_an_interrupted_run_goes_on_and_nothing_mixes(tmp_path):
    root = make_data(tmp_path / "mine")
    converted(root, tmp_path / "made")
    kept = tmp_path / "made/images/p0.jpg"
    before = kept.stat().st_mtime_ns
    (tmp_path / "made/images/p1.jpg").unlink()
    assert len(converted(root, tmp_path / "made").train) == 6 and kept.stat().st_mtime_ns == before
    with pytest.raises(InputError, match="made with the same settings, found something else"):
        converted(root, tmp_path / "made", long_side=20)


def test_the_output_is_elsewhere_and_empty(tmp_path):
    root = make_data(tmp_path / "mine")
    for output in (root, root / "made", Path("")):
        with pytest.raises(InputError, match="expected a folder outside"):
            converted(root, output)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/something").touch()
    with pytest.raises(InputError, match="expected a new folder"):
        converted(root, tmp_path / "full")


def test_a_folder_without_photos(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected photos .* found none: correct --data"):
        convert_photos(tmp_path / "empty", tmp_path / "made", ALONE)
