"""Where saliency comes from: maps of a detector, OpenCV's own detectors, or the training masks."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import MASK_SUPERVISION, Example, objects
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_labels, read_photo, read_saliency
from wsss_tf.files.store import write_image
from wsss_tf.pseudo_labels.saliency import binarise, refine
from wsss_tf.pseudo_labels.settings import SaliencyConfig

SUPERVISION = {  # by source, what it adds to the image tags
    "maps": "saliency maps",
    "spectral_residual": "saliency of an untrained detector (spectral residual)",
    "fine_grained": "saliency of an untrained detector (fine grained)",
    "ground_truth": f"{MASK_SUPERVISION}: the training masks as saliency",
}
_DETECTORS = {"spectral_residual": "StaticSaliencySpectralResidual", "fine_grained": "StaticSaliencyFineGrained"}


def require_source(config: SaliencyConfig, examples: Iterable[Example]) -> None:
    """Makes sure that every training image has what the source reads; opens no file.

    Raises:
      InputError: a map or mask is missing, OpenCV lacks its detectors, or masks
        are asked for together with a refinement.
    """
    source = config.source
    if source == "ground_truth" and config.refinement != "none":
        raise InputError(f"--saliency_refinement={config.refinement}: expected none with --saliency_source=ground_truth, "
                         "whose masks need no correction by class activation maps (rows C1-C4 of Table 2.3): add "
                         "--saliency_refinement=none")
    if source in _DETECTORS and not hasattr(cv2, "saliency"):
        raise InputError(f"--saliency_source={source}: expected OpenCV with its saliency module, found version "
                         f"{cv2.__version__} without: pip install opencv-contrib-python-headless")
    for example in examples:
        if source == "maps" and example.saliency is None:
            raise InputError(f"{example.image}: no saliency map for it: give the folder of maps with --maps=FOLDER, or do "
                             "without maps: --flagfile=flags/folder.cfg learns from photos and tags alone, and is better than "
                             "--saliency_source=spectral_residual")
        if source == "ground_truth" and example.mask is None:
            raise InputError(f"{example.image}: no mask for it, which --saliency_source=ground_truth needs: add the "
                             "mask, take its id out of the training list, or choose another --saliency_source")


def saliency_scores(example: Example, source: str, maximum: int) -> np.ndarray:
    """Saliency of one photo before any threshold, from a map file or an OpenCV detector.

    A detector's scores are stretched to 0..1 within each photo, because their
    range varies from photo to photo; a photo that is all alike gets zeros.

    Args:
      example: the photo and its map.
      source: "maps", "spectral_residual" or "fine_grained".
      maximum: file value that means certainly salient, for "maps".

    Returns:
      float32 [H, W] in 0..1.

    Raises:
      InputError: a file cannot be read, or its values exceed the maximum.
    """
    if source == "maps":
        return read_saliency(example.saliency, maximum)
    detector = getattr(cv2.saliency, f"{_DETECTORS[source]}_create")()
    _, scores = detector.computeSaliency(np.ascontiguousarray(read_photo(example.image)[..., ::-1]))  # BGR
    scores = np.nan_to_num(scores.astype(np.float32))
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def object_mask(example: Example, config: SaliencyConfig, maximum: int) -> np.ndarray:
    """Object mask O of one photo.

    Args:
      example: the photo with its map or mask, see `require_source`.
      config: source and threshold.
      maximum: file value of a map that means certainly salient.

    Returns:
      uint8 [H, W] of 0 and 1; from a ground truth mask also 255 where it is void.

    Raises:
      InputError: a file cannot be read, or its values exceed the maximum.
    """
    if config.source == "ground_truth":
        return objects(read_labels(example.mask))
    scores = saliency_scores(example, config.source, maximum)
    return binarise(scores, 2 * scores.mean() if config.binarisation == "twice_mean" else config.threshold)


def write_target(path: Path, example: Example, config: SaliencyConfig, maximum: int, cams: Path | None,
                 num_classes: int) -> None:
    """Makes and writes the training target of one photo, refined by the maps in the folder `cams` (see wsss_tf.pseudo_labels.saliency).

    Raises:
      InputError: a file that it is made of is missing, damaged, or of another
        range.
    """
    target = object_mask(example, config, maximum)
    if config.refinement != "none":
        _, cam = read_cam(cams, example.image_id, num_classes, target.shape)
        target = refine(target, cam, config.tau_high, config.tau_low, config.refinement)
    write_image(path, target)
