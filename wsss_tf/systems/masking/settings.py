"""Flags of image masking."""

import dataclasses

from wsss_tf.config import setting

MEANS = ("imagenet", "dataset")  # colours of what is erased


@dataclasses.dataclass(frozen=True)
class MaskingConfig:
    """The attention loss of the image masking method."""

    attention_weight: float = setting(2.0, "weight of the attention loss beside the saliency loss (eq. 2.12); "
                                           "0 trains on saliency alone (rows A1 and A2)", low=0.0)
    paths: int = setting(2, "number of classification paths, each with its own random b (Table 2.3, A2-27)", low=1)
    mean: str = setting("imagenet", "colour mu that erased pixels take (eq. 2.9): imagenet, the mean that the classifier's "
                                    "weights know as nothing; or dataset, the mean of the training photos", MEANS)
