"""wsss data: data sets checked, generated, and built from published archives."""

import dataclasses

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.config import expand_path, setting
from wsss_tf.data.build import coco_masks, msrc, voc_aug
from wsss_tf.data.build.convert_data import convert_data
from wsss_tf.data.check import inspect_dataset
from wsss_tf.data.coco_layout import FOLDERS
from wsss_tf.data.settings import ConvertConfig
from wsss_tf.data.voc import COUNTS
from wsss_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class DataCommandConfig:
    """What the kinds of work read and write"""

    voc: str = setting("", "voc_aug: the devkit's folder VOC2012")
    sbd: str = setting("", "voc_aug: the folder benchmark_RELEASE/dataset of SBD")
    output: str = setting("", "voc_aug: folder that gets SegmentationClassAug and ImageSets; empty: the one of --voc; "
                              "convert: folder that gets the data set, photos as upright JPEG or PNG of 8 bits, masks as PNG")
    labelmap: str = setting("", "convert: file of lines CLASS:RED,GREEN,BLUE (labelmap.txt of CVAT and Datumaro), for masks "
                                "in colours; empty: masks hold the numbers of the classes")
    long_side: int | None = setting(None, "convert: longest side of the photos, in pixels; larger ones are scaled down, with "
                                          "masks and maps; none: they keep their sizes", kind=int, low=16)
    partial: bool = setting(False, f"voc_aug: accept a set of other than {COUNTS['train_aug']} images, and leave out those "
                                   "without mask")
    archive: str = setting("", "msrc: the published archive of MSRC v2, as .zip or unpacked")
    target: str = setting("", "msrc: folder to write the data set to")
    masks_from: str = setting("instances", "coco_masks: outlines of the instance annotations (needs pycocotools), or the "
                                           "pixel maps of COCO-Stuff in DATA/stuffthingmaps", tuple(coco_masks.SOURCES))
    mask_splits: str = setting(",".join(FOLDERS), "coco_masks: splits to write masks of, separated by commas")


USAGE = """wsss data WORK [--NAME=VALUE ...]

  wsss data check --source=folder --data=MY_FOLDER      lists what is wrong, file by file; exit code 1 if anything is
  wsss data convert --data=MY_FOLDER --output=NEW       photos and masks that are turned, large, of other formats or in
                                                        colours, written anew
  wsss data generate                                    draws the embedded data set
  wsss data voc_aug --voc=VOC2012 --sbd=SBD             SegmentationClassAug and train_aug.txt of VOC 2012
  wsss data msrc --archive=ARCHIVE --target=FOLDER      the MSRC objects of flags/real, in VOC layout
  wsss data coco_masks --source=coco --data=FOLDER      label maps that COCO 2014 is scored against"""


def main(parsed: Parsed) -> int | None:
    """Does the work that the first word names."""
    if len(parsed.words) != 1 or parsed.words[0] not in _WORK:
        raise InputError(f"{' '.join(parsed.words) or 'no word'}: expected one of {', '.join(_WORK)}: write wsss data check "
                         "--source=folder --data=MY_FOLDER")
    return _WORK[parsed.words[0]](parsed)


def _check(parsed: Parsed) -> int:
    experiment = parsed.experiment
    data = experiment.settings.data
    found = inspect_dataset(experiment.dataset, True, data.maps_max, data.max_pixels)
    print("\n".join(found.problems) or "no problems found")
    for line in found.warnings:
        print(f"warning: {line}")
    return 1 if found.problems else 0


def _convert(parsed: Parsed) -> None:
    config, experiment = parsed.config, parsed.experiment
    if not config.output:
        raise InputError("--output: expected a folder to write to, found none: name a new one")
    wanted = ConvertConfig(config.output, config.labelmap, config.long_side)
    print(convert_data(experiment.settings.data, wanted, experiment.run))


def _generate(parsed: Parsed) -> None:
    data = parsed.experiment.settings.data
    if data.source != "shapes":
        raise InputError(f"--source={data.source}: expected shapes, the data set that can be generated: leave it out")
    print(f"{data.data}: {len(parsed.experiment.dataset.train)} training and {len(parsed.experiment.dataset.val)} evaluation images")


def _voc_aug(parsed: Parsed) -> None:
    config = parsed.config
    if not config.voc or not config.sbd:
        raise InputError("expected --voc=.../VOC2012 and --sbd=.../benchmark_RELEASE/dataset: give both")
    voc, sbd = expand_path(config.voc), expand_path(config.sbd)
    output = expand_path(config.output) if config.output else voc
    aug = voc_aug.open_aug(voc, sbd, config.partial)
    path = voc_aug.write_aug(aug, voc, sbd, output, parsed.experiment.run)
    print(f"{path}: {len(aug.train)} ids, none of the {len(aug.val)} evaluation ids")
    print(f"{output / voc_aug.MASKS}: {len(aug.from_voc)} masks of VOC, {len(aug.from_sbd)} of SBD")
    if aug.missing:
        print(f"left out, without mask: {len(aug.missing)}, e.g. {aug.missing[0]}")


def _coco_masks(parsed: Parsed) -> None:
    splits = [split for split in parsed.config.mask_splits.split(",") if split]
    if set(splits) - set(FOLDERS) or not splits:
        raise InputError(f"--mask_splits: expected train, val or both, found '{parsed.config.mask_splits}': correct it")
    for split in splits:
        print(coco_masks.write_masks(expand_path(parsed.experiment.settings.data.data), split, parsed.config.masks_from,
                                     progress=True))


def _msrc(parsed: Parsed) -> None:
    config = parsed.config
    if not config.archive or not config.target:
        raise InputError("expected --archive=ARCHIVE and --target=FOLDER: give both")
    print(msrc.build_msrc(expand_path(config.archive), expand_path(config.target), parsed.experiment.run))


_WORK = {"check": _check, "convert": _convert, "generate": _generate, "voc_aug": _voc_aug, "coco_masks": _coco_masks,
         "msrc": _msrc}
COMMAND = Command("data", USAGE, main, DataCommandConfig, words=True)
