"""Scores the masks of a run against ground truth (the stage scores), or any folder of predictions.

Usage: python scripts/evaluate.py --flagfile=flags/demo/attention.cfg
       python scripts/evaluate.py --source=voc --data=VOC2012 --predictions=FOLDER --kind=masks --split=val
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import define_flags, expand_path, read_flags
from wsss_tf.errors import InputError
from wsss_tf.evaluate.folder import EvaluationConfig, evaluate_folder
from wsss_tf.evaluate.table import text_table, write_scores
from wsss_tf.experiment import Experiment
from wsss_tf.stages.steps import open_chain

define_flags(EvaluationConfig, flags.FLAGS)


def main(experiment: Experiment) -> None:
    """Makes the stage, or prints the scores of the folder."""
    config = read_flags(EvaluationConfig, flags.FLAGS)
    if not config.predictions and config != EvaluationConfig():
        raise InputError("--predictions: expected a folder to score beside the other flags on scores, found none: name it, or "
                         "leave them out to make the stage scores")
    if not config.predictions:
        print(open_chain(experiment).run("scores"))
        return
    scores = evaluate_folder(experiment.dataset, config)
    print(text_table(scores))
    if config.output:
        for path in write_scores(expand_path(config.output), scores):
            print(path)


if __name__ == "__main__":
    run_script(main)
