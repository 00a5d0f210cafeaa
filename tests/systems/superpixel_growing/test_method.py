"""The method of chapter 3 on a small net: the loss is that of the grown label, and nothing fails in silence."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import resize
from wsss_tf.systems import losses
from wsss_tf.systems.settings import SegmenterConfig
from wsss_tf.systems.superpixel_growing.growing import grow
from wsss_tf.systems.superpixel_growing.method import SuperpixelGrowing
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig

CLASSES, SIZE = 3, 64
BACKBONE = BackboneConfig("tiny", 8, "none")
HEAD = SegmenterConfig(rates=(1, 2), channels=8, dropout=0.0, init_std=0.3, scales=(1.0,))
LOOSE = GrowingConfig(0.3, 0.3)  # a fresh net gives no class more


@pytest.fixture
def method():
    """The function (head, growing) -> method with the same random weights each time."""

    def build(head=HEAD, config=LOOSE) -> SuperpixelGrowing:
        keras.utils.set_random_seed(3)
        return SuperpixelGrowing(BACKBONE, head, config, CLASSES)

    return build


def batch(seed: int = 0, images: int = 2) -> dict[str, tf.Tensor]:
    """Noise, blocks of superpixels, and a seed in one of ten cells."""
    rng = np.random.default_rng(seed)
    cells = np.where(rng.random([images, 8, 8]) < 0.1, rng.integers(0, CLASSES + 1, [images, 8, 8]), 255)
    blocks = np.kron(np.arange(16).reshape(4, 4), np.ones([16, 16], int))
    return {
        "image": tf.constant(rng.uniform(-120, 120, [images, SIZE, SIZE, 3]), tf.float32),
        "tags": tf.ones([images, CLASSES]),
        "target": tf.constant(np.kron(cells, np.ones([8, 8])), tf.int32),
        "superpixels": tf.constant(np.tile(blocks, [images, 1, 1]), tf.int32),
    }


def logits_of(method: SuperpixelGrowing, image: tf.Tensor) -> tf.Tensor:
    return method.net(image, training=True)["logits"]


def test_the_loss_is_that_of_the_grown_label(method):
    growing, inputs = method(), batch()
    logits = logits_of(growing, inputs["image"])
    cells = {name: inputs[name][:, ::8, ::8] for name in ("target", "superpixels")}
    grown = grow(cells["target"], cells["superpixels"], tf.nn.softmax(logits), inputs["tags"], LOOSE)
    found = growing.losses(inputs)
    np.testing.assert_allclose(found["loss"], losses.balanced_seed_loss(logits, grown), rtol=1e-5)
    np.testing.assert_allclose(found["seed"], np.mean(cells["target"] != 255, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found["labeled"], np.mean(grown != 255, axis=(1, 2)), rtol=1e-6)
    assert (found["labeled"] > found["seed"]).numpy().all(), "something has grown"


def test_scale_one_drives_the_growing_of_all(method):
    growing, inputs = method(dataclasses.replace(HEAD, scales=(1.0, 0.5))), batch()
    first = logits_of(growing, inputs["image"])
    second = logits_of(growing, resize.bilinear(inputs["image"], [32, 32]))
    grown = grow(inputs["target"][:, ::8, ::8], inputs["superpixels"][:, ::8, ::8], tf.nn.softmax(first),
                 inputs["tags"], LOOSE)
    expected = losses.balanced_seed_loss(first, grown) + losses.balanced_seed_loss(second, grown[:, ::2, ::2])
    np.testing.assert_allclose(growing.losses(inputs)["loss"], expected, rtol=1e-5)


def test_at_image_resolution(method):
    config = dataclasses.replace(LOOSE, growing_at="image")
    growing, inputs = method(config=config), batch()
    logits = resize.bilinear(logits_of(growing, inputs["image"]), [SIZE, SIZE])
    grown = grow(inputs["target"], inputs["superpixels"], tf.nn.softmax(logits), inputs["tags"], config)
    np.testing.assert_allclose(growing.losses(inputs)["loss"], losses.balanced_seed_loss(logits, grown), rtol=1e-5)


def test_the_grown_label_is_a_constant_of_the_gradient(method):
    growing, inputs = method(), batch()
    variables = growing.net.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(growing.losses(inputs)["loss"])
    found = tape.gradient(loss, variables)
    grown = grow(inputs["target"][:, ::8, ::8], inputs["superpixels"][:, ::8, ::8],
                 tf.nn.softmax(logits_of(growing, inputs["image"])), inputs["tags"], LOOSE)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(losses.balanced_seed_loss(logits_of(growing, inputs["image"]), grown))
    for ours, fixed in zip(found, tape.gradient(loss, variables), strict=True):
        np.testing.assert_allclose(ours, fixed, rtol=1e-4, atol=1e-6)


def loss_and_gradients(growing: SuperpixelGrowing, inputs: dict) -> tuple[dict, list]:
    with tf.GradientTape() as tape:
        found = growing.losses(inputs)
        loss = tf.reduce_sum(found["loss"])
    gradients = tape.gradient(loss, growing.net.trainable_variables)
    assert all(np.isfinite(value).all() for value in [*found.values(), *gradients])
    return found, gradients


def test_a_photo_without_any_seed_teaches_nothing_until_the_net_is_sure(method):
    """No confident pixel: without growing there is no loss; with it, whatever superpixel the net is sure of."""
    inputs = batch() | {"target": tf.fill([2, SIZE, SIZE], 255)}
    found, gradients = loss_and_gradients(method(config=GrowingConfig(1.0, 1.0)), inputs)
    assert not found["loss"].numpy().any() and not found["labeled"].numpy().any()
    assert all(not np.any(gradient) for gradient in gradients)
    assert loss_and_gradients(method(), inputs)[0]["labeled"].numpy().any()


def test_one_superpixel_for_the_whole_photo_is_labeled_as_a_whole_or_not_at_all(method):
    inputs = batch() | {"superpixels": tf.zeros([2, SIZE, SIZE], tf.int32)}
    found, _ = loss_and_gradients(method(config=GrowingConfig(0.0, 0.0)), inputs)
    np.testing.assert_array_equal(found["labeled"], 1)
    found, _ = loss_and_gradients(method(config=GrowingConfig(1.0, 1.0)), inputs)
    np.testing.assert_array_equal(found["labeled"], found["seed"])


def test_a_class_that_vanishes_between_the_cells_can_still_grow(method):
    """One seed pixel that no cell hits: it is not in the loss, but its tag stays a candidate of eq. 3.7."""
    target = np.full([1, SIZE, SIZE], 255)
    target[0, 3, 3] = 2
    inputs = batch(images=1) | {"target": tf.constant(target, tf.int32), "tags": tf.constant([[0.0, 1.0, 0.0]])}
    growing = method(config=GrowingConfig(1.0, 0.7))
    growing.net.get_layer("fc8_rate1").bias.assign([0, 0, 30, 0])  # a net that sees this class everywhere
    found, _ = loss_and_gradients(growing, inputs)
    assert found["seed"] == 0 and found["labeled"] == 1
    found, _ = loss_and_gradients(growing, inputs | {"tags": tf.constant([[1.0, 0.0, 0.0]])})
    assert found["labeled"] == 0, "an absent class is no candidate"


def test_a_photo_that_is_labeled_already_does_not_grow(method):
    labels = tf.constant(np.random.default_rng(0).integers(0, CLASSES + 1, [2, SIZE, SIZE]), tf.int32)
    found, _ = loss_and_gradients(method(), batch() | {"target": labels})
    np.testing.assert_array_equal(found["seed"], 1)
    np.testing.assert_array_equal(found["labeled"], 1)


def test_the_padding_is_neither_labeled_nor_counted(method):
    inputs = batch()
    outside = np.zeros([2, SIZE, SIZE], bool)
    outside[:, :, 40:] = True
    padded = inputs | {"target": tf.where(outside, 255, inputs["target"]),
                       "superpixels": tf.where(outside, -1, inputs["superpixels"])}
    found, _ = loss_and_gradients(method(config=GrowingConfig(0.0, 0.0)), padded)
    np.testing.assert_array_equal(found["labeled"], 1)
