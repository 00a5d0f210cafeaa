"""Figure 2.5: what the segmentation net erases from a photo, and whether the classifier still sees it."""

import dataclasses
import itertools

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from wsss_tf.data.mean_colour import mean_colour
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.figures.kind import Kind
from wsss_tf.figures.page import Page, draw_page
from wsss_tf.figures.panel import Panel
from wsss_tf.figures.sources import Sources
from wsss_tf.files.images import read_photo
from wsss_tf.inference import multiscale
from wsss_tf.nets.backbone import Grid, backbone_grid
from wsss_tf.ops import colour
from wsss_tf.systems.class_maps import scores
from wsss_tf.systems.masking.method import attention_map, masked

MAX_TAGS = 6  # with more, the vectors do not fit two lines of _ACROSS
_ALL_VECTORS = 3  # up to so many tags every binary vector is shown
_ACROSS = 4  # vectors beside each other
_NOTE = ("Upper panels: attention map F (eq. 2.8), black 0 (erased) to white 1 (kept). Lower panels: masked photo "
         "F (I - μ) + μ; p is the frozen classifier's score (sigmoid) for it.")


@dataclasses.dataclass(frozen=True)
class Erasure:
    """A photo after some classes were erased.

    Attributes:
      attention: F, float32 [H, W] in 0..1.
      masked: I' with the mean colour added again, uint8 [H, W, 3].
      scores: sigmoid of the classifier's scores for I', float32 [C].
    """

    attention: np.ndarray
    masked: np.ndarray
    scores: np.ndarray


class Eraser:
    """Erases classes from whole photos as the attention loss does from crops."""

    def __init__(self, segmenter: keras.Model, grid: Grid, classifier: keras.Model,
                 mean: tuple[float, float, float] = colour.MEAN_COLOUR):
        """Takes the trained nets; `grid` is that of the segmenter, `mean` the RGB colour of what is erased."""
        self._segmenter, self._grid, self._classifier, self._mean = segmenter, grid, classifier, mean

    def logits(self, photo: np.ndarray) -> np.ndarray:
        """Scale-1 logits at photo size: uint8 [H, W, 3] -> float32 [H, W, C+1]."""
        return multiscale.maps_at_scale(tf.constant(photo), 1.0, self._grid,
                                        lambda image: self._segmenter(image, training=False)["logits"]).numpy()

    def erase(self, photo: np.ndarray, logits: np.ndarray, labels: tuple[int, ...]) -> Erasure:
        """Erases the classes with these labels (each in 1..C).

        Ref: thesis eqs 2.8 and 2.9.
        """
        erased = np.zeros([1, logits.shape[-1] - 1], np.float32)
        erased[0, [label - 1 for label in labels]] = 1
        attention = attention_map(logits[None], erased, photo.shape[:2])
        left = masked(colour.centre(photo)[None], attention, self._mean)
        sigmoid = tf.sigmoid(scores(self._classifier(left, training=False)["cam"]))
        return Erasure(attention[0, ..., 0].numpy(), colour.uncentre(left)[0].numpy(), sigmoid[0].numpy())


def erased_sets(tags: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The binary vectors b of eq. 2.8 to show, each as the labels that it erases.

    All 2^K of up to three tags, the ones that erase less first; of more tags
    nothing, each alone, and all.
    """
    sizes = range(len(tags) + 1) if len(tags) <= _ALL_VECTORS else (0, 1, len(tags))
    return tuple(labels for size in sizes for labels in itertools.combinations(tags, size))


def erasing_figures(sources: Sources) -> dict[str, Figure]:
    """Figure 2.5 of each chosen evaluation photo.

    Raises:
      InputError: a photo has no tag or too many, or a net is missing.
    """
    examples = sources.val(max_tags=MAX_TAGS)
    for example in examples:
        if not 1 <= len(example.tags) <= MAX_TAGS:
            raise InputError(f"{example.image}: expected 1 to {MAX_TAGS} tags, found {len(example.tags)}: choose "
                             "another photo with --images, or correct its line in the labels file")
    classifier, mean = sources.run.classifier(), colour.MEAN_COLOUR
    if sources.settings("masking").mean == "dataset":
        mean = mean_colour(example.image for example in sources.run.dataset.train)
    eraser = Eraser(sources.run.segmenter(), backbone_grid(sources.settings("seg_backbone")), classifier, mean)
    return {f"_{example.image_id}": draw_page(erasing_page(example, sources.class_names, eraser)) for example in examples}


def erasing_page(example: Example, class_names: tuple[str, ...], eraser: Eraser) -> Page:
    """The page of one photo that has 1 to MAX_TAGS tags.

    Raises:
      InputError: the photo is missing or damaged.
    """
    photo = read_photo(example.image)
    logits = eraser.logits(photo)
    maps, photos = [], []
    for labels in erased_sets(example.tags):
        erasure = eraser.erase(photo, logits, labels)
        low, high = max(0.0, erasure.attention.min()), erasure.attention.max()  # never -0.00
        maps.append(Panel(erasure.attention, (_title(labels, example.tags, class_names),),
                          (f"F {low:.2f} to {high:.2f}",)))
        photos.append(Panel(erasure.masked, (), tuple(
            f"p({class_names[tag]}) {erasure.scores[tag - 1]:.2f}" + (", erased" if tag in labels else "")
            for tag in example.tags)))
    first = (Panel(photo, (example.image_id,), ("photo",)),
             Panel(logits.argmax(-1).astype(np.uint8), (), ("prediction (scale 1)",)))
    rows = []
    for start in range(0, len(maps), _ACROSS):
        place = slice(start, start + _ACROSS)
        rows += [(None if start else first[0], *maps[place]), (None if start else first[1], *photos[place])]
    return Page(tuple(rows), class_names, _NOTE)


def _title(labels: tuple[int, ...], tags: tuple[int, ...], class_names: tuple[str, ...]) -> str:
    if len(labels) == len(tags) > _ALL_VECTORS:
        return f"erased: all {len(tags)}"
    return "erased: " + (", ".join(class_names[label] for label in labels) or "nothing")


FIGURES = (
    Kind("erasing", "attention maps and masked photos", ("classifier", "segmenter"), erasing_figures, ("2.5",),
         system="masking"),
)
