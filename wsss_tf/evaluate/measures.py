"""Names of all scores and how their numbers are printed, for tables and pages."""

import math

from wsss_tf.superpixels.metrics import SHORT_NAMES

OVERALL = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy", "mean_accuracy": "mean accuracy",
           "frequency_weighted_iou": "frequency-weighted IoU", "coverage": "coverage",
           "foreground_precision": "foreground precision", "foreground_recall": "foreground recall"}
"""Scores of label maps over a whole split -> title, in the order of the columns."""

PER_CLASS = {"iou": "IoU", "precision": "precision", "recall": "recall", "class_coverage": "coverage"}
"""Scores of label maps by class -> title."""


def title(name: str) -> str:
    """The words for a score; of one that is not known here its name."""
    return OVERALL.get(name) or SHORT_NAMES.get(name) or name.replace("_", " ")


def order(name: str) -> int:
    """The place of a score among the columns of a table; those that are not known here come last."""
    known = (*OVERALL, *SHORT_NAMES)
    return known.index(name) if name in known else len(known)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 0..1 in percent; an undefined one as a dash."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.{digits}f}"


def printed(name: str, value: float | None) -> str:
    """A score as it is printed: of label maps in percent, of anything else as it is; an undefined one as a dash."""
    if name in OVERALL:
        return percent(value)
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.{1 if name == 'count' else 3}f}"
