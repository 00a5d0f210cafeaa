"""Caffe's ResNet against the recorded reference of DeepLab v2, Keras's own net, and its contract."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.nets import resnet
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.heads import aspp, last_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import colour
from wsss_tf.systems.segmenter import logits_at_scales
from wsss_tf.systems.settings import SegmenterConfig

RATES = (6, 12, 18, 24)


def close(ours, recorded: np.ndarray) -> None:
    """The tolerance that comes with the recording."""
    ours = np.asarray(ours).transpose(0, 3, 1, 2)
    assert ours.shape == recorded.shape
    assert np.abs(ours - recorded).max() <= 1e-3 * np.abs(recorded).max()


def test_deeplab_equals_the_reference(golden, filled, converted):
    recorded = golden("deeplabv2_resnet101")
    weights = filled(recorded, seed=92, scale=0.7)
    trunk = converted("resnet101_coco", weights)
    net = keras.Model(trunk.input, {
        "stem": trunk.get_layer("pool1_pool").output,
        "layer3": trunk.get_layer("conv3_block4_out").output,
        "layer5": trunk.output["segment"],
        "logits": aspp(trunk.output["segment"], RATES, 21, last_start("normal", 0.01)),
    })
    for branch, rate in enumerate(RATES):
        kernel, bias = (weights[f"aspp.c{branch}.{part}"] for part in ("weight", "bias"))
        net.get_layer(f"fc8_rate{rate}").set_weights([kernel.transpose(2, 3, 1, 0), bias])
    image = recorded["x"].transpose(0, 2, 3, 1)[..., ::-1]
    outputs = net(image, training=False)
    close(outputs["stem"][..., ::8], recorded["layer1"])
    close(outputs["layer5"][..., ::64], recorded["layer5_sub"])
    close(outputs["logits"], recorded["logits_single"])
    for layer in ("layer3", "layer5"):
        means = outputs[layer].numpy().mean(axis=(1, 2))
        assert np.abs(means - recorded[f"{layer}_mean"]).max() <= 1e-3 * np.abs(recorded[f"{layer}_mean"]).max()
    scales = SegmenterConfig(scales=(1.0, 0.5, 0.75), resize="by_factor", fused_loss=True)
    close(logits_at_scales(net, tf.constant(image), scales)[-1], recorded["logits_msc"])


@pytest.mark.parametrize("stride, side, cells", [(8, 321, 41), (16, 321, 21), (8, 161, 21), (8, 320, 41), (32, 321, 11), (32, 353, 12)])
def test_sizes(stride, side, cells):
    """k + 1 cells for stride * k + 1 pixels; the pool rounds up, so one pixel less makes no difference."""
    shapes = resnet.build_50(stride, "none").compute_output_shape((2, side, side, 3))
    assert shapes == dict.fromkeys(("classify", "segment"), (2, cells, cells, 2048))


@pytest.mark.parametrize("depth, stock", [(50, keras.applications.ResNet50), (101, keras.applications.ResNet101)])
def test_keras_weights_give_keras_features(tmp_path, depth, stock):
    """Up to conv3, before the strides differ: biases and another epsilon are folded into the batch norms."""
    reference = stock(include_top=False, weights=None)
    rng = np.random.default_rng(0)
    for layer in reference.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([layer.get_weights()[0], rng.normal(size=layer.get_weights()[1].shape)])
    path = tmp_path / "stock.weights.h5"
    reference.save_weights(path)
    trunk = build_backbone(BackboneConfig(f"resnet{depth}", 8, str(path)))
    features = [keras.Model(net.inputs[0], net.get_layer("conv3_block4_out").output) for net in (trunk, reference)]
    image = rng.uniform(-120, 120, [1, 65, 65, 3]).astype(np.float32)  # odd: there both pools give the same size
    ours, theirs = features[0](image), features[1](colour.to_caffe(image))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max())


def test_stride_32_is_the_net_without_dilation():
    """Keras's own, which has Caffe's strides; at odd sides both pool alike."""
    keras.utils.set_random_seed(0)
    trunk, stock = resnet.build_50(32, "none"), keras.applications.ResNet50(include_top=False, weights=None)
    for layer in stock.layers:  # the biases are zero, and the statistics those of a start
        if isinstance(layer, keras.layers.Conv2D):
            trunk.get_layer(layer.name).set_weights(layer.get_weights()[:1])
    image = np.random.default_rng(0).uniform(-120, 120, [1, 129, 97, 3]).astype(np.float32)
    ours, theirs = trunk(image)["classify"].numpy(), stock(colour.to_caffe(image)).numpy()
    assert ours.shape == theirs.shape == (1, 5, 4, 2048)
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3 * np.abs(theirs).max())


def test_batch_norms_are_frozen():
    trunk = resnet.build_50(8, "none")
    assert {weight.path.split("/")[-1] for weight in trunk.trainable_weights} == {"kernel"}
    image = np.random.default_rng(0).uniform(-120, 120, [2, 65, 65, 3]).astype(np.float32)
    before = [weight.numpy() for weight in trunk.weights]
    np.testing.assert_array_equal(trunk(image, training=True)["segment"], trunk(image, training=False)["segment"])
    for weight, old in zip(trunk.weights, before):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_other_strides_are_refused():
    with pytest.raises(InputError, match="expected 8, 16 or 32 for resnet101"):
        resnet.build_101(4, "none")


@pytest.mark.parametrize("height, width", [(13, 17), (12, 17), (13, 16), (12, 16)])
def test_the_stem_pools_in_ceil_mode(golden, height, width):
    """PyTorch's sizes, ceil((n - 1) / 2) + 1, and each value the maximum of its window."""
    features = keras.Input([None, None, 3])
    pool = keras.Model(features, resnet.ceil_pool(features))
    x = np.maximum(golden("interpolate")["x"].transpose(0, 2, 3, 1), 0)[:, :height, :width]
    result = pool(x).numpy()
    assert result.shape[1:3] == tuple(int(np.ceil((side - 1) / 2)) + 1 for side in (height, width))
    for row, column in np.ndindex(result.shape[1:3]):
        window = x[:, max(2 * row - 1, 0) : 2 * row + 2, max(2 * column - 1, 0) : 2 * column + 2]
        expected = window.max(axis=(1, 2)) if window.size else 0
        np.testing.assert_array_equal(result[:, row, column], expected)
    if (height, width) == (13, 17):
        recorded = golden("interpolate")["maxpool_k3s2p1_ceil"]
        np.testing.assert_array_equal(result.transpose(0, 3, 1, 2), np.maximum(recorded, 0))
