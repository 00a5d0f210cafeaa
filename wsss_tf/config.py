"""Settings: frozen dataclasses whose fields are absl flags.

A settings class stands in the file `settings.py` of the room that owns it, which
imports no TensorFlow. Commands turn its fields into flags and the flags back
into an instance; library code never reads FLAGS.
"""

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from wsss_tf.errors import InputError

T = TypeVar("T")
NONE = "none"  # the word for a number that is not given
ALL = "all"  # the word for as many as the machine has


def setting(default: Any, text: str, choices: tuple[str, ...] = (), low: float | None = None, kind: type | None = None,
            words: tuple[str, ...] = (), file: bool = False, counts: bool = True) -> Any:
    """A dataclass field that is also a flag.

    Args:
      default: its type is the flag's. Defaults are forever: finished stages are
        known by what differs from them, so a setting that needs another default
        needs another name. (A system may start from other values.)
      text: the help; it cites the equation or section.
      choices: the only texts allowed.
      low: the lowest number allowed. A list with a lowest number may not be empty.
      kind: type of a number that need not be given: None, which a user writes as "none".
      words: texts allowed in place of a whole number.
      file: the text may name a file, whose content counts and not its path.
      counts: False for what changes no result beyond rounding; such a setting
        outdates nothing.
    """
    metadata = {"help": text, "choices": choices, "low": low, "kind": kind, "words": words, "file": file, "counts": counts}
    return dataclasses.field(default=default, metadata=metadata)


def group(prefix: str, settings: Any) -> Any:
    """A field of a system's settings: an instance of a settings class with the system's values, and the prefix of its flags."""
    return dataclasses.field(default=settings, metadata={"prefix": prefix})


def groups(settings: Any) -> dict[str, tuple[str, Any]]:
    """Field -> (prefix of the flags, settings) of an instance of a system's settings."""
    return {field.name: (field.metadata["prefix"], getattr(settings, field.name)) for field in dataclasses.fields(settings)}


def define_flags(settings: Any, values: flags.FlagValues, prefix: str = "") -> None:
    """Defines one absl flag per field of a settings class, named prefix + field.

    Args:
      settings: the class, or an instance whose values are the defaults.
      values: receives the flags.
      prefix: of their names.
    """
    defaults = settings() if isinstance(settings, type) else settings
    for field in dataclasses.fields(defaults):
        name, told, default = prefix + field.name, field.metadata, getattr(defaults, field.name)
        text, low, kind = told["help"], told["low"], told["kind"] or (int if told["words"] else type(field.default))
        if told["choices"]:
            flags.DEFINE_enum(name, default, list(told["choices"]), text, values)
        elif told["words"] or told["kind"]:
            parser = _NumberOrWord(kind, low, told["words"] + (NONE,) * bool(told["kind"]))
            flags.DEFINE(parser, name, NONE if default is None else default, text, values, flags.ArgumentSerializer())
        elif kind is bool:
            flags.DEFINE_bool(name, default, text, values)
        elif kind is int:
            flags.DEFINE_integer(name, default, text, lower_bound=low, flag_values=values)
        elif kind is float:
            flags.DEFINE_float(name, default, text, lower_bound=low, flag_values=values)
        elif kind is tuple:
            flags.DEFINE_list(name, [str(item) for item in default], text, values)
        else:
            flags.DEFINE_string(name, default, text, values)


def read_flags(cls: type[T], values: flags.FlagValues, prefix: str = "") -> T:
    """The instance of a settings class that the parsed flags describe.

    Raises:
      InputError: a list flag holds something that is not a number, or a number too low.
    """
    settings = {}
    for field in dataclasses.fields(cls):
        value = values[prefix + field.name].value
        if isinstance(field.default, tuple):
            value = _numbers(prefix + field.name, value, field)
        settings[field.name] = None if field.metadata["kind"] and value == NONE else value
    return cls(**settings)


class _NumberOrWord(flags.ArgumentParser):
    """A number that is high enough, or one of a few words."""

    def __init__(self, kind: type, low: float | None, words: tuple[str, ...]):
        self._kind, self._low, self._words = kind, low, words
        self.syntactic_help = f"a {'whole ' * (kind is int)}number or {' or '.join(words)}"

    def parse(self, argument: Any) -> Any:
        """The number, or the word as it is."""
        if argument in self._words:
            return argument
        try:
            number = self._kind(argument)
            if not math.isfinite(number) or (self._low is not None and number < self._low):
                raise ValueError
        except (ValueError, TypeError):
            least = "" if self._low is None else f" of at least {self._low}"
            raise ValueError(f"expected {self.syntactic_help}{least}, found {argument}") from None
        return number

    def flag_type(self) -> str:
        """For the help."""
        return self.syntactic_help


def _numbers(name: str, items: list[str], field: dataclasses.Field) -> tuple:
    number = int if all(isinstance(item, int) for item in field.default) else float
    try:
        numbers = tuple(number(item) for item in items)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("nan or inf")
    except ValueError:
        raise InputError(f"--{name}: expected numbers separated by commas, found {','.join(items)}") from None
    low = field.metadata["low"]
    if low is not None and min(numbers, default=-math.inf) < low:
        raise InputError(f"--{name}: expected numbers of at least {low}, found {','.join(items) or 'none'}: correct it")
    return numbers


def expand_path(text: str) -> Path:
    """A path with ~ and environment variables filled in.

    Raises:
      InputError: a variable in it is not set.
    """
    expanded = os.path.expanduser(text)
    for name, value in os.environ.items():
        expanded = expanded.replace("${" + name + "}", value)
    if "${" in expanded:
        name = expanded.split("${")[1].split("}")[0]
        raise InputError(f"{text}: the environment variable {name} is not set: export {name}=FOLDER and run again")
    return Path(expanded)
