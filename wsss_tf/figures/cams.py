"""Figures 1.5, 2.4 and 2.6: class activation maps, and the pseudo-labels and saliency targets that follow from them."""

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import Example, objects
from wsss_tf.experiment import Experiment
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.sources import Sources
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.pseudo_labels.saliency import refine
from wsss_tf.pseudo_labels.saliency_sources import object_mask, require_source, saliency_scores
from wsss_tf.pseudo_labels.seeds import pseudo_label
from wsss_tf.report.page import draw_heat

_MOST_MAPS = 4  # classes that get a map of their own; of more the strongest is shown
_OBJECTS = ("not salient", "salient")
HEAT = "Class activation maps over photos: dark 0 to yellow 1."


def pseudo_label_page(sources: Sources) -> Page:
    """Figure 1.5, a row per photo: photo, normalised map of each class, pseudo-labels, and the ground truth if it has one.

    Raises:
      InputError: the stage cams is missing, a file is damaged, or a threshold is no number.
    """
    folder, names = sources.chain.require("cams"), sources.class_names
    thresholds = sources.values(sources.experiment.seeds.cam_threshold)
    read = [(example, *read_cam(folder, example.image_id, sources.num_classes)) for example in sources.train()]
    columns = max(len(keys) if len(keys) <= _MOST_MAPS else 1 for _, keys, _ in read)
    rows = []
    for example, keys, cam in read:
        photo = read_photo(example.image)
        maps = [(names[key], strength) for key, strength in zip(keys, normalise(cam))]
        if len(maps) > _MOST_MAPS:
            maps = [(f"strongest of {len(keys)} classes", strength_of(cam))]
        row = [Panel(photo, ("photo",), (example.image_id,))]
        row += [Panel(draw_heat(photo, strength), (f"CAM: {name}",)) for name, strength in maps]
        row += [None] * (columns - len(maps))
        row += [Panel(pseudo_label(keys, cam, threshold), (f"threshold {threshold:g}",)) for threshold in thresholds]
        rows.append((*row, *truth_panel(example)))
    return Page(tuple(rows), names, f"{HEAT} Pseudo-label: the strongest class, background below the threshold (eqs 1.12 and "
                "1.13).")


def saliency_page(sources: Sources) -> Page:
    """Figure 2.4, a row per photo: photo, saliency map, object mask O, strongest map B, refined target R, true objects.

    Raises:
      InputError: the run refines nothing, the stage saliency or cams is missing, or a file is damaged.
    """
    e = sources.experiment
    if e.saliency.refinement == "none":
        raise InputError("--refinement=none: nothing is refined: draw figure 2.4 of a run with --refinement=unlabeled, or "
                         "figure 2.6")
    refined, cams = sources.chain.require("saliency"), sources.chain.require("cams")
    rows = []
    for example in _with_saliency(sources):
        photo, (_, cam) = read_photo(example.image), read_cam(cams, example.image_id, sources.num_classes)
        target = read_labels(refined / f"{example.image_id}.png")
        rows.append((Panel(photo, ("photo",), (example.image_id,)), *_detected(e, example),
                     Panel(draw_heat(photo, strength_of(cam)), ("CAM (B)",)), Panel(target, ("refined (R)",)),
                     *truth_panel(example, of_objects=True)))
    config = e.saliency
    return Page(titled_once(rows), _OBJECTS, f"{HEAT} {_rule(config.tau_high, config.tau_low)} Refinement of this run: "
                f"{config.refinement}.")


def refinement_page(sources: Sources) -> Page:
    """Figure 2.6, a row per photo: object mask O, and O refined as each row of Table 2.5 does it.

    Raises:
      InputError: the stage cams is missing, or a file is damaged.
    """
    e, config = sources.experiment, sources.experiment.saliency
    cams = sources.chain.require("cams")
    rows = []
    for example in _with_saliency(sources):
        _, cam = read_cam(cams, example.image_id, sources.num_classes)
        mask = object_mask(example, config, e.data.saliency_max)
        kinds = {"original (O)": mask} | {
            kind.replace("_", " "): refine(mask, cam, config.tau_high, config.tau_low, kind)
            for kind in ("all_labeled", "unlabeled")}
        rows.append((Panel(read_photo(example.image), ("photo",), (example.image_id,)),
                     *(Panel(target, (title,)) for title, target in kinds.items()),
                     *truth_panel(example, of_objects=True)))
    return Page(titled_once(rows), _OBJECTS, _rule(config.tau_high, config.tau_low))


def truth_panel(example: Example, of_objects: bool = False) -> tuple[Panel, ...]:
    """The ground truth of a photo (or its objects without their classes), nothing if it has none."""
    if not example.mask:
        return ()
    truth = read_labels(example.mask)
    return (Panel(objects(truth) if of_objects else truth, ("ground truth",)),)


def strength_of(cam: np.ndarray) -> np.ndarray:
    """The strongest normalised map of each pixel: float32 [K, H, W] -> float32 [H, W] in 0..1."""
    return normalise(cam).max(axis=0, initial=0)


def _with_saliency(sources: Sources) -> tuple[Example, ...]:
    examples = sources.train()
    require_source(sources.experiment.saliency, examples)
    return examples


def _detected(e: Experiment, example: Example) -> tuple[Panel, ...]:
    return (Panel(saliency_scores(example, e.saliency.saliency_source, e.data.saliency_max), ("saliency",)),
            Panel(object_mask(example, e.saliency, e.data.saliency_max), ("object mask (O)",)))


def _rule(tau_high: float, tau_low: float) -> str:
    return f"Eq. 2.6: salient where B > {tau_high:g}; unlabeled (or background) where O is salient and B < {tau_low:g}."
