"""What every benchmark shares: its own flags beside those of an experiment."""

import sys
from collections.abc import Callable

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command, prepare, run_command


def run_benchmark(main: Callable, own: type, usage: str) -> None:
    """Calls main(experiment, config) with what the command line says, and ends the program.

    Args:
      main: the benchmark.
      own: class of its own settings.
      usage: its help.
    """

    def measured(parsed: Parsed) -> None:
        prepare(parsed.experiment)
        main(parsed.experiment, parsed.config)

    sys.exit(run_command(Command("benchmark", usage, measured, own), sys.argv[1:]))
