"""COCO 2014: the official layout, with image tags from the instance annotations.

Under the root lie annotations/instances_{train,val}2014.json, train2014/ and
val2014/; masks/{train,val}2014/ (see `wsss_tf.data.build.coco_masks`) and saliency/
are optional. The image id is the photo's name, COCO_val2014_000000000042.
"""

from pathlib import Path

from absl import logging

from wsss_tf.config import expand_path
from wsss_tf.data.coco_annotations import CLASS_NAMES, FOLDERS, Annotations, read_annotations
from wsss_tf.data.folder import Files, check_overlap, index_files, make_examples, read_list
from wsss_tf.data.labels import Tags, read_tags
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example

COUNTS = {"train": (82783, 82081), "val": (40504, 40137)}  # all images, images with an object in them


def open_coco(root: Path, train_list: str, val_list: str, labels: str, saliency: str,
              keep_untagged: bool = False) -> Dataset:
    """Opens COCO 2014, 80 classes in the order of COCO's category ids.

    The examples stand in the order of their numbers, or of the list. A class is
    a tag of an image if any annotation says so, a crowd too. Images that show
    none of the 80 classes are left out of both splits, as EPS and SIPE do,
    unless `keep_untagged` is set.

    Args:
      root: the folder with annotations/, train2014/ and val2014/.
      train_list: 'train' for the whole split, or the path of a .txt file of
        image ids or COCO's numbers.
      val_list: 'val', or likewise.
      labels: path of a labels.csv or cls_labels.npy with tags to take instead
        of the annotations' ones, or ''.
      saliency: folder of the saliency maps, or '' for `saliency/` if it exists.
      keep_untagged: keep the images without tags.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    _check_root(root)
    given = read_tags(expand_path(labels), CLASS_NAMES) if labels else None
    splits = []
    for split, name in (("train", train_list), ("val", val_list)):
        annotations = read_annotations(root, split)
        ids, source = _ids(annotations, split, name)
        files = index_files(root / FOLDERS[split], [root / "masks" / FOLDERS[split]], root, saliency)
        _check_photos(ids, files, source)
        tags = annotations.tags() if given is None else _renamed(given, annotations)
        examples = make_examples(ids, files, tags, source)
        splits.append(_kept(examples, keep_untagged, source))
        if source == annotations.path and given is None:
            _warn_count(annotations, split, len(splits[-1]), keep_untagged)
        _warn_masks(root / "masks" / FOLDERS[split], splits[-1])
    train, val = splits
    check_overlap(*(tuple(example.image_id for example in examples) for examples in splits), source)
    return Dataset("coco14", CLASS_NAMES, train, val, untagged=keep_untagged)


def _check_root(root: Path) -> None:
    missing = [name for name in ("annotations", *FOLDERS.values()) if not (root / name).is_dir()]
    if missing:
        found = f"no {' and no '.join(missing)} in it" if root.is_dir() else "no such folder"
        raise InputError(f"{root}: expected COCO 2014 with annotations/, train2014/ and val2014/, found {found}: "
                         "correct --data, or unpack the archives of these names there")


def _ids(annotations: Annotations, split: str, name: str) -> tuple[tuple[str, ...], Path]:
    """The image ids that a list flag asks for, and the file that names them."""
    if name == split:
        return tuple(picture.name for picture in annotations.pictures), annotations.path
    if not name.endswith(".txt"):
        raise InputError(f"--{split}_list: expected {split} (all of {FOLDERS[split]}) or the path of a .txt file of "
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
    return str(int(image_id)) if image_id.isdecimal() else image_id


def _renamed(given: Tags, annotations: Annotations) -> Tags:
    names = _names(annotations)
    return {names[_key(image_id)]: values for image_id, values in given.items() if _key(image_id) in names}


def _check_photos(ids: tuple[str, ...], files: Files, source: Path) -> None:
    missing = [image_id for image_id in ids if image_id not in files.photos]
    if missing:
        raise InputError(f"{files.photo_folder / missing[0]}.jpg: no such photo ({len(missing)} of the {len(ids)} in "
                         f"{source} are missing): unpack {files.photo_folder.name}.zip again, or name the images that "
                         "you have in a .txt file for --train_list or --val_list")


def _kept(examples: tuple[Example, ...], keep_untagged: bool, source: Path) -> tuple[Example, ...]:
    kept = tuple(example for example in examples if keep_untagged or example.tags)
    if not kept:
        raise InputError(f"{source}: expected images with any of the {len(CLASS_NAMES) - 1} classes, found none: "
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
