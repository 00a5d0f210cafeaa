import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.files.cams import cam_path, normalise, write_cam
from wsss_tf.files.images import read_grey, read_labels
from wsss_tf.files.store import write_ids
from wsss_tf.pseudo_labels.seeds import pseudo_label, superpixel_seed, write_label, write_seed
from wsss_tf.pseudo_labels.settings import LabelConfig, SeedConfig


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 90), min_size=1, max_size=5, unique=True),
       st.floats(0, 1, width=32), st.one_of(st.none(), st.floats(0, 1, width=32)))
def test_the_strongest_class_above_the_threshold_pixel_by_pixel(seed, keys, threshold, more):
    ignore_below = None if more is None else min(1.0, threshold + more)
    rng = np.random.default_rng(seed)
    cam = np.maximum(rng.normal(size=[len(keys), 5, 6]), 0).astype(np.float32) * 7
    expected = np.zeros([5, 6])
    for y, x in np.ndindex(5, 6):
        scores = [cam[k, y, x] / (cam[k].max() + 1e-5) for k in range(len(keys))]
        best = max(range(len(keys)), key=lambda k: (scores[k], -k))
        if scores[best] > threshold:
            expected[y, x] = keys[best] if ignore_below is None or scores[best] > ignore_below else 255
    label = pseudo_label(np.array(keys), cam, threshold, ignore_below)
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, expected)


@pytest.mark.parametrize("thresholds, expected", [
    ((0.2,), [7, 7, 7, 0]), ((0.4,), [7, 7, 0, 0]), ((0.15, 0.4), [7, 7, 255, 0]), ((0.4, 0.4), [7, 7, 0, 0])])
def test_pixels_between_two_thresholds_are_ignored(tmp_path, thresholds, expected):
    """By hand, and from file to file."""
    cam = np.float32([[[1, 0.5, 0.25, 0.1]]])
    np.testing.assert_array_equal(pseudo_label(np.array([7]), cam, *thresholds), [expected])
    write_cam(tmp_path / "photo.npz", np.array([7]), cam)
    write_label(tmp_path / "photo.png", "photo", tmp_path, LabelConfig(*thresholds), 7)
    np.testing.assert_array_equal(read_labels(tmp_path / "photo.png"), [expected])


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="ignore_below=0.1: expected no less than the threshold 0.2"):
        LabelConfig(ignore_below=0.1)


def test_classes_compete_by_their_own_maximum():
    """A weak class wins where it is at its strongest."""
    cam = np.float32([[[10, 1]], [[0.1, 0.2]]])
    np.testing.assert_array_equal(pseudo_label(np.array([3, 8]), cam, 0.2), [[3, 8]])


def test_dead_maps_are_background():
    np.testing.assert_array_equal(pseudo_label(np.array([3]), np.zeros([1, 2, 2], np.float32), 0.2), 0)


def test_initial_seed_equals_the_recorded_one(golden):
    recorded = golden("thesis_ch3_reference")
    keys = np.flatnonzero(recorded["t"]) + 1
    seed = superpixel_seed(keys, recorded["cam"][keys - 1], recorded["superpixels"], float(recorded["alpha"]))
    np.testing.assert_array_equal(seed, recorded["seed"])
    maps = normalise(recorded["cam"][keys - 1])
    np.testing.assert_allclose(maps, recorded["cam_norm"][keys - 1], rtol=1e-5)
    means = [maps.max(axis=0)[recorded["superpixels"] == number].mean() for number in np.unique(recorded["superpixels"])]
    np.testing.assert_allclose(means, recorded["fg_score"], rtol=1e-5)
    assert np.unique(recorded["superpixels"])[np.argmin(means)] == recorded["bg_superpixel"]
    assert set(recorded["superpixels"][seed == 0]) == {int(recorded["bg_superpixel"])}
    assert set(np.unique(seed)) == {0, *keys, 255}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 3), alpha=st.sampled_from([0.3, 0.5, 0.8]), keep=st.booleans())
def test_initial_seed_equals_loops(seed, count, alpha, keep):
    """Eqs 3.3-3.5 pixel by pixel and superpixel by superpixel."""
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(np.arange(1, 9), count, replace=False))
    cam = np.maximum(rng.normal(size=[count, 6, 5]), 0).astype(np.float32)
    superpixels = rng.integers(0, 4, [6, 5]) * 3
    strength = np.zeros([6, 5])
    expected = np.full([6, 5], 255)
    for place in np.ndindex(6, 5):
        for key, channel in zip(keys, cam):
            value = channel[place] / (channel.max() + np.float32(1e-5))
            if value > strength[place]:
                strength[place] = value
                expected[place] = key if value > alpha else 255
    quiet = min(np.unique(superpixels), key=lambda number: strength[superpixels == number].mean())
    for place in np.ndindex(6, 5):
        if superpixels[place] == quiet and (expected[place] == 255 or not keep):
            expected[place] = 0
    np.testing.assert_array_equal(superpixel_seed(keys, cam, superpixels, alpha, keep), expected)


BLOCKS = np.kron(np.arange(4).reshape(2, 2), np.ones([4, 4], int))


def weak_cam() -> np.ndarray:
    """One class that is strong nowhere but at one pixel, which is not in the first superpixel."""
    cam = np.full([1, 8, 8], 0.2, np.float32)
    cam[0, :4, :4] = 0.1
    cam[0, 7, 7] = 1.0
    return cam


def test_without_a_confident_pixel_only_the_background_superpixel_is_labeled():
    seed = superpixel_seed(np.array([3]), weak_cam(), BLOCKS, alpha=1.0)
    np.testing.assert_array_equal(seed, np.where(BLOCKS == 0, 0, 255))


@pytest.mark.parametrize("keep", [True, False])
def test_one_superpixel_for_the_whole_photo_is_background_around_the_confident_pixels(keep):
    """A3-6: read literally, the equations would leave no foreground at all."""
    seed = superpixel_seed(np.array([3]), weak_cam(), np.zeros([8, 8], int), alpha=0.5, keep_foreground=keep)
    expected = np.zeros([8, 8])
    expected[7, 7] = 3 if keep else 0
    np.testing.assert_array_equal(seed, expected)


def test_a_photo_that_is_confident_everywhere_has_no_background():
    seed = superpixel_seed(np.array([2]), np.ones([1, 8, 8], np.float32), BLOCKS, alpha=0.5)
    np.testing.assert_array_equal(seed, 2)


def test_a_photo_without_tags_has_its_first_superpixel_as_background():
    seed = superpixel_seed(np.array([], np.int64), np.zeros([0, 8, 8], np.float32), BLOCKS, alpha=0.5)
    np.testing.assert_array_equal(seed, np.where(BLOCKS == 0, 0, 255))


def test_labels_and_seeds_are_made_of_the_artefacts(tmp_path):
    keys, cam = np.int64([2, 3]), np.float32([[[0, 1], [0, 0.5]], [[0.5, 0], [1, 0]]])
    write_cam(cam_path(tmp_path, "a"), keys, cam)
    write_ids(tmp_path / "a.png", np.int64([[0, 1], [2, 3]]))
    write_label(tmp_path / "label.png", "a", tmp_path, LabelConfig(), 3)
    write_seed(tmp_path / "seed.png", "a", tmp_path, tmp_path, SeedConfig(), 3)
    np.testing.assert_array_equal(read_grey(tmp_path / "label.png"), pseudo_label(keys, cam, 0.2))
    np.testing.assert_array_equal(read_grey(tmp_path / "seed.png"), superpixel_seed(keys, cam, np.arange(4).reshape(2, 2), 0.5))


@pytest.mark.parametrize("key", [4, 255, 256, 259])
def test_maps_of_no_class_become_no_other_class(tmp_path, key):
    """As bytes 255 would be unknown, 256 background, and 259 class 3."""
    write_cam(cam_path(tmp_path, "a"), np.int64([key]), np.ones([1, 2, 2]))
    write_ids(tmp_path / "a.png", np.zeros([2, 2]))
    for write, arguments in ((write_label, (LabelConfig(), 3)), (write_seed, (tmp_path, SeedConfig(), 3))):
        with pytest.raises(InputError, match=rf"a\.npz: expected keys from 1 to 3.*found \[{key}\]"):
            write(tmp_path / "made.png", "a", tmp_path, *arguments)
    assert not (tmp_path / "made.png").exists()


def test_superpixels_of_another_size_are_named(tmp_path):
    write_cam(cam_path(tmp_path, "a"), np.int64([1]), np.ones([1, 2, 2]))
    write_ids(tmp_path / "a.png", np.zeros([3, 2]))
    with pytest.raises(InputError, match="expected maps of 2x3 pixels"):
        write_seed(tmp_path / "seed.png", "a", tmp_path, tmp_path, SeedConfig(), 3)
