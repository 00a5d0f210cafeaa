"""From a published file to a verified one: conversion, proof, and everything that is refused on the way."""

import dataclasses
import hashlib
import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from wsss_tf.checkpoints import digest, names, obtain, proof
from wsss_tf.checkpoints.convert import build_net
from wsss_tf.checkpoints.manifest import pins_file, read_manifest
from wsss_tf.errors import InputError
from wsss_tf.nets import torch_weights, vit, weights
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import VIT_SIZES, BackboneConfig

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests/golden"
CHECKPOINTS = {name: dataclasses.replace(entry, digests={}) for name, entry in
               read_manifest(ROOT / "checkpoints/manifest.json").items()}  # no test has the published files
TINY = dataclasses.replace(CHECKPOINTS["dino_vit_s8"], name="tiny_vit", net="vit_tiny", file="tiny_vit.pth", urls=())
SIZE = VIT_SIZES["vit_tiny"]


def tiny_arrays(prefix: str = "") -> dict[str, np.ndarray]:
    """A whole transformer of the test size under the published names."""
    rng, arrays = np.random.default_rng(0), {}

    def add(name: str, *shape: int) -> None:
        gamma = "norm" in name and name.endswith("weight")
        arrays[prefix + name] = (rng.normal(0, 0.2, shape) + gamma).astype("f4")

    width = SIZE.width
    add("cls_token", 1, 1, width)
    add("pos_embed", 1, 1 + (SIZE.side // SIZE.patch) ** 2, width)
    add("patch_embed.proj.weight", width, 3, SIZE.patch, SIZE.patch)
    add("patch_embed.proj.bias", width)
    layers = {"norm1": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width), "norm2": (width,),
              "mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
    for name, shape in [(f"blocks.{block}.{layer}", shape) for block in range(SIZE.depth) for layer, shape in layers.items()]:
        add(f"{name}.weight", *shape)
        add(f"{name}.bias", shape[0])
    add("norm.weight", width)
    add("norm.bias", width)
    return arrays


@pytest.fixture
def tiny(published, monkeypatch):
    """A published file of the test size, for whose like the recording of ViT-S/16 stands."""
    monkeypatch.setitem(proof.RECORDINGS, "vit_tiny", dataclasses.replace(proof.RECORDINGS["vit_s16"], file="absent"))
    return published("tiny_vit.pth", tiny_arrays())


@pytest.mark.parametrize("prefix, without, more, suffix", [
    ("", (), {}, ".pth"), ("model/", ("head.",), {"model/head.weight": np.zeros([2, 2])}, ".pth"),
    ("state_dict/module.base_encoder.", ("head.",), {"state_dict/module.base_encoder.head.0.bias": np.zeros(2),
                                                     "state_dict/module.predictor.x": np.zeros(2)}, ".pth.tar"),
    ("model/", (), {}, ".safetensors")])
def test_a_transformer_from_file_to_file(published, tmp_path, tiny, prefix, without, more, suffix):
    """Every array of the converted file is the published one, whatever it is wrapped in."""
    inner = "" if suffix == ".safetensors" else prefix
    source = published(f"wrapped{suffix}", tiny_arrays(inner) | more)
    entry = dataclasses.replace(TINY, prefix=prefix, without=without)
    path, _ = obtain.convert(entry, source, tmp_path, RECORDINGS)
    assert path == tmp_path / "tiny_vit.weights.h5"
    net, arrays = vit.load("vit_tiny", path, facet="token"), tiny_arrays()
    np.testing.assert_array_equal(net.get_layer("block1_fc2").kernel, arrays["blocks.1.mlp.fc2.weight"].T)
    np.testing.assert_array_equal(net.get_layer("patches").kernel, arrays["patch_embed.proj.weight"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(net.get_layer("tokens").positions, arrays["pos_embed"])
    assert weights.provenance(path) == weights.Provenance(
        "tiny_vit", "vit_tiny", "torchvision", "none", hashlib.sha256(source.read_bytes()).hexdigest())


@pytest.mark.parametrize("change, says", [
    (lambda arrays: arrays.pop("norm.bias"), r"norm\.bias is missing"),
    (lambda arrays: arrays.update({"blocks.9.norm1.bias": np.zeros(2)}), r"block9_norm1\.bias is left over"),
    (lambda arrays: arrays.update({"head.weight": np.zeros([2, 2])}), r"arrays that it does not have \(head\.weight\)"),
    (lambda arrays: arrays.update({"norm.bias": np.zeros(3)}), r"norm\.bias: expected \(16,\), found \(3,\)")])
def test_another_net_s_arrays_are_refused_and_nothing_is_written(published, tmp_path, tiny, change, says):
    arrays = tiny_arrays()
    change(arrays)
    with pytest.raises(InputError, match=rf"wrong\.pth: .*{says}"):
        obtain.convert(TINY, published("wrong.pth", arrays), tmp_path, RECORDINGS)
    assert list(tmp_path.iterdir()) == [], "nor is the file trusted"


def test_a_file_that_changes_is_noticed(tmp_path, tiny, published):
    """Trust on first use: the digest of the first file is kept beside the weights."""
    obtain.convert(TINY, tiny, tmp_path, RECORDINGS)
    assert json.loads(pins_file(tmp_path).read_text()) == {"tiny_vit": hashlib.sha256(tiny.read_bytes()).hexdigest()}
    other = published("other.pth", tiny_arrays() | {"norm.bias": np.ones(16)})
    with pytest.raises(InputError, match=r"other\.pth: expected sha256 .* came the first time .*pins\.json"):
        obtain.convert(TINY, other, tmp_path, RECORDINGS)
    pins_file(tmp_path).write_text("[1]")
    with pytest.raises(InputError, match=r"pins\.json: damaged .*expected an object"):
        obtain.convert(TINY, tiny, tmp_path, RECORDINGS)


@pytest.mark.parametrize("kind, length", [("sha256", 8), ("sha256", 64), ("md5", 6), ("md5", 32)])
def test_published_digests(tmp_path, tiny, kind, length):
    right = digest.digests(tiny)[kind][:length]
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    digest.check(dataclasses.replace(TINY, digests={kind: right}), tiny, tmp_path)
    with pytest.raises(InputError, match=f"expected {kind} {wrong}.* as published for tiny_vit"):
        digest.check(dataclasses.replace(TINY, digests={kind: wrong}), tiny, tmp_path)


def test_digests_by_hand(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 10**6)
    expected = {kind: hashlib.new(kind, b"abc" * 10**6).hexdigest() for kind in ("md5", "sha256")}
    assert digest.digests(tmp_path / "x") == expected


def test_verify(tmp_path, tiny):
    path, _ = obtain.convert(TINY, tiny, tmp_path, RECORDINGS)
    assert "tiny_vit.pth is not here to compare with" in obtain.verify(TINY, tmp_path, RECORDINGS)
    source = obtain.published_file(TINY, tmp_path)
    source.parent.mkdir()
    source.write_bytes(tiny.read_bytes())
    assert obtain.verify(TINY, tmp_path, RECORDINGS)
    with h5py.File(path, "r+") as file:
        dataset = file["layers/dense/vars/1"]
        dataset[3] += 1e-6
    with pytest.raises(InputError, match=r"tiny_vit\.weights\.h5: block0_qkv/bias is not what the published file gives"):
        obtain.verify(TINY, tmp_path, RECORDINGS)
    weights.save_weights(vit.build("vit_tiny", facet="cls"), path)
    with pytest.raises(InputError, match="found a file that does not say where it comes from"):
        obtain.verify(TINY, tmp_path, RECORDINGS)
    path.unlink()
    with pytest.raises(InputError, match="no such weights file"):
        obtain.verify(TINY, tmp_path, RECORDINGS)


def test_what_nobody_offers_is_told_how_to_come_by(tmp_path):
    with pytest.raises(InputError, match="nobody offers ilsvrc-cls.*; then give it with convert wide_resnet38 --source=FILE"):
        obtain.fetch(CHECKPOINTS["wide_resnet38"], tmp_path)
    with pytest.raises(InputError, match="no such file: expected ilsvrc-cls"):
        obtain.convert(CHECKPOINTS["wide_resnet38"], tmp_path / "x.params", tmp_path, RECORDINGS)


@pytest.fixture(scope="module")
def stock(tmp_path_factory) -> Path:
    """A file as keras.applications offers them, of the older format, with lively weights."""
    net = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3))
    rng = np.random.default_rng(0)
    net.set_weights([rng.normal(0, 0.05, weight.shape) for weight in net.get_weights()])
    folder = tmp_path_factory.mktemp("stock")
    net.save(folder / "whole.h5")
    with h5py.File(folder / "whole.h5") as file, h5py.File(folder / "vgg16_notop.h5", "w") as copy:
        for name in file["model_weights"]:
            file.copy(f"model_weights/{name}", copy)
        copy.attrs["layer_names"] = file["model_weights"].attrs["layer_names"]
    return folder / "vgg16_notop.h5"


def test_a_file_of_keras(stock, tmp_path):
    path, words = obtain.convert(CHECKPOINTS["vgg16"], stock, tmp_path, RECORDINGS)
    assert "beside Keras's own net up to block1_conv2: differs by" in words
    direct, ours = (build_backbone(BackboneConfig("vgg16", 8, str(source))) for source in (stock, path))
    for left, right in zip(direct.weights, ours.weights, strict=True):
        np.testing.assert_array_equal(left, right)
    with pytest.raises(InputError, match=r"weights for the net vgg16 \(vgg16\), expected some for vgg16_torch"):
        build_backbone(BackboneConfig("vgg16_torch", 8, str(path)))


def test_the_reduced_vgg_of_keras_own_file_with_top(tmp_path):
    """Fully connected layers become fc6 and fc7, proven by what they answer; a wrong thinning is noticed."""
    net = keras.applications.VGG16(weights=None)
    for name in ("fc1", "fc2"):
        net.get_layer(name).bias.assign(np.random.default_rng(0).normal(size=4096))
    net.save_weights(source := tmp_path / "top.weights.h5")
    entry = CHECKPOINTS["vgg16_reduced"]
    path, words = obtain.convert(entry, source, tmp_path, RECORDINGS)
    assert "and its fc1 and fc2: differs by" in words and float(words.split("differs by ")[1].split()[0]) < 1e-4
    assert path.name == "vgg16_reduced.weights.h5" and path.stat().st_size < 90e6
    assert weights.provenance(path).net == "vgg16_reduced"
    reduced = build_net("vgg16_reduced", str(path))
    for layer, wrong in (("fc6", lambda kernel: kernel[::-1]), ("fc7", lambda kernel: np.roll(kernel, 1, axis=-1))):
        kernel, bias = reduced.get_layer(layer).get_weights()
        reduced.get_layer(layer).set_weights([wrong(kernel), bias])
        with pytest.raises(InputError, match="vgg16_reduced: expected the source net's features within"):
            proof.prove(entry, source, reduced, RECORDINGS)
        reduced.get_layer(layer).set_weights([kernel, bias])
    source.unlink()  # 550 MB


def test_weights_for_another_input_do_not_reach_a_net(stock, tmp_path):
    """The file itself says which input it wants."""
    wrong = dataclasses.replace(CHECKPOINTS["vgg16"], convention="torchvision")
    with pytest.raises(InputError, match="vgg16: expected the source net's features within"):
        obtain.convert(wrong, stock, tmp_path, RECORDINGS)  # the proof sees it first
    net = build_backbone(BackboneConfig("vgg16", 8, str(stock)))
    weights.save_weights(net, tmp_path / "x.weights.h5", weights.Provenance("vgg16", "vgg16", "torchvision", "none", "0" * 64))
    with pytest.raises(InputError, match="trained on torchvision images, but vgg16 gives its weights caffe_bgr ones"):
        build_backbone(BackboneConfig("vgg16", 8, str(tmp_path / "x.weights.h5")))


@pytest.mark.parametrize("name", ["mobilenet", "resnet50"])
def test_converted_trunks_of_keras_round_trip(name, tmp_path):
    """What a converted file gives is what the stock file gives, at either stride."""
    stock_net = {"mobilenet": keras.applications.MobileNetV2, "resnet50": keras.applications.ResNet50}[name](
        include_top=False, weights=None, input_shape=(None, None, 3))
    stock_net.save_weights(tmp_path / "stock.weights.h5")
    path, _ = obtain.convert(CHECKPOINTS[name], tmp_path / "stock.weights.h5", tmp_path, RECORDINGS)
    direct, ours = (build_backbone(BackboneConfig(name, 16, str(source))) for source in (tmp_path / "stock.weights.h5", path))
    for left, right in zip(direct.weights, ours.weights, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", ["resnet50_torch", "vgg16_torch", "dino_vit_s16"])
def test_recordings_prove_a_conversion(name, published, tmp_path):
    """The published file holds other weights; those of the recording go its way."""
    entry = CHECKPOINTS[name]
    arrays = random_arrays(entry.net)
    path, words = obtain.convert(entry, published(entry.file, arrays), tmp_path, RECORDINGS)
    assert f"beside {proof.RECORDINGS[entry.net].file}.npz ({entry.net}): differs by" in words
    assert float(words.split("differs by ")[1].split()[0]) < 1e-4
    assert path.exists()


def test_a_proof_can_fail(published, monkeypatch, tmp_path):
    """Kernels that lie on their side have the right shapes."""
    monkeypatch.setattr(torch_weights, "_AXES", {4: (3, 2, 1, 0)})
    entry = CHECKPOINTS["vgg16_torch"]
    with pytest.raises(InputError, match="vgg16_torch: expected the source net's features within 1e-03, found"):
        obtain.convert(entry, published(entry.file, random_arrays(entry.net)), tmp_path, RECORDINGS)
    assert not list(tmp_path.glob("*.h5"))


def test_two_layers_that_change_places_are_seen(published, monkeypatch, tmp_path):
    """Of the same shape, so that nothing else would notice."""
    rule, places = names.RULES["vit"], {"blocks.0.": "blocks.1.", "blocks.1.": "blocks.0."}
    monkeypatch.setitem(names.RULES, "vit", lambda name: rule(places.get(name[:9], name[:9]) + name[9:]))
    entry = CHECKPOINTS["dino_vit_s16"]
    with pytest.raises(InputError, match="dino_vit_s16: expected the source net's features within 1e-03, found"):
        obtain.convert(entry, published(entry.file, random_arrays(entry.net)), tmp_path, RECORDINGS)
    assert not list(tmp_path.glob("*.h5"))


def random_arrays(net: str) -> dict[str, np.ndarray]:
    """Arrays of a net in published names, from the recording of that net."""
    with np.load(RECORDINGS / f"{proof.RECORDINGS[net].file}.npz") as recorded:
        recording = proof.RECORDINGS[net]
        shapes = {str(name).removeprefix(recording.prefix): tuple(map(int, shape.split("x")))
                  for name, shape in zip(recorded["param_names"], recorded["param_shapes"])
                  if str(name).startswith(recording.prefix) and not str(name).startswith("fc")}
    if net == "vgg16_torch":
        order = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
        shapes = {f"features.{order[index // 2]}.{name.rpartition('.')[2]}": shape
                  for index, (name, shape) in enumerate(shapes.items())}
    rng = np.random.default_rng(1)
    return {name: rng.uniform(0.5, 1.5, shape).astype("f4") / max(1, np.prod(shape[1:])) for name, shape in shapes.items()}
