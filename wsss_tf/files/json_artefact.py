"""JSON files read against a schema: one place, one message.

A schema is

  * `str`, `bool`, `int`, `float` (any finite number), `None`, `list`, `dict`, or `object` for anything;
  * a tuple of schemas, one of which must fit;
  * a list of one schema, for a list of such values;
  * a dictionary, for an object: name -> schema. A name that ends in "?" may be absent,
    further names may be there; the schema of `str` is that of all names not mentioned.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wsss_tf.errors import InputError, reason

MOST_BYTES = 64 << 20  # the log of a training of a week has 10
_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", None: "null", list: "a list",
          dict: "an object", object: "anything"}

Schema = Any
LOG = {"step": int}  # schema of a line of log.jsonl


def read_json(path: Path, schema: Schema, remedy: str, missing: str = "", finite: bool = True) -> Any:
    """The content of a JSON file.

    Args:
      path: the file.
      schema: what it must hold.
      remedy: what the user can do if it does not, such as "delete it and run the stage again".
      missing: what to do if there is no such file, if that is something else.
      finite: refuse NaN and infinity anywhere; where the schema says a number they never pass.

    Raises:
      InputError: missing, unreadable, no JSON, or not as the schema says.
    """
    text = _text(path, remedy, missing or remedy)
    try:
        return parse(text, schema, finite)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({reason(error)}): {remedy}") from error


def read_log(path: Path) -> list[dict]:
    """The lines of a log.jsonl, each with its step; a last line that a crash has cut off is left out.

    Further numbers may be NaN or infinite: a training may have diverged.

    Raises:
      InputError: missing, unreadable, or a line that is no object with a step.
    """
    remedy = "delete it, which loses the curve so far, and run the stage again"
    lines = _text(path, remedy, "run the stage that writes it").split("\n")
    read = []
    for number, line in enumerate(lines, 1):
        try:
            read.append(parse(line, LOG, finite=False))
        except ValueError as error:
            if number == len(lines):  # no line feed follows: cut off, or empty
                break
            raise InputError(f"{path}: line {number}: damaged ({reason(error)}): {remedy}") from error
    return read


def parse(text: str, schema: Schema, finite: bool = True) -> Any:
    """The value in a JSON text.

    Raises:
      ValueError: it is no JSON, nested too deeply, has a name twice in an object,
        has a NaN or infinity (with `finite`), or is not as the schema says.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refused if finite else None)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    for fault in _faults(value, schema, ""):
        raise ValueError(fault)
    return value


def _text(path: Path, remedy: str, missing: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: {missing}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: damaged ({reason(error)}): {remedy}") from error


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} instead of a number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name that occurs twice in an object")
    return made


def _faults(value: Any, schema: Schema, place: str) -> Iterator[str]:
    """What is wrong with a value, the first thing first."""
    if isinstance(schema, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, schema[0], f"{place}[{index}]")
    elif isinstance(schema, dict) and isinstance(value, dict):
        yield from _faults_of_object(value, schema, place)
    elif not _is(value, schema):
        found = value if isinstance(value, (bool, int, float, type(None))) else _words(type(value))
        yield f"{place or 'it'}: expected {_words(schema)}, found {'null' if found is None else found}"


def _faults_of_object(value: dict, schema: dict, place: str) -> Iterator[str]:
    for name, inner in schema.items():
        key = name.removesuffix("?") if name is not str else name
        if name is str:
            known = {other.removesuffix("?") for other in schema if other is not str}
            for other in value.keys() - known:
                yield from _faults(value[other], inner, f"{place}.{other}".lstrip("."))
        elif key in value:
            yield from _faults(value[key], inner, f"{place}.{key}".lstrip("."))
        elif key == name:
            yield f"{place or 'it'}: expected an entry {key}, found none"


def _is(value: Any, schema: Schema) -> bool:
    if isinstance(schema, tuple):
        return any(not list(_faults(value, each, "")) for each in schema)
    if schema is None or schema is object:
        return schema is object or value is None
    if schema is float:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(schema, type) and type(value) is schema


def _words(schema: Schema) -> str:
    if isinstance(schema, tuple):
        return " or ".join(map(_words, schema))
    return _WORDS[type(schema) if isinstance(schema, (list, dict)) else schema]
