"""Flags that every run has, whatever its system."""

import dataclasses

from wsss_tf.config import ALL, setting
from wsss_tf.parallel.pool import Workers


@dataclasses.dataclass(frozen=True)
class Machine(Workers):
    """Who does the work; none of it changes a result beyond rounding."""

    replicas: int | str = setting(1, "devices of this machine that share each training step (MirroredStrategy); all: every "
                                     "GPU. Where TF_CONFIG names several workers, all of theirs share it "
                                     "(MultiWorkerMirroredStrategy)", low=1, words=(ALL,))
    deterministic: bool = setting(False, "the same commands on the same machine train the same weights to the last bit; slower")


@dataclasses.dataclass(frozen=True)
class RunConfig(Machine):
    """What to run and where its artefacts go."""

    experiment: str = setting("experiment", "name of the run; its artefacts go to RUNS/EXPERIMENT/STAGE")
    runs: str = setting("runs", "folder of all runs; may contain ${VARIABLE}")
    reuse: str = setting("", "experiments, separated by commas, whose finished stages may be used where all "
                             "settings and inputs agree")
    seed: int = setting(0, "seed of initial weights, order, augmentation and random masks", low=0)
    paper_row: str = setting("", "rows of original tables that this run reproduces, separated by ';', e.g. thesis_2.3/A4 "
                                 "(the command compare); changes nothing else")
    allow_mask_supervision: bool = setting(
        False, "let a stage open the masks of the training images; the run is then no longer trained from tags, and its "
               "manifests and reports say so")
