import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.files.store import voc_palette
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import resize
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.cam_baseline.method import CamBaseline
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
    outputs = segmenter.logits_at_scales(method.net, BATCH["image"], CONFIG.scales)
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
    for logits in segmenter.logits_at_scales(method.net, BATCH["image"], CONFIG.scales):
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


@pytest.fixture(scope="module")
def deeplab(golden):
    """DeepLab's head on one strided convolution, as it was recorded: (arrays, image NCHW -> logits NHWC)."""
    recorded = golden("deeplab_aspp")

    def net(image):
        x = tf.nn.conv2d(image, recorded["w_base"].transpose(2, 3, 1, 0), 8, "VALID")
        return tf.add_n([
            tf.nn.conv2d(x, recorded[f"w{branch}"].transpose(2, 3, 1, 0), 1, "SAME", dilations=rate)
            + recorded[f"b{branch}"] for branch, rate in enumerate((6, 12, 18, 24))])

    return recorded, net


def test_multiscale_logits_equal_the_reference(deeplab):
    recorded, net = deeplab
    image = recorded["img"].transpose(0, 2, 3, 1)
    scales = {"100": net(image)} | {
        key: net(resize.bilinear_by_factor(image, factor)) for key, factor in (("050", 0.5), ("075", 0.75))}
    fused = tf.reduce_max([resize.bilinear(logits, scales["100"].shape[1:3]) for logits in scales.values()], axis=0)
    for key, logits in scales.items():
        np.testing.assert_allclose(logits, recorded[f"msc_logits_{key}"].transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fused, recorded["msc_max"].transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("key, factor", [("100", 1.0), ("075", 0.75), ("050", 0.5)])
def test_label_loss_equals_the_reference(deeplab, key, factor):
    """The reference averages over all pixels of the batch, ours over each image first.

    Its labels come from PIL, which adds up steps of in / out and falls short of whole numbers if those are broken.
    """
    recorded, net = deeplab
    image, labels = recorded["img_sq"].transpose(0, 2, 3, 1), tf.constant(recorded["labels"], tf.int32)
    logits = net(resize.bilinear_by_factor(image, factor) if factor < 1 else image)
    seen = resize.nearest_labels(labels, logits.shape[1:3], centre=True)
    cells = seen.shape[1]
    clear = [i for i in range(cells) if 104 % cells == 0 or (2 * i + 1) * 104 % (2 * cells)]
    assert len(clear) >= 4
    theirs = recorded[f"labels_{key}"]
    np.testing.assert_array_equal(seen.numpy()[:, clear][:, :, clear], theirs[:, clear][:, :, clear])
    known = (theirs != 255).sum(axis=(1, 2))
    mean = (losses.label_loss(logits, tf.constant(theirs, tf.int32)).numpy() * known).sum() / known.sum()
    np.testing.assert_allclose(mean, recorded[f"loss_{key}"], rtol=1e-5)
