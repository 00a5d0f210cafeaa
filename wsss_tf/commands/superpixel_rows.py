"""The rows of a comparison of superpixels: made, scored, and told apart by method and parameter."""

from collections.abc import Sequence

from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.figures.superpixel_curves import superpixel_scores_of
from wsss_tf.figures.superpixel_table import Row
from wsss_tf.superpixels.settings import parameter, uses_features


def measure(experiments: Sequence[Experiment]) -> list[Row]:
    """Makes and scores the superpixels of every experiment; what is up to date is skipped.

    Raises:
      InputError: two experiments have one name, or a stage's own.
    """
    names = [experiment.run.experiment for experiment in experiments]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--experiment={name}: {names.count(name)} of the rows bear this name: give each its own")
    return [_row(experiment) for experiment in experiments]


def _row(experiment: Experiment) -> Row:
    chain, config = experiment.chain, experiment.settings.superpixels
    for stage in chain.required("scores"):
        folder = chain.run(stage)
    net = f", {experiment.settings.features.net}" if uses_features(config) else ""
    return Row(experiment.run.experiment, config.method + net, parameter(config), chain.require("superpixels"),
               superpixel_scores_of(folder))
