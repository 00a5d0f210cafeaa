"""wsss evaluate: scores of any folder of predictions."""

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.evaluate.folder import EvaluationConfig, evaluate_folder
from wsss_tf.evaluate.table import text_table, write_scores

USAGE = """wsss evaluate --source=KIND --data=FOLDER --predictions=FOLDER [--NAME=VALUE ...]

Scores masks, seeds, objects, class activation maps or superpixels of any program against any data set.

  wsss evaluate --source=voc --data=VOC2012 --predictions=FOLDER --kind=masks --split=val"""


def main(parsed: Parsed) -> None:
    """Prints the scores of the folder."""
    if not parsed.config.predictions:
        raise InputError("--predictions: expected a folder to score, found none: name it (`wsss run --until=scores` scores what "
                         "an experiment has made)")
    scores = evaluate_folder(parsed.experiment.dataset, parsed.config)
    print(text_table(scores))
    if parsed.config.output:
        for path in write_scores(expand_path(parsed.config.output), scores):
            print(path)


COMMAND = Command("evaluate", USAGE, main, EvaluationConfig)
