"""The command `wsss`, and the same for each script: the first word says what to do."""

import importlib
import sys
from collections.abc import Sequence

from wsss_tf import __version__
from wsss_tf.commands.program import run_command

COMMANDS = {
    "run": "all stages of an experiment, of several seeds, or some of them",
    "predict": "masks of photos of your own by a trained net",
    "evaluate": "scores of any folder of masks, maps or superpixels",
    "compare": "finished runs side by side and beside the original numbers",
    "figures": "figures of the thesis from finished runs",
    "superpixels": "several ways to make superpixels, compared",
    "weights": "published weights: fetched, converted, proven",
    "doctor": "what is missing on this machine for an experiment",
    "data": "data sets: checked, generated, built from archives",
    "export": "a trained net as a SavedModel",
    "submit": "masks packed for VOC's evaluation server",
    "flags": "the flags of a system",
}


def main(words: Sequence[str] | None = None) -> None:
    """Runs the command that the first word names and ends the program."""
    name, *rest = list(sys.argv[1:] if words is None else words) or ["--help"]
    if name in ("--version", "version"):
        print(f"wsss_tf {__version__}")
        sys.exit(0)
    if name not in COMMANDS:
        known = "\n".join(f"  {command:12} {text}" for command, text in COMMANDS.items())
        print(f"usage: wsss COMMAND [--flagfile=FILE] [--NAME=VALUE ...]\n\n{known}\n\n`wsss COMMAND --help` lists its flags.",
              file=sys.stdout if "help" in name or name == "-h" else sys.stderr)
        sys.exit(0 if "help" in name or name == "-h" else 2)
    command = importlib.import_module(f"wsss_tf.commands.{name}").COMMAND
    sys.exit(run_command(command, rest))
