"""wsss flags: the flags of a system."""

from wsss_tf.commands.listing import markdown
from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.errors import InputError
from wsss_tf.systems.catalogue import SYSTEMS, find_system

USAGE = """wsss flags SYSTEM

Prints every flag of a system, by owner, with default, range and meaning, as Markdown."""


def main(parsed: Parsed) -> None:
    """Prints the table."""
    if len(parsed.words) != 1:
        raise InputError(f"expected the name of one system, found {len(parsed.words)}: one of {', '.join(SYSTEMS)}")
    print(markdown(find_system(parsed.words[0])))


COMMAND = Command("flags", USAGE, main, experiment=False, words=True)
