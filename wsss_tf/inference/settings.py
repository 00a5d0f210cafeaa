"""Flags of what trained nets do on whole photos."""

import dataclasses

from wsss_tf.config import setting
from wsss_tf.files.images import MIN_SIDE
from wsss_tf.imaging import crf

FUSIONS = ("max", "sum", "irn")
UPSAMPLINGS = ("cells", "direct")


@dataclasses.dataclass(frozen=True)
class CamConfig:
    """How class activation maps are computed."""

    scales: tuple = setting((0.5, 0.75, 1.0), "input scales of the multi-scale map (eq. 2.4, A2-17, Table 2.6)",
                            low=0.1)
    fusion: str = setting("max", "how the maps of the scales become one: max (eq. 2.4), sum, or irn, the sum exactly as IRN "
                                 "forms it, cells at tiles (A3-15)", FUSIONS)
    flip: bool = setting(False, "also fuse the mirror image (A2-18: chapter 2 is silent, no flip; A3-15: chapter 3 does)")
    upsampling: str = setting("cells", "how a map becomes as large as the photo (eq. 2.4, A2-29): cells, padded to whole "
                                       "cells, each put on its own pixels and then resized; or direct, in one step; irn has "
                                       "its own", UPSAMPLINGS)


@dataclasses.dataclass(frozen=True)
class PredictConfig:
    """How masks are predicted (section 2.4.1)."""

    scales: tuple = setting((1.0, 0.75, 0.5), "input scales at test, fused by the maximum of the logits (A2-13)",
                            low=0.1)
    flip: bool = setting(False, "also fuse the mirror image")
    crf_set: str = setting("authors", "parameter set of the dense CRF: authors, that of its authors' example with the 10 "
                                      "iterations of SEC and DSRG; authors_5, with the example's own 5; the thesis does not "
                                      "decide (A2-19; docs/methods.md has them all)", tuple(crf.CRF_SETS))
    crf_backend: str = setting("auto", "pydensecrf when importable, else the project's own", crf.BACKENDS, counts=False)


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """What the SavedModel refuses."""

    max_bytes: int = setting(20_000_000, "largest image file that is accepted, in bytes", low=1)
    max_pixels: int = setting(4_000_000, "most pixels of an image that is accepted", low=MIN_SIDE**2)
    max_batch_pixels: int = setting(8_000_000, "most pixels of a batch that is accepted, its images times the largest height "
                                               "times the largest width, to which all are filled up", low=MIN_SIDE**2)
