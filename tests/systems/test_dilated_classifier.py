import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems.dilated_classifier import DilatedClassifier, build_classifier, fuse_maps, without_dilated_blocks
from wsss_tf.systems.settings import ClassifierConfig

TRUNK = BackboneConfig("tiny", 8, "none")
CONFIG = ClassifierConfig(rates=(1, 2, 3), channels=12, dropout=0.0, init_std=0.2)
CLASSES = 4
RNG = np.random.default_rng(0)
BATCH = {
    "image": tf.constant(RNG.uniform(-120, 120, [3, 32, 40, 3]), tf.float32),
    "tags": tf.constant([[1.0, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1]]),
}


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(0)


def test_losses_equal_loops_over_its_own_maps():
    """Eqs 2.1-2.3: tag loss summed over the blocks, dense map loss, and their weighted sum."""
    method = DilatedClassifier(TRUNK, CONFIG, CLASSES)
    maps = method.net(BATCH["image"], training=True)
    blocks = [np.float64(block) for block in [maps["cam"], *maps["dilated"]]]
    assert len(blocks) == 4 and blocks[0].shape == (3, 4, 5, CLASSES)
    result = method.losses(BATCH)
    for b in range(3):
        tags = BATCH["tags"][b].numpy()
        tag_loss = 0
        for block in blocks:
            z = block[b].mean(axis=(0, 1))
            tag_loss += np.mean([np.logaddexp(0, -z[c] if tags[c] else z[c]) for c in range(CLASSES)])
        dense = np.maximum(blocks[0][b], (blocks[1][b] + blocks[2][b] + blocks[3][b]) / 3)
        cam_loss = sum(((np.maximum(dense[..., c], 0) - np.maximum(blocks[0][b, ..., c], 0)) ** 2).sum()
                       for c in range(CLASSES) if tags[c]) / (CLASSES * 4 * 5)
        assert cam_loss > 0
        np.testing.assert_allclose(result["tag_loss"][b], tag_loss, rtol=1e-5)
        np.testing.assert_allclose(result["cam_loss"][b], cam_loss, rtol=1e-4)
        np.testing.assert_allclose(result["loss"][b], tag_loss + 0.1 * cam_loss, rtol=1e-5)


def test_without_rates_there_is_only_the_tag_loss():
    method = DilatedClassifier(TRUNK, ClassifierConfig(rates=(), channels=8), CLASSES)
    result = method.losses(BATCH)
    assert result.keys() == {"tag_loss", "loss"}
    np.testing.assert_array_equal(result["loss"], result["tag_loss"])


def test_the_dense_map_teaches_the_standard_block_only():
    method = DilatedClassifier(TRUNK, CONFIG, CLASSES)
    with tf.GradientTape() as tape:
        loss = method.losses(BATCH)["cam_loss"]
    gradients = dict(zip([variable.path for variable in method.net.trainable_variables],
                         tape.gradient(loss, method.net.trainable_variables)))
    for path, gradient in gradients.items():
        if "_rate" in path:
            assert gradient is None or not np.any(gradient), path
    assert np.abs(gradients["fc8_standard/kernel"]).max() > 0
    assert np.abs(gradients["conv1/kernel"]).max() > 0


def test_fuse_maps():
    maps = RNG.normal(size=[3, 2, 3, 5, CLASSES]).astype(np.float32)
    np.testing.assert_allclose(fuse_maps(maps[0], [maps[1], maps[2]]), np.maximum(maps[0], (maps[1] + maps[2]) / 2))


def test_dropping_the_dilated_blocks_leaves_the_standard_map():
    trained = build_classifier(TRUNK, CONFIG, CLASSES, dilated=True)
    trained.set_weights([RNG.normal(0, 0.3, weight.shape) for weight in trained.get_weights()])
    standard = without_dilated_blocks(trained, build_classifier(TRUNK, CONFIG, CLASSES, dilated=False))
    assert list(standard(BATCH["image"])) == ["cam"]
    np.testing.assert_array_equal(standard(BATCH["image"])["cam"], trained(BATCH["image"])["cam"])


@pytest.mark.parametrize("training", [True, False])
def test_dropout_only_while_training(training):
    net = build_classifier(TRUNK, ClassifierConfig(rates=(), channels=64, dropout=0.5, init_std=0.2), CLASSES, False)
    first, second = (net(BATCH["image"], training=training)["cam"] for _ in range(2))
    assert (np.abs(first - second).max() > 1e-3) == training


def test_preview_shows_photos():
    preview = DilatedClassifier(TRUNK, CONFIG, CLASSES).preview(BATCH)
    assert preview.shape == BATCH["image"].shape and preview.dtype == tf.uint8
