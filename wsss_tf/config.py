"""Settings: frozen dataclasses whose fields are absl flags.

A settings class stands next to the code that owns it. Scripts turn its fields
into flags and the flags back into an instance; library code never reads FLAGS.
"""

import dataclasses
import math
import os
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from wsss_tf.errors import InputError

T = TypeVar("T")


def setting(default: Any, text: str, choices: tuple[str, ...] = (), low: float | None = None) -> Any:
    """A dataclass field that is also a flag: default, help text, allowed values or the lowest number.

    A list with a lowest number may not be empty. Defaults are forever: finished
    stages are known by what differs from them, so a setting that needs another
    default needs another name.
    """
    return dataclasses.field(default=default, metadata={"help": text, "choices": choices, "low": low})


def define_flags(cls: type, values: flags.FlagValues, prefix: str = "") -> None:
    """Defines one absl flag per field of a settings class, named prefix + field."""
    for field in dataclasses.fields(cls):
        name, text, choices = prefix + field.name, field.metadata["help"], field.metadata["choices"]
        default, low = field.default, field.metadata["low"]
        if choices:
            flags.DEFINE_enum(name, default, list(choices), text, values)
        elif isinstance(default, bool):
            flags.DEFINE_bool(name, default, text, values)
        elif isinstance(default, int):
            flags.DEFINE_integer(name, default, text, lower_bound=low, flag_values=values)
        elif isinstance(default, float):
            flags.DEFINE_float(name, default, text, lower_bound=low, flag_values=values)
        elif isinstance(default, tuple):
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
        settings[field.name] = value
    return cls(**settings)


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

    WSSS_SHARED, the folder of the measured benchmark data, defaults to
    ../shared beside the working folder.

    Raises:
      InputError: a variable in it is not set.
    """
    variables = {"WSSS_SHARED": "../shared", **os.environ}
    expanded = os.path.expanduser(text)
    for name, value in variables.items():
        expanded = expanded.replace("${" + name + "}", value)
    if "${" in expanded:
        name = expanded.split("${")[1].split("}")[0]
        raise InputError(f"{text}: the environment variable {name} is not set: export {name}=FOLDER and run again")
    return Path(expanded)
