"""The optimiser against recorded runs of the official code, and the rates of each kind of variable."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.train.optimizer import MomentumSGD, Poly, WarmUp


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
                            float(recorded["weight_decay"]), 10.0, ("fc8",))
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
    optimizer = MomentumSGD(keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2], rates), 0.9, 0.01, 10.0, ("fc8",),
                            order=order)
    optimizer.build(net.trainable_variables)
    weights, buffer = recorded["w0"].astype(float), 0.0
    for rate, gradient in zip(rates, recorded["grads"]):
        decayed = gradient + 0.01 * weights
        buffer = 0.9 * buffer + (rate * decayed if order == "caffe" else decayed)
        weights = weights - (buffer if order == "caffe" else rate * buffer)
        optimizer.apply([tf.constant(gradient[:, None])], net.trainable_variables)
        np.testing.assert_allclose(net.get_weights()[0][:, 0], weights, rtol=1e-5, atol=1e-6)


def test_poly_equals_the_official_schedule_and_freezes(recorded):
    schedule = Poly(float(recorded["base_lr"]), int(recorded["max_step"]), 0.9)
    rates = [float(schedule(step)) for step in range(12)]
    np.testing.assert_allclose(rates, recorded["lr_official"], rtol=1e-6)
    assert rates[9] == rates[10] == rates[11] > 0
    assert float(schedule(10**6)) == rates[9]


def test_the_rate_climbs_to_the_poly_curve_and_stays_on_it():
    """The thesis: 1e-6 -> 1e-3 in 3 of 15 epochs of 529 steps."""
    poly = Poly(1e-3, 7935, 0.9)
    warm = WarmUp(1e-6, 1e-3, 1587, poly)
    rates = np.array([float(warm(step)) for step in range(0, 7935, 23)])
    expected = [min(1e-6 + (1e-3 - 1e-6) * step / 1587, 1e-3 * (1 - step / 7935) ** 0.9) for step in range(0, 7935, 23)]
    np.testing.assert_allclose(rates, expected, rtol=2e-5)
    assert rates[0] == np.float32(1e-6) and rates.argmax() * 23 < 1587
    assert float(warm(1587)) == float(poly(1587)) and np.abs(np.diff(rates)).max() < 2e-5, "no jump where they meet"


def test_the_deeplab_schedule_is_the_same_curve(recorded):
    """The official code steps it every 10 iterations; at those the curves meet."""
    schedule = Poly(float(recorded["deeplab_base_lr"]), int(recorded["deeplab_iter_max"]), 0.9)
    step = int(recorded["deeplab_step"])
    official = recorded["deeplab_lr_used"]
    # The rate used at iteration i + 1 was set after iteration i.
    np.testing.assert_allclose([float(schedule(i)) for i in range(0, 200, step)], official[::step], rtol=1e-5)


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
    optimizer = MomentumSGD(0.01, 0.0, 0.5, 10.0, ("fc8",))
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
        MomentumSGD(0.01, 0.0, 0.0, 3.0, ("fc6", "fc7")).apply([tf.ones([6, 1])], net.trainable_variables)
        moved[name] = float((before - net.get_weights()[0]).mean())
    np.testing.assert_allclose(list(moved.values()), [0.03, 0.03, 0.01, 0.01], rtol=1e-4)


def test_nested_nets_keep_the_names_of_their_layers():
    image = keras.Input([6])
    net = keras.Model(image, layer(name="fc8_a")(image))
    before = net.get_weights()[0]
    MomentumSGD(0.01, 0.0, 0.0, 10.0, ("fc8",)).apply([tf.ones([6, 1])], net.trainable_variables)
    np.testing.assert_allclose(before - net.get_weights()[0], 0.1, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_a_variable_without_gradient_does_not_even_decay():
    net = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    before = net.get_weights()
    gradients = [None, None] + [tf.ones_like(variable) for variable in net.trainable_variables[2:]]
    MomentumSGD(0.1, 0.9, 0.5, 10.0, ("fc8",)).apply(gradients, net.trainable_variables)
    after = net.get_weights()
    for index in (0, 1):
        np.testing.assert_array_equal(after[index], before[index])
    assert np.abs(after[2] - before[2]).max() > 0


def test_the_learning_rate_stays_outside_the_buffer():
    """Two steps of gradient 1, the second at rate 0: Keras's own SGD would still move."""
    net = layer()
    optimizer = MomentumSGD(1.0, 0.9, 0.0, 1.0, ("fc8",))
    optimizer.apply([tf.ones([6, 1])], net.trainable_variables)
    between = net.get_weights()[0]
    optimizer.learning_rate = 0.0
    optimizer.apply([tf.ones([6, 1])], net.trainable_variables)
    np.testing.assert_array_equal(net.get_weights()[0], between)


@pytest.mark.parametrize("made", [Poly(0.1, 10, 0.9), MomentumSGD(0.1, 0.9, 1e-4, 10.0, ("fc8",))])
def test_config_round_trip(made):
    again = type(made).from_config(made.get_config())
    assert again.get_config() == made.get_config()

def test_decay_of_all_variables_reaches_biases():
    """IRN's groups hold gamma, beta and biases as well; elsewhere these have none."""
    for decay_all, expected in ((False, 1.0), (True, 1.0 - 0.1 * 2 * 0.5)):  # biases learn at twice the rate
        net = keras.Sequential([keras.Input([2]), keras.layers.Dense(1, name="fc")])
        net.set_weights([np.ones([2, 1]), np.ones([1])])
        optimizer = MomentumSGD(0.1, 0.0, 0.5, 1.0, ("fc8",), decay_all)
        optimizer.apply([tf.zeros([2, 1]), tf.zeros([1])], net.trainable_variables)
        np.testing.assert_allclose(net.get_weights()[1], expected, rtol=1e-6)
        np.testing.assert_allclose(net.get_weights()[0], 0.95, rtol=1e-6)
