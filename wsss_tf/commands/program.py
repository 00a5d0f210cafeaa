"""What every command shares: flags in, work out, and errors of the user told in one line."""

import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from wsss_tf.errors import InputError, Stopped
from wsss_tf.quiet import silence_tensorflow


@dataclasses.dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
      name: what the user types after `wsss`.
      usage: its help, before the flags.
      main: (Parsed) -> exit code or None.
      own: class of its own settings.
      experiment: it takes the flags of an experiment.
      words: it takes words beside the flags.
    """

    name: str
    usage: str
    main: Callable[[Any], int | None]
    own: type | None = None
    experiment: bool = True
    words: bool = False


def run_command(command: Command, words: Sequence[str]) -> int:
    """Runs a command and returns its exit code: 0, or 2 after an error of the user, which is printed in one line."""
    silence_tensorflow()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text; stderr does so by itself
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a GPU's memory is taken as needed
    try:
        return _run(command, list(words)) or 0
    except (InputError, OSError) as error:  # an OSError tells of the machine, and names its file too
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        print(f"\nstopped at {stopped}: the same command goes on from here")
        return 0
    except KeyboardInterrupt:
        sys.stdout.flush()
        print("\ninterrupted: the same command goes on from here", file=sys.stderr)
        return 130  # as shells report it


def _run(command: Command, words: list[str]) -> int | None:
    from wsss_tf.commands import listing, parsing

    if parsing.asks_for_help(words):
        words = parsing.expand([word for word in words if not parsing.asks_for_help([word])])
        system = parsing.system_of(words) if command.experiment else None
        print(f"{command.usage}\n\n{listing.help_text(system, command.own)}")
        return 0
    parsed = parsing.parse(words, command.own, command.experiment)
    if parsed.words and not command.words:
        raise InputError(f"{parsed.words[0]}: expected flags only: write --flagfile=FILE or --NAME=VALUE")
    return command.main(parsed)


def prepare(experiment) -> None:
    """Joins the devices and workers that an experiment names; before TensorFlow computes anything.

    Raises:
      InputError: they are not there, or --reuse names an experiment that is not.
    """
    from wsss_tf.parallel.pool import require_workers
    from wsss_tf.stages.settings import Machine

    machine = experiment.run
    if (machine.replicas, machine.deterministic) != (Machine().replicas, Machine().deterministic) or "TF_CONFIG" in os.environ:
        from wsss_tf.train.replicas import prepare_devices

        prepare_devices(machine.replicas, machine.deterministic)
    require_workers(machine)
