"""The machine that reads pickles: what data need and nothing else, whatever the stream says."""

import io
import pickle
import struct
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.limited import call_limited
from wsss_tf.formats import pickles
from wsss_tf.formats.pickles import Refused

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.text() | st.binary() | st.integers(-2**62, 2**62)
DATA = st.recursive(ATOMS, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner))


def loaded(data: bytes, names=None, persistent=None):
    return pickles.load(io.BytesIO(data), names or {}, persistent)


@given(DATA, st.sampled_from([2, 3, 4, 5]))
def test_data_are_what_python_reads(value, protocol):
    names = {("_codecs", "encode"): lambda text, encoding: text.encode(encoding), ("builtins", "bytes"): bytes,
             ("__builtin__", "bytes"): bytes}  # how protocol 2 writes bytes
    assert loaded(pickle.dumps(value, protocol), names) == value


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_containers_that_are_shared_stay_shared(protocol):
    inner = [1, 2.5, "x", None, True]
    one, other = loaded(pickle.dumps([inner, (inner, {"k": inner})], protocol))
    assert one is other[0] is other[1]["k"] and one == inner


def test_pickles_follow_one_another():
    stream = io.BytesIO(pickle.dumps([1]) + pickle.dumps({"a": 2}) + b"rest")
    assert (pickles.load(stream, {}), pickles.load(stream, {}), stream.read()) == ([1], {"a": 2}, b"rest")


def test_what_a_reader_names_is_called_and_given_its_state():
    made = OrderedDict(a=1)
    made.note = "attributes are left out"
    read = loaded(pickle.dumps(made), {("collections", "OrderedDict"): pickles.dictionary})
    assert read == {"a": 1} and type(read) is dict


@pytest.mark.parametrize("data, words", [
    (pickle.dumps({1, 2}), "EMPTY_SET"), (pickle.dumps(frozenset([1])), "FROZENSET"), (pickle.dumps({(1,): 2}), "as keys"),
    (pickle.dumps({None: 2}), "as keys"), (pickle.dumps({2**70: 2}), "as keys"), (pickle.dumps(io.BytesIO), "_io.BytesIO"),
    (pickle.dumps(OrderedDict()), "collections.OrderedDict"), (b"(ios\nsystem\n.", "INST"), (b"(cos\nsystem\no.", "os.system"),
    (b"\x80\x02)\x81.", "NEWOBJ"), (b"NQ.", "a persistent id"), (b"N)R.", "no function"), (b"N}b.", "a state for NoneType"),
    (b"]N]u.", "KeyError|IndexError|pop"), (b"N(Ne.", "no list"), (b"N(NNu.", "no dictionary"), (b"NN\x93.", "no text"),
    (b"}(Nu.", "shorter|longer")])
def test_what_data_do_not_need_is_refused(data, words):
    with pytest.raises((Refused, IndexError, ValueError), match=words):
        loaded(data)


def deep_key(depth: int, twice: bool) -> bytes:
    """{t: None} where t is a tuple of a tuple of ...; with `twice` each holds the one before two times."""
    return b"\x80\x02}N" + (b"2\x86" if twice else b"\x85") * depth + b"Ns."


@pytest.mark.parametrize("twice", [False, True])
def test_a_key_costs_neither_the_process_nor_its_time(twice):
    """Python's reader overflows the stack over the first, and would take the age of the world over the second."""
    ended = call_limited(pickles.load, io.BytesIO(deep_key(100 if twice else 10**6, twice)), {})
    assert ended.error == "Refused: expected texts or numbers as keys, found tuple"


def test_a_memo_index_costs_no_memory():
    """Python's reader makes a memo of that length: 16 GB."""
    ended = call_limited(pickles.load, io.BytesIO(b"\x80\x02Nr" + struct.pack("<I", 2**31 - 1) + b"."), {}, mebibytes=64)
    assert not ended.error and ended.mebibytes < 8


def test_one_text_cannot_be_given_to_calls_again_and_again():
    encode = {("_codecs", "encode"): str.encode}
    text = b"X" + struct.pack("<I", 10**6) + b"x" * 10**6
    one = b"c_codecs\nencode\n(" + text + b"q\x00tR"
    again = b"c_codecs\nencode\n(h\x00tR"
    assert loaded(b"\x80\x02" + one + b".", encode) == b"x" * 10**6
    with pytest.raises(Refused, match="more than the file holds"):
        loaded(b"\x80\x02(" + one + 5000 * again + b"l.", encode)


def test_instructions_have_an_end(monkeypatch):
    monkeypatch.setattr(pickles, "MOST_STEPS", 1000)
    assert len(loaded(b"(" + b"N" * 998 + b"l.")) == 998
    with pytest.raises(Refused, match="more than 1000 instructions"):
        loaded(b"(" + b"N" * 1000 + b"l.")
