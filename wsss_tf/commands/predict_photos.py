"""A trained net applied to a user's photos, of any size and number."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.config import expand_path, setting
from wsss_tf.data.photo_inputs import find_inputs
from wsss_tf.errors import InputError, WriteError
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.images import image_size, read_photo
from wsss_tf.files.store import write_json
from wsss_tf.imaging import crf, tiling
from wsss_tf.inference.probabilities import Predictor
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.parallel import pool as parallel
from wsss_tf.parallel.each_image import attempt_each, each_image, failure, missing, raise_failures
from wsss_tf.parallel.progress import counted
from wsss_tf.results.masks import marginals
from wsss_tf.results.outputs import Outputs, label_areas, refine_and_write, write_areas, write_prediction
from wsss_tf.stages.stage import read_manifest
from wsss_tf.systems.trained import trained_segmenter

WHOLE_PIXELS = 2_000_000  # above it a photo is cut into tiles, unless --tile says otherwise
_TILE = 1024
_SETTINGS = "settings.json"


@dataclasses.dataclass(frozen=True)
class PredictPhotosConfig:
    """Which photos, and what to make of them."""

    input: str = setting("", "photos of your own: a file, a folder (the photos in it, not those below) or a pattern such as "
                             "'photos/**/*.jpg'; empty: the evaluation images of the data set, as the stage masks")
    output: str = setting("predictions", "with --input: folder that gets masks/, overlays/, areas.csv and probabilities/")
    crf: bool = setting(True, "with --input: refine by the dense CRF (--test_crf_set)")
    probabilities: bool = setting(False, "with --input: also write probabilities/<name>.npz, float16 [H, W, C+1], those that "
                                         "the mask is the largest of")
    tile: int = setting(0, "with --input: side of the overlapping tiles that larger photos are cut into, a multiple of "
                           f"{tiling.UNIT}; 0: photos of up to {WHOLE_PIXELS:,} pixels whole, larger ones in tiles of {_TILE}",
                        low=0)
    overwrite: bool = setting(False, "with --input: make anew what is in --output already")


def predict_photos(experiment: Experiment, segmenter: Path, config: PredictPhotosConfig) -> Path:
    """Writes what the trained net sees on the photos; returns the folder.

    Masks have the orientation in which viewers show the photo (EXIF).

    Args:
      experiment: whose net it is; `test` has scales, flip and CRF.
      segmenter: folder of the trained net.
      config: the photos.

    Raises:
      InputError: there are no photos; the folder has results of other
        settings; or some photos have failed, while all others are done.
    """
    e, folder = experiment, expand_path(config.output)
    crf.require_backend(e.test.crf_backend)
    tiling.tiles((1, 1), config.tile or _TILE)  # refuses a side that is none, before any work
    photos, others = find_inputs(config.input, without=folder)
    for file in others:
        print(f"{file}: skipped, it is neither .jpg nor .png")
    _note_settings(folder / _SETTINGS, _settings(e, segmenter, config), config.overwrite)
    outputs = {photo: Outputs(folder, photo.image_id, config.probabilities) for photo in photos}
    todo = photos if config.overwrite else missing(photos, lambda photo: outputs[photo].last)
    print(f"{len(photos)} photos, {len(photos) - len(todo)} of them done before -> {folder}", flush=True)
    failures = _predict(e, segmenter, config, todo, outputs) if todo else []
    done = [photo for photo in photos if outputs[photo].last.exists()]
    areas = each_image(label_areas, done, lambda photo: (outputs[photo].mask,), "areas", e.run)
    write_areas(folder / "areas.csv", zip((str(photo.image) for photo in done), areas), e.dataset.class_names)
    raise_failures(failures, len(todo), "predict")
    return folder


def _predict(experiment: Experiment, segmenter: Path, config: PredictPhotosConfig, photos: Sequence[Example],
             outputs: dict[Example, Outputs]) -> list[str]:
    """Makes the files of the photos; returns what has failed."""
    e = experiment
    parallel.require_workers(e.run, expand_path(config.output))
    predictor = Predictor(trained_segmenter(e, segmenter), backbone_grid(e.seg_backbone), e.test)
    crf_set = e.test.crf_set if config.crf else ""
    sides = {photo: _tile_side(photo.image, config.tile) for photo in photos}
    small, large = ([photo for photo in photos if bool(sides[photo]) == tiled] for tiled in (False, True))

    def arguments(photo: Example) -> tuple:
        image = read_photo(photo.image, upright=True)
        return outputs[photo], image, predictor.probabilities(image), crf_set, e.test.crf_backend

    _, failures = attempt_each(refine_and_write, small, arguments, "photos", e.run)
    for photo in counted(large, len(large), "large photos"):
        try:
            _predict_in_tiles(photo, predictor, crf_set, e, sides[photo], outputs[photo])
        except WriteError:
            raise
        except Exception as error:  # whatever it is, it is this photo's
            failures.append(failure(photo.image, error))
    return failures


def _predict_in_tiles(photo: Example, predictor: Predictor, crf_set: str, experiment: Experiment, side: int,
                      outputs: Outputs) -> None:
    """The net sees tile after tile; workers refine them; the probabilities are blended band by band."""
    e, image = experiment, read_photo(photo.image, upright=True)
    boxes = tiling.tiles(image.shape[:2], side)
    maps = map(predictor.probabilities, (image[box] for box in boxes))
    if crf_set:
        calls = ((found, image[box], crf_set, e.test.crf_backend) for found, box in zip(maps, boxes))
        maps = parallel.ordered(marginals, calls, len(boxes), e.run)
    labels, kept = [], []
    for band in tiling.blend(image.shape[:2], side, maps):
        labels.append(band.argmax(-1).astype(np.uint8))
        if outputs.probabilities:
            kept.append(band.astype(np.float16))
    write_prediction(outputs, image, np.concatenate(labels), np.concatenate(kept) if kept else None)


def _tile_side(file: Path, side: int) -> int:
    """Side of the tiles that a photo is cut into; 0 where it is not, or cannot be read."""
    try:
        height, width = image_size(file)
    except InputError:
        return 0  # its turn will come to fail
    if side:
        return side if max(height, width) > side else 0
    return _TILE if height * width > WHOLE_PIXELS else 0


def _settings(experiment: Experiment, segmenter: Path, config: PredictPhotosConfig) -> dict:
    """What the results depend on, beside the photos."""
    e = experiment
    return {"segmenter": read_manifest(segmenter)["fingerprint"], "experiment": e.run.experiment, "tile": config.tile,
            "crf": e.test.crf_set if config.crf else "none", "scales": list(e.test.scales), "flip": e.test.flip}


def _note_settings(path: Path, settings: dict, overwrite: bool) -> None:
    """Notes the settings, unless results of other ones are there.

    Raises:
      InputError: they are.
    """
    if path.exists() and not overwrite:
        found = _read_json(path)
        other = [f"{name}={found.get(name)} and not {value}" for name, value in settings.items() if found.get(name) != value]
        if other:
            raise InputError(f"{path}: these results were made with {', '.join(other)}: choose another --output, or add "
                             "--overwrite to make them anew")
    write_json(path, settings)


def _read_json(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}): choose another --output, or add --overwrite to make all anew") from error
