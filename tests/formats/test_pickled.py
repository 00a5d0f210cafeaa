"""Pickles that the base of all readers refuses, and those it reads."""

import io
import pickle
import struct
import sys

import pytest

from wsss_tf.formats.pickled import InertUnpickler

VALUES = {"a": [1, 2.5, None, True], "b": ("x", b"y", 2**70), "long": list(range(1000)), "twice": [["same"]] * 2}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_containers_are_read_with_every_protocol(protocol):
    values = {name: value for name, value in VALUES.items() if name != "b"} if protocol < 3 else VALUES  # bytes call a function
    assert InertUnpickler(io.BytesIO(pickle.dumps(values, protocol)), "utf-8").load() == values


def test_several_in_one_file_are_read_one_after_the_other():
    file = io.BytesIO(b"before" + pickle.dumps([1] * 9, 2) + pickle.dumps({"b": "c"}, 4) + b"after")
    file.seek(6)
    assert [InertUnpickler(file, "utf-8").load() for _ in range(2)] == [[1] * 9, {"b": "c"}]
    assert file.read() == b"after"


@pytest.mark.parametrize("put", [b"r" + struct.pack("<I", 2**31), b"r" + struct.pack("<I", 50), b"q\x77", b"p99999999999\n"])
@pytest.mark.parametrize("before", [b"", bytes(1000)])
def test_an_index_that_no_pickler_gives_is_refused_before_any_memory_is_asked_for(put, before):
    file = io.BytesIO(before + b"\x80\x02}" + put + b".")
    file.seek(len(before))
    with pytest.raises(pickle.UnpicklingError, match=r"memo index \d+ after 3 bytes"):
        InertUnpickler(file, "utf-8").load()


@pytest.mark.parametrize("value", [sys.exit, io.BytesIO, pickle.PickleError()])
def test_nothing_can_be_called(value):
    with pytest.raises(pickle.UnpicklingError, match="not admitted"):
        InertUnpickler(io.BytesIO(pickle.dumps(value)), "utf-8").load()
