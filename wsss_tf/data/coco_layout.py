"""Where the parts of a data set in the form of COCO lie."""

import dataclasses
from pathlib import Path

from wsss_tf.data.coco_annotations import Annotations, read_instances
from wsss_tf.errors import InputError

FOLDERS = {"train": "train2014", "val": "val2014"}  # split -> its photos under the root, its masks under masks/
_EXPORTED = "_annotations.coco.json"  # beside the photos, as some programs write it
_OTHER_FOLDERS = {"train": ("train2017", "train"), "val": ("val2017", "val", "valid")}


@dataclasses.dataclass(frozen=True)
class Split:
    """One split.

    Attributes:
      annotations: its .json file.
      photos: folder of its photos.
      masks: folder of its masks, which need not exist.
    """

    annotations: Path
    photos: Path
    masks: Path


def find_split(root: Path, split: str) -> Split:
    """Where a split lies: as in COCO 2014 or 2017, or in folders train and val (or valid) with names likewise.

    Args:
      root: the folder with annotations/, or with the folders of both splits.
      split: 'train' or 'val'.

    Raises:
      InputError: it is not there.
    """
    for name in (FOLDERS[split], *_OTHER_FOLDERS[split]):
        for path in (root / "annotations" / f"instances_{name}.json", root / name / _EXPORTED):
            photos = next((folder for folder in (root / name, root / "images" / name) if folder.is_dir()), None)
            if path.is_file() and photos:
                return Split(path, photos, root / "masks" / name)
    missing = [name for name in ("annotations", FOLDERS[split]) if not (root / name).is_dir()]
    if not missing:
        path = root / "annotations" / f"instances_{FOLDERS[split]}.json"
        raise InputError(f"{path}: no such file: unpack annotations_trainval2014.zip in {root}, or correct --data")
    found = f"no {' and no '.join(missing)} in it" if root.is_dir() else "no such folder"
    raise InputError(f"{root}: expected COCO 2014 with annotations/, train2014/ and val2014/, found {found}: correct --data, "
                     "or unpack the archives of these names there (photos of one's own with a single .json file: "
                     "--source=folder --labels=FILE.json)")


def read_annotations(root: Path, split: str, outlines: bool = False) -> Annotations:
    """Reads the instances of a split.

    Args:
      root: the root folder.
      split: 'train' or 'val'.
      outlines: keep areas and outlines too.

    Raises:
      InputError: as `find_split` and `read_instances`.
    """
    return read_instances(find_split(root, split).annotations, outlines)
