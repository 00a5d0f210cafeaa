"""The printed numbers that runs can be held against, and how they were measured.

Where a table does not say it, the section on its experiments does (2.4.1,
3.4.1); Tables 2.5 to 2.8 and 3.3 are read as tested like the others, with CRF.
What each table was measured with is told by the system that reproduces it.
"""

import dataclasses
from collections.abc import Callable, Mapping

from wsss_tf.originals.protocol import Protocol
from wsss_tf.originals.tables import PaperRow, table_of

MIOU = "mIoU"
BACKBONES = {"VGG16": "vgg16", "ResNet50": "resnet50", "ResNet101": "resnet101", "ResNet38": "wrn38"}
TEST = {"crf": "authors", "scales": (1.0, 0.75, 0.5), "flip": False}
VOC = {"data": "VOC 2012", "split": "val", "images": 1449, "train": "train_aug", "train_images": 10582}
COCO = {"data": "COCO 2014", "split": "val", "images": 40504, "train": "train", "train_images": 82783}
TAGS = "image tags"
_METHODS = ("Ours", "SLIC", "SEEDS", "LSC")  # whose rows a run can reproduce

# Columns of each table that a run of ours measures -> with CRF or without. The test set has no public masks.
_COLUMNS = {
    "thesis_2.1": {"val": True}, "thesis_2.2": {"val": True}, "thesis_2.3": {"val_wo_crf": False, "val_crf": True},
    "thesis_2.4": {"miou": True}, "thesis_2.5": {"miou_val": True}, "thesis_2.6": {"miou_val": True},
    "thesis_2.7": {"miou_val": True}, "thesis_2.8": {"miou_val": True}, "thesis_3.2": {"val": True},
    "thesis_3.3": {"val": True}, "thesis_3.6": {"val_wo_crf": False, "val_crf": True},
    "thesis_3.7": {"val": False, "val_crf": True}, "thesis_3.8": {"val": False, "val_crf": True},
}


_MEASURES = {"thesis_3.5": {"n_superpixels": "superpixels", "UE": "UE", "BP": "BP", "BR": "BR", "ASA": "ASA"}}


@dataclasses.dataclass(frozen=True)
class Original:
    """A printed number.

    Attributes:
      measure: "mIoU" (percent), or "superpixels", "UE", "BP", "BR", "ASA".
      value: as printed.
      protocol: how it came about.
    """

    measure: str
    value: float
    protocol: Protocol


Protocols = Mapping[str, Callable[[PaperRow], Protocol]]
"""Id of a table -> (row -> how its numbers were measured)."""


def originals(row: PaperRow, protocols: Protocols) -> tuple[Original, ...]:
    """The numbers of a row that a run can be held against; none if the row is of another method or document."""
    table = table_of(row.name).id
    if table not in protocols or row.values.get("method", "Ours") not in _METHODS:
        return ()
    protocol = protocols[table](row)
    if table in _MEASURES:
        return tuple(Original(measure, row.number(column), protocol) for column, measure in _MEASURES[table].items())
    return tuple(Original(MIOU, row.number(column), protocol if crf else dataclasses.replace(protocol, crf="none"))
                 for column, crf in _COLUMNS[table].items() if row.number(column) is not None)


def original_classes(row: PaperRow) -> dict[str, float]:
    """IoU in percent by class on val, where the thesis prints it: for the headline of chapter 3 (Table 3.4)."""
    if row.name != "thesis_3.2/Ours/ResNet101":
        return {}
    rows = table_of("thesis_3.4").rows.values()
    return {str(row.values["class"]): row.number("val") for row in rows if row.values["class"] != MIOU}


def with_settings(protocol: Protocol, **settings: object) -> Protocol:
    """The same protocol with further settings that the row is about."""
    return dataclasses.replace(protocol, settings=protocol.settings | settings)
