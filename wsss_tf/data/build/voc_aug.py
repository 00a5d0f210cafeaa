"""SegmentationClassAug and train_aug.txt of VOC 2012, from the masks of SBD and of VOC themselves.

The field trains on 10,582 images: those of SBD and of VOC's training list,
without VOC's evaluation list. Where both have a mask, VOC's counts.

Ref: SBD (Hariharan et al., ICCV 2011); docs/data.md.
"""

import dataclasses
import shutil
from pathlib import Path

from wsss_tf.data.listing import list_images
from wsss_tf.data.lists import read_list
from wsss_tf.data.names import PHOTO_SUFFIXES
from wsss_tf.data.voc import CLASS_NAMES, COUNTS
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import image_size
from wsss_tf.files.store import write_labels, write_text, writing
from wsss_tf.formats.matlab import SBD_FIELDS, read_label_matrix
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.parallel.pool import Workers

LIST, MASKS = "ImageSets/Segmentation/train_aug.txt", "SegmentationClassAug"


@dataclasses.dataclass(frozen=True)
class AugSet:
    """The ids of the augmented set, each sorted.

    Attributes:
      train: ids of train_aug.
      val: VOC's evaluation ids.
      from_voc: ids of both whose mask is VOC's.
      from_sbd: the others.
      missing: ids of both that neither has a mask of.
    """

    train: tuple[str, ...]
    val: tuple[str, ...]
    from_voc: tuple[str, ...]
    from_sbd: tuple[str, ...]
    missing: tuple[str, ...]


def open_aug(voc: Path, sbd: Path, partial: bool = False) -> AugSet:
    """Unites the lists of SBD and VOC and looks which masks are there.

    Args:
      voc: the devkit's folder VOC2012.
      sbd: the folder dataset of benchmark_RELEASE, with cls/, train.txt, val.txt.
      partial: accept another number than 10,582, and leave out ids without mask.

    Raises:
      InputError: a list or folder is missing; without `partial`, a number
        differs or masks are missing.
    """
    if not (sbd / "cls").is_dir():
        raise InputError(f"{sbd}: expected the folder dataset of SBD with cls, train.txt and val.txt in it, found no cls: "
                         "set --sbd=.../benchmark_RELEASE/dataset")
    lists = voc / "ImageSets/Segmentation"
    train, val = set(read_list(lists / "train.txt")), set(read_list(lists / "val.txt"))
    theirs = set(read_list(sbd / "train.txt")) | set(read_list(sbd / "val.txt"))
    ours = list_images(voc / "SegmentationClass", (".png",)).keys()
    aug = (theirs | train) - val
    matlab = {path.stem for path in (sbd / "cls").glob("*.mat")}
    missing = (aug | val) - ours - matlab
    if not partial:
        _check_counts({"train": train, "val": val, "train_aug": aug}, lists, sbd)
        if missing:
            raise InputError(f"{sbd / 'cls' / min(missing)}.mat: no such mask (nor in {voc / 'SegmentationClass'}; "
                             f"{len(missing)} are missing): unpack the archives again, or set --partial to leave them out")
    aug, val = aug - missing, val - missing
    return AugSet(*(tuple(sorted(ids)) for ids in (aug, val, (aug | val) & ours, (aug | val) - ours, missing)))


def write_aug(aug: AugSet, voc: Path, sbd: Path, output: Path, workers: Workers = Workers()) -> Path:
    """Writes the masks that are not there yet, then the list; returns the path of the list.

    Args:
      aug: what `open_aug` gave.
      voc: the devkit's folder VOC2012.
      sbd: the folder dataset of benchmark_RELEASE.
      output: folder that gets SegmentationClassAug and ImageSets/Segmentation/train_aug.txt.
      workers: who does it.

    Raises:
      InputError: masks are damaged, of another size than their photos or with
        unknown labels (the others are written); another list of this name is there.
    """
    path, text = output / LIST, "".join(f"{image_id}\n" for image_id in aug.train)
    if path.exists() and set(read_list(path)) != set(aug.train):
        raise InputError(f"{path}: expected no such list or one of these {len(aug.train)} ids, found another: rename it, or "
                         "choose another --output")
    photos = list_images(voc / "JPEGImages", PHOTO_SUFFIXES)
    sources = [Example(image_id, voc / "SegmentationClass" / f"{image_id}.png", ()) for image_id in aug.from_voc]
    sources += [Example(image_id, sbd / "cls" / f"{image_id}.mat", ()) for image_id in aug.from_sbd]
    make_missing(write_mask, sources, lambda source: output / MASKS / f"{source.image_id}.png",
                 lambda source: (source.image, photos.get(source.image_id)), MASKS, workers)
    if not path.exists():
        write_text(path, text)
    return path


def write_mask(target: Path, source: Path, photo: Path | None) -> None:
    """Copies a mask of VOC, or turns one of SBD (.mat) into a palette PNG.

    Raises:
      InputError: it is damaged, of another size than its photo or has unknown
        labels.
    """
    if source.suffix == ".png":
        with writing(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    labels = read_label_matrix(source, *SBD_FIELDS)
    if labels.max() >= len(CLASS_NAMES):
        raise InputError(f"{source}: expected labels 0 to {len(CLASS_NAMES) - 1}, found {labels.max()}: take it from "
                         "benchmark.tgz again")
    if photo and labels.shape != image_size(photo):
        height, width = image_size(photo)
        raise InputError(f"{source}: expected {width}x{height} pixels (width x height) as {photo}, found "
                         f"{labels.shape[1]}x{labels.shape[0]}: take both from their archives again")
    write_labels(target, labels)


def _check_counts(ids: dict[str, set[str]], lists: Path, sbd: Path) -> None:
    for name, found in ids.items():
        if len(found) != COUNTS[name]:
            where = f"{sbd} and {lists}" if name == "train_aug" else str(lists / f"{name}.txt")
            raise InputError(f"{where}: expected {COUNTS[name]} ids of {name}, found {len(found)}: scores would not compare; "
                             "take the lists from their archives again, or set --partial to accept them")
