import keras
import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.nets import torch_weights
from wsss_tf.nets.torch_layers import FixedNorm

RNG = np.random.default_rng(0)
SHAPES = {"b2.conv_branch2a.weight": (4, 3, 3, 1)} | {
    f"b2.1.bn7.{part}": (4,) for part in ("weight", "bias", "running_mean", "running_var")}


def net() -> keras.Model:
    image = keras.Input([None, None, 3])
    return keras.Model(image, FixedNorm(name="b2_1_bn7")(keras.layers.Conv2D(
        4, (3, 1), use_bias=False, name="b2_conv_branch2a")(image)), name="small")


def arrays() -> dict:
    return {name: RNG.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_every_array_finds_its_place():
    filled, given = net(), arrays()
    torch_weights.fill(filled, given)
    kernel = filled.get_layer("b2_conv_branch2a").kernel.numpy()
    for out, channel, row in np.ndindex(4, 3, 3):
        assert kernel[row, 0, channel, out] == given["b2.conv_branch2a.weight"][out, channel, row, 0]
    norm = filled.get_layer("b2_1_bn7")
    for part, variable in (("weight", norm.gamma), ("bias", norm.beta), ("running_mean", norm.moving_mean),
                           ("running_var", norm.moving_variance)):
        np.testing.assert_array_equal(variable, given[f"b2.1.bn7.{part}"])


def test_a_missing_array_is_named():
    given = arrays()
    del given["b2.1.bn7.bias"]
    with pytest.raises(InputError, match="net small .*b2_1_bn7.bias is missing"):
        torch_weights.fill(net(), given)


@pytest.mark.parametrize("name", ["fc.weight", "b2.1.bn7.num_batches_tracked"])
def test_a_surplus_array_is_named(name):
    with pytest.raises(InputError, match=f"{name} is left over"):
        torch_weights.fill(net(), arrays() | {name: np.zeros(3)})


def test_another_shape_is_refused():
    other = arrays() | {"b2.conv_branch2a.weight": np.zeros([4, 3, 3, 3])}
    with pytest.raises(InputError, match=r"b2\.conv_branch2a\.weight: expected \(3, 1, 3, 4\), found"):
        torch_weights.fill(net(), other)


def test_everything_wrong_is_named_and_nothing_is_filled():
    filled, given = net(), arrays()
    before = filled.get_weights()
    del given["b2.1.bn7.bias"]
    given |= {"fc.weight": np.zeros(3), "b2.1.bn7.weight": np.zeros(5), "b2.1.bn7.running_var": np.zeros([2, 2]),
              "b2.1_bn7.running_mean": np.zeros(4)}
    with pytest.raises(InputError) as raised:
        torch_weights.fill(filled, given)
    for words in ("b2_1_bn7.bias is missing", "fc.weight is left over", "b2.1.bn7.weight: expected (4,), found (5,)",
                  "b2.1.bn7.running_var: expected (4,), found (2, 2)", "b2.1.bn7.running_mean has the place of another"):
        assert words in str(raised.value)
    for left, right in zip(filled.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)
