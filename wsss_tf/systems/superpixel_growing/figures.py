"""Figures 3.4 and 3.20 (a): what the segmentation net says of training photos, and what grows from their seeds by it."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN, Example
from wsss_tf.figures.cams import HEAT, strength_of
from wsss_tf.figures.kind import Kind, one_page
from wsss_tf.figures.page import WIDTH, Page, draw_page
from wsss_tf.figures.panel import Panel, over, titled_once
from wsss_tf.figures.seeds import SHARES, SeedParts, labeled, parts_of
from wsss_tf.figures.sources import Sources
from wsss_tf.figures.style import STYLE, line_looks
from wsss_tf.files.images import read_labels
from wsss_tf.files.json_artefact import read_log
from wsss_tf.imaging.drawing import draw_heat, draw_superpixels
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.systems.superpixel_growing.grower import Grower
from wsss_tf.train.checkpointing import load_net

_RULE = "Grown: where the seed is open a superpixel takes the class whose mean probability there is above beta (eqs 3.6, 3.7)."


def pipeline_page(sources: Sources) -> Page:
    """A row per photo: everything from its superpixels to the label that the finished net grows.

    Raises:
      InputError: a stage is missing, or a file is damaged.
    """
    grower, rows = _finished(sources), []
    for parts, seed in _seeds(sources):
        logits = grower.logits(parts.photo)
        grown = grower.grown(parts, seed, logits, sources.settings("growing"))
        photo, *truth = parts.begin()
        rows.append((photo, Panel(draw_superpixels(parts.photo, parts.ids), ("superpixels",)),
                     Panel(draw_heat(parts.photo, strength_of(parts.cam)), ("CAM",)),
                     Panel(seed, ("seed",), labeled(seed, parts.example)),
                     Panel(grower.output(parts.photo, logits), ("net's output",)),
                     Panel(grown, ("grown label",), labeled(grown, parts.example)), *truth))
    return Page(titled_once(rows), sources.class_names, f"{HEAT} {_RULE} {SHARES}")


def grown_page(sources: Sources) -> Page:
    """A row per photo: ground truth, seed and grown label as outlines over the photo.

    Raises:
      InputError: a stage is missing, or a file is damaged.
    """
    return _outlines(sources, _finished(sources), sources.train())


def failures_page(sources: Sources) -> Page:
    """Figure 3.20 (a): the page of `grown_page` for the photos whose grown label is least right.

    Raises:
      InputError: a stage is missing, a file is damaged, or no photo has a ground truth.
    """
    grower, train = _finished(sources), sources.run.dataset.train

    def score(example: Example) -> float:
        parts, seed = _with_seed(sources, example)
        grown = grower.grown(parts, seed, grower.logits(parts.photo), sources.settings("growing"))
        truth = read_labels(example.mask)
        known = (truth != UNKNOWN) & (grown != UNKNOWN)
        return float((grown == truth)[known].mean()) if known.any() else float("nan")

    return _outlines(sources, grower, sources.worst(train, "training", score))


def beta_page(sources: Sources) -> Page:
    """A row per photo: what the finished net grows at several values of beta, for background and objects alike.

    Raises:
      InputError: a stage is missing, or a file is damaged.
    """
    grower, betas, rows = _finished(sources), sources.values(0.5, 0.6, 0.7, 0.8, 0.9), []
    for parts, seed in _seeds(sources):
        logits = grower.logits(parts.photo)
        row = [*parts.begin(), Panel(seed, ("seed",), labeled(seed, parts.example))]
        for beta in betas:
            config = dataclasses.replace(sources.settings("growing"), beta_background=beta, beta_foreground=beta)
            grown = grower.grown(parts, seed, logits, config)
            row.append(Panel(grown, (f"beta {beta:g}",), labeled(grown, parts.example)))
        rows.append(tuple(row))
    return Page(titled_once(rows), sources.class_names, f"{_RULE} {SHARES}")


def course_page(sources: Sources) -> Page:
    """Figure 3.4, two rows per photo: the net's output and the grown label at each kept step of the training.

    Raises:
      InputError: see `pipeline_page`; a checkpoint that is damaged is named too.
    """
    folder = sources.run.stage("segmenter")
    all_parts = _seeds(sources)
    rows = [[[parts.begin()[0]], [Panel(seed, ("seed",), labeled(seed, parts.example))]] for parts, seed in all_parts]
    for step, checkpoint in [*_checkpoints(folder), ("end", None)]:
        grower = _finished(sources, checkpoint)
        for (upper, lower), (parts, seed) in zip(rows, all_parts):
            logits = grower.logits(parts.photo)
            grown = grower.grown(parts, seed, logits, sources.settings("growing"))
            upper.append(Panel(grower.output(parts.photo, logits), (f"output, {step}",)))
            lower.append(Panel(grown, (f"grown, {step}",), labeled(grown, parts.example)))
    for (upper, lower), (parts, _) in zip(rows, all_parts):
        truth = parts.begin()[1:]
        upper += truth
        lower += [None] * len(truth)
    return Page(tuple(tuple(row) for pair in rows for row in pair), sources.class_names, f"{_RULE} {SHARES}")


def course_figure(sources: Sources) -> Figure:
    """Figure 3.4, second part: the labeled share of the training crops before and after growing, over the steps.

    Raises:
      InputError: the stage segmenter is missing, or its log has no such shares.
    """
    path = sources.run.stage("segmenter") / "log.jsonl"
    lines = (line for line in read_log(path) if {"seed", "labeled"} <= line.keys())
    latest = {line["step"]: line for line in lines}  # a resumed run repeats steps
    if not latest:
        raise InputError(f"{path}: it tells no labeled shares: draw figure 3.4 of a run whose system grows seeds")
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(WIDTH, 0.35 * WIDTH), layout="constrained")
        axes = figure.subplots()
        for name, title, look in zip(("seed", "labeled"), ("initial seed", "after growing"), line_looks(2)):
            axes.plot(sorted(latest), [100 * latest[step][name] for step in sorted(latest)], label=title, **look)
        axes.set(xlabel="training step", ylabel="labeled pixels in %", ylim=(0, 100))
        axes.legend(frameon=False)
    return figure


def course_figures(sources: Sources) -> dict[str, Figure]:
    """Figure 3.4: what the net says and what grows as the training goes on, and how much is labeled.

    Raises:
      InputError: see `course_page` and `course_figure`.
    """
    return {"": draw_page(course_page(sources)), "_shares": course_figure(sources)}


def _outlines(sources: Sources, grower: Grower, examples: Sequence[Example]) -> Page:
    rows = []
    for example in examples:
        parts, seed = _with_seed(sources, example)
        grown = grower.grown(parts, seed, grower.logits(parts.photo), sources.settings("growing"))
        photo, *truth = parts.begin()
        panels = (*truth, Panel(seed, ("seed",), labeled(seed, example)),
                  Panel(grown, ("grown label",), labeled(grown, example)))
        rows.append((photo, *(over(parts.photo, panel) for panel in panels)))
    return Page(titled_once(rows), sources.class_names, f"Outlines: objects. {_RULE} {SHARES}")


def _finished(sources: Sources, checkpoint: str | None = None) -> Grower:
    """The grower with the finished net, or with the weights of a checkpoint of its training."""
    net = sources.run.segmenter()
    if checkpoint:
        load_net(net, checkpoint)
    return Grower(net, backbone_grid(sources.settings("seg_backbone")), sources.settings("segmenter").target_pixel)


def _seeds(sources: Sources) -> list[tuple[SeedParts, np.ndarray]]:
    """The chosen photos with the seeds that the run was trained on."""
    return [_with_seed(sources, example) for example in sources.train()]


def _with_seed(sources: Sources, example: Example) -> tuple[SeedParts, np.ndarray]:
    return parts_of(sources, example), read_labels(sources.folder("labels") / f"{example.image_id}.png")


def _checkpoints(folder: Path) -> list[tuple[str, str]]:
    """("step N", path) of the kept checkpoints but the last, which is the finished net."""
    found = sorted((int(re.search(r"-(\d+)\.index$", path.name)[1]), str(path.with_suffix("")))
                   for path in (folder / "checkpoints").glob("ckpt-*.index"))
    return [(f"step {step}", path) for step, path in found[:-1]]


_NEEDS = ("cams", "superpixels", "labels", "segmenter")

FIGURES = tuple(dataclasses.replace(kind, needs=_NEEDS, system="superpixel_growing") for kind in (
    Kind("course", "growing in the course of the training", (), course_figures, ("3.4",)),
    Kind("grown_failures", "grown labels of the photos where they are least right", (), one_page(failures_page), ("3.20a",)),
    Kind("pipeline", "from superpixels and seeds to grown labels", (), one_page(pipeline_page)),
    Kind("grown", "seed and grown label over the photo", (), one_page(grown_page)),
    Kind("beta", "grown labels at several beta", (), one_page(beta_page), values="beta"),
))
