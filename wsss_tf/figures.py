"""Figures of the thesis, drawn from finished runs."""

import dataclasses
from pathlib import Path

from wsss_tf.config import setting
from wsss_tf.data.check import content_digest
from wsss_tf.data.example import Example
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.figure_erasing import MAX_TAGS, Eraser, erasing_page
from wsss_tf.figure_links import links_page
from wsss_tf.figure_masks import masks_page
from wsss_tf.figure_page import save_page
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.stage import Chain, read_manifest
from wsss_tf.stages import PLAIN, REFINED
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.grouping import uses_features
from wsss_tf.trained import trained_classifier, trained_segmenter

_FOLDERS = {"with": ((" + CRF", REFINED),), "without": (("", PLAIN),), "both": (("", PLAIN), (" + CRF", REFINED))}


@dataclasses.dataclass(frozen=True)
class FigureConfig:
    """Which figure to draw of which photos and runs."""

    figure: str = setting("2.5", "figure of the thesis: 2.5, attention maps and masked photos of this run; 2.7, masks of "
                                 "several runs; or 3.14, how many patches each patch is similar to, and its superpixels",
                          ("2.5", "2.7", "3.14"))
    images: str = setting("", "ids of evaluation images, separated by commas; empty: those with the most tags")
    photos: int = setting(4, "how many photos if --images is empty", low=1)
    compare: str = setting("", "figure 2.7: finished experiments, separated by commas; empty: this run alone")
    crf: str = setting("with", "figure 2.7: masks with dense CRF, without, or both", tuple(_FOLDERS))


def draw_figures(chain: Chain, experiment: Experiment, config: FigureConfig) -> list[Path]:
    """Writes a figure to RUNS/EXPERIMENT/figures as PNG and PDF; returns the paths.

    Args:
      chain: the stages of the experiment.
      experiment: all settings.
      config: what to draw.

    Raises:
      InputError: an id, stage or run that does not exist, too many tags or
        columns, or a damaged file.
    """
    folder = experiment.folder("figures")
    if config.figure == "2.5":
        return _draw_erasing(chain, experiment, config, folder)
    if config.figure == "3.14":
        return _draw_links(experiment, config, folder)
    return _draw_masks(experiment, config, folder)


def _draw_links(e: Experiment, config: FigureConfig, folder: Path) -> list[Path]:
    if not uses_features(e.superpixels):
        raise InputError(f"--superpixel_method={e.superpixels.method}: it has no patches to compare: draw figure 3.14 with "
                         "discovery or ncut")
    page = links_page(_chosen(e, config), Features(e.features), e.superpixels)
    return list(save_page(page, folder, "fig_3_14"))


def _draw_erasing(chain: Chain, e: Experiment, config: FigureConfig, folder: Path) -> list[Path]:
    if config.compare:
        raise InputError(f"--compare={config.compare}: figure 2.5 shows one run: leave it out or draw --figure=2.7")
    examples = _chosen(e, config, max_tags=MAX_TAGS)
    for example in examples:
        if not 1 <= len(example.tags) <= MAX_TAGS:
            raise InputError(f"{example.image}: expected 1 to {MAX_TAGS} tags, found {len(example.tags)}: choose "
                             "another photo with --images, or correct its line in the labels file")
    segmenter, classifier = chain.require("segmenter"), chain.require("classifier")
    eraser = Eraser(trained_segmenter(e, segmenter), backbone_grid(e.seg_backbone), trained_classifier(e, classifier))
    paths = []
    for example in examples:
        page = erasing_page(example, e.dataset.class_names, eraser)
        paths += save_page(page, folder, f"fig_2_5_{example.image_id}")
    return paths


def _draw_masks(e: Experiment, config: FigureConfig, folder: Path) -> list[Path]:
    examples = _chosen(e, config)
    digest = content_digest(e.dataset.val, with_masks=False)
    columns = []
    for name in _items(config.compare) or [e.run.experiment]:
        masks = e.folder("masks", name)
        seen = read_manifest(masks).get("inputs", {}).get("prepare.val")
        if seen != digest:
            raise InputError(f"{masks}: its masks are of other evaluation images than those of --data={e.data.data}: "
                             "give the flags of its data set, or leave the run out of --compare")
        columns += [(name + suffix, masks / kind) for suffix, kind in _FOLDERS[config.crf]]
    return list(save_page(masks_page(examples, e.dataset.class_names, tuple(columns)), folder, "fig_2_7"))


def _chosen(e: Experiment, config: FigureConfig, max_tags: int | None = None) -> tuple[Example, ...]:
    """The photos that are named; else those with the most tags, but no more than fit, in the order of the data set."""
    known = {example.image_id: example for example in e.dataset.val}
    names = _items(config.images)
    for name in names:
        if name not in known:
            raise InputError(f"--images: '{name}' is not among the {len(known)} evaluation images of --data="
                             f"{e.data.data} (the first is '{next(iter(known), None)}'): correct the id")
    if names:
        return tuple(known[name] for name in names)
    fitting = [example for example in known.values() if max_tags is None or 1 <= len(example.tags) <= max_tags]
    if not fitting:
        raise InputError(f"--data={e.data.data}: expected evaluation images with 1 to {max_tags} tags, found none: "
                         "name their classes in the labels file")
    return tuple(sorted(fitting, key=lambda example: -len(example.tags))[:config.photos])


def _items(text: str) -> list[str]:
    """Parts between commas, each once."""
    return list(dict.fromkeys(filter(None, (item.strip() for item in text.split(",")))))
