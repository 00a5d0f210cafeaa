"""Packs the masks of VOC 2012's test photos for the evaluation server, or checks such a package.

Usage: python scripts/submit_voc.py --data=VOC2012 --masks=FOLDER --output=submission
       python scripts/submit_voc.py --data=VOC2012 --check=submission/results_comp6.tgz
"""

import sys

from absl import flags

from wsss_tf.commands.program import run_script
from wsss_tf.config import expand_path
from wsss_tf.data.folder import PHOTO_SUFFIXES, find_list, list_images, read_list
from wsss_tf.data.voc import COUNTS
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.results.voc_server import COMPETITIONS, UNDECIDED, Submission, check_submission, write_submission

_MASKS = flags.DEFINE_string("masks", "", "folder of the masks <image_id>.png to pack")
_CHECK = flags.DEFINE_string("check", "", "only list what is wrong with this .tgz or folder; exit code 1 if anything is")
_OUTPUT = flags.DEFINE_string("output", "submission", "folder to write results/ and the .tgz to")
_LIST = flags.DEFINE_string("test_list", "test", "test ids: a name in ImageSets/Segmentation of --data, or a .txt file")
_COMPETITION = flags.DEFINE_enum("competition", "comp6", COMPETITIONS, "comp6, trained on any data (also ImageNet); "
                                 "comp5, on VOC's own alone")
_UNDECIDED = flags.DEFINE_enum("undecided", "refuse", UNDECIDED, "what pixels of 255 become; the server takes none")


def main(experiment: Experiment) -> None:
    """Checks only, or packs and checks."""
    if bool(_MASKS.value) == bool(_CHECK.value):
        raise InputError("expected either --masks=FOLDER, to pack, or --check=ARCHIVE_OR_FOLDER: give one of them")
    root = expand_path(experiment.data.data)
    ids = read_list(find_list(root, _LIST.value, "test"))
    there = list_images(root / "JPEGImages", PHOTO_SUFFIXES)
    photos = {image_id: there[image_id] for image_id in ids if image_id in there}
    test = Submission(ids, photos, _COMPETITION.value)
    path = expand_path(_CHECK.value) if _CHECK.value else write_submission(
        expand_path(_MASKS.value), expand_path(_OUTPUT.value), test, _UNDECIDED.value)
    problems = check_submission(path, test)
    if len(ids) != COUNTS["test"]:
        print(f"warning: {len(ids)} test ids, the server expects {COUNTS['test']}")
    if len(photos) < len(ids):
        print(f"warning: {len(ids) - len(photos)} of {len(ids)} photos are not in {root / 'JPEGImages'}: the sizes of their "
              "masks were not checked")
    print("\n".join(problems) or f"{path}: {len(ids)} masks, nothing wrong")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    run_script(main)
