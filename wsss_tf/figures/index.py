"""Which figures can be drawn from runs of any system, and how all are found and listed."""

import re
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from wsss_tf.errors import InputError
from wsss_tf.figures.cams import pseudo_label_page
from wsss_tf.figures.discovery import discovery_page, facets_page, high_tau_page, seed_rule_page, tau_page
from wsss_tf.figures.kind import Kind, one_figure, one_page
from wsss_tf.figures.links import links_page
from wsss_tf.figures.masks import failures_page, masks_page, outlines_page
from wsss_tf.figures.photos import photos_page
from wsss_tf.figures.saliency import refinement_page, saliency_page
from wsss_tf.figures.seeds import alpha_page, seed_page
from wsss_tf.figures.superpixel_curves import (
    accuracy_figure,
    bipartition_figure,
    boundaries_figure,
    curves_figure,
    under_segmentation_figure,
)
from wsss_tf.figures.superpixels import features_page, runs_page

SCHEMES = ("1.1", "1.3", "1.4", "1.5", "2.2", "2.3", "2.6", "3.3")
"""Figures of the thesis that are schemes: no run draws them."""

_SCORED = ("superpixels", "scores")

FIGURES = (
    Kind("photos", "photos and their ground truth", (), one_page(photos_page), ("1.2",)),
    Kind("pseudo_labels", "class activation maps and the pseudo-labels that they give", ("cams",), one_page(pseudo_label_page),
         ("2.1",), values="thresholds"),
    Kind("saliency", "saliency refined by class activation maps", ("cams", "saliency"), one_page(saliency_page), ("2.4",)),
    Kind("refinements", "object mask and its refinements of Table 2.5", ("cams",), one_page(refinement_page)),
    Kind("masks", "masks side by side", ("masks",), one_page(masks_page), ("2.7", "2.8", "3.18", "3.19"), compares=True),
    Kind("outlines", "masks as outlines over the photos", ("masks",), one_page(outlines_page), compares=True),
    Kind("failures", "masks of the photos on which they are worst", ("masks",), one_page(failures_page), ("3.20b",),
         compares=True),
    Kind("superpixels", "superpixels of several methods", ("superpixels",), one_page(runs_page), ("3.1", "3.8", "3.9", "3.13"),
         compares=True),
    Kind("discovery", "superpixel discovery, step by step", (), one_page(discovery_page), ("3.2",), values="counts"),
    Kind("under_segmentation", "UE over the number of superpixels", _SCORED, one_figure(under_segmentation_figure), ("3.5",),
         compares=True),
    Kind("boundaries", "boundary precision over boundary recall of superpixels", _SCORED, one_figure(boundaries_figure),
         ("3.6",), compares=True),
    Kind("accuracy", "ASA over the number of superpixels", _SCORED, one_figure(accuracy_figure), ("3.7",), compares=True),
    Kind("superpixel_curves", "UE, BP over BR, and ASA beside each other", _SCORED, one_figure(curves_figure), compares=True),
    Kind("features", "superpixels from features of other nets", ("superpixels",), one_page(features_page), ("3.10",),
         compares=True),
    Kind("seed_rule", "order of discovery from few links or from many, at a low and a high tau", (), one_page(seed_rule_page),
         ("3.11",), values="tau"),
    Kind("bipartition", "ASA and UE of ours and of normalised cuts", _SCORED, one_figure(bipartition_figure), ("3.12",),
         compares=True),
    Kind("links", "positive and negative patches within an object", (), one_page(links_page), ("3.14",)),
    Kind("high_tau", "superpixels at tau 0.7", (), one_page(high_tau_page), ("3.15",), values="tau"),
    Kind("order", "order of discovery at several tau", (), one_page(tau_page), ("3.16",), values="tau"),
    Kind("facets", "superpixels from other blocks and facets of a transformer", (), one_page(facets_page), values="blocks"),
    Kind("seeds", "initial seed from superpixels and maps", ("cams", "superpixels"), one_page(seed_page)),
    Kind("alpha", "initial seed at several alpha", ("cams", "superpixels"), one_page(alpha_page), ("3.17",), values="alpha"),
)


def all_kinds(extra: Iterable[Kind] = ()) -> tuple[Kind, ...]:
    """The figures of any system and those given, in the order of the thesis; what has no number there comes last.

    Raises:
      ValueError: two figures share a name or a number.
    """
    kinds = sorted((*FIGURES, *extra), key=_order)
    words = [word for kind in kinds for word in (kind.name, *kind.numbers)]
    twice = {word for word in words if words.count(word) > 1}
    if twice:
        raise ValueError(f"figures of the same name: {sorted(twice)}")
    return tuple(kinds)


def find_kind(word: str, kinds: Sequence[Kind]) -> Kind:
    """The figure of a number or name.

    Raises:
      InputError: there is none.
    """
    for kind in kinds:
        if word in (kind.name, *kind.numbers):
            return kind
    known = "list or one of " + ", ".join(word for kind in kinds for word in kind.numbers or (kind.name,))
    if word in SCHEMES:
        raise InputError(f"--figure={word}: it is a scheme in the thesis, which no run can draw: expected {known}")
    raise InputError(f"--figure={word}: expected {known}: --figure=list tells what they show")


def table(kinds: Sequence[Kind]) -> str:
    """Number, name, content and needs of every figure, a line each."""
    lines = []
    for kind in kinds:
        needs = ", ".join(kind.needs) or "photos"
        more = [" of each run of --compare"] * kind.compares + [f"; --values: {kind.values}"] * bool(kind.values)
        system = f"--system={kind.system}: " if kind.system else ""
        lines.append((", ".join(kind.numbers), kind.name, kind.title, system + needs + "".join(more)))
    return tabulate(lines, ("figure", "name", "shows", "needs"), "plain", disable_numparse=True)


def _order(kind: Kind) -> tuple:
    if not kind.numbers:
        return (1, 0, 0, kind.name)
    chapter, number, letter = re.fullmatch(r"(\d+)\.(\d+)(\w?)", kind.numbers[0]).groups()
    return (0, int(chapter), int(number), letter)
