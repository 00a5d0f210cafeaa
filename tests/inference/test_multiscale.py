import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.inference import multiscale
from wsss_tf.nets import tiny
from wsss_tf.nets.backbone import Grid
from wsss_tf.ops import colour, resize

STRIDE = 8
GRID = Grid(STRIDE, corner=False)


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(0)


def photo(height: int, width: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(height).integers(0, 256, [height, width, 3]), tf.uint8)


def averages(image: tf.Tensor) -> tf.Tensor:
    """A dense function: the mean colour of each cell."""
    return tf.nn.avg_pool2d(image, STRIDE, STRIDE, "VALID")


def test_scale_1_is_the_net_upsampled():
    net = tiny.build(STRIDE, "none")
    image = photo(32, 48)
    expected = resize.bilinear(net(colour.centre(image)[None])["classify"], (32, 48))[0]
    result = multiscale.maps_at_scale(image, 1.0, GRID, lambda x: net(x)["classify"])
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale, small, padded", [(1.0, (37, 50), (40, 56)), (0.5, (19, 25), (24, 32)),
                                                  (1.5, (56, 75), (56, 80))])
def test_the_net_sees_the_rescaled_photo_and_mean_colour_beside_it(scale, small, padded):
    image, seen = photo(37, 50), []

    def dense(x):
        seen.append(x)
        return averages(x)

    assert multiscale.maps_at_scale(image, scale, GRID, dense).shape == (37, 50, 3)
    assert seen[0].shape == (1, *padded, 3)
    inside = seen[0][0, : small[0], : small[1]]
    np.testing.assert_allclose(inside, resize.bilinear(colour.centre(image)[None], small)[0], atol=1e-4)
    outside = seen[0].numpy()
    outside[:, : small[0], : small[1]] = 0
    np.testing.assert_array_equal(outside, 0)


@pytest.mark.parametrize("scale, small", [(1.0, (37, 50)), (0.5, (19, 25)), (1.5, (56, 75))])
def test_in_one_step_the_photo_is_not_padded(scale, small):
    """Whole cells differ from it wherever the photo is not covered evenly."""
    image, seen = photo(37, 50), []

    def dense(x):
        seen.append(x)
        return tf.nn.avg_pool2d(x, STRIDE, STRIDE, "SAME")

    direct = multiscale.maps_at_scale(image, scale, GRID, dense, direct=True)
    assert seen[0].shape == (1, *small, 3)
    np.testing.assert_array_equal(direct, resize.bilinear(tf.nn.avg_pool2d(seen[0], STRIDE, STRIDE, "SAME"), (37, 50))[0])
    assert np.abs(direct - multiscale.maps_at_scale(image, scale, GRID, dense)).max() > 1
    for fuse in (multiscale.fuse_max, multiscale.fuse_sum):
        np.testing.assert_allclose(fuse(image, (scale,), False, GRID, dense, True), direct, atol=1e-4)


def test_both_upsamplings_agree_where_cells_cover_the_photo():
    image = photo(32, 48)
    np.testing.assert_array_equal(*(multiscale.maps_at_scale(image, 1.0, GRID, averages, way) for way in (False, True)))


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.0, 1.3])
@pytest.mark.parametrize("size", [(16, 16), (33, 41), (1, 90)])
def test_a_constant_stays_constant_whatever_the_padding(scale, size):
    def constant(x):
        return tf.broadcast_to([3.0, -2.0], [1, x.shape[1] // STRIDE, x.shape[2] // STRIDE, 2])

    maps = multiscale.maps_at_scale(photo(*size), scale, GRID, constant)
    np.testing.assert_allclose(maps, np.broadcast_to([3.0, -2.0], [*size, 2]), rtol=1e-6)


@pytest.mark.parametrize("height, width", [(40, 64), (37, 58), (33, 57)])
def test_cells_lie_where_their_pixels_are(height, width):
    """The mean colours of a smooth photo come back as the photo itself, away from the border."""
    rows, columns = np.mgrid[:height, :width]
    image = tf.constant(np.stack([4 * rows, 3 * columns, rows + columns], -1), tf.uint8)
    maps = multiscale.maps_at_scale(image, 1.0, GRID, averages)
    np.testing.assert_allclose(maps[4:28, 4:52], colour.centre(image)[4:28, 4:52], atol=1e-3)


def test_fuse_is_the_element_wise_maximum_or_sum():
    image = photo(30, 44)
    single = [multiscale.maps_at_scale(image, scale, GRID, averages) for scale in (0.5, 1.0)]
    single += [multiscale.maps_at_scale(image[:, ::-1], scale, GRID, averages)[:, ::-1] for scale in (0.5, 1.0)]
    for flip, count in ((False, 2), (True, 4)):
        fused = multiscale.fuse_max(image, (0.5, 1.0), flip, GRID, averages)
        np.testing.assert_array_equal(fused, np.max(single[:count], axis=0))
        summed = multiscale.fuse_sum(image, (0.5, 1.0), flip, GRID, averages)
        np.testing.assert_allclose(summed, np.sum(single[:count], axis=0), rtol=1e-5, atol=1e-3)


def test_with_flip_the_mirror_image_gives_mirrored_maps():
    image, net = photo(30, 44), tiny.build(STRIDE, "none")

    def fused(x, flip):
        return multiscale.fuse_max(x, (0.5, 1.0), flip, GRID, lambda y: net(y)["classify"]).numpy()

    np.testing.assert_allclose(fused(image[:, ::-1], True), fused(image, True)[:, ::-1], atol=1e-4)
    assert np.abs(fused(image[:, ::-1], False) - fused(image, False)[:, ::-1]).max() > 0.1


@pytest.mark.parametrize("size, padded", [(1, 1), (2, 9), (9, 9), (320, 321), (321, 321), (375, 377)])
def test_nets_with_cells_at_corners_see_a_multiple_of_the_stride_and_one(size, padded):
    seen = []

    def corners(x):
        seen.append(x.shape[1:3])
        return x[:, ::STRIDE, ::STRIDE]

    grid = Grid(STRIDE, corner=True)
    assert multiscale.maps_at_scale(photo(size, size), 1.0, grid, corners).shape == (size, size, 3)
    assert seen == [(padded, padded)]
    assert grid.padded(size) == padded
