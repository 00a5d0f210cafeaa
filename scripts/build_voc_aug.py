"""Builds SegmentationClassAug and train_aug.txt of VOC 2012 from SBD's .mat files and VOC's masks.

Usage: python scripts/build_voc_aug.py --voc=VOCdevkit/VOC2012 --sbd=benchmark_RELEASE/dataset
"""

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import expand_path
from wsss_tf.data.build.voc_aug import MASKS, open_aug, write_aug
from wsss_tf.data.voc import COUNTS
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment

_VOC = flags.DEFINE_string("voc", "", "the devkit's folder VOC2012")
_SBD = flags.DEFINE_string("sbd", "", "the folder benchmark_RELEASE/dataset of SBD")
_OUTPUT = flags.DEFINE_string("output", "", "folder that gets SegmentationClassAug and ImageSets; empty: the one of --voc")
_PARTIAL = flags.DEFINE_bool("partial", False, f"accept a set of other than {COUNTS['train_aug']} images, and leave out "
                             "those without mask")


def main(experiment: Experiment) -> None:
    """Checks the lists, writes what is missing, and counts."""
    if not _VOC.value or not _SBD.value:
        raise InputError("expected --voc=.../VOC2012 and --sbd=.../benchmark_RELEASE/dataset: give both")
    voc, sbd = expand_path(_VOC.value), expand_path(_SBD.value)
    output = expand_path(_OUTPUT.value) if _OUTPUT.value else voc
    aug = open_aug(voc, sbd, _PARTIAL.value)
    path = write_aug(aug, voc, sbd, output, experiment.run)
    print(f"{path}: {len(aug.train)} ids, none of the {len(aug.val)} evaluation ids")
    print(f"{output / MASKS}: {len(aug.from_voc)} masks of VOC, {len(aug.from_sbd)} of SBD")
    if aug.missing:
        print(f"left out, without mask: {len(aug.missing)}, e.g. {aug.missing[0]}")


if __name__ == "__main__":
    run_script(main)
