"""Which names mean the same."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss_tf.data.names import composed, is_text, match_names, near_match, photo_id, printable


def test_only_suffixes_of_photos_are_dropped():
    assert [photo_id(name) for name in ("a.jpg", "x/y.JPEG", "v1.5", "x/y", "a.jpg.png")] == ["a", "y", "v1.5", "x/y", "a.jpg"]


def test_near_match_puts_case_and_spaces_first():
    assert near_match("traffic Light", ["traffic lights", "trafficlight"]) == "trafficlight"
    assert near_match("dgo", ["cat", "dog"]) == "dog" and near_match("xyz", ["cat", "dog"]) == ""


@pytest.mark.parametrize("name, known", [
    ("a.jpg", "a"), ("images/a.PNG", "a"), ("images\\000120.jpg", "000120"), (r"C:\Users\me\000120.jpg", "000120"),
    ("a%20b.jpg", "a b"), ("M%C3%BCller.jpg", "Müller"), ("p1.webp", "p1"), ("scans/p1.TIF", "p1"),
    ("120", "000120"), ("120.jpg", "000120"), ("000120", "120"), ("A", "a"), ("photo 1", " photo 1 "), ("a.jpg", "a.jpg"),
    (unicodedata.normalize("NFD", "Müller"), "Müller"), (unicodedata.normalize("NFD", "강아지.png"), "강아지"),
])
def test_names_that_mean_an_id(name, known):
    assert match_names([name], [known, "other", "000121"]) == {name: known}


@pytest.mark.parametrize("names, known, expected", [
    (["a", "A"], ["a", "A"], {"a": "a", "A": "A"}),
    (["a", "A"], ["a"], {"a": "a"}),  # the exact id has claimed it
    (["A"], ["a", "a "], {}),  # it may be either
    (["A", "a "], ["a"], {}),  # either may be it
    (["a.jpg"], ["a.jpg", "a"], {"a.jpg": "a.jpg"}),  # a photo called a.jpg.png
    (["a.jpg", "a"], ["a"], {"a.jpg": "a", "a": "a"}),
    (["12"], ["012", "0012"], {}),
    (["012", "12"], ["012", "0012"], {"012": "012", "12": "0012"}),
    (["x/a", "../images/a"], ["a"], {}),
    (["１２"], ["012"], {}),
])
def test_the_exact_id_counts_first_and_guesses_only_where_one_is_possible(names, known, expected):
    assert match_names(names, known) == expected


@given(st.sets(st.text(min_size=1).map(composed), max_size=8))
def test_ids_mean_themselves(ids):
    assert match_names(ids, ids) == {name: name for name in ids}


def test_bytes_that_are_no_text_can_be_printed():
    name = os.fsdecode(b"caf\xe9.jpg")
    assert not is_text(name) and is_text("café.jpg") and printable(name) == "caf\\xe9.jpg" and printable("é") == "é"
