"""AdamW against Keras's and by hand: decay on a schedule, clipping by variable, a layer that begins late."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.train.adamw import AdamW
from wsss_tf.train.schedules import Cosine

STEPS = 6
GRADIENTS = np.random.default_rng(0).normal(size=[STEPS, 4, 3]).astype(np.float32)


def layer(name: str = "fc") -> keras.Model:
    net = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, name=name)])
    net.set_weights([np.full([4, 3], 0.5), np.full([3], 0.5)])
    return net


def trained(optimizer: keras.optimizers.Optimizer, net: keras.Model, gradients=GRADIENTS) -> list[np.ndarray]:
    """The weights of a net after each step."""
    optimizer.build(net.trainable_variables)

    @tf.function
    def step(gradient):
        optimizer.apply([gradient, gradient[0]], net.trainable_variables)

    seen = []
    for gradient in gradients:
        step(tf.constant(gradient))
        seen.append(net.get_weights())
    return seen


@pytest.mark.parametrize("rate", [0.1, Cosine(0.1, 0.0, STEPS, 2)])
def test_equals_keras_with_a_constant_decay(rate):
    reference = keras.optimizers.AdamW(rate, weight_decay=0.3, beta_2=0.999, epsilon=1e-8)
    reference.exclude_from_weight_decay(var_names=["bias"])
    ours = trained(AdamW(rate, lambda step: 0.3), layer())
    for mine, theirs in zip(ours, trained(reference, layer()), strict=True):
        np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-5, atol=1e-6)


def test_decay_follows_its_schedule_and_spares_vectors():
    decay = Cosine(0.1, 0.9, STEPS)
    seen = trained(AdamW(0.5, decay), layer(), np.zeros_like(GRADIENTS))
    expected = 0.5
    for step, (kernel, bias) in enumerate(seen):
        expected *= 1 - 0.5 * float(decay(step))
        np.testing.assert_allclose(kernel, expected, rtol=1e-5)
        np.testing.assert_array_equal(bias, np.float32(0.5))


def test_gradient_of_each_variable_is_clipped():
    scaled = [gradient / max(1, np.linalg.norm(gradient) / 0.7) for gradient in GRADIENTS]
    short = [gradient / max(1, np.linalg.norm(gradient[0]) / 0.7) for gradient in GRADIENTS]
    clipped = trained(AdamW(0.1, lambda step: 0.0, clip_norm=0.7, epsilon=0.1), layer())
    kernels = trained(AdamW(0.1, lambda step: 0.0, epsilon=0.1), layer(), np.array(scaled))
    biases = trained(AdamW(0.1, lambda step: 0.0, epsilon=0.1), layer(), np.array(short))
    np.testing.assert_allclose(clipped[-1][0], kernels[-1][0], rtol=1e-4)
    np.testing.assert_allclose(clipped[-1][1], biases[-1][1], rtol=1e-4)


def test_a_late_layer_waits():
    late, prompt = (trained(AdamW(0.1, lambda step: 0.3, late="last", late_steps=3), layer(name))
                    for name in ("last", "fc"))
    for step in range(3):
        np.testing.assert_array_equal(late[step][0], np.float32(0.5))
        assert (prompt[step][0] != 0.5).all()
    assert (late[3][0] != 0.5).all()


def test_configuration_makes_the_same_optimizer():
    optimizer = AdamW(0.1, Cosine(0.04, 0.4, 9), 3.0, "last", 5)
    again = AdamW(**optimizer.get_config())
    assert again.get_config().keys() == optimizer.get_config().keys()
    for first, second in zip(trained(optimizer, layer()), trained(again, layer()), strict=True):
        np.testing.assert_array_equal(first[0], second[0])
