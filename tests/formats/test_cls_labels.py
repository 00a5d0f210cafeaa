import io
import os
import pickle
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsss_tf.data.labels import read_npy, read_tags
from wsss_tf.errors import InputError

NAMES = ("background", "bird", "boat", "cat")
VECTORS = {"2007_000032": np.float32([1, 0, 1]), "2007_000033": np.float32([0, 1, 0])}
TAGS = {"2007_000032": (1, 3), "2007_000033": (2,)}
# What Python 2 with numpy 1 wrote for {'2007_000032': float32 [1, 0, 1]}.
PYTHON2 = (b"\x80\x02}U\x0b2007_000032cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
           b"(K\x01(K\x03tcnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
           b"\x89U\x0c" + np.float32([1, 0, 1]).tobytes() + b"tbs.")


def npy_file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "cls_labels.npy"
    path.write_bytes(content)
    return path


def boxed(value: object) -> np.ndarray:
    array = np.empty((), object)
    array[()] = value
    return array


def numpy_file(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, boxed(value))
    return file.getvalue()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("form", [dict, boxed])
def test_npy_of_every_pickle_protocol(tmp_path, protocol, form):
    assert read_npy(npy_file(tmp_path, pickle.dumps(form(VECTORS), protocol)), NAMES) == TAGS


def test_npy_as_numpy_saves_it(tmp_path):
    assert read_tags(npy_file(tmp_path, numpy_file(VECTORS)), NAMES) == TAGS


@pytest.mark.parametrize("protocol", [2, 3])
def test_npy_of_numpy_1(tmp_path, protocol):
    content = pickle.dumps(boxed(VECTORS), protocol)
    assert content.count(b"numpy._core.multiarray\n") + content.count(b"numpy.core.multiarray\n") == 1
    for module in (b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"):
        changed = content.replace(b"numpy._core.multiarray\n", module)
        assert read_npy(npy_file(tmp_path, changed), NAMES) == TAGS


def test_npy_of_numpy_1_with_protocol_4(tmp_path):
    content = bytearray(pickle.dumps(VECTORS, 4))
    new, old = b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray"
    assert content[2:3] == b"\x95" and content.count(new) == 1
    struct.pack_into("<Q", content, 3, struct.unpack_from("<Q", content, 3)[0] - 1)  # the frame is a byte shorter
    assert read_npy(npy_file(tmp_path, bytes(content).replace(new, old)), NAMES) == TAGS


@pytest.mark.parametrize("dtype", [">f8", "<f2", "i1", ">i4", "u8", "?"])
def test_npy_of_other_numbers(tmp_path, dtype):
    content = pickle.dumps({image_id: vector.astype(dtype) for image_id, vector in VECTORS.items()})
    assert read_npy(npy_file(tmp_path, content), NAMES) == TAGS


def test_npy_of_python_2(tmp_path):
    assert read_npy(npy_file(tmp_path, PYTHON2), NAMES) == {"2007_000032": (1, 3)}


@pytest.mark.parametrize("integer", [int, np.int32, np.int64])
def test_npy_with_integer_ids(tmp_path, integer):
    labels = {integer(2007000032): np.float64([[0], [0], [1]]), integer(139): np.array([True, False, False])}
    assert read_npy(npy_file(tmp_path, pickle.dumps(labels)), NAMES) == {"2007_000032": (3,), "139": (1,)}


@pytest.mark.parametrize("value, words", [
    ({"a": np.float32([1, 0])}, "expected 3 numbers"),
    ({"a": np.float32([1, 0, 0.5])}, "0 or 1"),
    ({"a": np.float32([1, 0, np.nan])}, "0 or 1"),
    ({"a": np.zeros([3, 3])}, "vector"),
    ({"a": "101"}, "numbers"),
    ({"a": np.array(["x", "y", "z"])}, "dtype"),
    ({1.5: np.float32([1, 0, 0])}, "as keys, found float"),
    ({10**5000: np.float32([1, 0, 0])}, "as keys, found int"),
    ({-1: np.float32([1, 0, 0])}, "ids"),
    ({"a": np.zeros(255)}, "at most 254 numbers"),
    ({"a": [0] * 255}, "at most 254 numbers"),
    ({2007000032: np.float32([1, 0, 0]), "2007_000032": np.float32([0, 1, 0])}, "twice"),
    ([1, 2], "dict"),
    (np.zeros(3), "expected one dict"),
])
def test_npy_with_other_content(tmp_path, value, words):
    path = npy_file(tmp_path, pickle.dumps(value))
    with pytest.raises(InputError, match=words) as error:
        read_npy(path, NAMES)
    assert str(path) in str(error.value) and len(str(error.value)) < 600


def test_npy_of_plain_numbers(tmp_path):
    np.save(tmp_path / "cls_labels.npy", np.zeros([5, 3], np.float32))
    with pytest.raises(InputError, match="array of float32"):
        read_npy(tmp_path / "cls_labels.npy", NAMES)


class Call:
    """Unpickled, it calls a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("attack", ["system", "eval", "exec", "popen", "numpy"])
def test_hostile_npy_runs_nothing(tmp_path, attack, protocol):
    marker = tmp_path / "executed"
    payload = {
        "system": Call(os.system, f"touch {marker}"),
        "eval": Call(eval, f"open({str(marker)!r}, 'w').close()"),
        "exec": Call(exec, f"open({str(marker)!r}, 'w').close()"),
        "popen": Call(subprocess.check_call, ["touch", str(marker)]),
        "numpy": Call(np.savetxt, str(marker), [1.0]),
    }[attack]
    pickle.Unpickler(io.BytesIO(pickle.dumps(payload, protocol))).load()
    assert marker.exists(), "the attack itself must work, or this test proves nothing"
    marker.unlink()
    hidden = {**VECTORS, "2007_000039": payload}
    for content in (pickle.dumps(payload, protocol), pickle.dumps(hidden, protocol), numpy_file(hidden)):
        with pytest.raises(InputError, match="refused"):
            read_npy(npy_file(tmp_path, content), NAMES)
        assert not marker.exists()


@pytest.mark.parametrize("content, words", [
    (b"cnumpy\nload\n(S'/etc/passwd'\ntR.", "numpy.load"),
    (b"cnumpy._core.multiarray\nfromfile\n(S'/etc/passwd'\ntR.", "fromfile"),
    (b"cnumpy\nndarray\n.", "expected a dict"),
    (b"}S'a'\nc_codecs\nencode\n(S'x'\nS'zlib'\ntRs.", "encoding latin1, found another"),
    (b"cbuiltins\ngetattr\n(cnumpy\ndtype\nS'__init__'\ntR.", "getattr"),
    (b"Pos.system\n.", "PERSID"),
    (b"\x80\x02\x82\x01.", "EXT1"),
    (b"\x80\x02Nr\xff\xff\xff\x7f.", "expected a dict"),
    (b"\x80\x05\x96" + struct.pack("<Q", 2**60) + b".", "bytearray8"),
    (b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b".", "pop from empty list"),
    (b"\x93NUMPY\x03\x00" + b"\x10\x00\x00\x00" + b" " * 16, r"\(3, 0\)"),
    (b"\x93NUMPY\x01\x00\x40\x00" + b"__import__('os').system('true')".ljust(63) + b"\n", "malformed node"),
    (b"", "pickle exhausted"),
], ids=["load", "fromfile", "class", "codec", "getattr", "persistent", "extension", "memo", "bytearray", "frame",
        "npy3", "header", "empty"])
def test_hostile_streams_are_refused(tmp_path, content, words):
    with pytest.raises(InputError, match=f"refused .*{words}"):
        read_npy(npy_file(tmp_path, content), NAMES)


def test_truncated_npy_is_refused(tmp_path):
    content = numpy_file(VECTORS)
    for length in range(len(content)):
        with pytest.raises(InputError, match="refused"):
            read_npy(npy_file(tmp_path, content[:length]), NAMES)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([numpy_file(VECTORS), pickle.dumps(VECTORS, 2), PYTHON2]),
       st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_npy_is_read_or_refused(tmp_path, content, changes):
    content = bytearray(content)
    for position, value in changes:
        content[position % len(content)] = value
    try:
        tags = read_npy(npy_file(tmp_path, bytes(content)), NAMES)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(set(values) <= {1, 2, 3} for values in tags.values())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["<U11", ">U11", "S11", "<U20"])
def test_ids_from_an_array_of_names(tmp_path, protocol, kind):
    """A dict that was filled by dict(zip(names, labels)) has texts of numpy as keys."""
    content = pickle.dumps(dict(zip(np.array(list(VECTORS), kind), VECTORS.values())), protocol)
    assert read_npy(npy_file(tmp_path, content), NAMES) == TAGS


def test_ids_of_numpy_in_other_letters(tmp_path):
    content = pickle.dumps({np.str_("Müller 강아지"): np.float32([0, 1, 0])})
    assert read_npy(npy_file(tmp_path, content), NAMES) == {"Müller 강아지": (2,)}


@pytest.mark.parametrize("raw", [b"abc", b"\xff\xff\xff\xff", b""])
def test_damaged_ids_of_numpy(tmp_path, raw):
    content = pickle.dumps({np.str_("a"): np.float32([0, 1, 0])}, 5)
    assert content.count(b"C\x04a\0\0\0") == 1
    changed = content.replace(b"C\x04a\0\0\0", b"C" + bytes([len(raw)]) + raw)
    if raw:
        with pytest.raises(InputError, match="cls_labels.npy: refused"):
            read_npy(npy_file(tmp_path, changed), NAMES)
