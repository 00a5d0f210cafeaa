import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wsss_tf.data.stream.pipeline import example_order, find_unreadable, training_stream
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.store import write_ids, write_image
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


TARGET = {"target": target}


def stream(examples, config=PLAIN, maps=TARGET, batch=2, steps=8, start=0, seed=0) -> list[dict]:
    batches = training_stream(examples, CLASSES, maps, config, batch, steps, start, seed)
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
    maps = {"superpixels": lambda example: tmp_path / "ids.png", "target": lambda example: tmp_path / "target.png"}
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
    for name in ("target", "superpixels"):
        error = failure(examples, **{name: lambda example: tmp_path / f"{example.image_id}.png"})
        assert str(error).startswith(str(tmp_path)) and "no such file" in str(error)


def test_readable_files_are_not_blamed(examples):
    assert find_unreadable(examples, {}) is None
