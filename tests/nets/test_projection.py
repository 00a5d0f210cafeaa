"""The projection head against NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import erf

from wsss_tf.nets import vit
from wsss_tf.nets.projection import LAST, Directions, add_projection

IMAGE = np.random.default_rng(0).uniform(-120, 120, [3, 16, 24, 3]).astype(np.float32)


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(0)
    return add_projection(vit.build("vit_tiny", facet=vit.CLS), outputs=11, hidden=9, bottleneck=5)


def test_equals_numpy(net):
    rng = np.random.default_rng(1)
    layers = [net.get_layer(f"head_fc{number}") for number in range(3)]
    for layer in layers:
        layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.weights])
    x = net.get_layer("vit_tiny")(IMAGE).numpy()
    for number, layer in enumerate(layers):
        kernel, bias = layer.get_weights()
        x = x @ kernel + bias
        x = 0.5 * x * (1 + erf(x / np.sqrt(2))) if number < 2 else x
    directions = net.get_layer(LAST).get_weights()[0]
    x = x / np.linalg.norm(x, axis=-1, keepdims=True) @ (directions / np.linalg.norm(directions, axis=0))
    np.testing.assert_allclose(net(IMAGE), x, rtol=1e-4, atol=1e-5)


def test_logits_are_cosines(net):
    logits = net(IMAGE).numpy()
    assert logits.shape == (3, 11) and np.abs(logits).max() <= 1 + 1e-5


def test_length_of_the_directions_is_without_effect():
    layer = Directions(4)
    x = np.eye(3, dtype=np.float32)
    before = layer(x).numpy()
    layer.set_weights([7 * layer.get_weights()[0]])
    np.testing.assert_allclose(layer(x), before, rtol=1e-5)


def test_weights(net):
    assert [tuple(weight.shape) for weight in net.weights[-7:]] == [(16, 9), (9,), (9, 9), (9,), (9, 5), (5,), (5, 11)]
    assert net.weights[-1].path.split("/")[-2:] == [LAST, "kernel"]
