"""Figure 2.1: class activation maps, and the pseudo-labels that they give."""

import numpy as np

from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel
from wsss_tf.figures.photos import truth_panel
from wsss_tf.figures.sources import Sources
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_photo
from wsss_tf.imaging.drawing import draw_heat
from wsss_tf.pseudo_labels.seeds import pseudo_label
from wsss_tf.pseudo_labels.settings import LabelConfig

_MOST_MAPS = 4  # classes that get a map of their own; of more the strongest is shown
HEAT = "Class activation maps over photos: dark 0 to yellow 1."


def pseudo_label_page(sources: Sources) -> Page:
    """Figure 2.1, a row per photo: photo, normalised map of each class, pseudo-labels, and the ground truth if it has one.

    Raises:
      InputError: there are no maps, a file is damaged, or a threshold is no number.
    """
    folder, names = sources.folder("cams"), sources.class_names
    own = sources.run.settings("label") or LabelConfig()  # systems that make no such labels still show what they would be
    thresholds = sources.values(own.threshold)
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


def strength_of(cam: np.ndarray) -> np.ndarray:
    """The strongest normalised map of each pixel: float32 [K, H, W] -> float32 [H, W] in 0..1."""
    return normalise(cam).max(axis=0, initial=0)
