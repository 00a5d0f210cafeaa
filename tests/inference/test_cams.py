import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.example import Example
from wsss_tf.files.cams import cam_path, read_cam, write_cam
from wsss_tf.inference import multiscale
from wsss_tf.inference.cams import CamMaker
from wsss_tf.inference.settings import CamConfig
from wsss_tf.nets.backbone import Grid
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems.dilated_classifier import build_classifier
from wsss_tf.systems.settings import ClassifierConfig

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, [30, 44, 3], np.uint8)
CLASSES = 4
GRID = Grid(8, corner=False)


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    return build_classifier(BackboneConfig("tiny", 8, "none"), ClassifierConfig(rates=(), channels=8, init_std=0.3),
                            CLASSES, dilated=False)


def test_maps_are_rectified_and_fused_over_scales(classifier):
    expected = multiscale.fuse_max(tf.constant(PHOTO), (0.5, 1.0), True, GRID,
                                   lambda x: tf.nn.relu(classifier(x, training=False)["cam"]))
    maps = CamMaker(classifier, GRID, CamConfig(scales=(0.5, 1.0), flip=True))(PHOTO)
    assert maps.shape == (30, 44, CLASSES) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() > 0
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fusion", ["max", "sum", "irn"])
def test_the_upsampling_that_is_asked_for(classifier, fusion):
    """The sum exactly as IRN forms it has its own."""
    whole, direct = (CamMaker(classifier, GRID, CamConfig((0.5, 1.0), fusion, upsampling=way))(PHOTO)
                     for way in ("cells", "direct"))
    assert (np.abs(whole - direct).max() > 0.01) == (fusion != "irn")
    if fusion == "max":
        expected = multiscale.fuse_max(tf.constant(PHOTO), (0.5, 1.0), False, GRID,
                                       lambda x: tf.nn.relu(classifier(x, training=False)["cam"]), True)
        np.testing.assert_allclose(direct, expected, rtol=1e-3, atol=1e-4)


def test_the_artefact_holds_the_present_classes(classifier, tmp_path):
    maker = CamMaker(classifier, GRID, CamConfig())
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    write_cam(cam_path(tmp_path, "a"), *maker.present(Example("a", tmp_path / "photo.png", tags=(1, 4))))
    keys, cam = read_cam(tmp_path, "a", CLASSES)
    assert keys.tolist() == [1, 4]
    assert cam.shape == (2, 30, 44) and cam.dtype == np.float32
    np.testing.assert_array_equal(cam, maker(PHOTO)[..., [0, 3]].transpose(2, 0, 1).astype(np.float16))
