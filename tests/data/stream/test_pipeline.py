"""The training stream: its order, its batches, and that they follow from seed and step alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wsss_tf.data.stream.maps import LABELS, OBJECTS, SALIENCY, SUPERPIXELS, find_unreadable
from wsss_tf.data.stream.pipeline import example_order, photo_stream, training_stream
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_ids, write_image, write_labels
from wsss_tf.ops import colour

CLASSES = 3
PLAIN = AugmentConfig(crop=32, crop_scales=(1.0,), mirror=False, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
FULL = AugmentConfig(crop=32)
counts = st.integers(1, 30)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Five photos, each of one grey value that tells its number; masks that do not exist."""
    folder = tmp_path_factory.mktemp("phötos")
    made = []
    for number in range(5):
        Image.fromarray(np.full([32, 36, 3], 20 * number, np.uint8)).save(folder / f"{number}.png")
        write_image(folder / f"{number}_target.png", np.full([32, 36], number))
        tags = ((1,), (2,), (3,), (1, 3), (1, 2, 3))[number]
        made.append(Example(str(number), folder / f"{number}.png", tags, mask=folder / "no such mask.png"))
    return tuple(made)


def target(example):
    return example.image.with_name(f"{example.image_id}_target.png")


TARGET = {"target": (LABELS, target)}


def stream(examples, config=PLAIN, maps=TARGET, batch=2, steps=8, start=0, seed=0, classes=CLASSES, arrays=None) -> list[dict]:
    batches = training_stream(examples, classes, maps, config, batch, steps, start, seed, arrays)
    return [{name: value.numpy() for name, value in item.items()} for item in batches]


def numbers(batches) -> list[int]:
    """Which photo stands at each position."""
    centres = np.concatenate([batch["image"][:, 16, 16, 0] for batch in batches]) + colour.MEAN_COLOUR[0]
    return np.round(centres / 20).astype(int).tolist()


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


@settings(max_examples=40, deadline=None)
@given(counts, st.integers(1, 200), st.integers(0, 2**31 - 1))
def test_every_pass_is_a_permutation(count, length, seed):
    order = example_order(count, length, seed)
    assert order.shape == (length,) and order.dtype == np.int32
    for begin in range(0, length, count):
        part = order[begin : begin + count]
        assert len(set(part)) == len(part)
        if len(part) == count:
            assert sorted(part) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(counts, st.integers(1, 100), st.integers(1, 100), st.integers(0, 2**31 - 1))
def test_a_longer_training_begins_in_the_same_order(count, length, more, seed):
    longer = example_order(count, length + more, seed)
    np.testing.assert_array_equal(longer[:length], example_order(count, length, seed))


def test_passes_and_seeds_differ():
    order = example_order(20, 60, 0)
    assert (order[:20] != order[20:40]).any() and (order[:20] != order[40:]).any()
    assert (order != example_order(20, 60, 1)).any()


def test_batches_keep_the_contract(examples):
    batches = stream(examples, FULL)
    assert len(batches) == 8
    for batch in batches:
        assert batch["image"].shape == (2, 32, 32, 3) and batch["image"].dtype == np.float32
        assert batch["tags"].shape == (2, CLASSES) and batch["tags"].dtype == np.float32
        assert batch["target"].shape == (2, 32, 32) and batch["target"].dtype == np.int32
    assert stream(examples, FULL, maps={})[0].keys() == {"image", "tags", "seed"}


def test_every_example_has_a_seed_of_its_own(examples):
    seeds = np.concatenate([batch["seed"] for batch in stream(examples)])
    assert seeds.dtype == np.int32
    np.testing.assert_array_equal(seeds, [[0, position] for position in range(16)])


def test_photo_tags_and_target_belong_together(examples):
    batches = stream(examples)
    order = numbers(batches)
    assert order == example_order(5, 16, 0).tolist()
    for position, number in enumerate(order):
        batch, row = batches[position // 2], position % 2
        np.testing.assert_array_equal(batch["tags"][row], [c + 1 in examples[number].tags for c in range(CLASSES)])
        np.testing.assert_array_equal(batch["target"][row], number)


def test_superpixels_move_with_photo_and_target(examples, tmp_path):
    """Ids above 255 are read whole; target and ids stay on the same pixels; outside the photo are 255 and -1."""
    rows, columns = np.mgrid[:32, :36]
    write_ids(tmp_path / "ids.png", 1000 * (rows // 4) + columns // 4)
    write_image(tmp_path / "target.png", rows // 4 * 10 + columns // 4)
    maps = {"superpixels": (SUPERPIXELS, lambda example: tmp_path / "ids.png"),
            "target": (LABELS, lambda example: tmp_path / "target.png")}
    for batch in stream(examples, AugmentConfig(crop=40), maps):
        ids, labels = batch["superpixels"], batch["target"]
        assert ids.dtype == np.int32 and ids.shape == (2, 40, 40)
        np.testing.assert_array_equal(ids == -1, labels == 255)
        inside = ids >= 0
        np.testing.assert_array_equal(ids[inside] // 1000 * 10 + ids[inside] % 1000, labels[inside])
        assert (~inside).any() and ids.max() > 255


@pytest.mark.parametrize("start", [1, 3, 7, 8])
def test_a_resumed_stream_is_the_tail_of_the_whole(examples, start):
    whole, tail = stream(examples, FULL), stream(examples, FULL, start=start)
    assert len(tail) == 8 - start
    assert all(map(same, whole[start:], tail))


def test_another_seed_gives_other_crops_and_another_order(examples):
    first, second = stream(examples, FULL), stream(examples, FULL, seed=1)
    assert not any(map(same, first, second))
    assert numbers(stream(examples)) != numbers(stream(examples, seed=1))


def test_a_photo_looks_different_in_every_pass(examples):
    one = examples[4:]
    crops = {batch["image"].tobytes() for batch in stream(one, FULL, batch=1)}
    assert len(crops) == 8


def failure(examples, **maps) -> InputError:
    with pytest.raises(tf.errors.OpError):
        stream(examples, maps=maps)
    with pytest.raises(InputError) as error:
        find_unreadable(examples, maps)
    return error.value


@pytest.mark.parametrize("content", [None, b"no photo"])
def test_an_unreadable_photo_is_named(examples, tmp_path, content):
    path = tmp_path / "schlächt é.jpg"
    if content:
        path.write_bytes(content)
    error = failure((*examples[:4], dataclasses.replace(examples[4], image=path)))
    assert isinstance(error, InputError)
    assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_an_unreadable_map_is_named(examples, tmp_path):
    for kind in (LABELS, SUPERPIXELS, OBJECTS):
        error = failure(examples, entry=(kind, lambda example: tmp_path / f"{example.image_id}.png"))
        assert str(error).startswith(str(tmp_path)) and "no such file" in str(error)


def test_readable_files_are_not_blamed(examples):
    assert find_unreadable(examples, {}) is None


def test_palettes_reach_the_batch_as_labels(examples, tmp_path):
    write_labels(tmp_path / "target.png", np.tile(np.arange(18), [32, 2]))
    for batch in stream(examples, maps={"target": (LABELS, lambda example: tmp_path / "target.png")}):
        assert set(np.unique(batch["target"])) == set(range(18))


def test_quantities_move_with_the_photo(examples, tmp_path):
    """A photo of its own map in all colours: the same values, 0 outside, at every size."""
    grey = np.random.default_rng(0).integers(1, 256, [32, 36]).astype(np.uint8)
    for name in ("photo", "map"):
        write_image(tmp_path / f"{name}.png", np.repeat(grey[..., None], 3, -1) if name == "photo" else grey)
    one = (Example("one", tmp_path / "photo.png", ()),)
    maps = {"objects": (OBJECTS, lambda example: tmp_path / "map.png"), "saliency": (SALIENCY, lambda example: tmp_path / "map.png")}
    moves = dataclasses.replace(PLAIN, crop=40, crop_scales=(0.5, 1.0, 1.5), mirror=True)
    for config, entry in ((moves, "objects"), (dataclasses.replace(moves, resize_long=(20, 60)), "saliency")):
        for batch in stream(one, config, maps, batch=1):
            values = batch[entry]
            assert values.dtype == np.float32 and values.shape == (1, 40, 40)
            inside = (batch["image"] != 0).any(-1)
            np.testing.assert_allclose(255 * values[inside], batch["image"][inside][:, 0] + colour.MEAN_COLOUR[0], atol=2e-3)
            np.testing.assert_array_equal(values[~inside], 0)


def test_rows_of_arrays_belong_to_their_photos(examples):
    rows = np.random.default_rng(0).normal(size=[5, 2, 3]).astype(np.float32)
    batches = stream(examples, arrays={"centres": rows, "number": np.arange(5)})
    order = numbers(batches)
    np.testing.assert_array_equal(np.concatenate([batch["number"] for batch in batches]), order)
    np.testing.assert_array_equal(np.concatenate([batch["centres"] for batch in batches]), rows[order])
    with pytest.raises(ValueError, match=r"arrays\['centres'\]: expected 5 rows, one for each example, found 4"):
        stream(examples, arrays={"centres": rows[:4]})


def test_a_set_without_classes(examples):
    untagged = tuple(dataclasses.replace(example, tags=()) for example in examples)
    assert stream(untagged, classes=0)[0]["tags"].shape == (2, 0)


BATCHWISE = dataclasses.replace(PLAIN, batch_sizes=(16, 24, 48), cut=0.125, mirror=True)


def test_each_batch_has_a_size_of_its_own(examples):
    maps = TARGET | {"objects": (OBJECTS, target)}
    batches = stream(examples, BATCHWISE, maps, steps=40)
    sides = [batch["image"].shape[1] for batch in batches]
    assert set(sides) == {16, 24, 48}
    for batch, side in zip(batches, sides):
        assert batch["image"].shape == (2, side, side, 3)
        assert batch["target"].shape == batch["objects"].shape == (2, side, side)
    tail = stream(examples, BATCHWISE, maps, steps=40, start=17)
    assert all(map(same, batches[17:], tail))
    other = [batch["image"].shape[1] for batch in stream(examples, BATCHWISE, steps=40, seed=1)]
    assert other != sides


def test_whole_photos_in_order(examples, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, [40, 30, 3]).astype(np.uint8)).save(photo)
    shown = (*examples, Example("last", photo, ()))
    images = [image.numpy() for image in photo_stream(shown)]
    assert len(images) == 6
    for image, example in zip(images, shown):
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image[0], colour.centre(read_photo(example.image)))
