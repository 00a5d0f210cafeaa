"""VGG16 against the recorded reference, Keras's own net, and its contract."""

import keras
import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.nets import vgg
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.heads import aspp_fc, last_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import Provenance, save_weights
from wsss_tf.ops import colour

IN_TORCHVISION = {"1_conv1": 0, "1_conv2": 2, "2_conv1": 5, "2_conv2": 7, "3_conv1": 10, "3_conv2": 12, "3_conv3": 14,
                  "4_conv1": 17, "4_conv2": 19, "4_conv3": 21, "5_conv1": 24, "5_conv2": 26, "5_conv3": 28}
IMAGE = np.random.default_rng(0).uniform(-120, 120, [1, 33, 49, 3]).astype(np.float32)


@pytest.fixture(scope="module")
def trunk():
    return vgg.build(8, "none")


def test_largefov_equals_the_reference(golden, filled, converted):
    """conv4, conv5 and fc7 of PSA's VGG16 with fc6 of rate 12, which there follows conv5 without any pool5."""
    recorded = golden("vgg16_largefov")
    weights = filled(recorded, seed=95, scale=1.4)
    names = [f"conv{name.replace('_conv', '_')}" for name in IN_TORCHVISION]
    arrays = {f"features.{number}.{part}": weights[f"{name}.{part}"] for number, name in zip(IN_TORCHVISION.values(), names)
              for part in ("weight", "bias")}
    trunk = converted("vgg16_torch", arrays | {"classifier.0.weight": np.zeros([1, 1])})
    conv5 = trunk.get_layer("block5_conv3").output
    start = last_start("normal", 0.01)
    net = keras.Model(trunk.input, aspp_fc(conv5, (12,), 1024, 21, start, start, 0.5))
    for name in ("fc6", "fc7"):
        fill(net.get_layer(f"{name}_rate12"), weights, name)
    layers = {"conv4": "block4_conv3", "conv5": "block5_conv3", "conv5fc": "fc7_rate12"}
    net = keras.Model(trunk.input, {key: net.get_layer(name).output for key, name in layers.items()})
    outputs = net(colour.from_convention(recorded["x"].transpose(0, 2, 3, 1), "torchvision"), training=False)
    for key, maps in outputs.items():
        maps = maps.numpy().transpose(0, 3, 1, 2)
        close(maps.mean(axis=(2, 3)), recorded[f"{key}_mean"])
        close(maps[:, ::16], recorded[f"{key}_sub"])


def fill(layer, weights: dict, name: str) -> None:
    layer.set_weights([weights.pop(f"{name}.weight").transpose(2, 3, 1, 0), weights.pop(f"{name}.bias")])


def close(ours: np.ndarray, recorded: np.ndarray) -> None:
    """The tolerance that comes with the recording."""
    assert ours.shape == recorded.shape
    assert np.abs(ours - recorded).max() <= 1e-3 * np.abs(recorded).max()


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("side, cells", [(321, (41, 21)), (320, (40, 20)), (33, (5, 3))])
def test_sizes(stride, side, cells):
    """ceil(side / stride) cells, which for stride * k + 1 pixels is one more than k."""
    shapes = vgg.build(stride, "none").compute_output_shape((2, side, side, 3))
    expected = (2, *2 * cells[:1], 512) if stride == 8 else (2, *2 * cells[1:], 512)
    assert shapes == {"classify": expected, "segment": expected}


def test_pool5a_is_the_mean_of_the_neighbours(trunk):
    endpoints = trunk(IMAGE)
    pool5, pool5a = endpoints["classify"].numpy()[0], endpoints["segment"].numpy()[0]
    for row, column in np.ndindex(pool5.shape[:2]):
        window = pool5[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        np.testing.assert_allclose(pool5a[row, column], window.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_cell_looks_at_stride_times_its_index(stride):
    """A dot at pixel stride * i is answered symmetrically around cell i."""
    trunk, middle = vgg.build(stride, "none"), 7 if stride == 32 else 12
    for layer in trunk.layers:
        if layer.weights:
            layer.set_weights([np.full(array.shape, (array.ndim == 4) / array[..., 0].size) for array
                               in layer.get_weights()])
    image = np.zeros([1, 2 * middle * stride + 1, 2 * middle * stride + 1, 3], np.float32)
    image[:, middle * stride, middle * stride] = 100
    for endpoint in trunk(image).values():
        answer = endpoint.numpy()[0, ..., 0]
        assert answer[middle, middle] == answer.max() > 100 * answer[0, 0]
        np.testing.assert_allclose(answer, answer[::-1, ::-1], rtol=1e-2)


def test_keras_weights_are_taken(tmp_path):
    stock = keras.applications.VGG16(include_top=False, weights=None)
    stock.save_weights(tmp_path / "vgg.weights.h5")
    trunk = build_backbone(BackboneConfig("vgg16", 8, str(tmp_path / "vgg.weights.h5")))
    for layer in stock.layers:
        for ours, theirs in zip(trunk.get_layer(layer.name).get_weights() if layer.weights else (),
                                layer.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert len(trunk.weights) == len(stock.weights) == len(trunk.trainable_weights) == 26


@pytest.fixture(scope="module")
def with_top(tmp_path_factory):
    """Keras's own net with its fully connected layers, biases in use, and its file."""
    stock, rng = keras.applications.VGG16(weights=None), np.random.default_rng(0)
    for name in ("fc1", "fc2"):
        layer = stock.get_layer(name)
        layer.bias.assign(rng.normal(size=layer.bias.shape))
    path = tmp_path_factory.mktemp("vgg") / "top.weights.h5"
    stock.save_weights(path)
    yield stock, path
    path.unlink()  # 550 MB


def test_thinned_layers_equal_loops():
    rng = np.random.default_rng(0)
    fc1 = [rng.normal(size=[7 * 7 * 3, 8]), rng.normal(size=8)]
    fc2 = [rng.normal(size=[8, 12]), rng.normal(size=12)]
    (kernel6, bias6), (kernel7, bias7) = vgg.thinned(fc1, fc2).values()
    assert kernel6.shape == (3, 3, 3, 2) and kernel7.shape == (1, 1, 2, 3)
    for row, column, depth, unit in np.ndindex(kernel6.shape):
        place = (3 * row * 7 + 3 * column) * 3 + depth  # in the flattened map, channels last
        assert kernel6[row, column, depth, unit] == fc1[0][place, 4 * unit]
    for before, after in np.ndindex(2, 3):
        assert kernel7[0, 0, before, after] == fc2[0][4 * before, 4 * after]
    assert bias6.tolist() == [fc1[1][0], fc1[1][4]] and bias7.tolist() == [fc2[1][0], fc2[1][4], fc2[1][8]]


def test_a_file_with_top_gives_the_backbone_and_thinned_layers(with_top, tmp_path):
    """The second way, by a file of the reduced net, gives the same."""
    stock, path = with_top
    net = vgg.build_reduced(str(path))
    expected = vgg.thinned(stock.get_layer("fc1").get_weights(), stock.get_layer("fc2").get_weights())
    origin = Provenance(vgg.REDUCED, vgg.REDUCED, "caffe_bgr", "image labels", "0" * 64)
    save_weights(net, reduced := tmp_path / "reduced.weights.h5", origin)
    for source in (path, reduced):
        layers = vgg.fc_layers(str(source))
        assert layers.keys() == {"fc6", "fc7"}
        for name, arrays in layers.items():
            for ours, theirs in zip(arrays, expected[name], strict=True):
                np.testing.assert_array_equal(ours, theirs)
        trunk = vgg.build(8, str(source))
        for layer in trunk.layers:
            for ours, theirs in zip(layer.get_weights(), stock.get_layer(layer.name).get_weights() if layer.weights else ()):
                np.testing.assert_array_equal(ours, theirs)
    assert len(trunk.weights) == 26


def test_keras_own_download_has_the_top_where_it_is_needed(with_top, monkeypatch):
    """The download of 550 MB is asked for by the thinned layers alone."""
    stock, asked, real = with_top[0], [], keras.applications.VGG16

    def application(include_top=True, weights="imagenet"):
        if weights is None:
            return real(include_top=include_top, weights=None)
        asked.append(include_top)
        return stock if include_top else real(include_top=False, weights=None)

    monkeypatch.setattr(keras.applications, "VGG16", application)
    kernel, bias = vgg.fc_layers("imagenet")["fc7"]
    np.testing.assert_array_equal(bias, stock.get_layer("fc2").bias[::4])
    assert asked == [True]
    vgg.build(8, "imagenet")
    assert asked == [True, False]


def test_a_file_without_top_has_no_fully_connected_layers(tmp_path):
    stock = keras.applications.VGG16(include_top=False, weights=None)
    stock.save_weights(tmp_path / "plain.weights.h5")
    origin = Provenance("vgg16", "vgg16", "caffe_bgr", "image labels", "0" * 64)
    save_weights(vgg.build(8, "none"), tmp_path / "converted.weights.h5", origin)
    for name in ("plain", "converted"):
        with pytest.raises(InputError, match=f"{name}.weights.h5: expected fully connected layers too.*fetch vgg16_reduced.*"
                                             "--seg_fc_start=random"):
            vgg.fc_layers(str(tmp_path / f"{name}.weights.h5"))
    with pytest.raises(InputError, match="weights for the net vgg16 .*expected some for vgg16_reduced"):
        vgg.build_reduced(str(tmp_path / "converted.weights.h5"))
    with pytest.raises(InputError, match="nowhere.h5: no such weights file"):
        vgg.fc_layers(str(tmp_path / "nowhere.h5"))


def test_other_strides_are_refused():
    with pytest.raises(InputError, match="expected 8, 16 or 32 for vgg16"):
        vgg.build(64, "none")


def test_pool_equals_pytorch(golden):
    """Zeros around the photo never win over features that are not negative."""
    recorded = golden("interpolate")
    features = keras.Input([None, None, 3])
    pool = keras.Model(features, vgg.padded_pool(features, 2, "pool"))
    result = pool(np.maximum(recorded["x"], 0).transpose(0, 2, 3, 1)).numpy().transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(result, np.maximum(recorded["maxpool_k3s2p1"], 0))
