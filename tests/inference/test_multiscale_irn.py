"""IRN's way of adding up class activation maps, against its recorded outputs."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.files.cams import normalise
from wsss_tf.inference import multiscale_irn
from wsss_tf.nets.backbone import Grid
from wsss_tf.ops import colour, resize

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, [37, 50, 3], np.uint8)
SCALES = (1.0, 0.5, 1.5, 2.0)


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("irn_make_cam")


@pytest.fixture(scope="module")
def outputs(recorded):
    """What the net gave at each scale, mirror images added: [h_s, w_s, 20]."""
    return [tf.constant(recorded[f"out{number}"].transpose(1, 2, 0)) for number in range(4)]


def present(maps: tf.Tensor, recorded: dict) -> np.ndarray:
    """Normalised maps of the present classes: [K, H, W]."""
    return normalise(maps.numpy().transpose(2, 0, 1)[recorded["valid_cat"]])


def test_sums_equal_the_reference(recorded, outputs):
    size = tuple(recorded["size"])
    high_res = present(multiscale_irn.high_res(outputs, size, 16), recorded)
    np.testing.assert_allclose(high_res, recorded["highres_cam"], rtol=1e-5, atol=1e-6)


def test_from_photo_to_sum_equals_the_reference(recorded, outputs):
    """A net that answers each size with what was recorded for it is asked for these sizes only, and is not padded."""
    sizes = {(37, 50): 0, (18, 25): 1, (56, 75): 2, (74, 100): 3}
    answers = {size: outputs[number][None] for size, number in sizes.items()}
    fused = multiscale_irn.fuse_irn(tf.constant(PHOTO), SCALES, False, Grid(16, True),
                                    lambda image: answers[tuple(image.shape[1:3])])
    np.testing.assert_allclose(present(fused, recorded), recorded["highres_cam"], rtol=1e-5, atol=1e-6)


def test_mirror_images_are_added_cell_by_cell():
    kernel = RNG.normal(size=[3, 3, 3, 2]).astype(np.float32)

    def dense(image):
        return tf.nn.relu(tf.nn.conv2d(image, kernel, 4, "SAME"))

    maps, = multiscale_irn.scale_maps(tf.constant(PHOTO), (1.5,), True, dense)
    small = multiscale_irn.rescaled(tf.constant(PHOTO), 1.5)
    photo, mirror = (dense(colour.centre(image)[None])[0] for image in (small, small[:, ::-1]))
    np.testing.assert_allclose(maps, photo + mirror[:, ::-1], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("scale, size", [(0.5, (18, 25)), (1.0, (37, 50)), (1.5, (56, 75)), (2.0, (74, 100))])
def test_photos_are_rescaled_as_pil_does(scale, size):
    """Halves are rounded to even, 18.5 to 18 and 55.5 to 56; small photos are smoothed."""
    rows, columns = np.mgrid[:37, :50]
    smooth = np.stack([6 * rows, 5 * columns, 120 + 100 * np.sin(rows * columns / 99)], -1).astype(np.uint8)
    for photo in (PHOTO, smooth):
        theirs = np.asarray(Image.fromarray(photo).resize(size[::-1], Image.Resampling.BICUBIC), int)
        result = multiscale_irn.rescaled(tf.constant(photo), scale)
        assert result.shape == (*size, 3) and result.dtype == tf.uint8
        assert np.abs(result.numpy().astype(int) - theirs).max() <= 1
        assert (result.numpy() != theirs).mean() < 0.005


def test_it_works_compiled_for_any_size():
    def dense(image):
        return tf.nn.avg_pool2d(tf.abs(image), 8, 8, "SAME")

    def fuse(image):
        return multiscale_irn.fuse_irn(image, (0.5, 1.0), True, Grid(8, False), dense)

    compiled = tf.function(fuse, input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
    for photo in (PHOTO, PHOTO[:5, :9], PHOTO[:1, :1]):
        assert compiled(photo).shape == photo.shape
        np.testing.assert_allclose(compiled(photo), fuse(tf.constant(photo)), rtol=1e-4, atol=1e-3)


def test_a_map_of_whole_cells_is_only_upsampled():
    maps = RNG.normal(size=[4, 6, 2]).astype(np.float32)
    expected = resize.bilinear(maps[None], (32, 48))[0]
    np.testing.assert_array_equal(multiscale_irn.high_res([maps], (32, 48), 8), expected)
    np.testing.assert_array_equal(multiscale_irn.high_res([maps, maps], (31, 41), 8), 2 * expected[:31, :41])
