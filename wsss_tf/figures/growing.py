"""Figures 3.1, 3.4, 3.18 and 3.19: what the segmentation net says of training photos, and what grows from the seed by it."""

import dataclasses
import re
from pathlib import Path

import keras
import matplotlib.style
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.example import UNKNOWN
from wsss_tf.figures.cams import HEAT, strength_of
from wsss_tf.figures.page import WIDTH, Page
from wsss_tf.figures.panel import Panel, over, titled_once
from wsss_tf.figures.seeds import SHARES, SeedParts, labeled, seed_parts
from wsss_tf.figures.sources import Sources
from wsss_tf.figures.style import STYLE, line_looks
from wsss_tf.files.images import read_labels
from wsss_tf.imaging.drawing import draw_heat, draw_superpixels
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.ops import colour, resize
from wsss_tf.systems.superpixel_growing.growing import grow
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig
from wsss_tf.train.checkpointing import load_net
from wsss_tf.train.logs import read_log

_RULE = "Grown: where the seed is open a superpixel takes the class whose mean probability there is above beta (eqs 3.6, 3.7)."


class Grower:
    """Grows seeds on whole photos as training does on crops, with the net as it is at test."""

    def __init__(self, sources: Sources, net: keras.Model):
        """Takes the settings of the run and its segmentation net."""
        self._net = net
        self._grid = backbone_grid(sources.settings("seg_backbone"))
        self._target_pixel = sources.settings("segmenter").target_pixel

    def logits(self, photo: np.ndarray) -> tf.Tensor:
        """Scale-1 logits of the photo padded with the mean colour: uint8 [H, W, 3] -> float32 [1, h, w, C+1]."""
        down, right = self._padded(photo) - photo.shape[:2]
        centred = tf.pad(colour.centre(tf.constant(photo)), [[0, down], [0, right], [0, 0]])
        return self._net(centred[None], training=False)["logits"]

    def output(self, photo: np.ndarray, logits: tf.Tensor) -> np.ndarray:
        """The class that the net prefers at each pixel: uint8 [H, W]."""
        whole = resize.bilinear(logits, self._padded(photo))[0].numpy()
        return whole[: photo.shape[0], : photo.shape[1]].argmax(-1).astype(np.uint8)

    def grown(self, parts: SeedParts, seed: np.ndarray, logits: tf.Tensor, config: GrowingConfig) -> np.ndarray:
        """The grown label at the resolution that --growing_at names, enlarged to the photo: uint8 [H, W] of 0..C and 255.

        Ref: thesis eqs 3.6-3.7.
        """
        height, width = parts.photo.shape[:2]
        padded = self._padded(parts.photo)
        margin = [[0, padded[0] - height], [0, padded[1] - width]]
        maps = (np.pad(seed.astype(np.int32), margin, constant_values=UNKNOWN),
                np.pad(parts.ids, margin, constant_values=-1))
        if config.growing_at == "image":
            logits = resize.bilinear(logits, padded)
        centre = self._target_pixel == "centre"
        small = [resize.nearest_labels(tf.constant(labels)[None], tf.shape(logits)[1:3], centre) for labels in maps]
        tags = np.zeros([1, logits.shape[-1] - 1], np.float32)
        tags[0, parts.keys - 1] = 1
        label = grow(*small, tf.nn.softmax(logits), tf.constant(tags), config)
        return resize.nearest_labels(label, padded)[0, :height, :width].numpy().astype(np.uint8)

    def _padded(self, photo: np.ndarray) -> np.ndarray:
        return self._grid.padded(tf.constant(photo.shape[:2])).numpy()


def pipeline_page(sources: Sources) -> Page:
    """Figure 3.1, a row per photo: everything from its superpixels to the label that the finished net grows.

    Raises:
      InputError: a stage is missing, a file is damaged, or the run's method grows nothing.
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
    """Figure 3.19, a row per photo: ground truth, seed and grown label as outlines over the photo.

    Raises:
      InputError: a stage is missing, a file is damaged, or the run's method grows nothing.
    """
    grower, rows = _finished(sources), []
    for parts, seed in _seeds(sources):
        grown = grower.grown(parts, seed, grower.logits(parts.photo), sources.settings("growing"))
        photo, *truth = parts.begin()
        panels = (*truth, Panel(seed, ("seed",), labeled(seed, parts.example)),
                  Panel(grown, ("grown label",), labeled(grown, parts.example)))
        rows.append((photo, *(over(parts.photo, panel) for panel in panels)))
    return Page(titled_once(rows), sources.class_names, f"Outlines: objects. {_RULE} {SHARES}")


def beta_page(sources: Sources) -> Page:
    """Figure 3.18, a row per photo: what the finished net grows at several values of beta, for background and objects alike.

    Raises:
      InputError: a stage is missing, a file is damaged, or the run's method grows nothing.
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
    folder = sources.chain.require("segmenter")
    all_parts = _seeds(sources)
    rows = [[[parts.begin()[0]], [Panel(seed, ("seed",), labeled(seed, parts.example))]] for parts, seed in all_parts]
    for step, checkpoint in [*_checkpoints(folder), ("end", None)]:
        net = sources.segmenter()
        if checkpoint:
            load_net(net, checkpoint)
        grower = Grower(sources, net)
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
    path = sources.chain.require("segmenter") / "log.jsonl"
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


def _finished(sources: Sources) -> Grower:
    return Grower(sources, sources.segmenter())


def _seeds(sources: Sources) -> list[tuple[SeedParts, np.ndarray]]:
    """The chosen photos with the seeds that the run was trained on."""
    sources.settings("growing")  # the run is of a system that grows, or the user is told
    folder = sources.chain.require("seeds")
    return [(parts, read_labels(folder / f"{parts.example.image_id}.png")) for parts in seed_parts(sources)]


def _checkpoints(folder: Path) -> list[tuple[str, str]]:
    """("step N", path) of the kept checkpoints but the last, which is the finished net."""
    found = sorted((int(re.search(r"-(\d+)\.index$", path.name)[1]), str(path.with_suffix("")))
                   for path in (folder / "checkpoints").glob("ckpt-*.index"))
    return [(f"step {step}", path) for step, path in found[:-1]]
