import keras
import numpy as np
import pytest

from wsss_tf.nets.torch_layers import FixedNorm, convolution

RNG = np.random.default_rng(0)


def test_norm_uses_and_keeps_its_statistics():
    """In training as well; gamma and beta are its only variables that learn."""
    features = keras.Input([None, None, 5])
    norm = FixedNorm(name="norm")
    net = keras.Model(features, norm(features))
    weights = [RNG.uniform(0.5, 1.5, 5).astype(np.float32) for _ in range(4)]
    norm.set_weights(weights)
    gamma, beta, mean, variance = weights
    maps = RNG.normal(size=[2, 3, 4, 5]).astype(np.float32)
    expected = (maps - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    for training in (True, False):
        np.testing.assert_allclose(net(maps, training=training), expected, rtol=1e-5, atol=1e-5)
    for weight, old in zip(norm.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert [weight.name for weight in net.trainable_weights] == ["gamma", "beta"]


def test_norm_survives_cloning():
    features = keras.Input([None, None, 5])
    net = keras.Model(features, FixedNorm(name="norm")(features))
    clone = keras.models.clone_model(net)
    assert isinstance(clone.get_layer("norm"), FixedNorm) and clone.get_layer("norm").epsilon == 1e-5


@pytest.mark.parametrize("height, width", [(6, 8), (7, 9), (1, 2)])
@pytest.mark.parametrize("size, stride, rate", [(3, 1, 1), (3, 2, 1), (3, 1, 2), (1, 2, 1), (7, 2, 1)])
def test_convolution_is_padded_alike_on_all_sides(height, width, size, stride, rate):
    """Loops over output cells, each of which looks at cell stride * i, even sides included."""
    features = keras.Input([None, None, 2])
    net = keras.Model(features, convolution(features, 3, size, stride, rate, "conv"))
    kernel, = net.get_layer("conv").get_weights()
    maps = RNG.normal(size=[1, height, width, 2]).astype(np.float32)
    result = net(maps).numpy()[0]
    assert result.shape == (-(-height // stride), -(-width // stride), 3)
    expected = np.zeros_like(result)
    for row, column, y, x in np.ndindex(*result.shape[:2], size, size):
        at = (stride * row + rate * (y - size // 2), stride * column + rate * (x - size // 2))
        if 0 <= at[0] < height and 0 <= at[1] < width:
            expected[row, column] += maps[(0, *at)] @ kernel[y, x]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
