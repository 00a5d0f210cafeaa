"""Augmentation: photo and maps move together, colours change as named, all by the seed."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.data.stream.augment import augment, batch_size
from wsss_tf.data.stream.maps import LABELS
from wsss_tf.data.stream.settings import AugmentConfig, ClassifierCropConfig
from wsss_tf.ops import colour

STILL = AugmentConfig(crop=48, crop_scales=(1.0,), mirror=False, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
FULL = AugmentConfig()
KINDS = {"target": LABELS}
SEEDS = range(25)
SIZES = [(80, 100), (30, 40), (30, 100), (100, 20), (48, 48)]  # larger, smaller, mixed, equal to the crop
RNG = np.random.default_rng(0)


def compiled(config: AugmentConfig):
    """(image, target, number of the seed) -> NumPy image and target, in graph mode as in the stream."""
    function = tf.function(lambda image, target, seed: augment(image, {"target": target}, KINDS, seed, config),
                           reduce_retracing=True)

    def run(image, target, number):
        crop, maps = function(tf.constant(image), tf.constant(target), tf.constant([5, number]))
        return crop.numpy(), maps["target"].numpy()

    return run


def positions(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo whose red and green are row and column, and labels 0..250 that follow from them."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows + 77], -1).astype(np.uint8), ((rows * 31 + columns) % 251).astype(np.uint8)


def decoded(crop: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The colours of the pixels inside the photo, float [n, 3]."""
    return crop[inside] + np.array(colour.MEAN_COLOUR)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mirror", [False, True])
def test_the_target_moves_with_the_photo(size, mirror):
    run = compiled(dataclasses.replace(STILL, mirror=mirror))
    image, target = positions(*size)
    for number in SEEDS:
        crop, labels = run(image, target, number)
        assert crop.shape == (48, 48, 3) and labels.shape == (48, 48)
        assert crop.dtype == np.float32 and labels.dtype == np.int32
        inside = labels != 255
        assert inside.sum() == min(size[0], 48) * min(size[1], 48)
        np.testing.assert_array_equal(crop[~inside], 0)
        pixels = decoded(crop, inside)
        np.testing.assert_allclose(pixels, np.round(pixels), atol=1e-4)
        row, column, mark = np.round(pixels).astype(int).T
        assert (mark == 77).all()
        np.testing.assert_array_equal(labels[inside], (row * 31 + column) % 251)
        turned = column.reshape(-1, min(size[1], 48))[0]
        assert set(np.diff(turned)) in ({1}, {-1} if mirror else {1})


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.25, 1.5])
def test_photo_and_target_stay_within_a_pixel_at_other_scales(scale):
    run = compiled(dataclasses.replace(STILL, crop_scales=(scale,), mirror=True))
    image, _ = positions(80, 100)
    for axis in (0, 1):
        for number in SEEDS:
            crop, labels = run(image, np.ascontiguousarray(image[..., axis]), number)
            inside = labels != 255
            assert np.abs(decoded(crop, inside)[:, axis] - labels[inside]).max() <= 1


def test_scales_are_drawn_from_the_list_and_offsets_vary():
    run = compiled(dataclasses.replace(STILL, crop_scales=(0.5, 1.0, 1.5)))
    image, target = positions(20, 30)
    sizes, corners = set(), set()
    for number in range(60):
        _, labels = run(image, target, number)
        rows, columns = np.nonzero(labels != 255)
        sizes.add((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
        corners.add((int(rows.min()), int(columns.min())))
    assert sizes == {(10, 15), (20, 30), (30, 45)}
    assert len(corners) > 40


def test_the_long_side_is_drawn_between_its_ends():
    """RandomResizeLong: each whole number from 40 to 44 for the longer side, the other one in proportion."""
    run = compiled(dataclasses.replace(STILL, crop_scales=(9.0,), resize_long=(40, 44)))
    image, target = positions(20, 30)
    sizes = set()
    for number in range(60):
        crop, labels = run(image, target, number)
        rows, columns = np.nonzero(labels != 255)
        sizes.add((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1))
        pixels = decoded(crop, labels != 255)
        assert pixels.min() > -1e-3 and pixels.max() < 255.001, "bicubic overshoots are cut off"
    assert sizes == {(27, 40), (27, 41), (28, 42), (29, 43), (29, 44)}


def test_crops_of_the_classifier():
    """Each is that of the segmenter unless it is set."""
    assert ClassifierCropConfig().applied_to(FULL) == FULL
    irn = ClassifierCropConfig(crop=512, resize_long=(320, 640), jitter=False).applied_to(FULL)
    assert (irn.crop, irn.resize_long) == (512, (320, 640)) and irn.mirror is True
    assert (irn.brightness, irn.contrast, irn.saturation, irn.hue) == (0, 0, 0, 0)


def test_windows_reach_both_ends():
    run = compiled(dataclasses.replace(STILL, crop=16))
    image, target = positions(18, 17)
    corners = {tuple(np.round(run(image, target, number)[0][0, 0, :2] + colour.MEAN_COLOUR[:2]).astype(int))
               for number in range(60)}
    assert corners == {(row, column) for row in range(3) for column in range(2)}


def test_half_are_mirrored():
    run = compiled(dataclasses.replace(STILL, mirror=True))
    image, target = positions(48, 48)
    mirrored = [run(image, target, number)[0][0, 0, 1] > run(image, target, number)[0][0, -1, 1]
                for number in range(200)]
    assert 0.4 < np.mean(mirrored) < 0.6


def test_the_result_is_a_function_of_the_seed():
    run, again = compiled(AugmentConfig(crop=48)), compiled(AugmentConfig(crop=48))
    image, target = RNG.integers(0, 256, [80, 100, 3], np.uint8), RNG.integers(0, 21, [80, 100], np.uint8)
    crops = [run(image, target, number) for number in SEEDS]
    for number in SEEDS:
        for left, right in zip(crops[number], again(image, target, number)):
            np.testing.assert_array_equal(left, right)
    assert len({crop.tobytes() for crop, _ in crops}) == len(SEEDS)


def test_without_target_the_photo_is_the_same():
    image, target = positions(60, 70)
    config = AugmentConfig(crop=48)
    alone, nothing = augment(image, {}, {}, tf.constant([5, 1]), config)
    assert nothing == {}
    np.testing.assert_array_equal(alone, augment(image, {"target": target}, KINDS, tf.constant([5, 1]), config)[0])


@pytest.mark.parametrize("strength", [0.3, 0.9])
def test_jitter_stays_in_the_colour_range(strength):
    run = compiled(AugmentConfig(crop=16, brightness=strength, contrast=strength, saturation=strength, hue=0.5))
    image = RNG.choice(np.uint8([0, 255, 128]), [40, 40, 3])
    for number in SEEDS:
        crop, labels = run(image, np.zeros([40, 40], np.uint8), number)
        pixels = decoded(crop, labels != 255)
        assert pixels.min() > -1e-2 and pixels.max() < 255 + 1e-2


def jittered(image: np.ndarray, **ranges: float) -> np.ndarray:
    """The photo under 25 seeds with one kind of jitter: float [25, H, W, 3] in 0..255."""
    run = compiled(dataclasses.replace(STILL, crop=image.shape[0], **ranges))
    target = np.zeros(image.shape[:2], np.uint8)
    return np.stack([run(image, target, number)[0] for number in SEEDS]) + np.array(colour.MEAN_COLOUR)


def grey(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.299, 0.587, 0.114])


def test_each_kind_of_jitter_changes_what_its_name_says():
    """Torchvision's definitions on a photo that no clipping touches."""
    image = RNG.integers(90, 140, [16, 16, 3], np.uint8)
    photo = np.float64(image)

    factors = jittered(image, brightness=0.3) / photo
    assert factors.std(axis=(1, 2, 3)).max() < 1e-4
    assert 0.7 <= factors.min() < 0.85 and 1.15 < factors.max() <= 1.3

    mean = grey(photo).mean()
    factors = (jittered(image, contrast=0.3) - mean) / (photo - mean)
    assert factors.std(axis=(1, 2, 3)).max() < 1e-2
    assert 0.7 - 1e-2 <= factors.min() < 0.85 and 1.15 < factors.max() <= 1.3 + 1e-2

    saturated = jittered(image, saturation=0.3)
    np.testing.assert_allclose(grey(saturated), np.broadcast_to(grey(photo), [25, 16, 16]), atol=1e-2)
    assert np.abs(saturated - photo).max() > 3

    hued = jittered(image, hue=0.1)
    np.testing.assert_allclose(hued.max(-1), np.broadcast_to(photo.max(-1), [25, 16, 16]), atol=1e-2)
    np.testing.assert_allclose(hued.min(-1), np.broadcast_to(photo.min(-1), [25, 16, 16]), atol=1e-2)
    assert np.abs(hued - photo).max() > 10


def test_without_ranges_the_colours_are_those_of_the_photo():
    image = RNG.integers(0, 256, [48, 48, 3], np.uint8)
    run = compiled(STILL)
    np.testing.assert_array_equal(np.round(run(image, np.zeros([48, 48], np.uint8), 0)[0] + colour.MEAN_COLOUR), image)


def test_padding_is_not_jittered():
    run = compiled(AugmentConfig(crop=48, crop_scales=(1.0,)))
    for number in SEEDS:
        crop, labels = run(RNG.integers(0, 256, [20, 20, 3], np.uint8), np.zeros([20, 20], np.uint8), number)
        np.testing.assert_array_equal(crop[labels == 255], 0)
        assert np.abs(crop[labels == 0]).max() > 10


def stretched(image, target, number, config, side):
    crop, maps = augment(image, {"target": target}, KINDS, tf.constant([5, number]), config, tf.constant(side))
    return crop.numpy(), maps["target"].numpy()


@pytest.mark.parametrize("side", [48, 100, 20])
def test_whole_photos_are_stretched_to_a_square(side):
    """Without a cut: what a bilinear resize of the whole photo gives, and nearest labels; half of them mirrored."""
    image, target = positions(40, 60)
    expected = tf.image.resize(image, [side, side]).numpy() - colour.MEAN_COLOUR
    index = [np.arange(side) * length // side for length in (40, 60)]
    labels, mirrored = target[np.ix_(*index)], set()
    for number in SEEDS:
        crop, moved = stretched(image, target, number, dataclasses.replace(STILL, mirror=True), side)
        turn = slice(None, None, -1 if crop[0, 0, 1] > crop[0, -1, 1] else 1)
        np.testing.assert_allclose(crop[:, turn], expected, atol=1e-3)
        np.testing.assert_array_equal(moved[:, turn], labels)
        mirrored.add(turn.step)
    assert mirrored == {1, -1}


def test_less_than_the_given_share_of_each_side_is_cut_off():
    """Rows and columns that are kept can be read from the corners of a photo of positions, to within a pixel."""
    image, target = positions(64, 80)
    edges = []
    for number in range(60):
        crop, _ = stretched(image, target, number, dataclasses.replace(STILL, cut=0.25), 256)
        edges.append([*(crop[0, 0, :2] + colour.MEAN_COLOUR[:2]), *(crop[-1, -1, :2] + colour.MEAN_COLOUR[:2])])
    top, left, bottom, right = np.array(edges).T
    for first, last, length in ((top, bottom, 64), (left, right, 80)):
        kept = last - first + 1
        assert kept.min() > 0.75 * length - 0.01 and kept.max() <= length + 0.01
        assert kept.min() < 0.8 * length and kept.max() > 0.95 * length
        assert first.min() < 0.01 and first.max() > 0.05 * length and last.max() > length - 1.01


def test_sizes_of_batches_follow_from_seed_and_step():
    sizes = (224, 256, 288, 320, 352)
    drawn = [int(batch_size(sizes, 3, tf.constant(step, tf.int64))) for step in range(300)]
    assert drawn == [int(batch_size(sizes, 3, tf.constant(step, tf.int64))) for step in range(300)]
    counts = [drawn.count(size) for size in sizes]
    assert sum(counts) == 300 and min(counts) > 35
    assert drawn[:20] != [int(batch_size(sizes, 4, tf.constant(step, tf.int64))) for step in range(20)]
