"""Which figures of the thesis can be drawn, what each needs, and the function that draws it."""

import dataclasses
from collections.abc import Callable

from matplotlib.figure import Figure

from wsss_tf.errors import InputError
from wsss_tf.figures import cams as figure_cams
from wsss_tf.figures import growing as figure_growing
from wsss_tf.figures import seeds as figure_seeds
from wsss_tf.figures import superpixels as figure_superpixels
from wsss_tf.figures.erasing import MAX_TAGS, Eraser, erasing_page
from wsss_tf.figures.links import links_page
from wsss_tf.figures.masks import masks_page, outlines_page
from wsss_tf.figures.page import Page, draw_page
from wsss_tf.figures.sources import Sources
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.settings import uses_features

Drawing = Callable[[Sources], dict[str, Figure]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A figure that can be drawn.

    Attributes:
      numbers: of the thesis; the first names the file.
      title: what it shows.
      needs: the stages of this run, or with `compares` of each compared one.
      draw: from sources to figures by the end of their file's name.
      compares: it shows several runs.
      values: what --values gives, "" if nothing.
      ours: the number was given by subject, see NOTE.
    """

    numbers: tuple[str, ...]
    title: str
    needs: tuple[str, ...]
    draw: Drawing
    compares: bool = False
    values: str = ""
    ours: bool = True


NOTE = ("* numbered here by subject: the texts that this project follows do not say what the thesis shows under this number.\n"
        "  3.11, 3.12 and 3.16: nothing is known of them but that they are there, so none is drawn.")


def _page(draw: Callable[[Sources], Page]) -> Drawing:
    return lambda sources: {"": draw_page(draw(sources))}


def _erasing(sources: Sources) -> dict[str, Figure]:
    examples = sources.val(max_tags=MAX_TAGS)
    for example in examples:
        if not 1 <= len(example.tags) <= MAX_TAGS:
            raise InputError(f"{example.image}: expected 1 to {MAX_TAGS} tags, found {len(example.tags)}: choose "
                             "another photo with --images, or correct its line in the labels file")
    classifier = sources.classifier()
    eraser = Eraser(sources.segmenter(), backbone_grid(sources.settings("seg_backbone")), classifier)
    return {f"_{example.image_id}": draw_page(erasing_page(example, sources.class_names, eraser)) for example in examples}


def _masks(sources: Sources) -> Page:
    return masks_page(sources.val(), sources.class_names, sources.masks())


def _outlines(sources: Sources) -> Page:
    return outlines_page(sources.val(), sources.class_names, sources.masks())


def _links(sources: Sources) -> Page:
    config = sources.settings("superpixels")
    if not uses_features(config):
        raise InputError(f"--superpixel_method={config.method}: it has no patches to compare: draw figure 3.14 with "
                         "discovery or ncut")
    return links_page(sources.val(), Features(sources.settings("features")), config)


def _course(sources: Sources) -> dict[str, Figure]:
    return {"": draw_page(figure_growing.course_page(sources)), "_shares": figure_growing.course_figure(sources)}


_GROWN = ("cams", "superpixels", "seeds", "segmenter")

KINDS = (
    Kind(("1.5",), "pseudo-labels from class activation maps", ("cams",), _page(figure_cams.pseudo_label_page),
         values="thresholds"),
    Kind(("2.4",), "saliency refined by class activation maps", ("cams", "saliency"), _page(figure_cams.saliency_page)),
    Kind(("2.5",), "attention maps and masked photos", ("classifier", "segmenter"), _erasing, ours=False),
    Kind(("2.6",), "object mask and its refinements of Table 2.5", ("cams",), _page(figure_cams.refinement_page)),
    Kind(("2.7",), "masks side by side", ("masks",), _page(_masks), compares=True, ours=False),
    Kind(("2.8",), "masks as outlines over the photos", ("masks",), _page(_outlines), compares=True),
    Kind(("3.1",), "from superpixels and seeds to grown labels", _GROWN, _page(figure_growing.pipeline_page)),
    Kind(("3.2",), "superpixel discovery, step by step", (), _page(figure_superpixels.discovery_page), values="counts"),
    Kind(("3.3",), "initial seed from superpixels and maps", ("cams", "superpixels"), _page(figure_seeds.seed_page)),
    Kind(("3.4",), "growing in the course of the training", _GROWN, _course),
    Kind(("3.5", "3.6", "3.7"), "UE, BP, BR and ASA over the number of superpixels", ("superpixels", "scores"),
         lambda sources: {"": figure_superpixels.curves_figure(sources)}, compares=True, ours=False),
    Kind(("3.8",), "superpixels of several methods", ("superpixels",), _page(figure_superpixels.runs_page), compares=True),
    Kind(("3.9",), "superpixels at several similarities", (), _page(figure_superpixels.tau_page), values="tau"),
    Kind(("3.10",), "superpixels from features of other nets", ("superpixels",), _page(figure_superpixels.features_page),
         compares=True, ours=False),
    Kind(("3.13",), "superpixels from other blocks and facets of a transformer", (), _page(figure_superpixels.facets_page),
         values="blocks"),
    Kind(("3.14",), "how many patches each patch is similar to", (), _page(_links), ours=False),
    Kind(("3.15",), "discovery from few links or from many", (), _page(figure_superpixels.order_page)),
    Kind(("3.17",), "initial seed at several alpha", ("cams", "superpixels"), _page(figure_seeds.alpha_page), values="alpha"),
    Kind(("3.18",), "grown labels at several beta", _GROWN, _page(figure_growing.beta_page), values="beta"),
    Kind(("3.19",), "seed and grown label over the photo", _GROWN, _page(figure_growing.grown_page)),
    Kind(("3.20",), "final masks side by side", ("masks",), _page(_masks), compares=True),
)


def find_kind(number: str) -> Kind:
    """The figure of a number.

    Raises:
      InputError: there is none.
    """
    for kind in KINDS:
        if number in kind.numbers:
            return kind
    known = ", ".join(number for kind in KINDS for number in kind.numbers)
    raise InputError(f"--figure={number}: expected list or one of {known}: --figure=list tells what they show")


def table() -> str:
    """Number, title and needs of every figure, a line each."""
    lines = []
    for kind in KINDS:
        number = ", ".join(kind.numbers) + "*" * kind.ours
        needs = ", ".join(kind.needs) or "photos and the flags of features and superpixels"
        more = (" of each run of --compare" if kind.compares else "") + (f"; --values: {kind.values}" if kind.values else "")
        lines.append(f"{number:<14}  {kind.title:<60}  {needs}{more}")
    return "\n".join([f"{'figure':<14}  {'shows':<60}  needs", *lines, NOTE])
