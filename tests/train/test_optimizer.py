"""The optimiser against recorded runs of the official code, and the rates of each kind of variable."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.train.optimizer import Groups, MomentumSGD
from wsss_tf.train.schedules import Poly


@pytest.fixture(scope="module")
def recorded():
    with np.load(Path(__file__).parents[1] / "golden" / "poly_lr.npz") as arrays:
        return dict(arrays)


def layer(size: int = 6, name: str = "fc") -> keras.Model:
    """One kernel [size, 1] without bias."""
    return keras.Sequential([keras.Input([size]), keras.layers.Dense(1, use_bias=False, name=name)])


@pytest.mark.parametrize("name, momentum", [("weights_official", "momentum_official"), ("weights_momentum09", None)])
@pytest.mark.parametrize("compiled", [False, True])
def test_weights_equal_the_official_optimizer(recorded, name, momentum, compiled):
    """12 steps of a schedule of 10: momentum 0.01 by its argument slip, and the 0.9 that was meant."""
    net = layer()
    net.set_weights([recorded["w0"][:, None]])
    schedule = Poly(float(recorded["base_lr"]), int(recorded["max_step"]), 0.9)
    optimizer = MomentumSGD(schedule, float(recorded[momentum]) if momentum else 0.9,
                            float(recorded["weight_decay"]))
    optimizer.build(net.trainable_variables)

    def step(gradient):
        optimizer.apply([gradient], net.trainable_variables)

    step = tf.function(step) if compiled else step
    for gradient, expected in zip(recorded["grads"], recorded[name], strict=True):
        step(tf.constant(gradient[:, None]))
        np.testing.assert_allclose(net.get_weights()[0][:, 0], expected, rtol=1e-6, atol=1e-7)
    assert recorded[name].shape == (12, 6)


@pytest.mark.parametrize("order", ["tensorflow", "caffe"])
def test_order_of_rate_and_momentum(recorded, order):
    """Caffe's buffer remembers the rates of its gradients; by hand, over a schedule that falls."""
    net, rates = layer(), [0.1, 0.05, 0.02, 0.01]
    net.set_weights([recorded["w0"][:, None]])
    optimizer = MomentumSGD(keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2], rates), 0.9, 0.01,
                            order=order)
    optimizer.build(net.trainable_variables)
    weights, buffer = recorded["w0"].astype(float), 0.0
    for rate, gradient in zip(rates, recorded["grads"]):
        decayed = gradient + 0.01 * weights
        buffer = 0.9 * buffer + (rate * decayed if order == "caffe" else decayed)
        weights = weights - (buffer if order == "caffe" else rate * buffer)
        optimizer.apply([tf.constant(gradient[:, None])], net.trainable_variables)
        np.testing.assert_allclose(net.get_weights()[0][:, 0], weights, rtol=1e-5, atol=1e-6)


def nesterov(net, rates, decay: float, order: str, gradients) -> list[np.ndarray]:
    """Weights after each gradient."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(list(range(len(rates) - 1)), rates)
    optimizer = MomentumSGD(schedule, 0.9, decay, order=order, nesterov=True)
    optimizer.build(net.trainable_variables)
    weights = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient[:, None], tf.float32)], net.trainable_variables)
        weights.append(net.get_weights()[0][:, 0])
    return weights


def test_nesterov_by_hand():
    """Gradients 1, 2 and 0 at rate 0.1: buffers 1, 2.9 and 2.61; steps 1.9, 4.61 and 2.349."""
    net = layer(1)
    net.set_weights([np.ones([1, 1])])
    weights = nesterov(net, [0.1, 0.1, 0.1], 0.0, "tensorflow", np.array([[1.0], [2.0], [0.0]]))
    np.testing.assert_allclose(np.ravel(weights), [1 - 0.19, 1 - 0.19 - 0.461, 1 - 0.19 - 0.461 - 0.2349], rtol=1e-5)


@pytest.mark.parametrize("order", ["tensorflow", "caffe"])
def test_nesterov_in_the_words_of_pytorch_and_caffe(recorded, order):
    """torch.optim.SGD steps by rate * (g + m b'), Caffe by (1 + m) h' - m h, under a rate that falls and with decay."""
    net, rates = layer(), [0.1, 0.05, 0.02, 0.01]
    net.set_weights([recorded["w0"][:, None]])
    found = nesterov(net, rates, 0.01, order, recorded["grads"][:4])
    weights, buffer = recorded["w0"].astype(float), 0.0
    for rate, gradient, ours in zip(rates, recorded["grads"], found):
        decayed, before = gradient + 0.01 * weights, buffer
        if order == "caffe":
            buffer = 0.9 * before + rate * decayed
            weights = weights - (1.9 * buffer - 0.9 * before)
        else:
            buffer = 0.9 * before + decayed
            weights = weights - rate * (decayed + 0.9 * buffer)
        np.testing.assert_allclose(ours, weights, rtol=1e-5, atol=1e-6)


def named(variable) -> str:
    """layer/variable, without the nets around them."""
    return "/".join(variable.path.split("/")[-2:])


def test_rates_and_decay_by_kind_of_variable():
    """The last layers x10, biases x2 without decay, norms x1 without decay."""
    net = keras.Sequential([
        keras.Input([4]), keras.layers.Dense(3, name="fc6_a"), keras.layers.LayerNormalization(name="norm"),
        keras.layers.Dense(2, name="fc8_a"),
    ])
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(size=weight.shape) for weight in net.get_weights()])
    before = {named(variable): variable.numpy() for variable in net.trainable_variables}
    optimizer = MomentumSGD(0.01, 0.0, 0.5)
    optimizer.apply([tf.ones_like(variable) for variable in net.trainable_variables], net.trainable_variables)
    expected = {
        "fc6_a/kernel": 0.01 * (1 + 0.5 * before["fc6_a/kernel"]),
        "fc6_a/bias": 0.02,
        "norm/gamma": 0.01,
        "norm/beta": 0.01,
        "fc8_a/kernel": 0.1 * (1 + 0.5 * before["fc8_a/kernel"]),
        "fc8_a/bias": 0.2,
    }
    assert before.keys() == expected.keys()
    for variable in net.trainable_variables:
        moved = before[named(variable)] - variable.numpy()
        wanted = np.broadcast_to(expected[named(variable)], moved.shape)
        np.testing.assert_allclose(moved, wanted, rtol=1e-4, err_msg=variable.path)


def test_several_prefixes_make_last_layers():
    moved = {}
    for name in ("fc6_x", "fc7_x", "conv", "xfc6"):
        net = layer(name=name)
        before = net.get_weights()[0]
        MomentumSGD(0.01, 0.0, 0.0, Groups(("fc6", "fc7"), 3.0)).apply([tf.ones([6, 1])], net.trainable_variables)
        moved[name] = float((before - net.get_weights()[0]).mean())
    np.testing.assert_allclose(list(moved.values()), [0.03, 0.03, 0.01, 0.01], rtol=1e-4)


def test_nested_nets_keep_the_names_of_their_layers():
    image = keras.Input([6])
    net = keras.Model(image, layer(name="fc8_a")(image))
    before = net.get_weights()[0]
    MomentumSGD(0.01, 0.0, 0.0).apply([tf.ones([6, 1])], net.trainable_variables)
    np.testing.assert_allclose(before - net.get_weights()[0], 0.1, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_variable_without_gradient_does_not_even_decay():
    net = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    before = net.get_weights()
    gradients = [None, None] + [tf.ones_like(variable) for variable in net.trainable_variables[2:]]
    MomentumSGD(0.1, 0.9, 0.5).apply(gradients, net.trainable_variables)
    after = net.get_weights()
    for index in (0, 1):
        np.testing.assert_array_equal(after[index], before[index])
    assert np.abs(after[2] - before[2]).max() > 0


def test_the_learning_rate_stays_outside_the_buffer():
    """Two steps of gradient 1, the second at rate 0: Keras's own SGD would still move."""
    net = layer()
    optimizer = MomentumSGD(1.0, 0.9, 0.0, Groups(last_rate=1.0))
    optimizer.apply([tf.ones([6, 1])], net.trainable_variables)
    between = net.get_weights()[0]
    optimizer.learning_rate = 0.0
    optimizer.apply([tf.ones([6, 1])], net.trainable_variables)
    np.testing.assert_array_equal(net.get_weights()[0], between)


def test_config_round_trip():
    made = MomentumSGD(0.1, 0.9, 1e-4, Groups(last_rate=3.0), nesterov=True)
    assert MomentumSGD.from_config(made.get_config()).get_config() == made.get_config()


def test_decay_of_all_variables_reaches_biases():
    """IRN's groups hold gamma, beta and biases as well; elsewhere these have none."""
    for decay_all, expected in ((False, 1.0), (True, 1.0 - 0.1 * 2 * 0.5)):  # biases learn at twice the rate
        net = keras.Sequential([keras.Input([2]), keras.layers.Dense(1, name="fc")])
        net.set_weights([np.ones([2, 1]), np.ones([1])])
        optimizer = MomentumSGD(0.1, 0.0, 0.5, Groups(bias_decay=float(decay_all)))
        optimizer.apply([tf.zeros([2, 1]), tf.zeros([1])], net.trainable_variables)
        np.testing.assert_allclose(net.get_weights()[1], expected, rtol=1e-6)
        np.testing.assert_allclose(net.get_weights()[0], 0.95, rtol=1e-6)


def test_the_factors_of_every_group():
    """Four groups with factors of their own, as DeepLab, PSA, SEAM and EPS have them."""
    net = keras.Sequential([keras.Input([2]), keras.layers.Dense(2, name="fc6"), keras.layers.Dense(1, name="fc8")])
    net.set_weights([np.ones(weight.shape) for weight in net.get_weights()])
    optimizer = MomentumSGD(0.1, 0.0, 0.5, Groups(last_rate=10.0, bias_rate=3.0, last_decay=2.0, bias_decay=0.25))
    optimizer.apply([tf.zeros_like(variable) for variable in net.trainable_variables], net.trainable_variables)
    expected = [1 - 0.1 * 0.5, 1 - 0.1 * 3 * 0.5 * 0.25, 1 - 0.1 * 10 * 0.5 * 2, 1 - 0.1 * 10 * 3 * 0.5 * 2 * 0.25]
    for weight, wanted in zip(net.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-5)
    assert optimizer.rate_factors() == (1.0, 3.0, 10.0, 30.0)
