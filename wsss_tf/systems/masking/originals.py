"""What the numbers of thesis Tables 2.1 to 2.8 were measured on and with (sections 2.4.1 and 2.4.3)."""

import dataclasses

from wsss_tf.originals.protocol import Protocol
from wsss_tf.originals.rows import BACKBONES, COCO, TAGS, TEST, VOC, Protocols, with_settings
from wsss_tf.originals.tables import PaperRow, find_row
from wsss_tf.pseudo_labels.saliency_sources import SUPERVISION

_D8 = (3, 6, 9, 12, 15, 18, 21, 24)
_CLASSIFIER = {"cls_backbone": "vgg16"}  # of all rows (A2-23), where there is one
_PARTS = {"none": {"saliency_refinement": "none"}, "refined": {"saliency_refinement": "unlabeled"} | _CLASSIFIER,
          "ground-truth saliency": {"saliency_refinement": "none"}}

_WHOLE = Protocol(
    **VOC, **TEST, supervision=f"{TAGS} and {SUPERVISION['maps']}", backbone="vgg16", start="imagenet",
    settings={"system": "masking", "crop": 321, "seg_epochs": 30, "seg_batch": 20})


def _chapter_2(**varied: object) -> Protocol:
    """The whole method: refined maps, a classifier with dilated blocks."""
    return with_settings(_WHOLE, **_PARTS["refined"] | _attention("dilation") | varied)


def _attention(network: str | None) -> dict[str, object]:
    """Settings of a classification network as Table 2.3 names them."""
    rates = {"standard": (), "dilation": _D8}.get(network)
    return {"attention_weight": 0} if rates is None else {"attention_weight": 2, "cls_rates": rates} | _CLASSIFIER


def _headline_resnet(row: PaperRow) -> Protocol:
    """Started from COCO weights, which were trained with masks (A2-14)."""
    return dataclasses.replace(_chapter_2(paths=3), backbone="resnet101", start="coco")


def _table_2_3(row: PaperRow) -> Protocol:
    values = row.values
    settings = _PARTS[values["saliency_refinement"]] | _attention(values["classification_network"])
    settings |= {"paths": values["n_paths"]} if values["n_paths"] else {}
    backbone = BACKBONES[values["backbone"]]
    masks = values["saliency_refinement"] == "ground-truth saliency"
    return dataclasses.replace(
        with_settings(_WHOLE, **settings), backbone=backbone, start="coco" if backbone == "resnet101" else "imagenet",
        supervision=f"{TAGS} and {SUPERVISION['ground_truth' if masks else 'maps']}")


def _table_2_4(row: PaperRow) -> Protocol:
    """Its rows are those of Table 2.3, but for A5, which is A6 there (A2-22)."""
    model = {"A5": "A6"}.get(row.values["model"], row.values["model"])
    return _table_2_3(find_row(f"thesis_2.3/{model}"))


def _table_2_5(row: PaperRow) -> Protocol:
    return _chapter_2(saliency_refinement={1: "none", 2: "all_labeled", 3: "unlabeled"}[row.values["no"]])


PROTOCOLS: Protocols = {
    "thesis_2.1": lambda row: _chapter_2(paths=2),  # A2-27
    "thesis_2.2": _headline_resnet,
    "thesis_2.3": _table_2_3,
    "thesis_2.4": _table_2_4,
    "thesis_2.5": _table_2_5,
    "thesis_2.6": lambda row: _chapter_2(cam_scales=row.values["scales"]),
    "thesis_2.7": lambda row: _chapter_2(cls_rates=row.values["rates"]),
    "thesis_2.8": lambda row: dataclasses.replace(_chapter_2(), **COCO),
}
