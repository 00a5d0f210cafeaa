"""What the numbers of the thesis were measured on and with, as far as this project reproduces them.

Where a table does not say it, the section on its experiments does (2.4.1, 3.4.1);
Tables 2.5 to 2.8 and 3.3 are read as tested like the others, with CRF.
"""

import dataclasses
from collections.abc import Callable

from wsss_tf.originals.protocol import Protocol
from wsss_tf.originals.tables import PaperRow, find_row, table_of
from wsss_tf.pseudo_labels.saliency_sources import SUPERVISION
from wsss_tf.superpixels.metrics import SHORT_NAMES

MIOU = "mIoU"
SUPERPIXELS = tuple(SHORT_NAMES.values())  # the measures of Table 3.5

_BACKBONES = {"VGG16": "vgg16", "ResNet50": "resnet50", "ResNet101": "resnet101", "ResNet38": "wrn38"}
_TEST = {"crf": "C1", "scales": (1.0, 0.75, 0.5), "flip": False}
_VOC = {"data": "VOC 2012", "split": "val", "images": 1449, "train": "train_aug", "train_images": 10582}
_COCO = {"data": "COCO 2014", "split": "val", "images": 40504, "train": "train", "train_images": 82783}
_TAGS = "image tags"
_METHODS = ("Ours", "SLIC", "SEEDS", "LSC")  # whose rows a run can reproduce
_D8 = (3, 6, 9, 12, 15, 18, 21, 24)

_CHAPTER_2 = Protocol(
    **_VOC, **_TEST, supervision=f"{_TAGS} and {SUPERVISION['maps']}", backbone="vgg16", start="imagenet",
    settings={"method": "masking", "crop": 321, "seg_epochs": 30, "seg_batch": 20})
_CHAPTER_3 = Protocol(
    **_VOC, **_TEST, supervision=_TAGS, backbone="resnet101", start="imagenet",
    settings={"method": "superpixel_growing", "crop": 448, "seg_epochs": 15, "seg_batch": 20, "feature_net": "vit_b8",
              "cls_backbone": "resnet50_torch"})
_TABLE_3_5 = Protocol(data="VOC 2012", split="train", images=1464, train="", train_images=0, crf="none", scales=(),
                      flip=False, supervision="none", backbone="none", start="none")

# Columns of each table that a run of ours measures -> with CRF or without. The test set has no public masks.
_COLUMNS = {
    "thesis_2.1": {"val": True}, "thesis_2.2": {"val": True}, "thesis_2.3": {"val_wo_crf": False, "val_crf": True},
    "thesis_2.4": {"miou": True}, "thesis_2.5": {"miou_val": True}, "thesis_2.6": {"miou_val": True},
    "thesis_2.7": {"miou_val": True}, "thesis_2.8": {"miou_val": True}, "thesis_3.2": {"val": True},
    "thesis_3.3": {"val": True}, "thesis_3.6": {"val_wo_crf": False, "val_crf": True},
    "thesis_3.7": {"val": False, "val_crf": True}, "thesis_3.8": {"val": False, "val_crf": True},
}


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


def originals(row: PaperRow) -> tuple[Original, ...]:
    """The numbers of a row that a run can be held against; none if the row is of another method or document."""
    table = table_of(row.name).id
    if table not in _PROTOCOLS or row.values.get("method", "Ours") not in _METHODS:
        return ()
    protocol = _PROTOCOLS[table](row)
    if table == "thesis_3.5":
        columns = {"n_superpixels": SUPERPIXELS[0]} | {name: name for name in SUPERPIXELS[1:]}
        return tuple(Original(measure, row.number(column), protocol) for column, measure in columns.items())
    return tuple(Original(MIOU, row.number(column), protocol if crf else dataclasses.replace(protocol, crf="none"))
                 for column, crf in _COLUMNS[table].items() if row.number(column) is not None)


def original_classes(row: PaperRow) -> dict[str, float]:
    """IoU in percent by class on val, where the thesis prints it: for the headline of chapter 3 (Table 3.4)."""
    if row.name != "thesis_3.2/Ours/ResNet101":
        return {}
    rows = table_of("thesis_3.4").rows.values()
    return {str(row.values["class"]): row.number("val") for row in rows if row.values["class"] != MIOU}


def _with(protocol: Protocol, **settings: object) -> Protocol:
    return dataclasses.replace(protocol, settings=protocol.settings | settings)


def _headline_resnet(row: PaperRow) -> Protocol:
    """Started from COCO weights, which were trained with masks (A2-14)."""
    return dataclasses.replace(_chapter_2(paths=3), backbone="resnet101", start="coco")


def _table_2_3(row: PaperRow) -> Protocol:
    values = row.values
    settings = _PARTS[values["saliency_refinement"]] | _attention(values["classification_network"])
    settings |= {"paths": values["n_paths"]} if values["n_paths"] else {}
    backbone = _BACKBONES[values["backbone"]]
    masks = values["saliency_refinement"] == "ground-truth saliency"
    return dataclasses.replace(
        _with(_CHAPTER_2, **settings), backbone=backbone, start="coco" if backbone == "resnet101" else "imagenet",
        supervision=f"{_TAGS} and {SUPERVISION['ground_truth' if masks else 'maps']}")


def _table_2_4(row: PaperRow) -> Protocol:
    """Its rows are those of Table 2.3, but for A5, which is A6 there (A2-22)."""
    model = {"A5": "A6"}.get(row.values["model"], row.values["model"])
    return _table_2_3(find_row(f"thesis_2.3/{model}"))


def _table_2_5(row: PaperRow) -> Protocol:
    return _chapter_2(refinement={1: "none", 2: "all_labeled", 3: "unlabeled"}[row.values["no"]])


def _table_3_5(row: PaperRow) -> Protocol:
    method = row.values["method"]
    if method != "Ours":
        return _with(_TABLE_3_5, superpixel_method=method.lower(), superpixel_size=row.values["opencv_parameter"])
    return dataclasses.replace(_with(_TABLE_3_5, superpixel_method="discovery", superpixel_tau=row.values["tau"]),
                               crf="C5", backbone="vit_b8", start="dino")


def _chapter_2(**varied: object) -> Protocol:
    """The whole method: refined maps, a classifier with dilated blocks."""
    return _with(_CHAPTER_2, **_PARTS["refined"] | _attention("dilation") | varied)


def _chapter_3(**varied: object) -> Protocol:
    usual = {"superpixel_tau": 0.3, "alpha": 0.5, "beta_foreground": 0.7, "beta_background": 0.7}
    return _with(_CHAPTER_3, superpixel_method="discovery", **usual | varied)


def _attention(network: str | None) -> dict[str, object]:
    """Settings of a classification network as Table 2.3 names them."""
    rates = {"standard": (), "dilation": _D8}.get(network)
    return {"attention_weight": 0} if rates is None else {"attention_weight": 2, "cls_rates": rates} | _CLASSIFIER


_CLASSIFIER = {"cls_backbone": "vgg16"}  # of all rows (A2-23), where there is one
_PARTS = {"none": {"refinement": "none"}, "refined": {"refinement": "unlabeled"} | _CLASSIFIER,
          "ground-truth saliency": {"refinement": "none"}}
_PROTOCOLS: dict[str, Callable[[PaperRow], Protocol]] = {
    "thesis_2.1": lambda row: _chapter_2(paths=2),  # A2-27
    "thesis_2.2": _headline_resnet,
    "thesis_2.3": _table_2_3,
    "thesis_2.4": _table_2_4,
    "thesis_2.5": _table_2_5,
    "thesis_2.6": lambda row: _chapter_2(cam_scales=row.values["scales"]),
    "thesis_2.7": lambda row: _chapter_2(cls_rates=row.values["rates"]),
    "thesis_2.8": lambda row: dataclasses.replace(_chapter_2(), **_COCO),
    "thesis_3.2": lambda row: dataclasses.replace(_chapter_3(), backbone=_BACKBONES[row.values["backbone"]]),
    "thesis_3.3": lambda row: dataclasses.replace(_chapter_3(), **_COCO),
    "thesis_3.5": _table_3_5,
    "thesis_3.6": lambda row: _chapter_3(superpixel_tau=row.values["tau"]),
    "thesis_3.7": lambda row: _chapter_3(alpha=row.values["alpha"]),
    "thesis_3.8": lambda row: _chapter_3(beta_foreground=row.values["beta_fg"], beta_background=row.values["beta_bg"]),
}
