"""The data set of MSRC's objects, from pictures in the layout of the archive, and the real lists where they are."""

import dataclasses
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.build import msrc
from wsss_tf.data.build.msrc import build_msrc, msrc_ids
from wsss_tf.data.build.msrc_labels import CLASSES, COLOURS, context_labels, object_labels
from wsss_tf.data.check import check_dataset
from wsss_tf.data.labels_csv import read_csv
from wsss_tf.data.open import open_dataset
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.parallel.pool import Workers

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[3] / ".." / "shared"))
REAL = SHARED / "data" / "msrc_objects"
ALL = {split: msrc_ids(split) for split in ("train", "val")}
FEW = {"train": ALL["train"][:14], "val": ALL["val"][:4]}  # the whole archive takes a minute
IDS = FEW["train"] + FEW["val"]
INNER = "MSRC_ObjCategImageDatabase_v2"  # the one folder in the archive
SIDES = (17, 29)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def annotation(number: int) -> np.ndarray:
    """Void, grass in two of three, and one or two objects."""
    rng = np.random.default_rng(number)
    truth = np.zeros([*SIDES, 3], np.uint8)
    truth[:6] = COLOURS["grass" if number % 3 else "void"]
    for name in rng.choice(["cow", "face", "body", "boat", "sign"], 1 + number % 2, replace=False):
        row, column = rng.integers(0, (12, 20))
        truth[row:row + 4, column:column + 8] = COLOURS[name]
    return truth


@pytest.fixture(scope="module", autouse=True)
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(msrc, "msrc_ids", FEW.get)
        yield


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """Noise and annotations under the kept ids, and a photo that is not kept."""
    root = tmp_path_factory.mktemp("archive") / INNER
    for number, name in enumerate((*IDS, "2_1_s")):
        photo = np.random.default_rng(number).integers(0, 256, [*SIDES, 3], np.uint8)
        save(root / "Images" / f"{name}.bmp", photo)
        save(root / "GroundTruth" / f"{name}_GT.bmp", annotation(number))
    (root / "Images" / "Thumbs.db").write_bytes(b"left there by Windows")
    return root


@pytest.fixture
def changed(unpacked, tmp_path) -> Path:
    """A copy of the pictures, to be damaged."""
    copy = tmp_path / INNER
    for file in unpacked.rglob("*.*"):
        target = copy / file.relative_to(unpacked)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    return copy


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@pytest.fixture(scope="module")
def archive(unpacked, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("zipped") / "msrc_objcategimagedatabase_v2.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for picture in sorted(unpacked.rglob("*.*")):
            file.write(picture, picture.relative_to(unpacked.parent))
    return path


@pytest.fixture(scope="module")
def built(archive, tmp_path_factory) -> Path:
    return build_msrc(archive, tmp_path_factory.mktemp("built") / "msrc", Workers(1))


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_lists_are_what_they_say():
    assert (len(ALL["train"]), len(ALL["val"])) == (231, 46) and len(set(ALL["train"] + ALL["val"])) == 277


def test_the_data_set_opens_and_is_sound(built):
    dataset = open_dataset(dataclasses.replace(DataConfig(), source="folder", data=str(built)))
    assert dataset.class_names == CLASSES and not check_dataset(dataset, progress=False)
    assert tuple(example.image_id for example in dataset.train + dataset.val) == IDS
    for number, example in enumerate(dataset.train + dataset.val):
        context = context_labels(annotation(number))
        np.testing.assert_array_equal(read_labels(built / "context" / f"{example.image_id}.png"), context)
        labels = read_labels(example.mask)
        np.testing.assert_array_equal(labels, object_labels(context))
        assert example.tags == tuple(label for label in range(1, 15) if (labels == label).any())


def test_photos_are_near_the_originals(built, unpacked):
    """Noise is the worst that can happen to a JPEG file."""
    for name in IDS[:5]:
        with Image.open(unpacked / "Images" / f"{name}.bmp") as original:
            difference = read_photo(built / "JPEGImages" / f"{name}.jpg").astype(int) - np.asarray(original)
        assert np.abs(difference).mean() < 4 and np.abs(difference).max() < 30


def test_folder_and_archive_give_the_same_with_any_number_of_workers(built, unpacked, tmp_path):
    assert files(build_msrc(unpacked, tmp_path / "one", Workers(2))) == files(built)
    assert files(build_msrc(unpacked.parent, tmp_path / "two", Workers(1))) == files(built)


def test_an_interrupted_build_goes_on_and_only_makes_what_is_missing(changed, built, tmp_path):
    target, truth = tmp_path / "msrc", changed / "GroundTruth" / f"{IDS[7]}_GT.bmp"
    sound = truth.read_bytes()
    replace(truth, sound[:-100])
    with pytest.raises(InputError, match="MSRC v2: 1 of 18 images failed") as raised:
        build_msrc(changed, target, Workers(1))
    assert str(truth) in str(raised.value) and not (target / "labels.csv").exists()
    assert len(list((target / "JPEGImages").iterdir())) == 17
    times = {path: path.stat().st_mtime_ns for path in (target / "JPEGImages").iterdir()}
    replace(truth, sound)
    assert files(build_msrc(changed, target, Workers(1))) == files(built)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


def bmp(picture: np.ndarray, folder: Path) -> bytes:
    save(folder / "picture.bmp", picture)
    return (folder / "picture.bmp").read_bytes()


@pytest.mark.parametrize("picture, words", [
    (np.full([*SIDES, 3], 77, np.uint8), r"expected the colours of the 24 published classes, found \[77, 77, 77\] in row 0"),
    (np.zeros([*SIDES, 3], np.uint8), "expected an object on it, found none"),
    (np.zeros([17, 30, 3], np.uint8), "expected 29x17 pixels as .*found 30x17"),
    (None, "expected a picture in the format BMP")])
def test_a_picture_that_is_wrong_is_named(changed, tmp_path, picture, words):
    truth = changed / "GroundTruth" / f"{IDS[3]}_GT.bmp"
    replace(truth, b"\x89PNG\r\n\x1a\n" if picture is None else bmp(picture, tmp_path))
    with pytest.raises(InputError, match=rf"\n  .*{IDS[3]}_GT\.bmp: {words}"):
        build_msrc(changed, tmp_path / "msrc", Workers(1))


def test_a_huge_member_is_not_unpacked(archive, tmp_path):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive) as sound, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        for name in sound.namelist():
            file.writestr(name, bytes(2**24 + 1) if name.endswith(f"/{IDS[0]}.bmp") else sound.read(name))
    with pytest.raises(InputError, match=rf"{IDS[0]}\.bmp: expected at most 16777216 bytes, found more"):
        build_msrc(bomb, tmp_path / "msrc", Workers(1))


def test_a_member_that_does_not_unpack_is_named(archive, tmp_path):
    torn = tmp_path / "torn.zip"
    with zipfile.ZipFile(archive) as file:
        place = file.getinfo(f"{INNER}/Images/{IDS[0]}.bmp").header_offset
    content = bytearray(archive.read_bytes())
    content[place + 200:place + 300] = bytes(100)
    torn.write_bytes(content)
    with pytest.raises(InputError, match=rf"1 of 18 images failed.*\n.*{IDS[0]}\.bmp: cannot be read"):
        build_msrc(torn, tmp_path / "msrc", Workers(1))


@pytest.mark.parametrize("make, words", [
    (lambda path: None, "expected msrc_objcategimagedatabase_v2.zip or a folder"),
    (lambda path: path.write_bytes(b"PK, but no archive"), "expected msrc_objcategimagedatabase_v2.zip or a folder"),
    (lambda path: path.mkdir(), "expected the folders Images and GroundTruth"),
    (lambda path: (path / "Images").mkdir(parents=True), "expected the folders Images and GroundTruth")])
def test_another_source_is_refused(tmp_path, make, words):
    make(tmp_path / "source")
    with pytest.raises(InputError, match=f"source: {words}"):
        build_msrc(tmp_path / "source", tmp_path / "msrc")


def test_missing_pictures_are_told_before_any_work(changed, tmp_path):
    for name in (f"Images/{IDS[2]}.bmp", f"GroundTruth/{IDS[9]}_GT.bmp"):
        (changed / name).unlink()
    with pytest.raises(InputError, match=rf"Images/{IDS[2]}\.bmp: no such picture \(2 of 36 are missing\)"):
        build_msrc(changed, tmp_path / "msrc")
    assert not (tmp_path / "msrc").exists()


def test_the_folder_of_another_data_set_is_left_alone(archive, tmp_path):
    save(tmp_path / "JPEGImages" / "2007_000032.png", np.zeros([20, 20, 3], np.uint8))
    with pytest.raises(InputError, match="found 2007_000032: choose another folder"):
        build_msrc(archive, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["JPEGImages"]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data/msrc_objects beside the checkout")
def test_the_real_split_and_tags():
    for split in ("train", "val"):
        assert tuple((REAL / f"ImageSets/Segmentation/{split}.txt").read_text().split()) == ALL[split]
    tags = read_csv(REAL / "labels.csv", CLASSES)
    assert tuple(tags) == ALL["train"] + ALL["val"]
    for name, values in tags.items():
        labels = read_labels(REAL / "SegmentationClass" / f"{name}.png")
        assert values == tuple(label for label in range(1, 15) if (labels == label).any())
        assert min((labels == label).mean() for label in values) >= 0.01
