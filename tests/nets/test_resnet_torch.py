"""The ResNet-50 of IRN: its contract; test_cam_classifier.py holds it against the recorded reference."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets import resnet_torch, torch_weights
from wsss_tf.nets.backbone import backbone_grid, build_backbone
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import save_weights

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(-120, 120, [2, 49, 33, 3]).astype(np.float32)


@pytest.fixture(scope="module")
def trunk():
    keras.utils.set_random_seed(0)
    return build_backbone(BackboneConfig("resnet50_torch", 16, "none"))


def count(weights) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize("side, cells", [(512, 32), (513, 33), (75, 5), (61, 4), (1, 1)])
def test_sizes(trunk, side, cells):
    """ceil(side / 16) cells, which for 16 * k + 1 pixels is k + 1; the last stage keeps them."""
    shapes = trunk.compute_output_shape((2, side, side, 3))
    quarter, eighth = -(-side // 4), -(-side // 8)
    assert shapes == {
        "classify": (2, cells, cells, 2048), "segment": (2, cells, cells, 2048), "stem": (2, quarter, quarter, 64),
        "layer1": (2, quarter, quarter, 256), "layer2": (2, eighth, eighth, 512), "layer3": (2, cells, cells, 1024),
        "layer4": (2, cells, cells, 2048)}


def test_parameters_counted_by_hand(trunk):
    """What torchvision counts, 25,557,032, but for the 2048 * 1000 + 1000 of its last layer."""
    def kernels(blocks, before, width):
        return (before * width + 9 * width**2 + 4 * width**2 + before * 4 * width
                + (blocks - 1) * (4 * width**2 + 9 * width**2 + 4 * width**2))

    def affine(blocks, width):
        return 2 * (blocks * 6 * width + 4 * width)

    stages = {(3, 64, 64): 0, (4, 256, 128): 0, (6, 512, 256): 1, (3, 1024, 512): 1}
    learns = sum(kernels(*stage) + affine(stage[0], stage[2]) for stage, trained in stages.items() if trained)
    whole = 49 * 3 * 64 + 128 + sum(kernels(*stage) + affine(stage[0], stage[2]) for stage in stages)
    statistics = [weight for weight in trunk.weights if weight.name.startswith("moving")]
    assert count(trunk.weights) - count(statistics) == whole == 25_557_032 - 2_049_000
    assert count(trunk.trainable_weights) == learns


@pytest.mark.parametrize("frozen", [0, 2, 4])
def test_frozen_stages(frozen):
    net = resnet_torch.build(16, "none", frozen=frozen)
    stages = {variable.path[:6] for variable in net.trainable_variables}
    assert stages == {f"layer{stage}" for stage in range(frozen + 1, 5)}


def test_a_training_step_leaves_the_statistics(trunk):
    """Kernels, gammas and betas of the last two stages move, nothing else does, and the statistics are in use."""
    np.testing.assert_array_equal(trunk(IMAGE, training=True)["classify"], trunk(IMAGE, training=False)["classify"])
    before = trunk.get_weights()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(trunk(IMAGE, training=True)["classify"]))
    gradients = tape.gradient(loss, trunk.trainable_variables)
    for variable, gradient in zip(trunk.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0, variable.path
        variable.assign_sub(1e-2 * gradient / tf.norm(gradient))
    for weight, old in zip(trunk.weights, before, strict=True):
        learns = weight.path.startswith(("layer3", "layer4")) and not weight.name.startswith("moving")
        assert np.any(weight.numpy() != old) == learns, weight.path
    trunk.set_weights(before)


def test_a_loss_still_reaches_the_photo(trunk):
    """The image masking method learns from the gradient of the frozen classifier's input."""
    image = tf.constant(IMAGE)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.reduce_sum(trunk(image)["classify"])
    assert np.abs(tape.gradient(loss, image)).max() > 0


@pytest.mark.parametrize("stride", [16, 32])
def test_a_cell_looks_at_stride_times_its_index(stride):
    """With even kernels a dot at pixel 3 * stride is answered symmetrically around cell 3."""
    net, pixel = resnet_torch.build(stride, "none"), 3 * stride
    for layer in net.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.full(kernel.shape, 1 / kernel[..., 0].size) for kernel in layer.get_weights()])
    image = np.zeros([1, 2 * pixel + 1, 2 * pixel + 1, 3], np.float32)
    image[:, pixel, pixel] = 1e5  # all else is next to nothing
    endpoints = net(image)
    for endpoint, cell in (("stem", 4), ("layer1", 4), ("layer2", 8), ("layer3", 16), ("layer4", stride)):
        answer, middle = endpoints[endpoint].numpy()[0].sum(-1), pixel // cell
        assert answer[middle, middle] == answer.max() > answer.min()
        np.testing.assert_allclose(answer, answer[::-1, ::-1], rtol=1e-3, atol=1e-3 * answer.max())
    assert backbone_grid(BackboneConfig("resnet50_torch", stride)).padded(75) == {16: 81, 32: 97}[stride]


def test_even_sides_are_padded_alike_on_all_sides():
    """A 3x3 convolution of stride 2 sees one zero before the first pixel, where Keras's "same" sees none."""
    net = resnet_torch.build(16, "none")
    before = net.get_layer("layer2_0_conv2_pad").input
    inner = keras.Model(before, net.get_layer("layer2_0_conv2").output)
    maps = RNG.normal(size=[1, 6, 8, 128]).astype(np.float32)
    kernel = net.get_layer("layer2_0_conv2").kernel.numpy()
    result = inner(maps).numpy()
    padded = np.pad(maps[0], [(1, 1), (1, 1), (0, 0)])
    assert result.shape == (1, 3, 4, 128)
    for row, column in np.ndindex(3, 4):
        window = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        np.testing.assert_allclose(result[0, row, column], np.einsum("yxc,yxcd->d", window, kernel), atol=1e-4)


def test_a_file_of_the_trunk_is_taken(trunk, tmp_path):
    save_weights(trunk, tmp_path / "trunk.weights.h5")
    other = build_backbone(BackboneConfig("resnet50_torch", 16, str(tmp_path / "trunk.weights.h5")))
    for name, weight in torch_weights.variables(other).items():
        np.testing.assert_array_equal(weight.numpy(), torch_weights.variables(trunk)[name].numpy())


def test_weights_of_keras_own_resnet_are_refused(tmp_path):
    """They are Caffe's, made for a stride in the first convolution of a block."""
    stock = keras.applications.ResNet50(include_top=False, weights=None)
    stock.save_weights(tmp_path / "keras.weights.h5")
    with pytest.raises(InputError, match=r"keras\.weights\.h5: these weights do not fit the net resnet50_torch"):
        resnet_torch.build(16, str(tmp_path / "keras.weights.h5"))


@pytest.mark.parametrize("stride", [8, 64])
def test_other_strides_are_refused(stride):
    with pytest.raises(InputError, match=f"output_stride={stride}: expected 16 or 32 for resnet50_torch"):
        resnet_torch.build(stride, "none")


def test_imagenet_weights_must_be_converted():
    with pytest.raises(InputError, match="none to download for resnet50_torch: run `wsss weights fetch resnet50_torch` "):
        resnet_torch.build(16, "imagenet")
