"""Wide ResNet-38 against the recorded reference, and its contract."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets import torch_weights, wide_resnet38
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import colour

RNG = np.random.default_rng(0)
NEVER_TRAINED = ("conv1a", "b2.", "b2_1.", "b2_2.")


@pytest.fixture(scope="module")
def trunk(golden, filled, converted):
    """The trunk with the weights of the recording: 500 MB, so there is only one."""
    weights = filled(golden("resnet38d"), seed=94, scale=0.8)
    np.testing.assert_allclose(weights["conv1a.weight"].flat[:3], [0.3242205, 0.12919699, -0.169291], rtol=1e-6)
    arrays = {in_mxnet(name): array for name, array in weights.items()}
    return converted("wide_resnet38", arrays | {"arg:linear1000_weight": np.zeros([1000, 4096])}, ".params")


def in_mxnet(name: str) -> str:
    """PSA's name of an array -> MXNet's: "b2_1.bn_branch2a.running_var" -> "aux:bn2b1_branch2a_moving_var"."""
    layer, _, part = name.rpartition(".")
    part = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}[part] if (
        "bn" in layer) else part
    if "." in layer:
        block, kind, branch = re.fullmatch(r"b(\d(?:_\d)?)\.(conv|bn)_(.*)", layer).groups()
        block = block.replace("_", "b") if "_" in block else f"{block}a"
        layer = f"{'res' if kind == 'conv' else 'bn'}{block}_{branch}"
    return f"{'aux' if part.startswith('moving') else 'arg'}:{layer}_{part}"


def close(ours: np.ndarray, recorded: np.ndarray) -> None:
    """The tolerance that comes with the recording."""
    assert ours.shape == recorded.shape
    assert np.abs(ours - recorded).max() <= 1e-3 * np.abs(recorded).max()


def test_features_equal_the_reference(trunk, golden):
    """All four taps; the side of 45 pixels becomes 23, 12 and 6 cells, so even sides are strided as well."""
    recorded = golden("resnet38d")
    outputs = trunk(colour.from_convention(recorded["x"].transpose(0, 2, 3, 1), "torchvision"), training=False)
    for key, endpoint in (("conv3", "conv3"), ("conv4", "conv4"), ("conv5", "conv5"), ("conv6", "classify")):
        maps = outputs[endpoint].numpy().transpose(0, 3, 1, 2)
        close(maps.mean(axis=(2, 3)), recorded[f"{key}_mean"])
        close(maps[:, ::32], recorded[f"{key}_sub"])
    np.testing.assert_array_equal(outputs["segment"], outputs["classify"])


@pytest.mark.parametrize("side, cells", [(448, 56), (449, 57), (321, 41), (45, 6), (1, 1)])
def test_sizes(trunk, side, cells):
    """ceil(side / 8) cells, which for 8 * k + 1 pixels is k + 1."""
    shapes = trunk.compute_output_shape((2, side, side, 3))
    quarter = -(-side // 4)
    assert shapes == {"classify": (2, cells, cells, 4096), "segment": (2, cells, cells, 4096),
                      "conv3": (2, quarter, quarter, 256), "conv4": (2, cells, cells, 512),
                      "conv5": (2, cells, cells, 1024)}


def test_parameters_counted_by_hand(trunk):
    def basic(blocks, before, first, last):
        """3x3 kernels of all blocks and the 1x1 of the first shortcut."""
        return 9 * (before * first + first * last) + before * last + (blocks - 1) * 18 * first * last

    def bottleneck(before, a, b, c):
        return before * a + 9 * a * b + b * c + before * c

    b2 = basic(3, 64, 128, 128)
    kernels = (9 * 3 * 64 + b2 + basic(3, 128, 256, 256) + basic(6, 256, 512, 512) + basic(3, 512, 512, 1024)
               + bottleneck(1024, 512, 1024, 2048) + bottleneck(2048, 1024, 2048, 4096))
    # The channels of all batch norms: two in each basic block, three in each bottleneck, and the last one.
    norms = (64 + 5 * 128) + (128 + 5 * 256) + (256 + 11 * 512) + (3 * 512 + 512 + 2 * 1024) + (
        1024 + 512 + 1024) + (2048 + 1024 + 2048) + 4096
    assert trunk.count_params() == kernels + 4 * norms
    assert sum(int(np.prod(weight.shape)) for weight in trunk.trainable_weights) == kernels - 9 * 3 * 64 - b2


def test_what_never_learns(trunk, golden):
    """All batch norms, the first convolution, and the blocks of b2, which the systems freeze beyond the base net."""
    recorded = golden("resnet38d")
    never = set(recorded["frozen_by_default"]) | {
        name for name in recorded["param_names"] if name.startswith(NEVER_TRAINED)}
    learns = {torch_weights.key(name) for name in recorded["param_names"]
              if name not in never and not name.endswith(("running_mean", "running_var"))}
    trainable = {id(variable) for variable in trunk.trainable_variables}
    ours = {name for name, variable in torch_weights.variables(trunk).items() if id(variable) in trainable}
    assert ours == learns and len(ours) == 7 + 13 + 7 + 4 + 4


def test_a_training_step_moves_kernels_only(trunk):
    before = trunk.get_weights()
    image = RNG.uniform(-120, 120, [1, 24, 24, 3]).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(trunk(image, training=True)["classify"]))
    gradients = tape.gradient(loss, trunk.trainable_variables)
    for variable, gradient in zip(trunk.trainable_variables, gradients, strict=True):
        assert np.abs(gradient).max() > 0, variable.path
        variable.assign_sub(1e-3 * gradient / tf.norm(gradient))
    learns = {variable.path for variable in trunk.trainable_variables}
    for weight, old in zip(trunk.weights, before, strict=True):
        assert np.any(weight.numpy() != old) == (weight.path in learns), weight.path
    trunk.set_weights(before)


@pytest.mark.parametrize("block, rate", [("b6", 0.3), ("b7", 0.5)])
def test_whole_channels_are_dropped_in_training(trunk, block, rate):
    for part in ("2b1", "2b2"):
        dropout = trunk.get_layer(f"{block}_dropout_branch{part}")
        inner = keras.Model(dropout.input, dropout.output)
        maps = RNG.uniform(1, 2, [2, 3, 3, dropout.output.shape[-1]]).astype(np.float32)
        np.testing.assert_array_equal(inner(maps, training=False), maps)
        kept = inner(maps, training=True).numpy() / maps
        np.testing.assert_array_equal(kept != 0, np.broadcast_to(kept[:, :1, :1] != 0, kept.shape))
        np.testing.assert_allclose(kept[kept != 0], 1 / (1 - rate), rtol=1e-5)
        assert abs((kept == 0).mean() - rate) < 0.05


def test_a_cell_looks_at_8_times_its_index(trunk):
    """With even kernels a dot at pixel 24 is answered symmetrically around cell 3."""
    weights = trunk.get_weights()
    for layer in trunk.layers:
        if layer.weights:
            even = isinstance(layer, keras.layers.Conv2D)
            layer.set_weights([np.full(array.shape, 1 / array[..., 0].size) if even else np.full(
                array.shape, weight.name in ("gamma", "moving_variance")) for weight, array
                in zip(layer.weights, layer.get_weights())])
    image = np.zeros([1, 49, 49, 3], np.float32)
    image[:, 24, 24] = 1e5  # all else is next to nothing
    endpoints = trunk(image)
    trunk.set_weights(weights)
    for endpoint in ("conv4", "conv5", "classify"):
        answer = endpoints[endpoint].numpy()[0].sum(-1)
        assert answer.max() > 1.1 * answer.min() > 0
        np.testing.assert_allclose(answer, answer[::-1, ::-1], rtol=1e-3)
    assert backbone_grid(BackboneConfig("wrn38", 8)).padded(45) == 49


@pytest.mark.parametrize("stride", [4, 16])
def test_other_strides_are_refused(stride):
    with pytest.raises(InputError, match=f"output_stride={stride}: expected 8 for wrn38"):
        wide_resnet38.build(stride, "none")


def test_imagenet_weights_must_be_converted():
    with pytest.raises(InputError, match="none to download for wrn38: .*weights fetch wide_resnet38 .*--cls_weights=FILE"):
        wide_resnet38.build(8, "imagenet")
