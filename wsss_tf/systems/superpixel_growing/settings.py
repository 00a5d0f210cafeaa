"""Flags of superpixel-guided growing."""

import dataclasses

from wsss_tf.config import setting


@dataclasses.dataclass(frozen=True)
class GrowingConfig:
    """When a superpixel takes the label that the net gives it."""

    beta_background: float = setting(0.7, "a superpixel becomes background above this mean probability (eq. 3.7, "
                                          "A3-13)")
    beta_foreground: float = setting(0.7, "a superpixel becomes an object above this mean probability (eq. 3.7, A3-13)")
    growing_at: str = setting("logits", "resolution of eqs 3.6-3.8: logits (A3-9, as in DSRG), or image, where the "
                                        "logits are upsampled first", ("logits", "image"))
