import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.cams import cam_path, normalise, read_cam, write_cam
from wsss_tf.files.store import write_npz
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
    keys, cam = read_cam(tmp_path, "a")
    assert keys.tolist() == [1, 4]
    assert cam.shape == (2, 30, 44) and cam.dtype == np.float32
    np.testing.assert_array_equal(cam, maker(PHOTO)[..., [0, 3]].transpose(2, 0, 1).astype(np.float16))


def test_a_missing_artefact_names_the_script(tmp_path):
    with pytest.raises(InputError, match=r"a\.npz.*make_cams"):
        read_cam(tmp_path, "a")


def garbage(path, whole):
    path.write_bytes(b"no archive")


def truncated(path, whole):
    path.write_bytes(whole[: len(whole) // 2])


def flipped(path, whole):
    path.write_bytes(whole[:60] + bytes([whole[60] ^ 255]) + whole[61:])


def lacking(path, whole):
    write_npz(path, keys=np.array([1]))


def pickled(path, whole):
    np.savez(path, keys=np.array([{}], object), cam=np.zeros([1, 2, 2]))


@pytest.mark.parametrize("damage", [garbage, truncated, flipped, lacking, pickled])
def test_a_damaged_artefact_is_named_in_one_line(tmp_path, damage):
    path = cam_path(tmp_path, "a")
    write_npz(path, keys=np.array([1]), cam=RNG.random([1, 9, 9]).astype(np.float16))
    damage(path, path.read_bytes())
    with pytest.raises(InputError, match=r"a\.npz.*make_cams") as error:
        read_cam(tmp_path, "a")
    assert "\n" not in str(error.value)


def test_normalise_gives_each_map_the_maximum_1():
    cam = RNG.random([3, 5, 7]).astype(np.float32) * np.float32([1, 20, 300])[:, None, None]
    maps = normalise(cam)
    np.testing.assert_allclose(maps.max(axis=(1, 2)), 1, atol=1e-4)
    for k in range(3):
        np.testing.assert_allclose(maps[k], cam[k] / (cam[k].max() + 1e-5), rtol=1e-6)


def test_normalise_leaves_an_empty_map_empty():
    np.testing.assert_array_equal(normalise(np.zeros([2, 4, 4], np.float32)), 0)
