import ml_dtypes
import numpy as np
import pytest

from wsss_tf.formats.arrays import named, sound


def test_bfloat16_is_the_upper_half_of_float32():
    values = np.float32([0, 1, -2.5, 3e38, 1e-40])
    half = values.astype(ml_dtypes.bfloat16)
    found = sound("w", half)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32) & 0xFFFF, 0)
    np.testing.assert_array_equal((found.view(np.uint32) >> 16).astype(np.uint16), half.view(np.uint16))


@pytest.mark.parametrize("array", [np.float16([1, 2]), np.int64([3]), np.array([True]), np.zeros([0, 3])])
def test_sound_arrays_are_themselves(array):
    assert sound("w", array) is array


@pytest.mark.parametrize("array, words", [
    (np.complex64([1]), "found complex64"), (np.array(["x"]), "found <U1"), (np.array([None]), "found object"),
    (np.float16([1, np.inf]), "NaN or infinity"), (np.float64([np.nan]), "NaN or infinity"),
    (np.float32([1, np.nan]).astype(ml_dtypes.bfloat16), "NaN or infinity")])
def test_what_is_not_sound_is_named(array, words):
    with pytest.raises(ValueError, match=f"w: expected numbers, .*{words}"):
        sound("w", array)


def test_a_prefix_chooses_is_cut_off_and_must_fit():
    arrays = {"net.a": np.ones(1), "net.b": np.zeros(1), "other": np.array([np.nan])}
    assert list(named(arrays, "net.")) == ["a", "b"]
    with pytest.raises(ValueError, match=r"no array model\*"):
        named(arrays, "model")
