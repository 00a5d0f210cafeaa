import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.advice import advice
from wsss_tf.data.check import check_dataset, content_digest, inspect_dataset, listing_digest
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example
from wsss_tf.files import store

SIZE = (16, 20)


def make_dataset(root: Path) -> Dataset:
    """Three complete examples of two classes: a and b for training, c for evaluation."""
    examples = []
    for seed, (image_id, tags) in enumerate((("a", (1,)), ("b", (1, 2)), ("c", (2,)))):
        rng = np.random.default_rng(seed)
        example = Example(image_id, root / "images" / f"{image_id}.png", tags, root / "masks" / f"{image_id}.png",
                          root / "saliency" / f"{image_id}.png")
        store.write_image(example.image, rng.integers(0, 256, [*SIZE, 3], np.uint8))
        store.write_labels(example.mask, rng.choice(np.uint8([0, 1, 2, 255]), SIZE))
        store.write_image(example.saliency, rng.integers(0, 256, SIZE, np.uint8))
        examples.append(example)
    return Dataset("tiny", ("background", "bird", "cat"), tuple(examples[:2]), tuple(examples[2:]))


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    return make_dataset(tmp_path)


def with_train(dataset: Dataset, **changes) -> Dataset:
    """The data set with other fields in its first training example."""
    return dataclasses.replace(dataset, train=(dataclasses.replace(dataset.train[0], **changes), *dataset.train[1:]))


def test_sound_dataset_has_no_problems(dataset):
    assert check_dataset(dataset, progress=False) == []


def test_files_may_be_absent(dataset):
    bare = [dataclasses.replace(example, mask=None, saliency=None) for example in dataset.train]
    assert check_dataset(dataclasses.replace(dataset, train=tuple(bare), val=()), progress=False) == []


def test_files_of_too_many_pixels_are_named_and_not_decoded(dataset):
    lines = check_dataset(dataset, progress=False, max_pixels=SIZE[0] * SIZE[1] - 1)
    assert len(lines) == 9 and all(f"expected 1 to {SIZE[0] * SIZE[1] - 1} pixels" in line for line in lines)
    assert {Path(line.split(":")[0]).parent.name for line in lines} == {"images", "masks", "saliency"}


def save(image: Image.Image):
    return lambda path: image.save(path, "JPEG" if image.mode == "CMYK" else "PNG")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("field, damage, words", [
    ("image", Path.unlink, ["no such file"]),
    ("image", truncate, ["runcated"]),
    ("image", save(Image.new("CMYK", (20, 16))), ["CMYK", "convert"]),
    ("image", save(Image.fromarray(np.zeros(SIZE, np.uint16))), ["8 bits"]),
    ("image", save(Image.new("RGB", (1, 1))), ["1x1"]),
    ("image", save(Image.new("RGB", (1, 5000))), ["1x5000"]),
    ("mask", truncate, ["runcated"]),
    ("mask", save(Image.new("P", (16, 20))), ["20x16", "found 16x20"]),
    ("mask", save(Image.new("RGB", (20, 16))), ["mode RGB"]),
    ("mask", save(Image.new("L", (20, 16), 3)), ["labels 0 to 2 or 255", "found 3"]),
    ("mask", save(Image.new("L", (20, 16), 254)), ["found 254"]),
    ("saliency", save(Image.new("L", (10, 8))), ["20x16", "found 10x8"]),
    ("saliency", save(Image.new("RGB", (20, 16))), ["8-bit grey"]),
    ("saliency", save(Image.fromarray(np.full(SIZE, 256, np.uint16))), ["up to 255", "found 256", "--maps_max"]),
    ("saliency", save(Image.new("L", (20, 16), 1)), ["only 0 and 1", "multiply"]),
])
def test_each_damage_is_one_line(dataset, split, field, damage, words):
    path = getattr(getattr(dataset, split)[0], field)
    damage(path)
    problems = [line for line in check_dataset(dataset, progress=False) if line.startswith(f"{path}: ")]
    assert len(problems) == 1 and "\n" not in problems[0]
    for word in words:
        assert word in problems[0]


def test_saliency_is_checked_against_its_own_range(dataset):
    wide = np.uint16(257) * np.asarray(Image.open(dataset.train[0].saliency))
    Image.fromarray(wide).save(dataset.train[0].saliency)
    for maximum, names in ((255, ["a.png"]), (65535, ["c.png", "b.png"])):  # evaluation files come first
        problems = check_dataset(dataset, False, maximum)
        assert [Path(line.split(": ")[0]).name for line in problems] == names


def test_sound_files_next_to_a_damaged_one_are_not_named(dataset):
    truncate(dataset.train[0].mask)
    truncate(dataset.val[0].image)
    problems = check_dataset(dataset, progress=False)
    assert sorted(line.split(": ")[0] for line in problems) == sorted(map(str, [dataset.train[0].mask,
                                                                               dataset.val[0].image]))


def test_all_problems_of_an_image_are_told_at_once(dataset):
    truncate(dataset.train[0].image)
    save(Image.new("L", (20, 16), 77))(dataset.train[0].mask)
    truncate(dataset.train[0].saliency)
    assert len(check_dataset(dataset, progress=False)) == 3


def test_many_wrong_labels_are_shortened(dataset):
    store.write_labels(dataset.train[0].mask, np.arange(320).reshape(SIZE) % 256)
    assert "found 3, 4, 5, 6, 7, ...:" in check_dataset(dataset, progress=False)[0]


def test_training_image_without_tags(dataset):
    problems = check_dataset(with_train(dataset, tags=()), progress=False)
    assert len(problems) == 1 and "a.png" in problems[0] and "no tags" in problems[0]
    untagged_val = dataclasses.replace(dataset, val=(dataclasses.replace(dataset.val[0], tags=()),))
    assert check_dataset(untagged_val, progress=False) == []


def test_training_images_without_any_class_at_all(dataset):
    """An empty cell for every photo: a spreadsheet that nobody has filled."""
    nothing = tuple(dataclasses.replace(example, tags=()) for example in dataset.train)
    problems = check_dataset(dataclasses.replace(dataset, train=nothing, untagged=True), progress=False)
    assert len(problems) == 1 and "found no tags here nor in the other 1 training images" in problems[0]
    photos = Dataset("photos", ("background",), nothing, (), untagged=True)
    assert not [line for line in check_dataset(photos, progress=False) if "tags" in line], "there are no classes"


def test_example_of_both_splits_is_told_once(dataset):
    truncate(dataset.train[0].image)
    assert len(check_dataset(dataclasses.replace(dataset, val=dataset.train), progress=False)) == 1


def test_progress_goes_to_stderr_only(dataset, capsys):
    check_dataset(dataset, progress=True)
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("checking: 3 of 3 img, ")
    check_dataset(dataset, progress=False)
    assert capsys.readouterr().err == ""


def flip_byte(path: Path) -> None:
    """Another content of the same size and time."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("digest", [content_digest, listing_digest])
def test_digests_know_ids_tags_order_and_maps(dataset, digest):
    train = dataset.train
    variants = [train, train[::-1], train[:1], (), with_train(dataset, tags=(2,)).train,
                with_train(dataset, image_id="z").train, with_train(dataset, saliency=None).train]
    assert len({digest(variant, with_masks=False) for variant in variants}) == len(variants)
    assert digest(train, False) == digest(train, False) and len(digest(train, False)) == 64
    assert digest(train, True) != digest(train, False)
    without_mask = with_train(dataset, mask=None).train
    assert digest(without_mask, False) == digest(train, False)
    assert digest(without_mask, True) != digest(train, True)


@pytest.mark.parametrize("field", ["image", "saliency", "mask"])
def test_content_digest_knows_every_byte(dataset, field):
    before = content_digest(dataset.train, False), content_digest(dataset.train, True)
    flip_byte(getattr(dataset.train[1], field))
    assert (content_digest(dataset.train, False) != before[0]) == (field != "mask")
    assert content_digest(dataset.train, True) != before[1]


def test_content_digest_does_not_know_the_place(dataset, tmp_path):
    copy = make_dataset(tmp_path / "copy")
    assert content_digest(copy.train, True) == content_digest(dataset.train, True)


def test_listing_digest_knows_size_and_time(dataset):
    before = listing_digest(dataset.train, False)
    flip_byte(dataset.train[0].image)
    assert listing_digest(dataset.train, False) == before
    status = dataset.train[0].image.stat()
    os.utime(dataset.train[0].image, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    after = listing_digest(dataset.train, False)
    assert after != before
    with open(dataset.train[0].image, "ab") as file:
        file.write(b"x")
    os.utime(dataset.train[0].image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert listing_digest(dataset.train, False) not in (before, after)


@pytest.mark.parametrize("digest", [content_digest, listing_digest])
def test_digest_of_a_missing_file(dataset, digest):
    dataset.train[0].saliency.unlink()
    with pytest.raises(InputError, match="a.png"):
        digest(dataset.train, False)


def stored_turned(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as photo:
        photo.save(path, exif=exif)


def test_photos_that_exif_turns_are_told_with_their_number(dataset):
    assert inspect_dataset(dataset, False).warnings == advice(dataset)
    for example, orientation in zip(dataset.train, (3, 6)):
        stored_turned(example.image, orientation)
    findings = inspect_dataset(dataset, False)
    assert findings.problems == []
    lines = [line for line in findings.warnings if "stored turned" in line]
    assert len(lines) == 1 and lines[0].startswith(f"2 of 3 photos are stored turned, e.g. {dataset.train[0].image}")


def test_a_mask_drawn_on_the_upright_photo_names_exif(dataset):
    stored_turned(dataset.train[0].image, 6)
    store.write_labels(dataset.train[0].mask, np.zeros(SIZE[::-1], np.uint8))
    problems = check_dataset(dataset, False)
    assert len(problems) == 1 and "the photo is stored turned (EXIF): turn its pixels by `wsss data convert`" in problems[0]


def test_transparent_photos_are_told(dataset):
    pixels = np.full([*SIZE, 4], 200, np.uint8)
    Image.fromarray(pixels).save(dataset.train[1].image)
    opaque = np.where(np.arange(4) == 3, 255, pixels).astype(np.uint8)
    Image.fromarray(opaque).save(dataset.train[0].image)
    lines = [line for line in inspect_dataset(dataset, False).warnings if "transparent" in line]
    assert len(lines) == 1 and lines[0].startswith(f"1 of 3 photos are transparent in places, e.g. {dataset.train[1].image}")


def test_masks_are_judged_together(tmp_path):
    examples = []
    for number in range(6):
        example = Example(f"p{number}", tmp_path / f"p{number}.png", (1 + number % 2,), tmp_path / f"m{number}.png")
        store.write_image(example.image, np.zeros([*SIZE, 3], np.uint8))
        store.write_image(example.mask, np.where(np.arange(SIZE[1]) < 9, 255, 0) * np.ones(SIZE, np.uint8))
        examples.append(example)
    problems = check_dataset(Dataset("tiny", ("background", "bird", "cat"), tuple(examples[:4]), tuple(examples[4:])), False)
    assert len(problems) == 1 and "nothing but 0 and 255 in all 6" in problems[0]


def test_evaluation_images_without_tags_may_show_anything(tmp_path):
    examples = []
    for number in range(6):
        example = Example(f"p{number}", tmp_path / f"p{number}.png", (), tmp_path / f"m{number}.png")
        store.write_image(example.image, np.zeros([*SIZE, 3], np.uint8))
        store.write_image(example.mask, np.ones(SIZE, np.uint8))
        examples.append(example)
    trained = (Example("t", examples[0].image, (1,)),)
    findings = inspect_dataset(Dataset("tiny", ("background", "bird"), trained, tuple(examples)), False)
    assert findings.problems == [] and not [line for line in findings.warnings if "masks" in line and "poor" not in line]
