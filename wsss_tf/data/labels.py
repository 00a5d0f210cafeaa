"""Image-level labels from files: labels.csv, the community's cls_labels.npy, VOC annotations, COCO instances.

Every reader returns a dict from image id to the sorted tuple of its label
values, each in 1..C; `class_names` is indexed by label value (0 = background).
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from wsss_tf.data.coco_annotations import read_instances
from wsss_tf.data.labels_csv import read_csv
from wsss_tf.data.labels_xml import read_xml
from wsss_tf.data.names import composed, match_names
from wsss_tf.data.tags import Tags
from wsss_tf.data.text import quoted
from wsss_tf.errors import InputError
from wsss_tf.formats import cls_labels

MAX_NPY_BYTES = 1 << 28  # the file of COCO 2014 has about 50 megabytes


def find_labels(root: Path) -> Path:
    """The labels of a data set: labels.csv, else cls_labels.npy, else Annotations.

    Raises:
      InputError: none of them exists.
    """
    for name in ("labels.csv", "cls_labels.npy", "Annotations"):
        if (root / name).exists():
            return root / name
    raise InputError(f"{root}: expected labels.csv (or cls_labels.npy, or Annotations with XML files), found none: "
                     f"write {root / 'labels.csv'} (header `image_id,classes`, lines `ID,CLASS;CLASS`) or set --labels")


def read_tags(path: Path, class_names: tuple[str, ...], ids: Iterable[str] | None = None, known: Iterable[str] = ()) -> Tags:
    """The tags in a labels.csv, a cls_labels.npy, a folder of XML annotations or a .json of COCO instances.

    Args:
      path: file or folder; its kind is told by its suffix.
      class_names: names indexed by label value.
      ids: annotations to open (None: all); the other formats are read whole.
      known: ids of the photos that there are; a file that names them otherwise
        (by file name, path, in another case) means them, see `match_names`.

    Raises:
      InputError: missing, unknown kind, or malformed.
    """
    if not path.exists():
        raise InputError(f"{path}: no such labels file: set --labels to a labels.csv, a cls_labels.npy "
                         "or a folder of XML annotations")
    if path.is_dir():
        return _meant(read_xml(path, class_names, ids), known)
    kind = path.suffix.lower()
    if kind == ".csv":
        return read_csv(path, class_names, known)
    readers = {".npy": read_npy, ".json": read_instance_tags}
    if kind not in readers:
        raise InputError(f"{path}: expected .csv, .npy, .json (COCO) or a folder of XML files, found '{path.suffix}': "
                         "rename or convert it")
    return _meant(readers[kind](path, class_names), known)


def read_npy(path: Path, class_names: tuple[str, ...]) -> Tags:
    """Tags from a cls_labels.npy (id -> C numbers 0 or 1), without running what is in it.

    Integer ids as in IRN are VOC names: 2007000032 stands for '2007_000032'.

    Raises:
      InputError: missing, damaged, hostile, or not a dict of C-vectors.
    """
    if path.stat().st_size > MAX_NPY_BYTES:
        raise InputError(f"{path}: expected at most {MAX_NPY_BYTES} bytes, found {path.stat().st_size}: "
                         "it is no cls_labels.npy, use a labels.csv")
    tags, num_classes = {}, len(class_names) - 1
    for key, vector in cls_labels.load(path).items():
        image_id = _image_id(key)
        if vector.shape != (num_classes,) or not ((vector == 0) | (vector == 1)).all():
            raise InputError(f"{path}: expected {num_classes} numbers 0 or 1 for id '{quoted(image_id)}', found an array of "
                             f"shape {vector.shape}: it belongs to another data set, or use a labels.csv")
        values = tuple(int(index) + 1 for index in np.flatnonzero(vector))
        if tags.setdefault(image_id, values) != values:
            raise InputError(f"{path}: id '{image_id}' comes twice with different classes: it is damaged, use a labels.csv")
    return tags


def read_instance_tags(path: Path, class_names: tuple[str, ...]) -> Tags:
    """Tags from the instances of a COCO file, whose categories are the classes in any order.

    Raises:
      InputError: malformed, or a category that is no class.
    """
    annotations = read_instances(path)
    foreign = [name for name in annotations.class_names[1:] if name not in class_names]
    if foreign:
        raise InputError(f"{path}: category '{foreign[0]}' is no class of the data set ({', '.join(class_names[1:])}): "
                         "correct classes.txt, or remove it to take the classes from here")
    value = [class_names.index(name) for name in annotations.class_names]
    return {image_id: tuple(sorted(value[label] for label in labels)) for image_id, labels in annotations.tags().items()}


def _meant(tags: Tags, known: Iterable[str]) -> Tags:
    """The tags by the ids that are meant; what is written for the id itself counts before what is written for its file."""
    meant = match_names(tags, known)
    named = {name: meant.get(name, composed(name)) for name in tags}
    return {image_id: values for (name, image_id), values in zip(named.items(), tags.values())
            if name == image_id or image_id not in tags}


def _image_id(key: str | int) -> str:
    if isinstance(key, int) and 10**9 <= key < 10**10:
        return f"{key // 10**6:04d}_{key % 10**6:06d}"
    return str(key)
