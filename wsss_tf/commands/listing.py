"""Lists of flags: grouped by owner, with default, range and what they cite."""

import dataclasses
import textwrap
from typing import Any

from wsss_tf.config import groups
from wsss_tf.stages.settings import RunConfig
from wsss_tf.systems.contract import System

_WIDTH = 110


def owners(system: System) -> list[tuple[str, str, Any]]:
    """(title, prefix, settings) of every group of flags that a run of the system has."""
    own = [(_title(settings), prefix, settings) for prefix, settings in groups(system.settings()).values()]
    return [(_title(RunConfig()), "", RunConfig()), *own]


def flag_lines(prefix: str, settings: Any) -> list[tuple[str, str, str, str]]:
    """(flag, default, values allowed, help) of every flag of a group."""
    return [(f"--{prefix}{field.name}", _shown(getattr(settings, field.name)), _range(field), field.metadata["help"])
            for field in dataclasses.fields(settings)]


def help_text(system: System | None, own: type | None) -> str:
    """All flags as text: a command's own first, then those of the system, by owner."""
    parts = [(_title(own()), "", own())] if own else []
    if system:
        parts += owners(system)
    lines = [f"flags of --system={system.name}, {system.title}" if system else "flags"]
    for title, prefix, settings in parts:
        lines += ["", title]
        for name, default, allowed, text in flag_lines(prefix, settings):
            lines.append(f"  {name}={default}" + (f"  [{allowed}]" if allowed else ""))
            lines += textwrap.wrap(text, _WIDTH, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def markdown(system: System) -> str:
    """The same as a Markdown table for each owner."""
    lines = [f"# Flags of `--system={system.name}`: {system.title}"]
    for title, prefix, settings in owners(system):
        lines += ["", f"## {title}", "", "| flag | default | values | meaning |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(part.replace("|", "\\|") for part in (f"`{name}`", f"`{default}`", allowed, text)) + " |"
                  for name, default, allowed, text in flag_lines(prefix, settings)]
    return "\n".join(lines)


def _title(settings: Any) -> str:
    return (type(settings).__doc__ or type(settings).__name__).strip().splitlines()[0].rstrip(".")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_shown, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def _range(field: dataclasses.Field) -> str:
    told = field.metadata
    if told["choices"]:
        return ", ".join(told["choices"])
    words = [*told["words"], *(["none"] if told["kind"] else [])]
    least = [] if told["low"] is None else [f"at least {told['low']:g}"]
    return " or ".join([*least, *words])
