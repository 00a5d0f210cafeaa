"""Figure 2.4 and its refinements: targets of the saliency loss, before and after class activation maps."""

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.figures.cams import HEAT, strength_of
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.photos import truth_panel
from wsss_tf.figures.sources import Sources
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_labels, read_photo
from wsss_tf.imaging.drawing import draw_heat
from wsss_tf.pseudo_labels.saliency import refine
from wsss_tf.pseudo_labels.saliency_sources import object_mask, require_source, saliency_scores
from wsss_tf.pseudo_labels.settings import DOUBTFUL, SaliencyConfig

_OBJECTS = ("not salient", "salient")


def saliency_page(sources: Sources) -> Page:
    """Figure 2.4, a row per photo: photo, saliency map, object mask O, strongest map B, refined target R, true objects.

    Raises:
      InputError: the run refines nothing, saliency or maps are missing, or a file is damaged.
    """
    config, maximum = sources.settings("saliency"), sources.settings("data").maps_max
    if config.refinement == "none":
        raise InputError("--saliency_refinement=none: nothing is refined: draw figure 2.4 of a run with "
                         "--saliency_refinement=unlabeled, or --figure=refinements")
    refined, cams = sources.folder("saliency"), sources.folder("cams")
    rows = []
    for example in _with_saliency(sources, config):
        photo, (_, cam) = read_photo(example.image), read_cam(cams, example.image_id, sources.num_classes)
        rows.append((
            Panel(photo, ("photo",), (example.image_id,)),
            Panel(saliency_scores(example, config.source, maximum), ("saliency",)),
            Panel(object_mask(example, config, maximum), ("object mask (O)",)),
            Panel(draw_heat(photo, strength_of(cam)), ("CAM (B)",)),
            Panel(read_labels(refined / f"{example.image_id}.png"), ("refined (R)",)),
            *truth_panel(example, of_objects=True)))
    return Page(titled_once(rows), _OBJECTS, f"{HEAT} {_rule(config)} Refinement of this run: {config.refinement}.")


def refinement_page(sources: Sources) -> Page:
    """A row per photo: object mask O, and O refined as each row of Table 2.5 does it.

    Raises:
      InputError: there are no maps, or a file is damaged.
    """
    config, maximum = sources.settings("saliency"), sources.settings("data").maps_max
    cams, rows = sources.folder("cams"), []
    for example in _with_saliency(sources, config):
        _, cam = read_cam(cams, example.image_id, sources.num_classes)
        mask = object_mask(example, config, maximum)
        kinds = {"original (O)": mask} | {
            kind.replace("_", " "): refine(mask, cam, config.tau_high, config.tau_low, kind) for kind in DOUBTFUL}
        rows.append((Panel(read_photo(example.image), ("photo",), (example.image_id,)),
                     *(Panel(target, (title,)) for title, target in kinds.items()),
                     *truth_panel(example, of_objects=True)))
    return Page(titled_once(rows), _OBJECTS, _rule(config))


def _with_saliency(sources: Sources, config: SaliencyConfig) -> tuple[Example, ...]:
    examples = sources.train()
    require_source(config, examples)
    return examples


def _rule(config: SaliencyConfig) -> str:
    return (f"Eq. 2.6: salient where B > {config.tau_high:g}; unlabeled (or background) where O is salient and B < "
            f"{config.tau_low:g}.")
