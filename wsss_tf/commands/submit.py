"""wsss submit: masks of VOC 2012's test photos packed for the evaluation server."""

import dataclasses

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.config import expand_path, setting
from wsss_tf.data.listing import list_images
from wsss_tf.data.lists import find_list, read_list
from wsss_tf.data.names import PHOTO_SUFFIXES
from wsss_tf.data.voc import COUNTS
from wsss_tf.errors import InputError
from wsss_tf.results.voc_server import COMPETITIONS, UNDECIDED, Submission, check_submission, write_submission


@dataclasses.dataclass(frozen=True)
class SubmitConfig:
    """What to pack or check"""

    masks: str = setting("", "folder of the masks <image_id>.png to pack")
    check: str = setting("", "only list what is wrong with this .tgz or folder; exit code 1 if anything is")
    output: str = setting("submission", "folder to write results/ and the .tgz to")
    test_list: str = setting("test", "test ids: a name in ImageSets/Segmentation of --data, or a .txt file")
    competition: str = setting("comp6", "comp6, trained on any data (also ImageNet); comp5, on VOC's own alone",
                               tuple(COMPETITIONS))
    undecided: str = setting("refuse", "what pixels of 255 become; the server takes none", tuple(UNDECIDED))


USAGE = """wsss submit --data=VOC2012 --masks=FOLDER --output=submission
wsss submit --data=VOC2012 --check=submission/results_comp6.tgz

Packs the masks of VOC 2012's test photos for the evaluation server, or checks such a package."""


def main(parsed: Parsed) -> int:
    """Checks only, or packs and checks."""
    config = parsed.config
    if bool(config.masks) == bool(config.check):
        raise InputError("expected either --masks=FOLDER, to pack, or --check=ARCHIVE_OR_FOLDER: give one of them")
    root = expand_path(parsed.experiment.settings.data.data)
    ids = read_list(find_list(root, config.test_list, "test"))
    there = list_images(root / "JPEGImages", PHOTO_SUFFIXES)
    photos = {image_id: there[image_id] for image_id in ids if image_id in there}
    test = Submission(ids, photos, config.competition)
    path = expand_path(config.check) if config.check else write_submission(
        expand_path(config.masks), expand_path(config.output), test, config.undecided)
    problems = check_submission(path, test)
    if len(ids) != COUNTS["test"]:
        print(f"warning: {len(ids)} test ids, the server expects {COUNTS['test']}")
    if len(photos) < len(ids):
        print(f"warning: {len(ids) - len(photos)} of {len(ids)} photos are not in {root / 'JPEGImages'}: the sizes of their "
              "masks were not checked")
    print("\n".join(problems) or f"{path}: {len(ids)} masks, nothing wrong")
    return 1 if problems else 0


COMMAND = Command("submit", USAGE, main, SubmitConfig)
