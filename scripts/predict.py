"""Writes masks: of the evaluation images, without and with dense CRF, or of photos of your own.

Usage: python scripts/predict.py --flagfile=flags/demo/attention.cfg
       python scripts/predict.py --flagfile=flags/demo/attention.cfg --input=PHOTO_OR_FOLDER --output=FOLDER
"""

from absl import flags

from wsss_tf.commands.predict_photos import PredictPhotosConfig, predict_photos
from wsss_tf.commands.program import run_script
from wsss_tf.config import define_flags, read_flags
from wsss_tf.experiment import Experiment
from wsss_tf.stages.steps import open_chain

define_flags(PredictPhotosConfig, flags.FLAGS)


def main(experiment: Experiment) -> None:
    """Makes the stage, or predicts the photos."""
    chain, config = open_chain(experiment), read_flags(PredictPhotosConfig, flags.FLAGS)
    print(predict_photos(experiment, chain.require("segmenter"), config) if config.input else chain.run("masks"))


if __name__ == "__main__":
    run_script(main)
