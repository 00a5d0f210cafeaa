"""PASCAL VOC 2012: the devkit's folder VOC2012, with the additions the field made to it.

Under the root lie JPEGImages, SegmentationClass, ImageSets/Segmentation and
Annotations as in the devkit; train_aug.txt, SegmentationClassAug (SBD masks),
labels.csv, cls_labels.npy and saliency/ are optional.
"""

from pathlib import Path

from absl import logging

from wsss_tf.config import expand_path
from wsss_tf.data.examples import index_files, listed, make_examples
from wsss_tf.data.labels import find_labels, read_tags
from wsss_tf.data.lists import check_overlap, find_list
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.unmatched import unmatched, without_masks
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset

CLASS_NAMES = ("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
               "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
               "tvmonitor")
COUNTS = {"train": 1464, "val": 1449, "trainval": 2913, "train_aug": 10582, "test": 1456}  # ids in the real lists


def open_voc(root: Path, config: DataConfig) -> Dataset:
    """Opens VOC 2012; training ids need tags, evaluation ids get those that are known.

    Masks come from SegmentationClass and, for ids that it lacks, from
    SegmentationClassAug, even if a list names the latter: the devkit's masks are
    the ones that results are measured on.

    Args:
      root: the folder VOC2012.
      config: the lists are names in ImageSets/Segmentation such as train_aug, or
        paths; labels, if not given, the first of labels.csv, cls_labels.npy and
        Annotations under the root.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    _check_root(root)
    masks = [root / "SegmentationClass", root / "SegmentationClassAug"]
    files = index_files(root / "JPEGImages", masks, root, config)
    train_path, val_path = _list_path(root, config.train_list, "train"), _list_path(root, config.val_list, "val")
    train_ids, val_ids = listed(train_path, files), listed(val_path, files)
    _warn_count(train_path, len(train_ids))
    _warn_count(val_path, len(val_ids))
    labels = expand_path(config.labels) if config.labels else find_labels(root)
    tags = read_tags(labels, CLASS_NAMES, dict.fromkeys(train_ids + val_ids), known=files.photos.files)
    train = make_examples(train_ids, files, tags, train_path, required_in=labels)
    val = make_examples(val_ids, files, tags, val_path)
    check_overlap(train_ids, val_ids, val_path)
    notes = [*unmatched(files), *without_masks(val)]
    return Dataset("voc12", CLASS_NAMES, train, val, notes=tuple(notes))


def _check_root(root: Path) -> None:
    if (root / "JPEGImages").is_dir():
        return
    for inner in ("VOC2012", "VOCdevkit/VOC2012"):
        if (root / inner / "JPEGImages").is_dir():
            raise InputError(f"{root}: expected JPEGImages in it, found it in {inner}: set --data={root / inner}")
    found = "none in it" if root.is_dir() else "no such folder"
    raise InputError(f"{root}: expected the folder VOC2012 with JPEGImages, found {found}: correct --data")


def _list_path(root: Path, name: str, split: str) -> Path:
    try:
        return find_list(root, name, split)
    except InputError as error:
        if name != "train_aug":
            raise
        raise InputError(f"{error}. The devkit has no train_aug.txt: build it, and the masks of its images, from VOC and SBD "
                         f"by `wsss data voc_aug --voc={root} --sbd=benchmark_RELEASE/dataset`") from None


def _warn_count(path: Path, count: int) -> None:
    expected = COUNTS.get(path.stem, count)
    if count != expected:
        logging.warning("%s: %d ids, the list of VOC 2012 has %d: scores will not compare", path, count, expected)
