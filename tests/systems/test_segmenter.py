import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.files.store import voc_palette
from wsss_tf.nets import vgg
from wsss_tf.nets.heads import aspp, last_start
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import Provenance, save_weights
from wsss_tf.ops import resize
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.cam_baseline.method import CamBaseline
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.settings import SegmenterConfig

TRUNK = BackboneConfig("tiny", 8, "none")
CONFIG = SegmenterConfig(rates=(1, 2), head="aspp", init_std=0.3, scales=(1.0, 0.75, 0.5))
CLASSES = 3
RNG = np.random.default_rng(0)
BATCH = {
    "image": tf.constant(RNG.uniform(-120, 120, [2, 64, 64, 3]), tf.float32),
    "target": tf.constant(RNG.choice([0, 1, 2, 3, 255], [2, 64, 64]), tf.int32),
}


@pytest.fixture(scope="module")
def method():
    keras.utils.set_random_seed(0)
    return CamBaseline(TRUNK, CONFIG, CLASSES)


def test_one_net_sees_the_batch_at_every_scale(method):
    outputs = segmenter.logits_at_scales(method.net, BATCH["image"], CONFIG)
    assert [tuple(logits.shape) for logits in outputs] == [(2, 8, 8, 4), (2, 6, 6, 4), (2, 4, 4, 4)]
    np.testing.assert_array_equal(outputs[0], method.net(BATCH["image"], training=True)["logits"])
    small = resize.bilinear(BATCH["image"], (48, 48))
    np.testing.assert_allclose(outputs[1], method.net(small, training=True)["logits"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pixel", ["corner", "centre"])
def test_each_cell_takes_the_target_of_one_pixel(pixel):
    """Nearest resizing, no mixing of labels: the loss sees every 8th, then every 16th pixel."""
    seen = []

    def loss(logits, target):
        seen.append(target.numpy())
        return tf.fill([2], float(logits.shape[1]))

    total = segmenter.sum_over_scales([tf.zeros([2, 8, 8, 4]), tf.zeros([2, 4, 4, 4])], BATCH["target"], pixel, loss)
    np.testing.assert_array_equal(total, [12, 12])
    for target, step in zip(seen, (8, 16)):
        first = 0 if pixel == "corner" else step // 2
        np.testing.assert_array_equal(target, BATCH["target"][:, first::step, first::step])


def test_the_baseline_sums_cross_entropy_over_scales(method):
    expected = np.zeros(2)
    for logits in segmenter.logits_at_scales(method.net, BATCH["image"], CONFIG):
        logits, side = np.float64(logits), logits.shape[1]
        for b in range(2):
            pixels = []
            for y, x in np.ndindex(side, side):
                label = int(BATCH["target"][b, y * 64 // side, x * 64 // side])
                if label != 255:
                    z = logits[b, y, x]
                    pixels.append(np.log(np.exp(z).sum()) - z[label])
            expected[b] += np.mean(pixels)
    np.testing.assert_allclose(method.losses(BATCH)["loss"], expected, rtol=1e-5)


def test_preview_paints_the_strongest_label(method):
    preview = method.preview(BATCH)
    logits = resize.bilinear(method.net(BATCH["image"])["logits"], (64, 64)).numpy()
    np.testing.assert_array_equal(preview, voc_palette()[logits.argmax(-1)])


DEEPLAB = SegmenterConfig(head="aspp", scales=(1.0, 0.5, 0.75), resize="by_factor", fused_loss=True, target_pixel="centre",
                          average="batch")


@pytest.fixture(scope="module")
def deeplab(golden):
    """DeepLab's head on one strided convolution with the recorded weights: (arrays, its method as in deeplab-pytorch)."""
    recorded = golden("deeplab_aspp")
    image = keras.Input([None, None, 3])
    features = keras.layers.Conv2D(10, 8, strides=8, use_bias=False, name="base")(image)
    net = keras.Model(image, {"logits": aspp(features, (6, 12, 18, 24), 4, last_start("normal", 0.01))})
    net.get_layer("base").set_weights([recorded["w_base"].transpose(2, 3, 1, 0)])
    for branch, rate in enumerate((6, 12, 18, 24)):
        net.get_layer(f"fc8_rate{rate}").set_weights([recorded[f"w{branch}"].transpose(2, 3, 1, 0), recorded[f"b{branch}"]])
    method = CamBaseline(TRUNK, DEEPLAB, CLASSES)
    method.net = net
    return recorded, method


def test_multiscale_logits_equal_the_reference(deeplab):
    recorded, method = deeplab
    image = tf.constant(recorded["img"].transpose(0, 2, 3, 1))
    for compiled in (False, True):
        function = tf.function(segmenter.logits_at_scales) if compiled else segmenter.logits_at_scales
        outputs = function(method.net, image, DEEPLAB)
        for logits, key in zip(outputs, ("logits_100", "logits_050", "logits_075", "max"), strict=True):
            np.testing.assert_allclose(logits, recorded[f"msc_{key}"].transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(recorded["msc_eval"], recorded["msc_max"])
    by_size = segmenter.logits_at_scales(method.net, image, SegmenterConfig(scales=DEEPLAB.scales))
    assert len(by_size) == 3 and np.abs(by_size[2] - outputs[2]).max() > 0.01


def test_targets_are_those_of_pil(deeplab):
    """PIL adds up steps of in / out, and falls short of whole numbers if those are broken: elsewhere they agree."""
    recorded, _ = deeplab
    for key in ("100", "050", "075"):
        theirs = recorded[f"labels_{key}"]
        cells = theirs.shape[1]
        ours = resize.nearest_labels(tf.constant(recorded["labels"], tf.int32), (cells, cells), centre=True).numpy()
        clear = [i for i in range(cells) if 104 % cells == 0 or (2 * i + 1) * 104 % (2 * cells)]
        assert len(clear) >= 4
        np.testing.assert_array_equal(ours[:, clear][:, :, clear], theirs[:, clear][:, :, clear])


def test_the_loss_of_deeplab_equals_the_reference(deeplab, monkeypatch):
    """All four terms and their sum, with the recorded targets."""
    recorded, method = deeplab
    targets = {recorded[f"labels_{key}"].shape[1]: recorded[f"labels_{key}"] for key in ("100", "050", "075")}
    monkeypatch.setattr(resize, "nearest_labels", lambda labels, size, centre: tf.constant(targets[int(size[0])], tf.int32))
    image = tf.constant(recorded["img_sq"].transpose(0, 2, 3, 1))
    outputs = segmenter.logits_at_scales(method.net, image, DEEPLAB)
    for logits, key in zip(outputs, ("100", "050", "075", "max"), strict=True):
        loss = losses.label_loss(logits, tf.constant(targets[logits.shape[1]], tf.int32), losses.batch_mean)
        np.testing.assert_allclose(np.mean(loss), recorded[f"loss_{key}"], rtol=1e-5)
    total = method.losses({"image": image, "target": tf.constant(recorded["labels"], tf.int32)})["loss"]
    np.testing.assert_allclose(np.mean(total), recorded["loss_total"], rtol=1e-5)


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    """A file of VGG16 with thinned layers, all of them random, and what these are."""
    rng, net = np.random.default_rng(0), vgg.build_reduced("none")
    net.get_layer("fc6").bias.assign(rng.normal(size=1024))
    net.get_layer("fc7").bias.assign(rng.normal(size=1024))
    path = tmp_path_factory.mktemp("vgg") / "vgg16_reduced.weights.h5"
    save_weights(net, path, Provenance(vgg.REDUCED, vgg.REDUCED, "caffe_bgr", "image labels", "0" * 64))
    return path, {name: net.get_layer(name).get_weights() for name in ("fc6", "fc7")}


def test_every_branch_on_vgg_starts_from_its_fully_connected_layers(reduced):
    """Kernels and biases; the last layer is drawn, the same with either start."""
    path, layers = reduced
    nets = []
    for start in ("pretrained", "random"):
        keras.utils.set_random_seed(3)
        nets.append(build_segmenter(BackboneConfig("vgg16", 8, str(path)), SegmenterConfig(fc_start=start), CLASSES))
    for rate in (6, 12, 18, 24):
        for name, arrays in layers.items():
            ours, drawn = (net.get_layer(f"{name}_rate{rate}").get_weights() for net in nets)
            for left, right in zip(ours, arrays, strict=True):
                np.testing.assert_array_equal(left, right)
            assert abs(np.std(drawn[0]) - 0.01) < 1e-4 and not drawn[1].any()
        last, drawn = (net.get_layer(f"fc8_rate{rate}").get_weights() for net in nets)
        np.testing.assert_array_equal(last[0], drawn[0])
        assert abs(np.std(last[0]) - 0.01) < 1e-3 and not last[1].any()
    for layer in nets[0].layers:
        if layer.name.startswith("block"):
            np.testing.assert_array_equal(layer.get_weights()[0], nets[1].get_layer(layer.name).get_weights()[0])


def test_other_backbones_draw_them():
    """No file is looked for where none is, nor on another backbone or head."""
    for backbone in (BackboneConfig("vgg16", 8, "none"), TRUNK):
        keras.utils.set_random_seed(3)
        nets = [build_segmenter(backbone, SegmenterConfig(rates=(1,), channels=8), 3) for _ in range(2)]
        kernels = [net.get_layer("fc6_rate1").kernel for net in nets]
        assert 0.005 < np.std(kernels[0]) < 0.015 and np.any(kernels[0] != kernels[1])


def test_a_vgg_file_that_cannot_start_the_branches(reduced, tmp_path):
    save_weights(vgg.build(8, "none"), tmp_path / "vgg16.weights.h5", Provenance("vgg16", "vgg16", "caffe_bgr", "", "0" * 64))
    with pytest.raises(InputError, match="vgg16.weights.h5: expected fully connected layers too.*--seg_fc_start=random"):
        build_segmenter(BackboneConfig("vgg16", 8, str(tmp_path / "vgg16.weights.h5")), SegmenterConfig(), CLASSES)
    with pytest.raises(InputError, match="--seg_channels=128: expected 1024.*--seg_fc_start=random"):
        build_segmenter(BackboneConfig("vgg16", 8, str(reduced[0])), SegmenterConfig(channels=128), CLASSES)
