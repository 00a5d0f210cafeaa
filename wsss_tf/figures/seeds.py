"""Figure 3.17 and seeds: how superpixels and class activation maps become the initial seed, and what alpha does to it."""

import dataclasses

import numpy as np

from wsss_tf.example import UNKNOWN, Example
from wsss_tf.figures.cams import HEAT, strength_of
from wsss_tf.figures.page import Page
from wsss_tf.figures.panel import Panel, titled_once
from wsss_tf.figures.photos import truth_panel
from wsss_tf.figures.sources import Sources
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_ids, read_labels, read_photo
from wsss_tf.imaging.drawing import draw_heat, draw_superpixels
from wsss_tf.pseudo_labels.seeds import superpixel_seed

SHARES = ("Under labels: the share of the photo's pixels that is labeled and, where there is a ground truth, how many of them "
          "are right.")


@dataclasses.dataclass(frozen=True)
class SeedParts:
    """What the seed of a photo is made of.

    Attributes:
      example: the photo.
      photo: uint8 [H, W, 3].
      keys: int64 [K], label values of the present classes.
      cam: float32 [K, H, W].
      ids: int32 [H, W], superpixels.
    """

    example: Example
    photo: np.ndarray
    keys: np.ndarray
    cam: np.ndarray
    ids: np.ndarray

    def seed(self, alpha: float, keep_foreground: bool) -> np.ndarray:
        """uint8 [H, W] of 0..C and 255."""
        return superpixel_seed(self.keys, self.cam, self.ids, alpha, keep_foreground)

    @property
    def activity(self) -> np.ndarray:
        """Mean strength of the maps in the superpixel of each pixel (eq. 3.5): float32 [H, W] in 0..1."""
        _, index = np.unique(self.ids, return_inverse=True)
        index = index.ravel()
        means = np.bincount(index, strength_of(self.cam).ravel()) / np.bincount(index)
        return means[index].reshape(self.ids.shape)

    def begin(self) -> tuple[Panel, ...]:
        """The panels that every row starts with: the photo, and its ground truth if it has one."""
        return Panel(self.photo, ("photo",), (self.example.image_id,)), *truth_panel(self.example)


def seed_parts(sources: Sources) -> list[SeedParts]:
    """The parts of every chosen photo.

    Raises:
      InputError: superpixels or maps are missing, or a file is damaged.
    """
    return [parts_of(sources, example) for example in sources.train()]


def parts_of(sources: Sources, example: Example) -> SeedParts:
    """The parts of one photo.

    Raises:
      InputError: see `seed_parts`.
    """
    superpixels, cams = sources.folder("superpixels"), sources.folder("cams")
    return SeedParts(example, read_photo(example.image), *read_cam(cams, example.image_id, sources.num_classes),
                     read_ids(superpixels / f"{example.image_id}.png"))


def seed_page(sources: Sources) -> Page:
    """A row per photo: superpixels, strongest map, its mean in each superpixel, and the seed that follows.

    Raises:
      InputError: see `seed_parts`.
    """
    config, rows = sources.settings("seed"), []
    for parts in seed_parts(sources):
        seed, activity = parts.seed(config.alpha, config.keep_foreground), parts.activity
        rows.append((*parts.begin(),
                     Panel(draw_superpixels(parts.photo, parts.ids), ("superpixels",), (f"{len(np.unique(parts.ids))}",)),
                     Panel(draw_heat(parts.photo, strength_of(parts.cam)), ("CAM",)),
                     Panel(draw_heat(parts.photo, activity), ("mean of CAM",), (f"{activity.min():.2f} to "
                                                                               f"{activity.max():.2f}",)),
                     Panel(seed, ("seed",), labeled(seed, parts.example))))
    return Page(titled_once(rows), sources.class_names, f"{HEAT} Seed: the pixels above alpha {config.alpha:g}, and the "
                f"superpixel of the lowest mean as background (eqs 3.3 to 3.5). {SHARES}")


def alpha_page(sources: Sources) -> Page:
    """Figure 3.17, a row per photo: the seed at several values of alpha.

    Raises:
      InputError: see `seed_parts`.
    """
    alphas, rows = sources.values(0.3, 0.4, 0.5, 0.6, 0.7, 0.8), []
    for parts in seed_parts(sources):
        seeds = {alpha: parts.seed(alpha, sources.settings("seed").keep_foreground) for alpha in alphas}
        rows.append((*parts.begin(), *(Panel(seed, (f"alpha {alpha:g}",), labeled(seed, parts.example))
                                       for alpha, seed in seeds.items())))
    return Page(titled_once(rows), sources.class_names, SHARES)


def labeled(labels: np.ndarray, example: Example) -> tuple[str, ...]:
    """How much of a photo is labeled, and how much of that is right: uint8 [H, W] -> the lines under its panel."""
    known = labels != UNKNOWN
    lines = [f"{100 * known.mean():.0f}% labeled"]
    if example.mask:
        truth = read_labels(example.mask)
        counted = known & (truth != UNKNOWN)
        if counted.any():
            lines.append(f"{100 * (labels == truth)[counted].mean():.0f}% right")
    return tuple(lines)
