import io
import zipfile

import numpy as np
import pytest

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.files.cams import cam_path, normalise, read_cam, write_cam
from wsss_tf.files.store import write_npz

RNG = np.random.default_rng(0)
CLASSES = 4


def test_maps_come_back_as_rounded(tmp_path):
    keys, cam = np.int64([1, 4]), RNG.random([2, 9, 7], np.float32)
    write_cam(cam_path(tmp_path, "a"), keys, cam)
    found_keys, found = read_cam(tmp_path, "a", CLASSES, (9, 7))
    assert found_keys.dtype == np.int64 and found.dtype == np.float32
    np.testing.assert_array_equal(found_keys, keys)
    np.testing.assert_array_equal(found, cam.astype(np.float16))


def test_an_image_without_classes_has_no_maps(tmp_path):
    write_cam(cam_path(tmp_path, "a"), np.zeros([0], np.int64), np.zeros([0, 5, 6]))
    keys, cam = read_cam(tmp_path, "a", CLASSES)
    assert len(keys) == 0 and cam.shape == (0, 5, 6)


def maps(*numbers: float) -> np.ndarray:
    return np.float16(numbers).reshape(len(numbers), 1, 1) + np.zeros([1, 3, 3], np.float16)


@pytest.mark.parametrize("keys, cam, words", [
    ([5], maps(1), "keys from 1 to 4"), ([0], maps(1), "keys from 1 to 4"), ([256 + 1], maps(1), "keys from 1 to 4"),
    ([255], maps(1), "keys from 1 to 4"), ([-1], maps(1), "keys from 1 to 4"), ([2, 2], maps(1, 1), "each once"),
    ([1], maps(-0.5), "negative"), ([1], maps(np.nan), "NaN"), ([1], maps(np.inf), "infinity"), ([1, 2], maps(1), "keys .K."),
    ([1.0], maps(1), "keys: float64"), ([True], maps(1), "keys: bool"), ([1], maps(1).astype(int), "cam: int64"),
    ([1], maps(1).astype(complex), "cam: complex128"), ([[1]], maps(1), "keys: int64 of shape"), ([1], maps(1)[0], "cam: float16 of"),
    (list(range(1, 256)), maps(*[1] * 255), "keys: int64 of shape"), ([1], np.array(["x"]).reshape(1, 1, 1), "cam: <U1")])
def test_what_is_no_map_of_these_classes_is_refused(tmp_path, keys, cam, words):
    write_npz(cam_path(tmp_path, "a"), keys=np.array(keys), cam=cam)
    with pytest.raises(InputError, match=rf"a\.npz: expected .*{words}.*wsss run --until=cams. again"):
        read_cam(tmp_path, "a", CLASSES)


def test_maps_of_another_size_are_refused(tmp_path):
    write_cam(cam_path(tmp_path, "a"), np.int64([1]), maps(1))
    with pytest.raises(InputError, match=r"expected maps of 4x3 pixels .* found 3x3"):
        read_cam(tmp_path, "a", CLASSES, (3, 4))


def packed(path, shape: tuple[int, ...], content: bytes) -> None:
    """Maps whose header promises a shape."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f2", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cam.npy", header.getvalue() + content)
        keys = io.BytesIO()
        np.save(keys, np.int64([1]))
        archive.writestr("keys.npy", keys.getvalue())


@pytest.mark.parametrize("shape, size", [((1, 20000, 20000), 8 * 10**8), ((1, 2**31, 2**31), 100), ((1, -1, -9), 100)])
def test_maps_that_unfold_cost_no_memory(tmp_path, shape, size):
    """A file of 0.8 MB that holds 0.8 GB, 2.4 GB when read."""
    packed(cam_path(tmp_path, "a"), shape, bytes(size))
    ended = call_limited(read_cam, tmp_path, "a", CLASSES, mebibytes=64)
    assert "cam: float16 of shape" in ended.error and ended.mebibytes < 8 and ended.seconds < 1


def test_a_missing_artefact_names_the_script(tmp_path):
    with pytest.raises(InputError, match=r"a\.npz.*--until=cams"):
        read_cam(tmp_path, "a", CLASSES)


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
    with pytest.raises(InputError, match=r"a\.npz.*--until=cams") as error:
        read_cam(tmp_path, "a", CLASSES)
    assert "\n" not in str(error.value)


def test_normalise_gives_each_map_the_maximum_1():
    cam = RNG.random([3, 5, 7]).astype(np.float32) * np.float32([1, 20, 300])[:, None, None]
    maps = normalise(cam)
    np.testing.assert_allclose(maps.max(axis=(1, 2)), 1, atol=1e-4)
    for k in range(3):
        np.testing.assert_allclose(maps[k], cam[k] / (cam[k].max() + 1e-5), rtol=1e-6)


def test_normalise_leaves_an_empty_map_empty():
    np.testing.assert_array_equal(normalise(np.zeros([2, 4, 4], np.float32)), 0)
