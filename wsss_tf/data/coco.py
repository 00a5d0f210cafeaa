"""COCO 2014 in the official layout, and one's own classes in its form, with image tags from the instance annotations.

Under the root lie annotations/instances_{train,val}2014.json, train2014/ and
val2014/ (see `find_split` for others); masks/{train,val}2014/ (see
`wsss_tf.data.build.coco_masks`) and saliency/ are optional. The image id is the
photo's name, COCO_val2014_000000000042.
"""

from pathlib import Path

from absl import logging

from wsss_tf.config import expand_path
from wsss_tf.data.coco_annotations import Annotations
from wsss_tf.data.coco_categories import CLASS_NAMES
from wsss_tf.data.coco_layout import Split, find_split, read_annotations
from wsss_tf.data.examples import Files, index_files, make_examples
from wsss_tf.data.labels import read_tags
from wsss_tf.data.lists import check_overlap, read_list
from wsss_tf.data.names import match_names
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.tags import Tags
from wsss_tf.data.unmatched import unmatched
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example

COUNTS = {"train": (82783, 82081), "val": (40504, 40137)}  # all images, images with an object in them


def open_coco(root: Path, config: DataConfig) -> Dataset:
    """Opens COCO 2014, 80 classes in the order of COCO's category ids, or a file with categories of its own.

    The examples stand in the order of their numbers, or of the list. A class is
    a tag of an image if any annotation says so, a crowd too. Images that show
    none of the 80 classes are left out of both splits, as EPS and SIPE do,
    unless `untagged` is keep; those without any of one's own classes stay.

    Args:
      root: the folder with annotations/, train2014/ and val2014/.
      config: the lists are 'train' and 'val' for the whole splits, or paths of
        .txt files of image ids or COCO's numbers; tags are taken from the
        annotations if no labels are given.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    places = {split: find_split(root, split) for split in ("train", "val")}
    annotations = {split: read_annotations(root, split) for split in places}
    names = _class_names(annotations)
    own = names != CLASS_NAMES
    given = read_tags(expand_path(config.labels), names) if config.labels else None
    splits, notes = [], []
    for split, name in (("train", config.train_list), ("val", config.val_list)):
        part, keep = annotations[split], own or config.untagged == "keep"
        files = index_files(places[split].photos, [places[split].masks], root, config)
        ids, source = _ids(part, split, name, places[split])
        photos = _photos(ids, files, source)
        tags = part.tags() if given is None else _renamed(given, part)
        examples = make_examples((photos[image_id] for image_id in ids), files,
                                 {photos.get(image_id, image_id): values for image_id, values in tags.items()}, source)
        splits.append(_kept(examples, keep, source, len(names) - 1))
        if source == part.path and given is None and not own:
            _warn_count(part, split, len(splits[-1]), keep)
        _warn_masks(places[split].masks, splits[-1])
        notes += unmatched(files, maps=split == "train")
    train, val = splits
    check_overlap(*(tuple(example.image_id for example in examples) for examples in splits), source)
    return Dataset(root.resolve().name if own else "coco14", names, train, val, untagged=own or config.untagged == "keep",
                   notes=tuple(notes))


def _class_names(annotations: dict[str, Annotations]) -> tuple[str, ...]:
    """The class names that both files agree on."""
    train, val = annotations["train"], annotations["val"]
    if train.class_names != val.class_names:
        raise InputError(f"{val.path}: expected the categories of {train.path.name} ({', '.join(train.class_names[1:][:8])}), "
                         f"found others ({', '.join(val.class_names[1:][:8])}): correct one of the files")
    return train.class_names


def _ids(annotations: Annotations, split: str, name: str, place: Split) -> tuple[tuple[str, ...], Path]:
    """The image ids that a list flag asks for, and the file that names them."""
    if name == split:
        return tuple(picture.name for picture in annotations.pictures), annotations.path
    if not name.endswith(".txt"):
        raise InputError(f"--{split}_list: expected {split} (all of {place.photos.name}) or the path of a .txt file of "
                         f"image ids, found '{name}': correct it")
    path, names = expand_path(name), _names(annotations)
    ids = []
    for line in read_list(path):
        ids.append(names.get(_key(line)))
        if ids[-1] is None:
            raise InputError(f"{path}: expected image ids of {annotations.path.name}, found '{line}': correct or "
                             "remove the line")
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}: expected every image once, found one by its name and its number: remove one")
    return tuple(ids), path


def _names(annotations: Annotations) -> dict[str, str]:
    """COCO's number and the name of each image -> its name."""
    numbers = {str(picture.number): picture.name for picture in annotations.pictures}
    return numbers | {picture.name: picture.name for picture in annotations.pictures}


def _key(image_id: str) -> str:
    return image_id.lstrip("0") if image_id.isascii() and image_id.isdecimal() else image_id


def _renamed(given: Tags, annotations: Annotations) -> Tags:
    names = _names(annotations)
    return {names[_key(image_id)]: values for image_id, values in given.items() if _key(image_id) in names}


def _photos(ids: tuple[str, ...], files: Files, source: Path) -> dict[str, str]:
    """Name of each image in the annotations -> id of its photo."""
    photos = match_names(ids, files.photos.files)
    missing = [image_id for image_id in ids if image_id not in photos]
    if missing:
        folder = files.photos.folder
        raise InputError(f"{folder / missing[0]}.jpg: no such photo ({len(missing)} of the {len(ids)} in {source} are "
                         f"missing): unpack {folder.name}.zip again, or name the images that you have in a .txt file for "
                         "--train_list or --val_list")
    return photos


def _kept(examples: tuple[Example, ...], keep_untagged: bool, source: Path, classes: int) -> tuple[Example, ...]:
    kept = tuple(example for example in examples if keep_untagged or example.tags)
    if not kept:
        raise InputError(f"{source}: expected images with any of the {classes} classes, found none: "
                         "name others or set --untagged=keep")
    return kept


def _warn_count(annotations: Annotations, split: str, count: int, keep_untagged: bool) -> None:
    expected = COUNTS[split][0 if keep_untagged else 1]
    # Half of the real images or more are meant to be the real data set; fewer are somebody's excerpt.
    if count != expected and len(annotations.pictures) >= COUNTS[split][0] / 2:
        logging.warning("%s: %d images, COCO 2014 has %d: scores will not compare", annotations.path, count, expected)


def _warn_masks(folder: Path, examples: tuple[Example, ...]) -> None:
    missing = sum(example.mask is None for example in examples)
    if 0 < missing < len(examples):
        logging.warning("%s: %d of %d masks are missing, so the split cannot be scored: run `wsss data coco_masks` "
                        "again", folder, missing, len(examples))
