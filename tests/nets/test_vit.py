"""The transformer against NumPy, and its positional embedding against DINO's recorded ones."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.checkpoints import names
from wsss_tf.errors import InputError
from wsss_tf.nets import torch_weights, vit
from wsss_tf.nets.settings import FACETS, VIT_SIZES
from wsss_tf.ops import colour

IMAGE = np.random.default_rng(0).uniform(-120, 120, [2, 24, 40, 3]).astype(np.float32)
SIZE = VIT_SIZES["vit_tiny"]


@pytest.fixture(scope="module")
def whole():
    """All blocks, with weights that leave no part without effect."""
    net = vit.build("vit_tiny", facet="token")
    rng = np.random.default_rng(1)
    net.set_weights([rng.normal(0, 0.3, weight.shape) + (weight.name == "gamma") for weight in net.weights])
    return net


def norm(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * gamma + beta


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def by_hand(whole, image: np.ndarray, block: int, facet: str) -> np.ndarray:
    """DINO's transformer in double precision for one image, token by token and head by head: [tokens, width]."""
    weights = {layer.name: [np.float64(array) for array in layer.get_weights()] for layer in whole.layers}
    kernel, bias = weights["patches"]
    pixels = np.float64(colour.to_torchvision(image))
    rows, columns = pixels.shape[0] // SIZE.patch, pixels.shape[1] // SIZE.patch
    tokens = [weights["tokens"][0][0, 0]]
    for row, column in np.ndindex(rows, columns):
        patch = pixels[row * SIZE.patch :, column * SIZE.patch :][: SIZE.patch, : SIZE.patch]
        tokens.append((patch[..., None] * kernel).sum(axis=(0, 1, 2)) + bias)
    x = np.array(tokens) + whole.get_layer("tokens").resized(rows, columns).numpy()[0]
    for number in range(block + 1):
        name = f"block{number}_"
        joint = norm(x, *weights[name + "norm1"]) @ weights[name + "qkv"][0] + weights[name + "qkv"][1]
        parts = dict(zip(("query", "key", "value"), np.split(joint, 3, axis=-1)))
        if number == block and facet in parts:
            return parts[facet]
        heads = []
        for head in range(SIZE.heads):
            part = slice(head * SIZE.width // SIZE.heads, (head + 1) * SIZE.width // SIZE.heads)
            query, key, value = (parts[name][:, part] for name in ("query", "key", "value"))
            weight = np.exp(query @ key.T / math.sqrt(SIZE.width // SIZE.heads))
            heads.append(weight / weight.sum(-1, keepdims=True) @ value)
        x = x + np.concatenate(heads, -1) @ weights[name + "proj"][0] + weights[name + "proj"][1]
        hidden = gelu(norm(x, *weights[name + "norm2"]) @ weights[name + "fc1"][0] + weights[name + "fc1"][1])
        x = x + hidden @ weights[name + "fc2"][0] + weights[name + "fc2"][1]
    return norm(x, *weights["norm"]) if block == SIZE.depth - 1 else x


@pytest.mark.parametrize("facet", FACETS)
@pytest.mark.parametrize("block", [0, 1, 2])
def test_patches_equal_numpy(whole, block, facet):
    features = vit.read_out(whole, block, facet)(IMAGE).numpy()
    assert features.shape == (2, 3, 5, SIZE.width)
    for image in range(2):
        expected = by_hand(whole, IMAGE[image], block, facet)[1:].reshape(3, 5, SIZE.width)
        np.testing.assert_allclose(features[image], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [1, 2])
def test_the_class_token_equals_numpy(whole, block):
    tokens = vit.read_out(whole, block, vit.CLS)(IMAGE).numpy()
    assert tokens.shape == (2, SIZE.width)
    for image in range(2):
        np.testing.assert_allclose(tokens[image], by_hand(whole, IMAGE[image], block, "token")[0], rtol=1e-4, atol=1e-5)


def test_a_graph_of_unknown_size_gives_the_same(whole):
    net = vit.read_out(whole, 2, "key")
    compiled = tf.function(lambda image: net(image), input_signature=[tf.TensorSpec([None, None, None, 3])])
    np.testing.assert_allclose(compiled(IMAGE), net(IMAGE), rtol=1e-4, atol=1e-5)


def test_all_heads_at_once_give_the_same(whole):
    np.testing.assert_allclose(whole(IMAGE, training=True), whole(IMAGE, training=False), rtol=1e-4, atol=1e-5)


def test_faint_tokens_are_normalised_with_the_same_epsilon(whole):
    """Their variance is about 1e-6, that of the epsilon itself, in every norm of the net."""
    faint = vit.build("vit_tiny", facet="token")
    faint.set_weights([0.003 * weight if name in ("kernel", "bias", "cls", "positions") else weight
                       for name, weight in zip([weight.name for weight in whole.weights], whole.get_weights())])
    image = 0.1 * IMAGE
    for block, facet in ((0, "key"), (1, "value"), (2, "token")):
        expected = by_hand(faint, image[0], block, facet)[1:].reshape(3, 5, SIZE.width)
        np.testing.assert_allclose(vit.read_out(faint, block, facet)(image)[0], expected, rtol=1e-3, atol=1e-7)


def test_vit_s16_equals_dino(golden, filled):
    """The recorded tokens of DINO's own code (tests/golden/README.md), by way of the names of its files."""
    recorded = golden("vit_s16")
    weights = filled(recorded, seed=96, scale=1.0)
    translated, unknown = names.ours(list(weights), "vit", ())
    assert not unknown
    net = vit.build("vit_s16", facet="token")
    torch_weights.fill(net, {ours: weights[name] for name, ours in translated.items()})
    image = colour.from_convention(np.float32(recorded["x"]).transpose(0, 2, 3, 1), "torchvision")
    tokens = keras.Model(net.input, net.get_layer("norm").output)(image, training=False).numpy()
    np.testing.assert_allclose(tokens.mean(axis=1), recorded["tokens_mean"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tokens[..., ::16].transpose(0, 2, 1), recorded["tokens_sub"], rtol=1e-4, atol=1e-5)


def test_nothing_beyond_what_is_read_has_weights():
    names = {layer.name for layer in vit.build("vit_tiny", 1, "key").layers if layer.weights}
    blocks = {f"block0_{part}" for part in ("norm1", "qkv", "proj", "norm2", "fc1", "fc2")}
    assert names == {"patches", "tokens", *blocks, "block1_norm1", "block1_qkv"}


def test_blocks_count_from_the_end_too(whole):
    np.testing.assert_array_equal(vit.read_out(whole, -1, "key")(IMAGE), vit.read_out(whole, 2, "key")(IMAGE))
    for block in (3, -4):
        with pytest.raises(InputError, match=f"block={block}: expected 0 to 2, or -3 to -1"):
            vit.build("vit_tiny", block)


@pytest.mark.parametrize("height, width", [(376, 504), (480, 480), (224, 224), (448, 112), (200, 336)])
def test_positions_equal_dino(golden, height, width):
    recorded = golden("dino_posembed")
    tokens = vit.Tokens(28, "torch")
    tokens.build((None, None, None, 6))
    tokens.positions.assign(recorded["pos_embed"])
    positions = tokens.resized(height // 8, width // 8)
    np.testing.assert_allclose(positions, recorded[f"pos_{height}x{width}"], rtol=1e-4, atol=1e-5)


def test_positions_of_the_thesis_are_resized_by_tensorflow(golden):
    learned = golden("dino_posembed")["pos_embed"]
    tokens = vit.Tokens(28, "tf")
    tokens.build((None, None, None, 6))
    tokens.positions.assign(learned)
    grid = tf.image.resize(learned[:, 1:].reshape(1, 28, 28, 6), (47, 63), "bicubic")
    np.testing.assert_allclose(tokens.resized(47, 63)[0, 1:], tf.reshape(grid, [-1, 6]), rtol=1e-6)
    np.testing.assert_array_equal(tokens.resized(28, 28), learned)


def test_weights_of_the_embedded_size_are_small():
    net = vit.build("vit_shapes", facet="token")
    assert net.get_layer("tokens").positions.shape == [1, 1 + 8**2, 96]
    assert 4 * net.count_params() < 2.8e6


@pytest.mark.parametrize("name, parameters", [("vit_b8", 85_807_872), ("vit_b16", 85_798_656), ("vit_s8", 21_670_272),
                                              ("vit_s16", 21_665_664)])
def test_the_public_sizes(name, parameters):
    """DINO's own parameter counts."""
    assert vit.build(name, facet="token").count_params() == parameters
