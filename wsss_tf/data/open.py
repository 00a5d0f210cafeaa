"""Opening a data set by its flags."""

import dataclasses

from wsss_tf.config import expand_path, setting
from wsss_tf.data.coco import open_coco
from wsss_tf.data.folder import open_folder
from wsss_tf.data.voc import open_voc
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.files.images import MAX_PIXELS, MIN_SIDE

# Generated shapes are written in the layout of a folder, so nothing reads them otherwise.
OPENERS = {"shapes": open_folder, "folder": open_folder, "voc": open_voc, "coco": open_coco}


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which data set, which part of it, and where its labels and maps are."""

    source: str = setting("shapes", "kind of data set", tuple(OPENERS))
    data: str = setting("data/shapes", "root folder of the data set; may contain ${VARIABLE}")
    train_list: str = setting("train", "training ids: a name in ImageSets/Segmentation such as train_aug, "
                                       "or a .txt file (COCO: train is the whole split)")
    val_list: str = setting("val", "evaluation ids: a name in ImageSets/Segmentation, or a .txt file (COCO: val is "
                                   "the whole split)")
    labels: str = setting("", "image tags: labels.csv, cls_labels.npy or a folder of XML annotations; "
                              "empty: the first of these under the root (COCO: its instance annotations)")
    saliency: str = setting("", "folder of saliency maps (8- or 16-bit grey PNG); "
                                "empty: saliency/ under the root, if it exists")
    saliency_max: int = setting(255, "value in the saliency maps that means certainly salient: 255, 65535 for 16-bit "
                                     "maps, 1 for masks of 0 and 1", low=1)
    untagged: str = setting("drop", "COCO images that show none of the classes: EPS and SIPE drop them (82,081 train / "
                                    "40,137 val), the thesis counts them (82,783 / 40,504)", ("drop", "keep"))
    max_pixels: int = setting(MAX_PIXELS, f"most pixels of a photo, mask or map, at most {MAX_PIXELS:,}; files that declare "
                                          "more are refused before they are decoded", low=MIN_SIDE**2, counts=False)
    limit: int = setting(0, "keep only the first N images of each split, 0 keeps all")


def open_dataset(config: DataConfig) -> Dataset:
    """The data set that the settings describe, with the files found but not opened.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    if config.limit < 0:
        raise InputError(f"--limit: expected 0 or more, found {config.limit}: 0 keeps all images")
    root = expand_path(config.data)
    if config.source == "shapes" and not root.is_dir():
        raise InputError(f"{root}: no such folder: generate the shapes with scripts/prepare_data.py, or set --source "
                         "and --data to a data set of yours")
    own = {"keep_untagged": config.untagged == "keep"} if config.source == "coco" else {}
    dataset = OPENERS[config.source](root, config.train_list, config.val_list, config.labels, config.saliency, **own)
    count = config.limit or None
    return dataclasses.replace(dataset, train=dataset.train[:count], val=dataset.val[:count])
