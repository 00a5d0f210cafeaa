"""wsss predict: a trained net applied to a user's photos, of any size and number."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command, prepare
from wsss_tf.config import expand_path, setting
from wsss_tf.data.names import printable
from wsss_tf.data.photo_inputs import find_inputs
from wsss_tf.errors import InputError, WriteError
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.images import image_size, read_photo
from wsss_tf.files.manifest import read_manifest
from wsss_tf.files.store import write_json
from wsss_tf.imaging import crf, tiling
from wsss_tf.parallel import pool as parallel
from wsss_tf.parallel.each_image import attempt_each, each_image, failure, missing, raise_failures
from wsss_tf.parallel.progress import counted
from wsss_tf.results.masks import marginals
from wsss_tf.results.outputs import Outputs, label_areas, refine_and_write, write_areas, write_prediction
from wsss_tf.stages.place import Place
from wsss_tf.systems.steps import load_predictor

WHOLE_PIXELS = 2_000_000  # above it a photo is cut into tiles, unless --tile says otherwise
_TILE = 1024
_SETTINGS = "settings.json"


@dataclasses.dataclass(frozen=True)
class PredictPhotosConfig:
    """Which photos, and what to make of them."""

    input: str = setting("", "photos of your own: a file, a folder (the photos in it, not those below) or a pattern such as "
                             "'photos/**/*.jpg'")
    output: str = setting("predictions", "folder that gets masks/, overlays/, areas.csv and probabilities/")
    crf: bool = setting(True, "refine by the dense CRF (--test_crf_set)")
    probabilities: bool = setting(False, "also write probabilities/<name>.npz, float16 [H, W, C+1]; "
                                         "each pixel of the mask has the class whose probability is the largest")
    tile: int | None = setting(None, "side of the overlapping tiles that larger photos are cut into, a multiple of "
                           f"{tiling.UNIT}; none: photos of up to {WHOLE_PIXELS:,} pixels whole, larger ones in tiles of {_TILE}",
                               low=1, kind=int)
    overwrite: bool = setting(False, "make anew what is in --output already")


def predict_photos(experiment: Experiment, config: PredictPhotosConfig) -> Path:
    """Writes what the trained net sees on the photos; returns the folder.

    Masks have the orientation in which viewers show the photo (EXIF).

    Args:
      experiment: whose net it is; its settings `test` have scales, flip and CRF.
      config: the photos.

    Raises:
      InputError: there are no photos; the folder has results of other
        settings; or some photos have failed, while all others are done.
    """
    e, folder, test = experiment, expand_path(config.output), experiment.settings.test
    crf.require_backend(test.crf_backend)
    segmenter = e.chain.require(e.chain.stage(e.masks()).needs["net"])
    tiling.tiles((1, 1), config.tile or _TILE)  # refuses a side that is none, before any work
    photos, others = find_inputs(config.input, without=folder)
    for file in others:
        print(f"{printable(file)}: skipped, it is neither .jpg nor .png (wsss data convert writes other formats as PNG)")
    _note_settings(folder / _SETTINGS, _settings(e, segmenter, config), config.overwrite)
    outputs = {photo: Outputs(folder, photo.image_id, config.probabilities) for photo in photos}
    todo = photos if config.overwrite else missing(photos, lambda photo: outputs[photo].last)
    print(f"{len(photos)} photos, {len(photos) - len(todo)} of them done before -> {folder}", flush=True)
    failures = _predict(e, segmenter, config, todo, outputs) if todo else []
    done = [photo for photo in photos if outputs[photo].last.exists()]
    areas = each_image(label_areas, done, lambda photo: (outputs[photo].mask,), "areas", e.run)
    write_areas(folder / "areas.csv", zip((printable(photo.image) for photo in done), areas), e.dataset.class_names)
    raise_failures(failures, len(todo), "predict")
    return folder


def _predict(experiment: Experiment, segmenter: Path, config: PredictPhotosConfig, photos: Sequence[Example],
             outputs: dict[Example, Outputs]) -> list[str]:
    """Makes the files of the photos; returns what has failed."""
    e = experiment
    parallel.require_workers(e.run, expand_path(config.output))
    place = Place(expand_path(config.output), {"net": segmenter}, lambda: e.dataset, e.run.seed, e.run)
    predictor = load_predictor(place, *e.chain.stage(e.masks()).settings)
    crf_set = e.settings.test.crf_set if config.crf else ""
    sides = {photo: _tile_side(photo.image, config.tile) for photo in photos}
    small, large = ([photo for photo in photos if bool(sides[photo]) == tiled] for tiled in (False, True))

    def arguments(photo: Example) -> tuple:
        image = read_photo(photo.image, upright=True)
        return outputs[photo], image, predictor.probabilities(image), crf_set, e.settings.test.crf_backend

    _, failures = attempt_each(refine_and_write, small, arguments, "photos", e.run)
    for photo in counted(large, len(large), "large photos"):
        try:
            _predict_in_tiles(photo, predictor, crf_set, e, sides[photo], outputs[photo])
        except WriteError:
            raise
        except Exception as error:  # whatever it is, it is this photo's
            failures.append(failure(photo.image, error))
    return failures


def _predict_in_tiles(photo: Example, predictor, crf_set: str, experiment: Experiment, side: int,
                      outputs: Outputs) -> None:
    """The net sees tile after tile; workers refine them; the probabilities are blended band by band."""
    e, image = experiment, read_photo(photo.image, upright=True)
    boxes = tiling.tiles(image.shape[:2], side)
    maps = map(predictor.probabilities, (image[box] for box in boxes))
    if crf_set:
        calls = ((found, image[box], crf_set, e.settings.test.crf_backend) for found, box in zip(maps, boxes))
        maps = parallel.ordered(marginals, calls, len(boxes), e.run)
    labels, kept = [], []
    for band in tiling.blend(image.shape[:2], side, maps):
        labels.append(band.argmax(-1).astype(np.uint8))
        if outputs.probabilities:
            kept.append(band.astype(np.float16))
    write_prediction(outputs, image, np.concatenate(labels), np.concatenate(kept) if kept else None)


def _tile_side(file: Path, side: int | None) -> int:
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
            "crf": e.settings.test.crf_set if config.crf else "none", "scales": list(e.settings.test.scales), "flip": e.settings.test.flip}


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


USAGE = """wsss predict --flagfile=FILE --input=PHOTOS --output=FOLDER [--NAME=VALUE ...]

Writes masks of photos of your own by the trained net of an experiment.

  wsss predict --flagfile=flags/demo/saliency.cfg --input=album --output=predictions"""


def main(parsed: Parsed) -> None:
    """Predicts the photos."""
    if not parsed.config.input:
        raise InputError("expected --input=PHOTOS, a file, a folder or a pattern: name it (`wsss run --until=masks` makes the "
                         "masks of the data set)")
    prepare(parsed.experiment)
    print(predict_photos(parsed.experiment, parsed.config))


COMMAND = Command("predict", USAGE, main, PredictPhotosConfig)
