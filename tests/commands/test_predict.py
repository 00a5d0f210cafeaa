"""A user's photos, from files of every kind to masks, overlays, probabilities and areas, with the tiny net."""

import csv
import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.commands import predict as predict_photos
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.imaging import crf
from wsss_tf.imaging.tiling import blend, tiles
from wsss_tf.inference.probabilities import Predictor
from wsss_tf.stages.place import Place
from wsss_tf.systems.steps import load_predictor

NAMES = ("shapes_val_0000", "shapes_val_0001", "shapes_val_0002")


@pytest.fixture(scope="module")
def predictor(masking_run) -> Predictor:
    e = masking_run.experiment
    place = Place(masking_run.folder, {"net": masking_run.folder / "segmenter"}, lambda: e.dataset)
    return load_predictor(place, *e.chain.stage("masks").settings)


@pytest.fixture
def photos(tiny_data, tmp_path) -> Path:
    """A folder with three photos of the data set."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(tiny_data / "JPEGImages" / f"{name}.jpg", folder)
    return folder


@pytest.fixture
def predict(script, tiny_flags, masking_run, photos, tmp_path):
    """The function (flags) -> how the script ended on the folder of photos."""
    return lambda *more: script("predict", *tiny_flags, "--experiment=tiny_masking", f"--input={photos}",
                                f"--output={tmp_path / 'out'}", *more)


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


def stamps(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def large_photo(folder: Path, predictor, height: int = 300, width: int = 420) -> np.ndarray:
    """The photos of the data set side by side and above each other."""
    patches = [read_photo(path) for path in sorted(folder.glob("*.jpg"))]
    rows = [np.hstack([patches[(row + column) % 3] for column in range(8)]) for row in range(6)]
    image = np.ascontiguousarray(np.vstack(rows)[:height, :width])
    Image.fromarray(image).save(folder / "large.png")
    return image


@pytest.mark.parametrize("more, kind", [(("--nocrf",), "plain"), ((), "crf"), (("--workers=2",), "crf")])
def test_masks_are_those_of_the_stage(more, kind, predict, masking_run, out):
    ended = predict(*more)
    assert ended.code == 0 and ended.out.splitlines()[-1] == str(out)
    for name in NAMES:
        expected = read_labels(masking_run.folder / "masks" / kind / f"{name}.png")
        np.testing.assert_array_equal(read_labels(out / "masks" / f"{name}.png"), expected)
        with Image.open(out / "overlays" / f"{name}.jpg") as overlay:
            assert overlay.size == (64, 64) and overlay.format == "JPEG"
    assert sorted(path.name for path in out.iterdir()) == ["areas.csv", "masks", "overlays", "settings.json"]


def test_areas_add_up_to_the_photo(predict, masking_run, out):
    predict("--nocrf")
    with open(out / "areas.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = masking_run.experiment.dataset.class_names
    for name in NAMES:
        labels = read_labels(out / "masks" / f"{name}.png")
        own = [row for row in rows if Path(row["image"]).stem == name]
        assert {row["class"]: int(row["pixels"]) for row in own} == {
            classes[label]: np.sum(labels == label) for label in np.unique(labels)}
        assert sum(float(row["share"]) for row in own) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("crf_flag", ["--crf", "--nocrf"])
def test_probabilities_are_those_that_the_mask_is_the_largest_of(crf_flag, predict, predictor, photos, out):
    predict(crf_flag, "--probabilities")
    for name in NAMES:
        image = read_photo(photos / f"{name}.jpg")
        expected = predictor.probabilities(image)
        if crf_flag == "--crf":
            expected = crf.refine_probabilities(expected, image, crf.CRF_SETS["authors"])
        with np.load(out / "probabilities" / f"{name}.npz") as arrays:
            found = arrays["probabilities"]
        assert found.dtype == np.float16
        np.testing.assert_array_equal(found, expected.astype(np.float16))
        np.testing.assert_array_equal(read_labels(out / "masks" / f"{name}.png"), expected.argmax(-1))


def test_what_is_done_is_skipped_unless_it_is_to_be_made_anew(predict, photos, out):
    predict("--nocrf")
    (out / "masks" / f"{NAMES[1]}.png").unlink()
    before = stamps(out / "masks")
    ended = predict("--nocrf")
    assert ended.code == 0 and "3 photos, 2 of them done before" in ended.out
    assert before.items() < stamps(out / "masks").items()
    assert "3 photos, 0 of them done before" in predict("--nocrf", "--probabilities").out, "these are not there yet"
    before = stamps(out)
    ended = predict("--overwrite")
    assert ended.code == 0 and not before.items() & {
        item for item in stamps(out).items() if not item[0].startswith("probabilities")}
    assert (out / "areas.csv").read_text().count(NAMES[0]) >= 1


def test_results_of_other_settings_are_not_mixed(predict, out):
    predict("--nocrf")
    ended = predict()
    assert ended.code == 2 and "crf=none and not authors: choose another --output, or add --overwrite" in ended.error
    assert "scales=[1.0] and not [0.5]" in predict("--nocrf", "--test_scales=0.5").error
    (out / "settings.json").write_text("[1")
    assert "settings.json: damaged" in predict("--nocrf").error
    assert predict("--overwrite").code == 0


def test_bad_photos_are_told_at_the_end_and_others_skipped_with_a_line(predict, photos, out):
    (photos / "notes.txt").write_text("no photo")
    whole = (photos / f"{NAMES[0]}.jpg").read_bytes()
    (photos / "aaa.jpg").write_bytes(whole[:len(whole) // 2])
    (photos / "bbb.png").write_text("no photo")
    Image.new("CMYK", (40, 40)).save(photos / "ccc.jpg")
    ended = predict("--nocrf")
    assert ended.code == 2 and f"{photos / 'notes.txt'}: skipped, it is neither .jpg nor .png" in ended.out
    header, *lines = ended.error.splitlines()
    assert header.startswith("predict: 3 of 6 images failed, all others are done")
    for line, name, words in zip(lines, ("aaa.jpg", "bbb.png", "ccc.jpg"), ("truncated", "not a readable", "found CMYK")):
        assert line.startswith(f"  {photos / name}: ") and words in line
    assert len(list((out / "masks").iterdir())) == 3 and (out / "areas.csv").read_text().count("shapes_val") >= 3
    for name in ("aaa.jpg", "bbb.png", "ccc.jpg"):
        shutil.copy(photos / f"{NAMES[0]}.jpg", photos / name)
    ended = predict("--nocrf")
    assert ended.code == 0 and "6 photos, 3 of them done before" in ended.out


def test_photos_of_one_name_have_masks_of_their_own(predict, photos, out):
    Image.fromarray(read_photo(photos / f"{NAMES[1]}.jpg")).save(photos / f"{NAMES[0]}.png")
    assert predict("--nocrf").code == 0
    assert sorted(path.name for path in (out / "masks").iterdir()) == [
        f"{NAMES[0]}.jpg.png", f"{NAMES[0]}.png.png", f"{NAMES[1]}.png", f"{NAMES[2]}.png"]
    one, other = (read_labels(out / "masks" / name) for name in (f"{NAMES[0]}.png.png", f"{NAMES[1]}.png"))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("orientation, turn", [(1, lambda a: a), (2, np.fliplr), (3, lambda a: np.rot90(a, 2)), (4, np.flipud),
                                               (5, lambda a: np.rot90(np.fliplr(a))), (6, lambda a: np.rot90(a, -1)),
                                               (7, lambda a: np.rot90(np.fliplr(a), -1)), (8, np.rot90)])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_masks_have_the_orientation_that_viewers_show(orientation, turn, suffix, predict, predictor, photos, out):
    stored = read_photo(photos / f"{NAMES[0]}.jpg")[:40]
    for path in photos.iterdir():
        path.unlink()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(photos / f"a{suffix}", exif=exif)
    stored = read_photo(photos / f"a{suffix}")  # what JPEG has left of it, not turned
    assert stored.shape == (40, 64, 3) and predict("--nocrf").code == 0
    shown = turn(stored)
    np.testing.assert_array_equal(read_photo(photos / f"a{suffix}", upright=True), shown)
    expected = predictor.probabilities(np.ascontiguousarray(shown)).argmax(-1)
    np.testing.assert_array_equal(read_labels(out / "masks" / "a.png"), expected)


def test_a_photo_no_larger_than_a_tile_is_left_whole(predict, predictor, photos, out):
    image = large_photo(photos, predictor, 128, 128)
    assert predict("--nocrf", "--tile=128", "--probabilities").code == 0
    with np.load(out / "probabilities" / "large.npz") as arrays:
        np.testing.assert_array_equal(arrays["probabilities"], predictor.probabilities(image).astype(np.float16))


def test_away_from_borders_of_tiles_they_give_what_the_whole_photo_gives(predict, predictor, photos, out):
    """The tiny net sees at most 44 pixels away, and tiles of 256 share 64."""
    image = large_photo(photos, predictor)
    assert predict("--nocrf", "--tile=256", "--probabilities").code == 0
    with np.load(out / "probabilities" / "large.npz") as arrays:
        found = arrays["probabilities"].astype(np.float32)
    whole = predictor.probabilities(image)
    sure = np.ones(whole.shape[:2], bool)
    for rows, columns in tiles(whole.shape[:2], 256):  # near a border that a tile has inside the photo
        for axis, span in enumerate((rows, columns)):
            near = [slice(max(end - 64, 0), end + 64) for end in (span.start, span.stop) if 0 < end < whole.shape[axis]]
            for part in near:
                sure[(part, slice(None)) if axis == 0 else (slice(None), part)] = False
    assert 0.2 < sure.mean() < 0.9
    np.testing.assert_allclose(found[sure], whole[sure], atol=2e-3)
    assert np.mean(found.argmax(-1) == whole.argmax(-1)) > 0.98
    np.testing.assert_array_equal(read_labels(out / "masks" / "large.png").shape, (300, 420))


@pytest.mark.parametrize("workers", [1, 2])
def test_each_tile_is_refined_by_the_crf_and_blended(workers, predict, predictor, photos, out):
    image = large_photo(photos, predictor)
    assert predict("--tile=256", f"--workers={workers}").code == 0
    maps = [crf.refine_probabilities(predictor.probabilities(image[box]), image[box], crf.CRF_SETS["authors"])
            for box in tiles(image.shape[:2], 256)]
    expected = np.concatenate(list(blend(image.shape[:2], 256, maps))).argmax(-1)
    np.testing.assert_array_equal(read_labels(out / "masks" / "large.png"), expected)


def test_large_photos_are_cut_without_being_asked(predict, predictor, photos, out, monkeypatch):
    image, sides = large_photo(photos, predictor), []
    monkeypatch.setattr(predict_photos, "WHOLE_PIXELS", 300 * 420 - 1)
    monkeypatch.setattr(predict_photos, "_TILE", 256)
    cut = tiles
    monkeypatch.setattr(predict_photos.tiling, "tiles", lambda size, side: sides.append((size, side)) or cut(size, side))
    assert predict("--nocrf").code == 0
    assert sides == [((1, 1), 256), (image.shape[:2], 256)]


def test_a_large_photo_that_fails_is_told_with_the_small_ones(predict, predictor, photos, out):
    large_photo(photos, predictor)
    whole = (photos / "large.png").read_bytes()
    (photos / "large.png").write_bytes(whole[:len(whole) // 2])
    (photos / "bad.jpg").write_bytes(b"no photo")
    ended = predict("--nocrf", "--tile=128")
    assert ended.code == 2 and "2 of 5 images failed" in ended.error
    assert "large.png: truncated or damaged" in ended.error and "bad.jpg: not a readable image" in ended.error


@pytest.mark.parametrize("flag, words", [("--tile=100", "--tile=100: expected a multiple of 128"),
                                         ("--input=nowhere", "--input=nowhere: expected a photo"),
                                         ("--test_crf_backend=pydensecrf", "pip install pydensecrf2")])
def test_slips_are_told_before_any_work(flag, words, predict, out, monkeypatch):
    monkeypatch.setattr(crf, "_installed", lambda: False)
    ended = predict(flag)
    assert ended.code == 2 and words in ended.error and not out.exists()


def test_the_net_has_to_be_trained_first(script, tiny_flags, tiny_data, photos, tmp_path):
    ended = script("predict", *tiny_flags, f"--runs={tmp_path / 'runs'}", f"--input={photos}", f"--output={tmp_path / 'out'}")
    assert ended.code == 2 and "stage segmenter is missing" in ended.error and not (tmp_path / "out").exists()


def test_the_overlay_of_a_large_photo_is_small_enough_to_look_at(tmp_path):
    from wsss_tf.results.outputs import Outputs, write_prediction

    outputs = Outputs(tmp_path, "a", probabilities=False)
    write_prediction(outputs, np.zeros([1000, 4096, 3], np.uint8), np.zeros([1000, 4096], np.int64), None)
    with Image.open(outputs.overlay) as overlay, Image.open(outputs.mask) as mask:
        assert overlay.size == (2048, 500) and mask.size == (4096, 1000)
    assert dataclasses.replace(outputs, probabilities=True).last.suffix == ".npz"
