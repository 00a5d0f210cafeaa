"""Trains a vision transformer without labels, by self-distillation (DINO), on any photos.

Usage: python scripts/train_dino.py --flagfile=flags/demo/dino.cfg
       python scripts/train_dino.py --dino_photos=FOLDER --experiment=NAME
"""

from wsss_tf.commands.program import run_script
from wsss_tf.experiment import Experiment
from wsss_tf.systems.dino.stages import open_dino_chain


def main(experiment: Experiment) -> None:
    """Checks the photos, trains, and prints where the weights are."""
    chain = open_dino_chain(experiment)
    for name in chain.required("dino"):
        folder = chain.run(name)
    print(folder)


if __name__ == "__main__":
    run_script(main)
