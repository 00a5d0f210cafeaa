import keras
import numpy as np
import pytest

from wsss_tf.nets.heads import aspp, aspp_fc, classification_block, hidden_start, last_start
from wsss_tf.nets.settings import LAST_LAYERS

SMALL = last_start("normal", 0.01)
FEATURES = np.random.default_rng(0).normal(size=[2, 9, 11, 6]).astype(np.float32)


def dilated(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, rate: int) -> np.ndarray:
    """A zero-padded convolution as a sum over its taps."""
    reach = kernel.shape[0] // 2
    padded = np.pad(x, [(0, 0), (rate * reach, rate * reach), (rate * reach, rate * reach), (0, 0)])
    result = np.zeros([*x.shape[:3], kernel.shape[-1]]) + bias
    for row, column in np.ndindex(kernel.shape[:2]):
        window = padded[:, row * rate : row * rate + x.shape[1], column * rate : column * rate + x.shape[2]]
        result += window @ kernel[row, column]
    return result


def randomised(model: keras.Model) -> keras.Model:
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    return model


def block(model: keras.Model, name: str, rate: int, fc7_size: int) -> np.ndarray:
    """fc6, fc7 and fc8 of a block on FEATURES: raw maps."""
    x = FEATURES
    for layer, size, dilation in (("fc6", 3, rate), ("fc7", fc7_size, 1)):
        kernel, bias = model.get_layer(f"{layer}_{name}").get_weights()
        assert kernel.shape[:2] == (size, size)
        x = np.maximum(dilated(x, kernel, bias, dilation), 0)
    kernel, bias = model.get_layer(f"fc8_{name}").get_weights()
    assert kernel.shape[:2] == (1, 1)
    return x @ kernel[0, 0] + bias


@pytest.mark.parametrize("rates", [(6, 12, 18, 24), (1, 2), (3,)])
def test_aspp_is_the_sum_of_single_convolutions(rates):
    features = keras.Input([None, None, 6])
    model = randomised(keras.Model(features, aspp(features, rates, 4, SMALL)))
    branches = [layer for layer in model.layers if layer.weights]
    assert [layer.name for layer in branches] == [f"fc8_rate{rate}" for rate in rates]
    expected = sum(dilated(FEATURES, *layer.get_weights(), rate) for layer, rate in zip(branches, rates))
    np.testing.assert_allclose(model(FEATURES), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rates", [(1, 2), (3,)])
def test_aspp_with_channels_is_the_sum_of_blocks(rates):
    """DeepLab on VGG16: fc6 3x3 dilated, fc7 1x1, fc8 1x1 in each branch."""
    features = keras.Input([None, None, 6])
    model = randomised(keras.Model(features, aspp_fc(features, rates, 8, 4, SMALL, SMALL, 0.5)))
    assert len([layer for layer in model.layers if layer.weights]) == 3 * len(rates)
    expected = sum(block(model, f"rate{rate}", rate, 1) for rate in rates)
    np.testing.assert_allclose(model(FEATURES, training=False), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(model(FEATURES, training=True) - expected).max() > 0.1  # dropout


@pytest.mark.parametrize("rate", [1, 3])
def test_classification_block_layer_by_layer(rate):
    features = keras.Input([None, None, 6])
    model = randomised(keras.Model(features, classification_block(features, "x", rate, 8, 5, SMALL, SMALL, 0.5)))
    expected = block(model, "x", rate, 3)
    assert expected.shape == (2, 9, 11, 5)
    assert expected.min() < 0 < expected.max()  # raw maps, not rectified
    np.testing.assert_allclose(model(FEATURES, training=False), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(model(FEATURES, training=True) - expected).max() > 0.1  # dropout


@pytest.mark.parametrize("std", [0.01, 0.05])
def test_new_layers_start_small_and_without_bias(std):
    for layer in new_layers("normal", std):
        assert 0.8 * std < np.std(layer.kernel) < 1.2 * std and abs(np.mean(layer.kernel)) < 0.2 * std
        np.testing.assert_array_equal(layer.bias, 0)


def test_he_follows_the_fan_in():
    """He's start, except that the first logits of the ASPP are near zero."""
    for layer in new_layers("he", 0.05):
        std = 0.01 if layer.name.startswith("fc8_rate") else np.sqrt(2 / np.prod(layer.kernel.shape[:3]))
        assert 0.8 * std < np.std(layer.kernel) < 1.2 * std


def new_layers(init: str, std: float) -> list[keras.layers.Layer]:
    keras.utils.set_random_seed(0)
    features = keras.Input([None, None, 64])
    maps = classification_block(features, "x", 2, 64, 20, hidden_start(init, std), hidden_start(init, std), 0.5)
    model = keras.Model(features, [maps, aspp(features, (6, 12), 21, last_start(init, std))])
    return [layer for layer in model.layers if layer.weights]


def test_the_last_layers_are_those_of_the_heads():
    names = [layer.name for layer in new_layers("normal", 0.01)]
    assert sorted(name for name in names if name.startswith(LAST_LAYERS["fc8"])) == ["fc8_rate12", "fc8_rate6", "fc8_x"]
    assert all(name.startswith(LAST_LAYERS["head"]) for name in names)


def test_aspp_equals_the_reference(golden):
    """DeepLab v2's sum of four dilated convolutions."""
    recorded = golden("deeplab_aspp")
    features = keras.Input([None, None, 10])
    model = keras.Model(features, aspp(features, (6, 12, 18, 24), 4, SMALL))
    for branch, rate in enumerate((6, 12, 18, 24)):
        kernel, bias = recorded[f"w{branch}"].transpose(2, 3, 1, 0), recorded[f"b{branch}"]
        model.get_layer(f"fc8_rate{rate}").set_weights([kernel, bias])
    result = model(recorded["x"].transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_allclose(result, recorded["y"], rtol=1e-5, atol=1e-5)
