"""What the batch norms of each backbone do in training, under each choice."""

import keras
import numpy as np
import pytest

from wsss_tf.nets import resnet_torch
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BATCH_NORMS, BackboneConfig
from wsss_tf.nets.torch_layers import FixedNorm

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(-120, 120, [2, 33, 33, 3]).astype(np.float32)
NETS = {"tiny": 8, "mobilenet": 32, "resnet50_torch": 32}  # one of each kind
STILL = {"resnet50_torch": ("conv1", "bn1", "layer1_", "layer2_")}  # never learn


def learning(name: str, batch_norm: str) -> tuple[bool, bool]:
    """Whether gamma and beta learn, and whether the statistics follow the batches."""
    usual = {"tiny": (True, True), "resnet50_torch": (True, False)}
    return {"usual": usual.get(name, (False, False)), "frozen": (False, False), "trained": (True, True)}[batch_norm]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("batch_norm", BATCH_NORMS)
def test_what_learns_and_what_moves(name, batch_norm):
    keras.utils.set_random_seed(0)
    net = build_backbone(BackboneConfig(name, NETS[name], "none", batch_norm))
    affine, moves = learning(name, batch_norm)
    still = STILL.get(name, ("nothing",))
    trainable = {variable.path for variable in net.trainable_variables}
    expected = {weight.path for weight in net.weights if not weight.path.startswith(still)
                and (weight.name == "kernel" or weight.name in ("gamma", "beta") and affine)}
    assert trainable == expected
    before = {weight.path: weight.numpy() for weight in net.weights}
    inference = net(IMAGE, training=False)["classify"]
    assert np.array_equal(net(IMAGE, training=True)["classify"], inference) != moves
    changed = {weight.path for weight in net.weights if np.any(weight.numpy() != before[weight.path])}
    statistics = {weight.path for weight in net.weights if weight.name.startswith("moving")}
    assert changed == (statistics if moves else set()), "those of still layers as well"


def test_a_norm_that_trains_by_hand():
    """Mean and variance of the batch in training, nine tenths of the old and one of the new to be remembered."""
    features = keras.Input([None, None, 5])
    norm = FixedNorm(fixed=False, name="norm")
    net = keras.Model(features, norm(features))
    gamma, beta, mean, variance = weights = [RNG.uniform(0.5, 1.5, 5).astype(np.float32) for _ in range(4)]
    norm.set_weights(weights)
    maps = RNG.normal(2.0, 3.0, [2, 3, 4, 5]).astype(np.float32)
    own = maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2))
    np.testing.assert_allclose(net(maps, training=True), (maps - own[0]) / np.sqrt(own[1] + 1e-5) * gamma + beta, rtol=1e-4, atol=1e-4)
    kept = 0.9 * mean + 0.1 * own[0], 0.9 * variance + 0.1 * own[1]
    for found, wanted in zip(norm.get_weights(), (gamma, beta, *kept), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(net(maps, training=False), (maps - kept[0]) / np.sqrt(kept[1] + 1e-5) * gamma + beta, rtol=1e-4, atol=1e-4)


def test_a_frozen_net_keeps_the_statistics_of_norms_that_trained():
    """As the classifier through which image masking looks does."""
    net = build_backbone(BackboneConfig("resnet50_torch", 32, "none", "trained"))
    net.trainable = False
    before = net.get_weights()
    np.testing.assert_array_equal(net(IMAGE, training=True)["layer1"], net(IMAGE, training=False)["layer1"])
    for weight, old in zip(net.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_weights_go_from_one_choice_to_another(tmp_path):
    """The file of a trained backbone fits the one that predicts, whatever its norms do."""
    net = build_backbone(BackboneConfig("resnet50_torch", 32, "none", "trained"))
    net(IMAGE, training=True)
    net.save_weights(tmp_path / "net.weights.h5")
    other = build_backbone(BackboneConfig("resnet50_torch", 32, str(tmp_path / "net.weights.h5")))
    np.testing.assert_array_equal(other(IMAGE)["classify"], net(IMAGE)["classify"])


def test_all_but_the_stem_may_learn_beside_moving_statistics():
    """LDF's ResNet: conv1 and bn1 are not in its optimizer, the statistics of bn1 follow the batches all the same."""
    net = resnet_torch.build(32, "none", "trained", frozen=0)
    assert {variable.path.split("_")[0] for variable in net.trainable_variables} == {f"layer{stage}" for stage in range(1, 5)}
    before = net.get_layer("bn1").get_weights()
    net(IMAGE, training=True)
    moved = [np.any(new != old) for new, old in zip(net.get_layer("bn1").get_weights(), before)]
    assert moved == [False, False, True, True]
