"""Settings of the data sets."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.files.images import MAX_PIXELS, MIN_SIDE

SOURCES = ("shapes", "folder", "voc", "coco")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which data set, which part of it, and where its labels and maps are."""

    source: str = setting("shapes", "kind of data set", SOURCES)
    data: str = setting("data/shapes", "root folder of the data set; may contain ${VARIABLE}")
    train_list: str = setting("train", "training ids: a name in ImageSets/Segmentation such as train_aug, "
                                       "or a .txt file (COCO: train is the whole split)")
    val_list: str = setting("val", "evaluation ids: a name in ImageSets/Segmentation, or a .txt file (COCO: val is "
                                   "the whole split)")
    labels: str = setting("", "image tags: labels.csv, cls_labels.npy a folder of XML annotations or COCO's "
                              "instances as .json; empty: the first of these under the root (COCO: its instance annotations)")
    mask_pattern: str = setting("{id}.png", "names of the masks; {id} stands for the name of the photo without its suffix, "
                                            "e.g. {id}_mask.png")
    maps: str = setting("", "folder of saliency maps (8- or 16-bit grey PNG); "
                            "empty: saliency/ under the root, if it exists")
    maps_max: int = setting(255, "value in the saliency maps that means certainly salient: 255, 65535 for 16-bit "
                                 "maps, 1 for masks of 0 and 1", low=1)
    maps_pattern: str = setting("{id}.png", "names of the saliency maps, likewise")
    untagged: str = setting("drop", "COCO images that show none of the classes: EPS and SIPE drop them (82,081 train / "
                                    "40,137 val), the thesis counts them (82,783 / 40,504)", ("drop", "keep"))
    max_pixels: int = setting(MAX_PIXELS, f"most pixels of a photo, mask or map, at most {MAX_PIXELS:,}; files that declare "
                                          "more are refused before they are decoded", low=MIN_SIDE**2, counts=False)
    limit: int | None = setting(None, "keep only the first N images of each split; none: all", kind=int, low=1)


@dataclasses.dataclass(frozen=True)
class ConvertConfig:
    """How the files of a data set, or a folder of photos, are written anew."""

    output: str = setting("", "folder that gets the data set with photos as upright JPEG or PNG of 8 bits and masks of class "
                              "numbers as PNG; texts are copied")
    labelmap: str = setting("", "file of lines CLASS:RED,GREEN,BLUE (labelmap.txt of CVAT and Datumaro), for masks in "
                                "colours; empty: masks hold the numbers of the classes", file=True)
    long_side: int | None = setting(None, "longest side of the photos, in pixels; larger ones are scaled down, with masks and "
                                          "maps; none: they keep their sizes", kind=int, low=16)


@dataclasses.dataclass(frozen=True)
class PhotosConfig:
    """Which photos."""

    photos: str = setting("", "folder of photos, searched with all folders below it; needs neither tags nor lists; "
                              "empty: the training split of the data set; may contain ${VARIABLE}",
                        counts=False)  # what is in it counts, and not its place
