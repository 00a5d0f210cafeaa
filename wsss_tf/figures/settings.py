"""Flags of the figures."""

import dataclasses

from wsss_tf.config import setting

CRFS = ("with", "without", "both")
LIST = "list"


@dataclasses.dataclass(frozen=True)
class FigureConfig:
    """Which figure to draw of which photos and runs."""

    figure: str = setting(LIST, "number of a figure of the thesis, or the name of one; list: which there are and what each "
                               "needs")
    images: str = setting("", "ids of images, separated by commas; empty: those with the most tags")
    photos: int = setting(4, "how many photos if --images is empty", low=1)
    compare: str = setting("", "figures of several runs: finished experiments, separated by commas; empty: this run alone; "
                               "figures of masks also take NAME=FOLDER, masks of any origin as <image_id>.png")
    crf: str = setting("with", "figures of masks: with dense CRF, without, or both", CRFS)
    values: str = setting("", "figures of a setting's effect: its values, separated by commas; empty: those of --figure=list")
