"""Where torch is installed: our nets beside the source nets, outputs and gradients, through files that torch wrote."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.checkpoints import names
from wsss_tf.checkpoints.convert import converted_net
from wsss_tf.checkpoints.manifest import read_manifest
from wsss_tf.nets import torch_weights
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.ops import colour

torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
from tests.equipment import torch_nets  # noqa: E402 - which needs it

ROOT = Path(__file__).parents[2]
CHECKPOINTS = {name: dataclasses.replace(entry, digests={}) for name, entry in
               read_manifest(ROOT / "checkpoints/manifest.json").items()}
TINY = dataclasses.replace(CHECKPOINTS["dino_vit_s8"], name="tiny_vit", net="vit_tiny", file="tiny_vit.pth")
PSA = dataclasses.replace(CHECKPOINTS["wide_resnet38"], names="psa_resnet38", file="psa.pth")
LAST = {"vgg16_torch": "pool5", "resnet50_torch": "layer4_2_relu3", "resnet101_torch": "layer4_2_relu3",
        "resnet101": "conv5_block3_out", "wrn38": "bn7_relu", "vit_tiny": "norm"}


def lively(net: str):
    """A source net whose signal survives to the last layer."""
    torch.manual_seed(0)
    reference = torch_nets.source_net(net).eval()
    for name, values in reference.state_dict().items():
        if name.endswith("running_var"):
            values.uniform_(0.5, 1.5)
        elif values.ndim == 1:
            values.normal_(0, 0.1).add_(float(name.endswith("weight")))
        elif values.ndim > 1:
            values.normal_(0, (1 / values[0].numel()) ** 0.5)
    return reference


NETS = [*(CHECKPOINTS[name] for name in ("vgg16_torch", "resnet50_torch", "resnet101_torch", "resnet101_coco")), PSA, TINY]


@pytest.mark.parametrize("entry, legacy", [*((entry, False) for entry in NETS), (TINY, True)],
                         ids=lambda value: getattr(value, "name", f"legacy={value}"))
def test_outputs_and_gradients(entry, legacy, tmp_path):
    reference = lively(entry.net)
    torch.save(reference.state_dict(), tmp_path / "source.pth", _use_new_zipfile_serialization=not legacy)
    net = converted_net(entry, tmp_path / "source.pth")
    rng, last = np.random.default_rng(0), LAST[entry.net]
    sides = (VIT_SIZES[entry.net].side,) * 2 if entry.net in VIT_SIZES else (49, 33)
    centred = rng.uniform(-110, 130, (1, *sides, 3)).astype("f4")
    given = np.asarray(colour.CONVENTIONS[entry.convention](centred)).transpose(0, 3, 1, 2)
    theirs = reference(torch.tensor(np.ascontiguousarray(given)))[last]
    upstream = rng.normal(size=theirs.shape).astype("f4")
    (theirs * torch.tensor(upstream)).sum().backward()
    inner = keras.Model(net.inputs[0], net.get_layer(last).output)
    variables = torch_weights.variables(inner)
    with tf.GradientTape() as tape:
        for variable in variables.values():
            tape.watch(variable.value)
        ours = inner(centred, training=False)
        loss = tf.reduce_sum(ours * np.moveaxis(upstream, 1, -1))
    gradients = dict(zip(variables, tape.gradient(loss, [variable.value for variable in variables.values()])))
    expected = theirs.detach().numpy()
    assert np.abs(np.moveaxis(ours.numpy(), -1, 1) - expected).max() <= 1e-3 * np.abs(expected).max()
    translated, _ = names.ours([name for name, _ in reference.named_parameters()], entry.names, entry.without)
    differences = {}
    for name, parameter in reference.named_parameters():
        gradient = gradients[torch_weights.key(translated[name])].numpy()
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(gradient.ndim, range(gradient.ndim))
        difference = np.linalg.norm(gradient.transpose(axes) - parameter.grad.numpy())
        differences[name] = float(difference / np.linalg.norm(parameter.grad))
    # A ReLU whose input is next to 0 may be open in one of the two nets alone: that moves what lies before it by about 2e-3
    # of the norm, and what lies just before by up to 9e-3. What lies behind all of them agrees to rounding.
    values = list(differences.values())
    assert max(values) <= 0.02 and np.median(values) <= 5e-3 and min(values) <= 1e-5, differences


def test_torch_reads_what_the_tests_write(published):
    """The opcodes that the tests write without torch are those that torch understands."""
    arrays = {"model/a": np.arange(6, dtype="f4").reshape(2, 3), "model/b": np.ones(1, "f4")}
    loaded = torch.load(published("x.pth", arrays), weights_only=True)
    assert {f"model/{name}": values.tolist() for name, values in loaded["model"].items()} == {
        name: array.tolist() for name, array in arrays.items()}
