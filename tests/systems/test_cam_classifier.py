"""IRN's classifier against the recorded reference, and its losses by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.nets import torch_weights
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import save_weights
from wsss_tf.ops import colour
from wsss_tf.systems import class_maps as classifier
from wsss_tf.systems.cam_classifier import CamClassifier, build_cam_classifier
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.step import training_step

RNG = np.random.default_rng(0)
TRUNK = BackboneConfig("tiny", 8, "none")
CLASSES = 4
BATCH = {
    "image": tf.constant(RNG.uniform(-120, 120, [3, 32, 40, 3]), tf.float32),
    "tags": tf.constant([[1.0, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1]]),
}


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("irn_resnet50_cam")


@pytest.fixture(scope="module")
def irn(recorded, filled, converted, tmp_path_factory):
    """The method with the weights of the recording, its trunk from a converted file."""
    weights = filled(recorded, seed=93, scale=0.9)
    kernel = weights.pop("classifier.weight")
    path = tmp_path_factory.mktemp("irn") / "trunk.weights.h5"
    save_weights(converted("resnet50_torch", {ours(name): array for name, array in weights.items()}, ".safetensors"), path)
    method = CamClassifier(BackboneConfig("resnet50_torch", 16, str(path)), 20)
    method.net.get_layer("fc8").set_weights([kernel.transpose(2, 3, 1, 0)])
    return method


@pytest.fixture(scope="module")
def image(recorded):
    return colour.from_convention(recorded["x"].transpose(0, 2, 3, 1), "torchvision")


def ours(name: str) -> str:
    """IRN's name of an array -> that of torchvision, and of our last layer."""
    return name.removeprefix("resnet50.").replace("classifier.", "fc8.")


def close(result, wanted: np.ndarray) -> None:
    """The tolerance that comes with the recording."""
    result = np.asarray(result)
    assert result.shape == wanted.shape
    assert np.abs(result - wanted).max() <= 1e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("training", [False, True])
def test_scores_and_maps_equal_the_reference(irn, recorded, image, training):
    """In training too: the batch norms use their running statistics."""
    close(classifier.scores(irn.net(image, training=training)["cam"]), recorded["logits"])
    photo, mirror = tf.nn.relu(irn.net(tf.stack([image[0], image[0, :, ::-1]]), training=training)["cam"])
    close(tf.transpose(photo + mirror[:, ::-1], [2, 0, 1]), recorded["cam_flip_sum"])
    stage3 = keras.Model(irn.net.input, irn.net.get_layer("layer3_5_relu3").output)(image, training=training)
    close(tf.reduce_mean(stage3, axis=[1, 2]), recorded["stage3_mean"])


def test_the_same_variables_learn_as_in_the_reference(irn, recorded, image):
    """Every one beyond layer2 has a gradient, gammas and betas included, and no other is the optimizer's concern."""
    batch = {"image": tf.constant(image), "tags": tf.cast(RNG.uniform(size=[2, 20]) < 0.2, tf.float32)}
    variables = irn.net.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(irn.losses(batch)["loss"])
    moved = {id(variable) for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True)
             if np.abs(gradient).max() > 0}
    assert len(moved) == len(variables)
    learns = {torch_weights.key(ours(name)) for name in recorded["param_names"]
              if name not in recorded["no_grad_params"] and not name.endswith(("running_mean", "running_var"))}
    assert {name for name, variable in torch_weights.variables(irn.net).items() if id(variable) in moved} == learns
    assert len(learns) == 266 - 2 * 53 - 72


def test_a_training_step_leaves_what_is_frozen(irn, recorded, image):
    """Weight decay included, and all statistics."""
    before = {name: variable.numpy() for name, variable in torch_weights.variables(irn.net).items()}
    batch = {"image": tf.constant(image), "tags": tf.cast(RNG.uniform(size=[2, 20]) < 0.2, tf.float32)}
    training_step(irn, MomentumSGD(0.1, 0.9, 0.1), 2)(batch)
    frozen = {torch_weights.key(ours(name)) for name in recorded["no_grad_params"]}
    for name, variable in torch_weights.variables(irn.net).items():
        still = name in frozen or name.endswith(("running_mean", "running_var"))
        assert np.array_equal(variable.numpy(), before[name]) == still, name
        variable.assign(before[name])


def test_loss_equals_loops_over_its_own_map():
    """Multi-label soft margin of the means of the raw map."""
    method = CamClassifier(TRUNK, CLASSES)
    maps = np.float64(method.net(BATCH["image"], training=True)["cam"])
    assert maps.shape == (3, 4, 5, CLASSES) and maps.min() < 0
    result = method.losses(BATCH)
    assert result.keys() == {"loss"}
    for b in range(3):
        z, tags = maps[b].mean(axis=(0, 1)), BATCH["tags"][b].numpy()
        expected = np.mean([np.logaddexp(0, -z[c] if tags[c] else z[c]) for c in range(CLASSES)])
        np.testing.assert_allclose(result["loss"][b], expected, rtol=1e-5)


def test_the_last_layer_starts_as_in_pytorch():
    """Uniform in +-1 / sqrt(fan-in), without bias; its name gives it the tenfold rate."""
    net = build_cam_classifier(TRUNK, 2000)
    layer = net.get_layer("fc8")
    kernel, = layer.get_weights()
    assert kernel.shape == (1, 1, 48, 2000) and layer.trainable_weights[0].path == "fc8/kernel"
    limit = 1 / np.sqrt(48)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)
    np.testing.assert_allclose(np.histogram(kernel, 4, (-limit, limit))[0], kernel.size / 4, rtol=0.05)


@pytest.mark.parametrize("backbone, stride", [("vgg16", 8), ("resnet50", 16), ("tiny", 16)])
def test_any_trunk_will_do(backbone, stride):
    config = BackboneConfig(backbone, stride, "none")
    net, trunk = build_cam_classifier(config, CLASSES), build_backbone(config)
    _, rows, columns, channels = trunk.compute_output_shape((1, 65, 33, 3))["classify"]
    assert net.compute_output_shape((1, 65, 33, 3)) == {"cam": (1, rows, columns, CLASSES)}
    assert net.count_params() == trunk.count_params() + CLASSES * channels


def test_preview_shows_photos():
    preview = CamClassifier(TRUNK, CLASSES).preview(BATCH)
    assert preview.shape == BATCH["image"].shape and preview.dtype == tf.uint8
