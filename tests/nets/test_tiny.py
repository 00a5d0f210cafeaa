import keras
import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.nets import tiny
from wsss_tf.nets.backbone import build_backbone
from wsss_tf.nets.settings import BackboneConfig

IMAGE = np.random.default_rng(0).uniform(-120, 120, [1, 192, 224, 3]).astype(np.float32)


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(0)


def features(net, image):
    return net(image)["segment"].numpy()


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_sizes(stride):
    net = build_backbone(BackboneConfig("tiny", stride, "none"))
    assert features(net, IMAGE).shape == (1, 192 // stride, 224 // stride, 48)
    np.testing.assert_array_equal(net(IMAGE)["classify"], net(IMAGE)["segment"])
    assert net.count_params() < 60_000


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_no_position_sees_beyond_its_receptive_field(stride):
    """A changed corner pixel changes the cells beside it and none elsewhere."""
    net = tiny.build(stride, "none")
    changed = IMAGE.copy()
    changed[0, 0, 0] *= -1
    difference = np.abs(features(net, changed) - features(net, IMAGE)).max(axis=(0, -1))
    assert difference[0, 0] > 1e-3
    near = 48 // stride + 1
    difference[:near, :near] = 0
    np.testing.assert_allclose(difference, 0, atol=1e-6)


@pytest.mark.parametrize("stride", [8, 16])
def test_a_shifted_photo_gives_shifted_features(stride):
    net = tiny.build(stride, "none")
    before, after = features(net, IMAGE), features(net, np.roll(IMAGE, stride, axis=2))
    np.testing.assert_allclose(after[:, :, 7:-4], before[:, :, 6:-5], atol=1e-4)


@pytest.mark.parametrize("stride, weights, words", [(4, "none", "expected 8, 16 or 32"), (64, "none", "expected 8, 16 or 32"),
                                                    (8, "imagenet", "no pretrained weights")])
def test_what_the_test_size_cannot_do(stride, weights, words):
    with pytest.raises(InputError, match=words):
        build_backbone(BackboneConfig("tiny", stride, weights))
