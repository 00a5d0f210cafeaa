import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets import mobilenet, tiny
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import colour

IMAGE = np.random.default_rng(0).uniform(-120, 120, [1, 64, 96, 3]).astype(np.float32)


def lively(shapes: list[tuple]) -> list[np.ndarray]:
    """Random weights that keep the signal alive through all blocks."""
    rng = np.random.default_rng(0)
    return [rng.normal(0, np.sqrt(3 / np.prod(shape[:3 if shape[2] == 1 else 2] + shape[2:3])), shape)
            if len(shape) == 4 else rng.uniform(0.5, 1.5, shape) for shape in shapes]


@pytest.fixture(scope="module")
def stock():
    """MobileNetV2 as Keras has it, at output stride 32."""
    net = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(None, None, 3))
    net.set_weights(lively([weight.shape for weight in net.weights]))
    return net


@pytest.fixture(scope="module")
def weights_file(stock, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "stock.weights.h5"
    stock.save_weights(path)
    return path


@pytest.fixture(scope="module", params=[8, 16, 32])
def stride(request):
    return request.param


@pytest.fixture(scope="module")
def trunk(stride, weights_file):
    return build_backbone(BackboneConfig("mobilenet", stride, str(weights_file)))


def test_sizes(trunk, stride):
    endpoints = trunk(IMAGE)
    assert {name: tuple(maps.shape) for name, maps in endpoints.items()} == {
        "classify": (1, 64 // stride, 96 // stride, 1280), "segment": (1, 64 // stride, 96 // stride, 320)}
    assert all(maps.dtype == tf.float32 for maps in endpoints.values())


def padded_at_the_top(stock, name: str) -> keras.Model:
    """The stock net with one stride padded at the top and left, as the trunk pads its last one."""

    def clone(layer):
        config = layer.get_config()
        if layer.name == name:
            config.update(padding=((1, 0), (1, 0)))
        return layer.__class__.from_config(config)

    net = keras.models.clone_model(stock, clone_function=clone)
    net.set_weights(stock.get_weights())
    return net


@pytest.mark.parametrize("endpoint", ["classify", "segment"])
def test_the_dilated_net_contains_the_strided_one(trunk, stride, stock, endpoint):
    """Exactly, borders included: a stride of 2 with padding (0, 1) keeps the odd positions."""
    step = 32 // stride
    strided = padded_at_the_top(stock, {8: "block_3_pad", 16: "block_6_pad", 32: "block_13_pad"}[stride])
    expected = strided(colour.to_symmetric(IMAGE)).numpy()
    if endpoint == "segment":  # the last bottleneck, normalised over the channels of each position
        bottleneck = keras.Model(strided.inputs, strided.get_layer("block_16_project_BN").output)
        expected = bottleneck(colour.to_symmetric(IMAGE)).numpy()
        expected -= expected.mean(-1, keepdims=True)
        expected /= np.sqrt((expected**2).mean(-1, keepdims=True) + 1e-5)
    features = trunk(IMAGE)[endpoint].numpy()
    assert expected.std(axis=(1, 2)).mean() > 0.02  # the maps do vary over the photo
    np.testing.assert_allclose(features[:, step - 1 :: step, step - 1 :: step], expected, rtol=1e-4, atol=1e-4)
    assert step == 1 or np.abs(features[:, ::step, ::step] - expected).max() > 0.02


@pytest.mark.parametrize("build", [mobilenet.build, tiny.build])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_cell_looks_at_the_middle_of_its_pixels(build, stride):
    """Where bilinear upsampling puts it: the receptive field of cell i is centred on its pixels."""
    keras.utils.set_random_seed(0)  # with other random weights the outermost pixels may meet rectifiers that are all shut
    net, cell = build(stride, "none"), 256 // stride
    image = tf.random.stateless_uniform([1, 512, 512, 3], [0, 0], 20, 120)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(tf.square(net(image, training=False)["classify"][0, cell, cell]))
    seen = np.abs(tape.gradient(value, image).numpy()[0]).sum(-1) > 0
    for axis in (0, 1):
        positions = np.nonzero(seen.any(axis))[0]
        assert abs((positions[0] + positions[-1]) / 2 - (stride * cell + (stride - 1) / 2)) < 2  # Keras's own: half a cell off


def test_only_convolutions_train(trunk):
    """One optimisation step moves all 52 kernels and leaves statistics and affine parts of the batch norms."""
    assert len(trunk.trainable_variables) == 52
    assert all(variable.path.endswith("kernel") for variable in trunk.trainable_variables)
    before = [weight.numpy() for weight in trunk.weights]
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(tf.square(maps - 0.1 * tf.random.stateless_normal(maps.shape, [0, 0])))
                         for maps in trunk(IMAGE[:, :32, :32], training=True).values()])
    gradients = tape.gradient(loss, trunk.trainable_variables)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
    for variable, gradient in zip(trunk.trainable_variables, gradients):
        variable.assign_sub(1e-3 * gradient / tf.norm(gradient))
    for weight, old in zip(trunk.weights, before):
        assert (np.abs(weight.numpy() - old).max() > 0) == weight.path.endswith("kernel"), weight.path
    for weight, old in zip(trunk.weights, before):
        weight.assign(old)


def test_training_mode_uses_the_frozen_statistics(trunk):
    training, inference = trunk(IMAGE, training=True), trunk(IMAGE, training=False)
    for endpoint in ("classify", "segment"):
        np.testing.assert_array_equal(training[endpoint], inference[endpoint])


@pytest.mark.parametrize("stride", [4, 64, 0])
def test_other_strides_are_refused(stride):
    with pytest.raises(InputError, match="expected 8, 16 or 32 for mobilenet"):
        mobilenet.build(stride, "none")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.h5: no such weights file"):
        mobilenet.build(16, str(tmp_path / "nowhere.h5"))


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_a_file_of_another_architecture_is_named(tmp_path, suffix):
    other = keras.Sequential([keras.Input([8, 8, 3]), keras.layers.Conv2D(32, 3)])
    path = tmp_path / f"other{suffix}"
    other.save_weights(path) if suffix == ".weights.h5" else other.save(path)
    with pytest.raises(InputError, match=f"other{suffix}.*do not fit"):
        mobilenet.build(16, str(path))
