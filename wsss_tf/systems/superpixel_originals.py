"""What the numbers of thesis Table 3.5 were measured on and with (section 3.4.3)."""

import dataclasses

from wsss_tf.originals.protocol import Protocol
from wsss_tf.originals.rows import Protocols, with_settings
from wsss_tf.originals.tables import PaperRow

_TRAIN = Protocol(data="VOC 2012", split="train", images=1464, train="", train_images=0, crf="none", scales=(), flip=False,
                  supervision="none", backbone="none", start="none")


def _table_3_5(row: PaperRow) -> Protocol:
    method = row.values["method"]
    if method != "Ours":
        return with_settings(_TRAIN, superpixel_method=method.lower(), superpixel_size=row.values["opencv_parameter"])
    return dataclasses.replace(with_settings(_TRAIN, superpixel_method="discovery", superpixel_tau=row.values["tau"]),
                               crf="superpixels", backbone="vit_b8", start="dino")


PROTOCOLS: Protocols = {"thesis_3.5": _table_3_5}
