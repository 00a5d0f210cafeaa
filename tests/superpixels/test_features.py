"""Features on a grid: every net covers a photo of any size, and reads what it says."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.data.build.shapes import ShapesConfig, draw_example
from wsss_tf.errors import InputError
from wsss_tf.nets import vit
from wsss_tf.nets.weights import save_weights
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.grouping import superpixels
from wsss_tf.superpixels.metrics import superpixel_scores
from wsss_tf.superpixels.settings import FeatureConfig, SuperpixelConfig

RNG = np.random.default_rng(0)
VIT = FeatureConfig(net="vit_tiny", weights="none")
RGB = FeatureConfig(net="rgb", stride=4)


def photo(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, [height, width, 3], np.uint8)


@pytest.mark.parametrize("config, cell, width", [
    (VIT, 8, 16), (dataclasses.replace(VIT, facet="token", block=0), 8, 16), (RGB, 4, 3),
    (FeatureConfig(net="tiny", weights="none"), 8, 48), (FeatureConfig(net="tiny", weights="none", stride=16), 16, 48)])
@pytest.mark.parametrize("size", [(64, 96), (61, 90), (17, 33)])
def test_cells_cover_the_photo(config, cell, width, size):
    features = Features(config)(photo(*size))
    assert features.shape == (-(-size[0] // cell), -(-size[1] // cell), width)
    assert features.dtype == np.float32 and np.isfinite(features).all()


def test_the_scale_makes_more_cells():
    assert Features(dataclasses.replace(VIT, scale=2.0))(photo(64, 90)).shape[:2] == (16, 23)
    assert Features(dataclasses.replace(VIT, scale=0.01))(photo(64, 90)).shape[:2] == (1, 1)


def test_colours_are_the_mean_of_each_cell():
    """A photo of 4 x 4 blocks of one colour, a whole number of cells: nothing is resized."""
    blocks = photo(6, 5)
    features = Features(RGB)(blocks.repeat(4, axis=0).repeat(4, axis=1))
    expected = (blocks - np.array([123.675, 116.28, 103.53])) / [58.395, 57.12, 57.375]
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_a_vit_reads_the_whole_file_up_to_its_block(tmp_path):
    """Keys of block 1 with the weights of a whole net equal what the whole net computes there."""
    tf.keras.utils.set_random_seed(1)
    whole = vit.build("vit_tiny", facet="token")
    save_weights(whole, tmp_path / "vit.weights.h5")
    config = FeatureConfig(net="vit_tiny", weights=str(tmp_path / "vit.weights.h5"), block=1)
    image = photo(24, 32)
    inner = tf.keras.Model(whole.input, whole.get_layer("block1_qkv").output)
    tokens = inner(tf.cast(image, tf.float32)[None] - tf.constant([122.675, 116.669, 104.008]))
    np.testing.assert_allclose(Features(config)(image), tokens[0, 1:, 16:32].numpy().reshape(3, 4, 16), atol=1e-4)


@pytest.mark.parametrize("weights, says", [("", "--feature_weights=none is a random net"), ("imagenet", "name it"),
                                           ("nowhere.h5", "no such weights file")])
def test_a_vit_needs_its_weights(weights, says):
    with pytest.raises(InputError, match=says):
        Features(dataclasses.replace(VIT, weights=weights))


def test_a_random_net_is_always_the_same():
    image = photo(24, 32)
    np.testing.assert_array_equal(Features(VIT)(image), Features(VIT)(image))


def test_trained_features_group_new_pictures_better_than_random_ones():
    """As many superpixels lose fewer pixels to superpixels of two objects."""
    config = ShapesConfig(shapes_size=128, shapes_seed=7)
    pictures = [draw_example(config, 1, number)[:2] for number in range(24)]
    reached = {}
    for weights in ("", "none"):
        features = Features(FeatureConfig(net="vit_shapes", weights=weights))
        reached[weights] = np.mean([_accuracy_of_20(features(image), image, truth) for image, truth in pictures])
    assert reached[""] > reached["none"] + 0.005


def _accuracy_of_20(cells: np.ndarray, image: np.ndarray, truth: np.ndarray) -> float:
    """Achievable accuracy of 20 superpixels, between those of the thresholds that give fewer and more."""
    made = [superpixels(image, cells, SuperpixelConfig(tau=tau, crf_set="none")) for tau in np.linspace(0.5, 0.99, 20)]
    scores = sorted((score.count, score.achievable_accuracy) for score in (superpixel_scores(ids, truth) for ids in made))
    return np.interp(20, *zip(*scores))


def test_no_such_block():
    with pytest.raises(InputError, match="expected 0 to 2"):
        Features(dataclasses.replace(VIT, block=3))
