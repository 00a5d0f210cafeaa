"""The stream of views: contract, repeatability, and each distortion by itself."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.data.stream.multicrop import make_views, multicrop_stream
from wsss_tf.data.stream.pipeline import example_order
from wsss_tf.data.stream.settings import MulticropConfig
from wsss_tf.example import Example
from wsss_tf.ops import colour

PLAIN = MulticropConfig(global_crop=32, local_crop=16, local_views=3, mirror=False, jitter=0.0, grey=0.0,
                        blur=(0.0, 0.0, 0.0), solarise=0.0)
FULL = MulticropConfig(global_crop=32, local_crop=16, local_views=3)


def ramp(height: int = 60, width: int = 80) -> np.ndarray:
    """A photo whose red is the row and whose green is the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([2 * rows, 2 * columns, np.full_like(rows, 100)], axis=-1).astype(np.uint8)


def views(image: np.ndarray, config: MulticropConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """In 0..255."""
    made = make_views(tf.constant(image), tf.constant([0, seed]), config)
    return {name: view.numpy() + colour.MEAN_COLOUR for name, view in made.items()}


def many(config: MulticropConfig, image: np.ndarray, count: int = 60) -> list[dict[str, np.ndarray]]:
    compiled = tf.function(lambda seed: make_views(tf.constant(image), seed, config))
    return [{name: view.numpy() + colour.MEAN_COLOUR for name, view in compiled(tf.constant([0, seed])).items()}
            for seed in range(count)]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Five photos, each of one grey value that tells its number; nothing else exists."""
    folder, made = tmp_path_factory.mktemp("photos"), []
    for number in range(5):
        Image.fromarray(np.full([40, 36, 3], 20 * number, np.uint8)).save(folder / f"{number}.png")
        made.append(Example(str(number), folder / f"{number}.png", ()))
    return tuple(made)


def stream(examples, config=PLAIN, batch=2, steps=8, start=0, seed=0) -> list[dict]:
    batches = multicrop_stream(examples, config, batch, steps, start, seed)
    return [{name: value.numpy() for name, value in item.items()} for item in batches]


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def test_batches_keep_the_contract(examples):
    batches = stream(examples, FULL)
    assert len(batches) == 8
    for batch in batches:
        assert {name: value.shape for name, value in batch.items()} == {
            "image": (2, 32, 32, 3), "partner": (2, 32, 32, 3), "local": (2, 3, 16, 16, 3)}
        assert all(value.dtype == np.float32 for value in batch.values())
    alone = stream(examples, dataclasses.replace(FULL, local_views=0))
    assert alone[0].keys() == {"image", "partner"}


def test_all_views_are_of_one_photo(examples):
    order = example_order(5, 16, 0)
    for number, batch in enumerate(stream(examples)):
        for value in batch.values():
            for row in range(2):
                wanted = 20 * order[2 * number + row] - np.float32(colour.MEAN_COLOUR)
                np.testing.assert_allclose(value[row], np.broadcast_to(wanted, value[row].shape), atol=1e-3)


@pytest.mark.parametrize("start", [1, 5, 8])
def test_a_resumed_stream_is_the_tail_of_the_whole(examples, start):
    whole, tail = stream(examples, FULL), stream(examples, FULL, start=start)
    assert len(tail) == 8 - start
    assert all(map(same, whole[start:], tail))


def test_another_seed_gives_other_views():
    assert same(views(ramp(), FULL, 3), views(ramp(), FULL, 3))
    assert not same(views(ramp(), FULL, 3), views(ramp(), FULL, 4))


def test_an_unreadable_photo_ends_the_stream(examples, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(tf.errors.OpError):
        stream((*examples, Example("broken", broken, ())))


def test_area_and_shape_of_the_crops():
    """On a ramp the values tell how large a crop is."""
    image = ramp()
    for made in many(PLAIN, image):
        for name, low, high in (("image", 0.4, 1.0), ("partner", 0.4, 1.0), ("local", 0.05, 0.4)):
            for view in made[name].reshape(-1, *made[name].shape[-3:]):
                # Two grey levels for each pixel of the photo, so the slope tells the size of the window.
                height = len(view) / 2 * np.median(np.diff(view[..., 0], axis=0))
                width = len(view) / 2 * np.median(np.diff(view[..., 1], axis=1))
                share = height * width / (60 * 80)
                assert 0.7 * low <= share <= 1.05 * high
                assert 0.7 <= width / height <= 1.45 or max(height / 60, width / 80) > 0.95


def test_a_whole_photo_is_resized_whole():
    whole = dataclasses.replace(PLAIN, global_scales=(1.0, 1.0), local_views=0)
    spans = [np.ptp(made["image"][..., 1]) for made in many(whole, ramp(64, 64), 30)]
    assert max(spans) > 2 * 63 - 6, "some crop spans the width"


def test_a_photo_smaller_than_a_view():
    made = views(ramp(17, 16), FULL)
    assert made["image"].shape == (32, 32, 3) and np.isfinite(made["local"]).all()


def test_half_of_the_views_are_mirrored():
    mirrored = [np.mean(np.diff(made["image"][16, :, 1])) < 0
                for made in many(dataclasses.replace(PLAIN, mirror=True, local_views=0), ramp())]
    assert 0.25 < np.mean(mirrored) < 0.75


def test_shares_of_each_distortion():
    """Grey, solarised and jittered views are seen by their colours."""
    image = np.full([40, 40, 3], (200, 60, 100), np.uint8)
    grey = many(dataclasses.replace(PLAIN, grey=0.3), image)
    is_grey = [np.ptp(made[name][0, 0]) < 1 for made in grey for name in ("image", "partner")]
    assert 0.15 < np.mean(is_grey) < 0.45
    solar = many(dataclasses.replace(PLAIN, solarise=0.5), image)
    assert not any(np.allclose(made["image"][..., 0], 55, atol=1) for made in solar), "the first view never is"
    assert 0.3 < np.mean([np.allclose(made["partner"], (55, 60, 100), atol=1) for made in solar]) < 0.7
    changed = many(dataclasses.replace(PLAIN, jitter=0.8), image)
    is_changed = [not np.allclose(view, (200, 60, 100), atol=1) for made in changed for view in made["local"]]
    assert 0.65 < np.mean(is_changed) < 0.95


def test_blur_has_a_share_for_each_kind_of_view():
    noise = np.random.default_rng(0).integers(0, 255, [64, 64, 3], np.uint8)
    sharp = dataclasses.replace(PLAIN, blur_sigma=(2.0, 2.0), global_scales=(1.0, 1.0), local_scales=(0.2, 0.2))
    for number, name in enumerate(("image", "partner", "local")):
        shares = tuple(float(kind == number) for kind in range(3))
        plain, blurred = (many(dataclasses.replace(sharp, blur=blur), noise, 3) for blur in ((0.0,) * 3, shares))
        for before, after in zip(plain, blurred):
            assert after[name].std() < 0.6 * before[name].std()
            for other in {"image", "partner", "local"} - {name}:
                np.testing.assert_array_equal(after[other], before[other])
