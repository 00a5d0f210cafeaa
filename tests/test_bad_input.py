"""Mistakes of users and machines, through the scripts: one line that names file and remedy, nothing half-written."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

IDS = ("one", "two", "three", "four")


@pytest.fixture
def data(tmp_path) -> Path:
    """A sound data set of four photos in two classes."""
    root, rng = tmp_path / "photos", np.random.default_rng(0)
    for folder in ("images", "masks", "saliency", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    for image_id in IDS:
        pixels = rng.integers(0, 255, [32, 40, 3], np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{image_id}.jpg")
        Image.fromarray(pixels[..., 0] // 128).save(root / "masks" / f"{image_id}.png")
        Image.fromarray(pixels[..., 1]).save(root / "saliency" / f"{image_id}.png")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "labels.csv").write_text("image_id,classes\none,cat\ntwo,dog\nthree,cat;dog\nfour,cat\n")
    (root / "ImageSets/Segmentation/train.txt").write_text("one\ntwo\nthree\n")
    (root / "ImageSets/Segmentation/val.txt").write_text("four\n")
    return root


@pytest.fixture
def runs(tmp_path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def prepare(script, data, runs):
    """The function (flags) -> how the stage `prepare` ended on the data set."""
    return lambda *more: script("run", "--only=prepare", "--source=folder", f"--data={data}", f"--runs={runs}",
                                "--experiment=mine", *more)


@pytest.fixture
def check(script, data):
    """The function () -> how `wsss data check` ended on the data set."""
    return lambda: script("data", "check", "--source=folder", f"--data={data}")


def assert_nothing_half_written(runs: Path) -> None:
    files = [path.name for path in runs.rglob("*")] if runs.exists() else []
    assert not [name for name in files if ".tmp" in name or name == "manifest.json"], files


def save(path: Path, image: Image.Image, **options) -> None:
    image.save(path, **options)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:path.stat().st_size * 3 // 4])


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# What a user can get wrong in one file -> the file that the message names, and words of the message.
FILE_MISTAKES = {
    "truncated photo": (lambda d: cut(d / "images/two.jpg"), "images/two.jpg", "truncated or damaged"),
    "empty photo": (lambda d: (d / "images/two.jpg").write_bytes(b""), "images/two.jpg", "not a readable image"),
    "text for a photo": (lambda d: (d / "images/two.jpg").write_text("hello"), "images/two.jpg",
                         "not a readable image"),
    "photo of one pixel": (lambda d: save(d / "images/two.jpg", Image.new("RGB", (1, 1))), "images/two.jpg",
                           "found 1x1"),
    "thin photo": (lambda d: save(d / "images/two.jpg", Image.new("RGB", (1, 5000))), "images/two.jpg",
                   "found 1x5000"),
    "CMYK photo": (lambda d: save(d / "images/two.jpg", Image.new("CMYK", (40, 32))), "images/two.jpg",
                   "expected an RGB photo, found CMYK"),
    "16-bit photo": (lambda d: save(d / "images/two.jpg", Image.fromarray(np.zeros([32, 40], np.uint16)), format="PNG"),
                     "images/two.jpg", "expected 8 bits per channel"),
    "mask of another size": (lambda d: save(d / "masks/four.png", Image.new("L", (32, 40))), "masks/four.png",
                             "40x32), found 32x40"),
    "mask with unknown labels": (lambda d: save(d / "masks/four.png", Image.new("L", (40, 32), 7)), "masks/four.png",
                                 "expected labels 0 to 2 or 255, found 7"),
    "coloured mask": (lambda d: save(d / "masks/one.png", Image.new("RGB", (40, 32))), "masks/one.png",
                      "expected a palette or 8-bit grey label map"),
    "truncated mask": (lambda d: cut(d / "masks/four.png"), "masks/four.png", "truncated or damaged"),
    "saliency of another size": (lambda d: save(d / "saliency/one.png", Image.new("L", (8, 8))), "saliency/one.png",
                                 "found 8x8"),
    "coloured saliency": (lambda d: save(d / "saliency/one.png", Image.new("RGB", (40, 32))), "saliency/one.png",
                          "expected an 8-bit grey map"),
    "saliency of 16 bits": (lambda d: save(d / "saliency/one.png", Image.fromarray(np.full([32, 40], 999, np.uint16))),
                            "saliency/one.png", "expected values up to 255, found 999: set --maps_max"),
}

# What a user can get wrong in the data set as a whole.
SET_MISTAKES = {
    "no such folder": (lambda d: shutil.rmtree(d), "photos", "no such folder"),
    "missing photo": (lambda d: (d / "images/two.jpg").unlink(), "images/two.jpg", "no such photo"),
    "no photos": (lambda d: shutil.rmtree(d / "images"), "photos", "expected a folder images or JPEGImages"),
    "class not in classes.txt": (lambda d: replace(d / "labels.csv", "two,dog", "two,cow"), "labels.csv",
                                 "line 3: unknown class 'cow'"),
    "no classes.txt": (lambda d: (d / "classes.txt").unlink(), "classes.txt", "write the names of the classes"),
    "no labels": (lambda d: (d / "labels.csv").unlink(), "photos", "expected labels.csv"),
    "photo without a line of labels": (lambda d: replace(d / "labels.csv", "two,dog\n", ""), "labels.csv",
                                       "no tags for id 'two'"),
    "empty list": (lambda d: (d / "ImageSets/Segmentation/train.txt").write_text("\n"),
                   "ImageSets/Segmentation/train.txt", "found none"),
    "id twice": (lambda d: replace(d / "ImageSets/Segmentation/train.txt", "two", "one"),
                 "ImageSets/Segmentation/train.txt", "id 'one' comes twice"),
    "labels that are no text": (lambda d: (d / "labels.csv").write_bytes(b"\xff\xfe\x00"), "labels.csv",
                                "expected UTF-8 text"),
}


@pytest.mark.parametrize("mistake", FILE_MISTAKES)
def test_mistake_in_a_file_is_listed_before_the_error(mistake, data, prepare, runs):
    spoil, name, words = FILE_MISTAKES[mistake]
    spoil(data)
    ended = prepare()
    assert ended.code == 2 and "1 problems found (listed above)" in ended.error
    listed = [line for line in ended.out.splitlines() if line.startswith(str(data / name))]
    assert len(listed) == 1 and words in listed[0]
    assert_nothing_half_written(runs)


@pytest.mark.parametrize("mistake", SET_MISTAKES)
def test_mistake_in_the_data_set_is_one_line(mistake, data, prepare, runs):
    spoil, name, words = SET_MISTAKES[mistake]
    spoil(data)
    ended = prepare()
    assert ended.code == 2 and words in ended.error and (name in ended.error)
    assert_nothing_half_written(runs)


def test_sound_data_are_prepared(prepare, runs):
    ended = prepare()
    assert ended.code == 0 and ended.out.splitlines()[-1] == str(runs / "mine/prepare")


def test_all_problems_are_listed_at_once_and_mended_data_pass(data, prepare, runs):
    shutil.copytree(data, sound := data.with_name("sound"))
    for mistake in ("truncated photo", "mask of another size", "coloured saliency"):
        FILE_MISTAKES[mistake][0](data)
    ended = prepare()
    listed = [line for line in ended.out.splitlines() if line.startswith(str(data))]
    assert "3 problems found" in ended.error and len(listed) == 3
    shutil.rmtree(data)
    sound.rename(data)
    assert prepare().code == 0
    assert [path.name for path in (runs / "mine").iterdir() if not path.name.startswith(".")] == ["prepare"]


def test_check_of_sound_data_ends_with_0_and_writes_nothing(check, runs):
    ended = check()
    first, *advice = ended.out.splitlines()
    assert ended.code == 0 and first == "no problems found" and not runs.exists()
    assert [line.split(":")[:2] for line in advice] == [["warning", " class 'cat'"], ["warning", " class 'dog'"]], "few photos"


@pytest.mark.parametrize("mistake", FILE_MISTAKES)
def test_check_lists_problems_and_ends_with_1(mistake, data, check, runs):
    spoil, name, words = FILE_MISTAKES[mistake]
    spoil(data)
    ended = check()
    assert ended.code == 1 and ended.out.startswith(str(data / name)) and words in ended.out.splitlines()[0]
    assert "error" not in ended.err and not runs.exists()


def test_check_of_a_missing_photo_names_it(data, check):
    (data / "images/two.jpg").unlink()
    ended = check()
    assert ended.code != 0 and str(data / "images/two.jpg") in ended.error


@pytest.mark.parametrize("number, words", [(errno.EROFS, "read-only"), (errno.ENOSPC, "disk is full"),
                                           (errno.EACCES, "permission denied"), (errno.EDQUOT, "quota")])
def test_output_folder_that_cannot_be_made(number, words, prepare, runs, monkeypatch):
    make = Path.mkdir

    def mkdir(self, *arguments, **options):
        if runs in (self, *self.parents):
            raise OSError(number, os.strerror(number), str(self))
        make(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    ended = prepare()
    assert ended.code == 2 and str(runs) in ended.error and words in ended.error
    assert not runs.exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_output_folder_that_fills_up_before_the_manifest(number, prepare, runs, monkeypatch):
    move = os.replace

    def rename(source, target):
        if Path(target).name == "manifest.json":
            raise OSError(number, os.strerror(number))
        move(source, target)

    monkeypatch.setattr(os, "replace", rename)
    ended = prepare()
    assert ended.code == 2 and str(runs / "mine/prepare/manifest.json") in ended.error
    assert_nothing_half_written(runs)


def test_output_folder_that_is_a_file(prepare, runs):
    runs.write_text("not a folder")
    ended = prepare()
    assert ended.code == 2 and str(runs) in ended.error
    assert runs.read_text() == "not a folder"


def test_stage_folder_that_is_a_file(prepare, runs):
    (runs / "mine").mkdir(parents=True)
    (runs / "mine/prepare").write_text("not a folder")
    ended = prepare()
    assert ended.code == 2 and str(runs / "mine/prepare") in ended.error


# From here on with a net: what fails after an hour of work.


@pytest.fixture
def copied_data(tiny_data, tmp_path) -> Path:
    return shutil.copytree(tiny_data, tmp_path / "copied")


@pytest.fixture
def copied_run(masking_run, tmp_path) -> Path:
    """The finished masking run, to be changed."""
    return shutil.copytree(masking_run.folder, tmp_path / "runs" / "tiny_masking")


@pytest.fixture
def on_copied_data(script, tiny_flags, copied_data, runs):
    return lambda name, *more: script("run", f"--only={name}", *tiny_flags, "--source=folder", f"--data={copied_data}", f"--runs={runs}",
                                      "--experiment=mine", *more)


@pytest.fixture
def on_copied_run(script, tiny_flags, copied_run):
    def run(name: str, *more: str):
        other = any(flag.startswith("--system=") for flag in more)
        flags = (flag for flag in tiny_flags if not other or not flag.startswith("--paths"))  # which no other system reads
        return script("run", f"--only={name}", *flags, f"--runs={copied_run.parent}", "--experiment=tiny_masking", *more)

    return run


def test_photo_deleted_after_prepare_is_named_by_the_next_stage(on_copied_data, copied_data, runs):
    assert on_copied_data("prepare").code == 0
    (copied_data / "JPEGImages/shapes_train_0004.jpg").unlink()
    ended = on_copied_data("classifier")
    assert ended.code == 2 and str(copied_data / "JPEGImages/shapes_train_0004.jpg") in ended.error
    assert not (runs / "mine/classifier").exists()


def test_photo_changed_after_prepare_leads_back_to_prepare_which_names_it(on_copied_data, copied_data, runs):
    assert on_copied_data("prepare").code == 0
    photo = copied_data / "JPEGImages/shapes_train_0004.jpg"
    cut(photo)
    assert "wsss run --until=prepare" in on_copied_data("classifier").error
    ended = on_copied_data("prepare")
    assert ended.code == 2 and f"{photo}: truncated or damaged" in ended.out
    assert not (runs / "mine/classifier").exists()


def test_photo_that_rots_unnoticed_ends_training_with_its_name(on_copied_data, copied_data, runs):
    """Same size and time, but zeros: only the decoder can tell."""
    assert on_copied_data("prepare").code == 0
    photo = copied_data / "JPEGImages/shapes_train_0004.jpg"
    status = photo.stat()
    photo.write_bytes(bytes(status.st_size))
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = on_copied_data("classifier")
    assert ended.code == 2 and ended.error.startswith(f"{photo}: not a readable image")
    assert not (runs / "mine/classifier/manifest.json").exists()


@pytest.mark.parametrize("stage, script_name, split, artefact", [
    ("cams", "cams", "train", "{}.npz"), ("masks", "masks", "val", "crf/{}.png")])
@pytest.mark.parametrize("workers", [1, 2])
def test_photo_that_rots_unnoticed_stops_no_other(stage, script_name, split, artefact, workers, on_copied_run, copied_run,
                                                  copied_data):
    """Same size and time, so that `prepare` still holds. The mended photo alone is made by the next call."""
    flags = (f"--data={copied_data}", "--source=folder", f"--workers={workers}")
    assert on_copied_run("prepare", *flags).code == 0
    photo = copied_data / f"JPEGImages/shapes_{split}_0001.jpg"
    target = copied_run / stage / artefact.format(photo.stem)
    done = {path.name for path in target.parent.iterdir() if path.suffix == target.suffix}
    shutil.rmtree(copied_run / stage)
    whole, status = photo.read_bytes(), photo.stat()
    photo.write_bytes(bytes(status.st_size))
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = on_copied_run(script_name, *flags)
    header, line = ended.error.splitlines()
    assert ended.code == 2 and header.startswith(f"{stage}: 1 of {len(done)} images failed, all others are done")
    assert line.startswith(f"  {photo}: not a readable image")
    assert not (copied_run / stage / "manifest.json").exists()
    made = {path.name: path.stat().st_mtime_ns for path in target.parent.iterdir() if path.suffix == target.suffix}
    assert made.keys() == done - {target.name}
    photo.write_bytes(whole)
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert on_copied_run(script_name, *flags).code == 0 and target.exists()
    assert all((target.parent / name).stat().st_mtime_ns == time for name, time in made.items())


@pytest.mark.parametrize("stage, script_name, artefact", [
    ("cams", "cams", "*.npz"), ("saliency", "saliency", "*.png"), ("masks", "masks", "*/*.png")])
def test_disk_that_fills_up_keeps_what_is_done(stage, script_name, artefact, on_copied_run, copied_run, monkeypatch):
    folder = copied_run / stage
    done = sorted(path.name for path in folder.glob(artefact))
    shutil.rmtree(folder)
    move, left = os.replace, iter(range(4))  # the note of the unfinished stage, and three artefacts

    def rename(source, target):
        if folder in Path(target).parents and next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", rename)
        ended = on_copied_run(script_name)
    assert ended.code == 2 and str(folder) in ended.error and "the disk is full" in ended.error
    assert len(list(folder.glob(artefact))) == 3 and not (folder / "manifest.json").exists()
    assert not list(folder.rglob("*.tmp*")) and not list(folder.rglob(".*"))
    assert on_copied_run(script_name).code == 0
    assert sorted(path.name for path in folder.glob(artefact)) == done


def test_disk_that_fills_up_at_a_checkpoint(on_copied_run, copied_run, monkeypatch):
    def save(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "{{node}} /x/part.data.tempstate1; No space left on device")

    shutil.rmtree(copied_run / "classifier")
    monkeypatch.setattr(tf.train.CheckpointManager, "save", save)
    ended = on_copied_run("classifier")
    assert ended.code == 2 and "No space left on device" in ended.error
    assert str(copied_run / "classifier/checkpoints") in ended.error


def test_disk_that_fills_up_at_a_log_line(on_copied_run, copied_run, monkeypatch):
    def full(path, *arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    shutil.rmtree(copied_run / "classifier")
    monkeypatch.setattr("wsss_tf.train.logs.open", full, raising=False)
    ended = on_copied_run("classifier")
    assert ended.code == 2 and str(copied_run / "classifier/log.jsonl") in ended.error


@pytest.mark.parametrize("stage, artefact, words, more", [
    ("labels", "cams/shapes_train_0003.npz", "wsss run --until=cams", ("--system=cam_baseline",)),
    ("saliency", "cams/shapes_train_0003.npz", "wsss run --until=cams", ()),
    ("segmenter", "saliency/shapes_train_0003.png", "no such file", ()),
    ("scores", "masks/plain/shapes_val_0002.png", "no such file", ()),
])
def test_artefact_deleted_by_hand_is_named(stage, artefact, words, more, on_copied_run, copied_run):
    shutil.rmtree(copied_run / stage, ignore_errors=True)
    (copied_run / artefact).unlink()
    ended = on_copied_run(stage, *more)
    assert ended.code == 2 and str(copied_run / artefact) in ended.error and words in ended.error


@pytest.mark.parametrize("flag", ["--seg_batch=0", "--cls_epochs=0", "--seg_log_every=0", "--seg_save_every=0",
                                  "--seed=-1", "--paths=0", "--crop=0", "--seg_lr=-1", "--attention_weight=-1",
                                  "--seg_scales=", "--seg_rates=", "--crop_scales=", "--seg_scales=1,0",
                                  "--test_scales=", "--cam_scales=x", "--system=magic", "--saliency_source=magic", "--saliency_refinement=true", "--maps_max=0", 
                                  "--seg_epoch=3"])
def test_impossible_setting_is_refused_by_name(flag, prepare, runs):
    ended = prepare(flag)
    assert ended.code in (1, 2) and "Traceback" not in ended.err
    assert flag.split("=")[0].lstrip("-") in ended.err
    assert not runs.exists()
