"""Any data set in a folder: photos, class names and tags; masks and lists if there are some.

Two layouts are read: `images/` with optional `masks/`, or the VOC one with
JPEGImages and optional SegmentationClass. Beside them lie classes.txt (one name
per line) and labels.csv. Files belong together by their name without suffix,
which is the image id.
"""

from pathlib import Path

from wsss_tf.config import expand_path
from wsss_tf.data.class_names import read_class_names
from wsss_tf.data.coco_annotations import read_instances
from wsss_tf.data.examples import Files, index_files, listed, make_examples
from wsss_tf.data.labels import find_labels, read_tags
from wsss_tf.data.lists import check_overlap, find_list
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.tags import Tags
from wsss_tf.data.unmatched import unmatched, without_masks
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset

LAYOUTS = (("images", "masks"), ("JPEGImages", "SegmentationClass"))  # photos, masks


def open_folder(root: Path, config: DataConfig) -> Dataset:
    """Opens a folder with classes.txt, labels and photos.

    Lists are ImageSets/Segmentation/NAME.txt or NAME.txt under the root, or a
    path. The lists called train and val may be absent:

      * no train list: every labelled image that is not in the val list;
      * no val list: the training examples that have a mask. Training never opens
        a mask, so this measures the masks of the training images. If none has
        one, every photo of the folder, labelled or not: they are to be made.

    A photo whose line in the labels has an empty cell shows none of the classes
    and is trained on; one without a line is not known, and is not.

    Args:
      root: the folder.
      config: lists, labels, maps and the names of maps.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    photos, masks = _layout(root)
    files = index_files(root / photos, [root / masks], root, config)
    labels = expand_path(config.labels) if config.labels else find_labels(root)
    class_names = _class_names(root, labels)
    tags = read_tags(labels, class_names, known=files.photos.files)
    # Only the defaults may be absent: a list that was asked for by another name is a typing error.
    train_path = find_list(root, config.train_list, "train", optional=config.train_list == "train")
    val_path = find_list(root, config.val_list, "val", optional=config.val_list == "val")
    val_ids = listed(val_path, files) if val_path else ()
    train_ids = listed(train_path, files) if train_path else _without(tags, val_ids)
    if not train_ids:
        raise InputError(f"{labels}: expected images to train on, found none that is not in {val_path}: add some")
    train = make_examples(train_ids, files, tags, train_path or labels, required_in=labels)
    if val_path:
        val = make_examples(val_ids, files, tags, val_path)
        check_overlap(train_ids, val_ids, val_path)
    else:
        val = tuple(example for example in train if example.mask)
    masks_wanted = not val_path and not val
    if masks_wanted:
        val = make_examples(files.photos.files, files, tags, files.photos.folder)
    notes = [*unmatched(files), *without_masks(val)]
    if not train_path and not masks_wanted:
        notes += _unknown(files, tags, val_ids, labels)
    return Dataset(root.resolve().name, class_names, train, val, untagged=True, masks_wanted=masks_wanted, notes=tuple(notes))


def _layout(root: Path) -> tuple[str, str]:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: correct --data, or make the data set first")
    for photos, masks in LAYOUTS:
        if (root / photos).is_dir():
            return photos, masks
    raise InputError(f"{root}: expected a folder images or JPEGImages in it, found neither: correct --data")


def _class_names(root: Path, labels: Path) -> tuple[str, ...]:
    """Of classes.txt, or of the categories of a COCO file where there is none."""
    path = root / "classes.txt"
    if not path.exists() and labels.suffix.lower() == ".json":
        return read_instances(labels).class_names
    return read_class_names(path, labels)


def _without(tags: Tags, ids: tuple[str, ...]) -> tuple[str, ...]:
    left_out = set(ids)
    return tuple(image_id for image_id in tags if image_id not in left_out)


def _unknown(files: Files, tags: Tags, val_ids: tuple[str, ...], labels: Path) -> list[str]:
    """A line on the photos that nothing names."""
    unknown = [image_id for image_id in files.photos.files if image_id not in tags and image_id not in set(val_ids)]
    if not unknown:
        return []
    return [f"{len(unknown)} of {len(files.photos.files)} photos have no line in {labels}, e.g. '{unknown[0]}', and are not "
            "used: add their lines, with an empty cell for those that show none of the classes"]
