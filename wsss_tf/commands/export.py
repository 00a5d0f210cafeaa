"""wsss export: a trained net as a SavedModel."""

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command, prepare

USAGE = """wsss export --flagfile=FILE [--NAME=VALUE ...]

Writes the trained net of an experiment as a SavedModel that takes image files and needs nothing but TensorFlow.

  wsss export --flagfile=flags/demo/saliency.cfg"""


def main(parsed: Parsed) -> None:
    """Makes the stage `export`."""
    chain = parsed.experiment.chain
    chain.stage("export")
    prepare(parsed.experiment)
    print(chain.run("export"))


COMMAND = Command("export", USAGE, main)
