"""What the numbers of thesis Tables 3.2, 3.3 and 3.6 to 3.8 were measured on and with (section 3.4.1)."""

import dataclasses

from wsss_tf.originals.protocol import Protocol
from wsss_tf.originals.rows import BACKBONES, COCO, TAGS, TEST, VOC, Protocols, with_settings

_WHOLE = Protocol(
    **VOC, **TEST, supervision=TAGS, backbone="resnet101", start="imagenet",
    settings={"system": "superpixel_growing", "crop": 448, "seg_epochs": 15, "seg_batch": 20, "feature_net": "vit_b8",
              "cls_backbone": "resnet50_torch"})


def _chapter_3(**varied: object) -> Protocol:
    usual = {"superpixel_tau": 0.3, "seed_alpha": 0.5, "beta_foreground": 0.7, "beta_background": 0.7}
    return with_settings(_WHOLE, superpixel_method="discovery", **usual | varied)


PROTOCOLS: Protocols = {
    "thesis_3.2": lambda row: dataclasses.replace(_chapter_3(), backbone=BACKBONES[row.values["backbone"]]),
    "thesis_3.3": lambda row: dataclasses.replace(_chapter_3(), **COCO),
    "thesis_3.6": lambda row: _chapter_3(superpixel_tau=row.values["tau"]),
    "thesis_3.7": lambda row: _chapter_3(seed_alpha=row.values["alpha"]),
    "thesis_3.8": lambda row: _chapter_3(beta_foreground=row.values["beta_fg"], beta_background=row.values["beta_bg"]),
}
