"""From the words of a command line to an experiment: first the system, then the flags that this system has."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from absl import flags

from wsss_tf.commands.flagfiles import expand
from wsss_tf.config import define_flags, groups, read_flags
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment, check
from wsss_tf.stages.settings import RunConfig
from wsss_tf.systems.catalogue import DEFAULT, SYSTEMS, find_system
from wsss_tf.systems.contract import System

_HELP = ("--help", "-h", "-?", "--helpfull", "--helpshort", "-help")


@dataclasses.dataclass(frozen=True)
class Parsed:
    """What a command line says.

    Attributes:
      experiment: by its flags, or None for a command without one.
      config: the command's own settings, or None.
      words: those that are no flags.
      given: the flags of the experiment that stood there, or in its flagfiles.
      typed: the words as the user typed them.
    """

    experiment: Experiment | None
    config: Any
    words: tuple[str, ...]
    given: tuple[str, ...]
    typed: tuple[str, ...] = ()


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether the line asks what can be said."""
    return any(word in _HELP for word in words)


def system_of(words: Sequence[str]) -> System:
    """The system that the last --system names.

    Raises:
      InputError: there is no such system.
    """
    named = [word.partition("=")[2] for word in words if word.startswith(("--system=", "-system="))]
    named += [after for word, after in zip(words, words[1:]) if word in ("--system", "-system")]
    return find_system(named[-1] if named else DEFAULT)


def parse(words: Sequence[str], own: type | None = None, experiment: bool = True) -> Parsed:
    """Reads a command line.

    Args:
      words: without the program's name.
      own: class of the command's own settings.
      experiment: whether it takes the flags of an experiment.

    Raises:
      InputError: a flag that does not exist, belongs to another system, or has a value that it cannot have.
    """
    typed, words = tuple(words), expand(words)
    values = flags.FlagValues()
    system = system_of(words) if experiment else None
    if system:
        _define(values, system)
    mine = frozenset(values)
    if own:
        define_flags(own, values)
    try:
        rest = values(["wsss", *words])[1:]
    except flags.UnrecognizedFlagError as error:
        raise InputError(_unrecognised(error, system)) from None
    except flags.Error as error:
        raise InputError(f"{' '.join(str(error).split())}: correct it") from None
    config = read_flags(own, values) if own else None
    given = tuple(values[name].serialize() for name in mine if values[name].present)
    found = check(read_experiment(values, system)) if system else None
    return Parsed(found, config, tuple(rest), given, typed)


def experiment_of(words: Sequence[str]) -> Experiment:
    """The experiment that flags alone describe.

    Raises:
      InputError: as `parse`, or there is a word that is no flag.
    """
    parsed = parse(words)
    if parsed.words:
        raise InputError(f"{parsed.words[0]}: expected flags only: write --flagfile=FILE or --NAME=VALUE")
    return parsed.experiment


def read_experiment(values: flags.FlagValues, system: System) -> Experiment:
    """The experiment that parsed flags describe."""
    defaults = groups(system.settings())
    settings = {name: read_flags(type(own), values, prefix) for name, (prefix, own) in defaults.items()}
    return Experiment(system, read_flags(RunConfig, values), system.settings(**settings))


def _define(values: flags.FlagValues, system: System) -> None:
    flags.DEFINE_string("system", system.name, "the system: " + "; ".join(
        f"{each.name}, {each.title}" for each in SYSTEMS.values()), values)
    define_flags(RunConfig, values)
    for prefix, settings in groups(system.settings()).values():
        define_flags(settings, values, prefix)


def _unrecognised(error: flags.UnrecognizedFlagError, system: System | None) -> str:
    name = error.flagname.partition("=")[0].lstrip("-")
    owners = [other for other in SYSTEMS.values() if name.removeprefix("no") in flag_names(other) or name in flag_names(other)]
    if system and owners:
        which = " and ".join(f"{other.name} ({other.title})" for other in owners)
        return (f"--{name}: --system={system.name} does not read it, it belongs to {which}: leave it out, or choose "
                f"--system={owners[0].name}")
    close = getattr(error, "suggestions", None) or flags._helpers.get_flag_suggestions(
        name, sorted(flag_names(system) | {field.name for field in dataclasses.fields(RunConfig)}) if system else [])
    hint = f", did you mean --{close[0]}?" if close else f": `wsss flags {system.name}` lists them all" if system else ""
    return f"--{name}: no such flag{hint}"


def flag_names(system: System) -> frozenset[str]:
    """The flags that a system has, without those of every run."""
    return frozenset(prefix + field.name for prefix, settings in groups(system.settings()).values()
                     for field in dataclasses.fields(settings))
