import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.limited import call_limited
from wsss_tf.errors import InputError
from wsss_tf.files import json_artefact
from wsss_tf.files.json_artefact import parse, read_json, read_log

SCHEMA = {"classes": [str], "plain": {"miou": float, "iou": [(float, None)]}, "note?": str}
GOOD = {"classes": ["a"], "plain": {"miou": 0.5, "iou": [1, None]}, "more": [{}]}
REMEDY = "delete its folder and run scripts/evaluate.py again"


@pytest.mark.parametrize("value", [GOOD, GOOD | {"note": "x"}])
def test_what_fits_is_read(tmp_path, value):
    (tmp_path / "x.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "x.json", SCHEMA, REMEDY) == value


@pytest.mark.parametrize("content, words", [
    (b"", "Expecting value"), (b"{", "Expecting property name"), (b"\xff\xfe", "codec can't decode"), (b"[1]", "it: expected an "
     "object, found a list"), (b"{}", "it: expected an entry classes, found none"), (b"null", "it: expected an object, found null"),
    (json.dumps(GOOD | {"classes": "a"}).encode(), "classes: expected a list, found a text"),
    (json.dumps(GOOD | {"classes": ["a", 1]}).encode(), r"classes\[1\]: expected a text, found 1"),
    (json.dumps(GOOD | {"plain": {"miou": True, "iou": []}}).encode(), "plain.miou: expected a number, found True"),
    (json.dumps(GOOD | {"plain": {"miou": 1, "iou": ["x"]}}).encode(), r"plain.iou\[0\]: expected a number or null, found a text"),
    (json.dumps(GOOD | {"plain": None}).encode(), "plain: expected an object, found null"),
    (json.dumps(GOOD | {"note": 3}).encode(), "note: expected a text, found 3"),
    (json.dumps(GOOD | {"more": float("nan")}).encode(), "NaN instead of a number"),
    (json.dumps(GOOD | {"more": -float("inf")}).encode(), "-Infinity instead of a number"),
    (b'{"classes": [], "classes": []}', "occurs twice"), (b"[" * 10**6, "nested too deeply"), (b"1" * 5000, "digits")])
def test_what_does_not_fit_is_named_with_the_remedy(tmp_path, content, words):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.json: damaged \(.*{words}.*\): {REMEDY}$") as error:
        read_json(tmp_path / "x.json", SCHEMA, REMEDY)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_a_missing_file_may_have_a_remedy_of_its_own(tmp_path):
    with pytest.raises(InputError, match=f"x.json: no such file: {REMEDY}"):
        read_json(tmp_path / "x.json", SCHEMA, REMEDY)
    with pytest.raises(InputError, match="x.json: no such file: run it"):
        read_json(tmp_path / "x.json", SCHEMA, REMEDY, "run it")


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path}: damaged"):
        read_json(tmp_path, SCHEMA, REMEDY)


def test_a_giant_costs_no_memory(tmp_path):
    with open(tmp_path / "x.json", "wb") as file:
        file.truncate(2**33)
    ended = call_limited(read_json, tmp_path / "x.json", SCHEMA, REMEDY, mebibytes=64)
    assert "more than 67108864 bytes" in ended.error


def test_names_not_mentioned_may_have_a_schema():
    assert parse('{"a": 1, "b": 2}', {"a": int, str: int}) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="b: expected a whole number, found a text"):
        parse('{"a": 1, "b": "x"}', {"a": int, str: int})
    with pytest.raises(ValueError, match=r"b\.c: expected a text, found 1"):
        parse('{"b": {"c": 1}}', {str: {"c": str}})


@pytest.mark.parametrize("schema, value", [(object, None), (dict, {}), (list, [1, "a"]), ((str, [str]), ["a"]), ({}, {"x": 1}),
                                           (None, None), (float, 3), (bool, False), ([], [])])
def test_schemas_that_fit(schema, value):
    assert parse(json.dumps(value), schema) == value


@pytest.mark.parametrize("schema, value", [(int, True), (int, 1.0), (bool, 1), (float, "1"), ((int, str), 1.5), (None, 0), (dict, [])])
def test_schemas_that_do_not_fit(schema, value):
    with pytest.raises(ValueError, match="it: expected "):
        parse(json.dumps(value), schema)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON)
def test_any_json_is_read_or_named(value):
    assert parse(json.dumps(value), object) == value
    try:
        parse(json.dumps(value), SCHEMA)
    except ValueError as error:
        assert "expected" in str(error)


def test_a_log_without_its_torn_end(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": NaN}\n{"step": 2, "loss": Infinity}\n{"step": 3, "lo')
    assert [line["step"] for line in read_log(path)] == [1, 2]
    path.write_text('{"step": 1}\n{"step": 2}')  # whole but for its line feed
    assert [line["step"] for line in read_log(path)] == [1, 2]
    path.write_text("")
    assert read_log(path) == []


@pytest.mark.parametrize("line, words", [("{", "Expecting"), ("[]", "an object"), ('{"step": "2"}', "step: expected a whole"),
                                         ('{"loss": 1}', "entry step"), ("", "Expecting"), ("\0" * 9, "Expecting")])
def test_a_damaged_line_in_the_middle_is_named(tmp_path, line, words):
    (tmp_path / "log.jsonl").write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n')
    with pytest.raises(InputError, match=rf"log.jsonl: line 2: damaged \(.*{words}.*\): delete it, which"):
        read_log(tmp_path / "log.jsonl")


def test_the_limit_is_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(json_artefact, "MOST_BYTES", 10)
    (tmp_path / "x.json").write_text("1" * 11)
    with pytest.raises(InputError, match="more than 10 bytes"):
        read_json(tmp_path / "x.json", int, REMEDY)
