"""Opening a data set by its flags."""

import dataclasses

from wsss_tf.config import expand_path
from wsss_tf.data.coco import open_coco
from wsss_tf.data.folder import open_folder
from wsss_tf.data.settings import DataConfig
from wsss_tf.data.voc import open_voc
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset

# Generated shapes are written in the layout of a folder, so nothing reads them otherwise.
OPENERS = {"shapes": open_folder, "folder": open_folder, "voc": open_voc, "coco": open_coco}


def open_dataset(config: DataConfig) -> Dataset:
    """The data set that the settings describe, with the files found but not opened.

    Raises:
      InputError: something is missing, malformed or contradicts itself.
    """
    root = expand_path(config.data)
    if config.source == "shapes" and not root.is_dir():
        raise InputError(f"{root}: no such folder: generate the shapes with `wsss data generate`, or set --source "
                         "and --data to a data set of yours")
    dataset = OPENERS[config.source](root, config)
    return dataclasses.replace(dataset, train=dataset.train[:config.limit], val=dataset.val[:config.limit])
