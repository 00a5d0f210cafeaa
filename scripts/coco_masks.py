"""Writes the label maps that COCO 2014 is scored against: DATA/masks/{train,val}2014/<image_id>.png.

Usage: python scripts/coco_masks.py --data=COCO_FOLDER --masks_from=instances
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import expand_path
from wsss_tf.data.build.coco_masks import SOURCES, write_masks
from wsss_tf.data.coco_annotations import FOLDERS
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment

_FROM = flags.DEFINE_enum("masks_from", "instances", list(SOURCES), "outlines of the instance annotations (needs "
                          "pycocotools), or the pixel maps of COCO-Stuff in DATA/stuffthingmaps")
_SPLITS = flags.DEFINE_list("mask_splits", list(FOLDERS), "splits to write masks of: train, val")


def main(experiment: Experiment) -> None:
    """Writes the masks of the splits; those that exist are kept."""
    unknown = set(_SPLITS.value) - set(FOLDERS)
    if unknown or not _SPLITS.value:
        raise InputError(f"--mask_splits: expected train, val or both, found '{','.join(_SPLITS.value)}': correct it")
    for split in _SPLITS.value:
        print(write_masks(expand_path(experiment.data.data), split, _FROM.value, progress=True))


if __name__ == "__main__":
    run_script(main)
