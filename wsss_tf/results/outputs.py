"""What a user gets of a photo: mask, overlay, probabilities, areas. Worker processes do this, without TensorFlow."""

import csv
import dataclasses
import io
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_image, write_labels, write_npz, write_text
from wsss_tf.imaging.drawing import draw_labels
from wsss_tf.results.masks import marginals

_OVERLAY_SIDE = 2048  # pixels; larger photos are laid under their mask at this size, to be looked at


@dataclasses.dataclass(frozen=True)
class Outputs:
    """The files of one photo.

    Attributes:
      folder: of all photos.
      name: of the photo.
      probabilities: whether they are wanted too.
    """

    folder: Path
    name: str
    probabilities: bool

    @property
    def mask(self) -> Path:
        """Palette PNG of the labels."""
        return self.folder / "masks" / f"{self.name}.png"

    @property
    def overlay(self) -> Path:
        """JPEG of the photo under its mask."""
        return self.folder / "overlays" / f"{self.name}.jpg"

    @property
    def arrays(self) -> Path:
        """`probabilities` float16 [H, W, C+1]."""
        return self.folder / "probabilities" / f"{self.name}.npz"

    @property
    def last(self) -> Path:
        """The file that is written last."""
        return self.arrays if self.probabilities else self.mask


def write_prediction(outputs: Outputs, image: np.ndarray, labels: np.ndarray, probabilities: np.ndarray | None) -> None:
    """Writes the files of one photo: uint8 [H, W, 3], uint8 [H, W], float16 [H, W, C+1] or None."""
    write_image(outputs.overlay, _overlay(image, labels))
    write_labels(outputs.mask, labels)
    if probabilities is not None:
        write_npz(outputs.arrays, probabilities=probabilities)


def refine_and_write(outputs: Outputs, image: np.ndarray, probabilities: np.ndarray, crf_set: str, crf_backend: str) -> None:
    """Writes the files of one photo from what a net gives, float32 [H, W, C+1]; an empty crf_set does without CRF."""
    if crf_set:
        probabilities = marginals(probabilities, image, crf_set, crf_backend)
    kept = probabilities.astype(np.float16) if outputs.probabilities else None
    write_prediction(outputs, image, probabilities.argmax(-1), kept)


def label_areas(mask: Path) -> np.ndarray:
    """Pixels of each label in a mask file: int64 [256]."""
    return np.bincount(read_labels(mask).ravel(), minlength=256)


def write_areas(path: Path, areas: Iterable[tuple[str, np.ndarray]], class_names: tuple[str, ...]) -> None:
    """Writes the table image, class, pixels, share: a row for each class that occurs in an image.

    Args:
      path: the .csv file.
      areas: name and pixels of each label, for each image.
      class_names: by label, background first.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["image", "class", "pixels", "share"])
    for name, pixels in areas:
        rows.writerows([name, class_names[label], pixels[label], f"{pixels[label] / pixels.sum():.6f}"]
                       for label in np.flatnonzero(pixels))
    write_text(path, text.getvalue())


def _overlay(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    height, width = labels.shape
    factor = min(1, _OVERLAY_SIDE / max(height, width))
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return draw_labels(cv2.resize(image, size, interpolation=cv2.INTER_AREA),
                       cv2.resize(labels.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST))
