"""The steps that systems share and that need no net of theirs: data, maps and targets, scores and the report.

TensorFlow is imported by the work itself, so that a chain is planned, and found up to date, without it.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence

from wsss_tf.data.check import content_digest, inspect_dataset, listing_digest
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.evaluate.artefacts import score_cams, score_masks, score_objects, score_seeds, score_superpixels
from wsss_tf.evaluate.folder import CAM_THRESHOLDS
from wsss_tf.example import Dataset, Example
from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_json
from wsss_tf.imaging import crf
from wsss_tf.pseudo_labels import saliency_sources
from wsss_tf.pseudo_labels.seeds import write_label, write_seed
from wsss_tf.pseudo_labels.settings import LabelConfig, SaliencyConfig, SeedConfig
from wsss_tf.stages.place import NET, Place
from wsss_tf.stages.stage import Makes, Stage
from wsss_tf.superpixels.grouping import write_superpixels
from wsss_tf.superpixels.settings import FeatureConfig, SuperpixelConfig, uses_features

PLAIN, REFINED = "plain", "crf"
"""Folders of the masks without and with dense CRF."""
PREPARE = "prepare"
SCORED = (Makes.CAMS, Makes.LABELS, Makes.SALIENCY, Makes.SUPERPIXELS, Makes.MASKS)


def prepare(data: DataConfig) -> Stage:
    """Decodes every file of the data set once; other stages depend on the digests that it takes."""
    return Stage(PREPARE, prepare_data, (data,), listing=_listing)


def saliency(config: SaliencyConfig, data: DataConfig, cams: str = "cams") -> Stage:
    """Training targets from saliency, refined by the maps of the stage `cams` if the settings ask for it (eqs 2.5-2.6)."""
    reads = {"ground_truth": {"masks": "prepare.train_masks"}}
    needs = {"photos": "prepare.train"} | reads.get(config.source, {})
    needs |= {"cams": cams} if config.refinement != "none" else {}
    maximum = data.maps_max if config.source == "maps" else 255
    return Stage("saliency", functools.partial(make_saliency, maximum), (config,), needs, Makes.SALIENCY,
                 (saliency_sources.SUPERVISION[config.source],), opens_masks=config.source == "ground_truth",
                 prove=_prove_saliency)


def superpixels(config: SuperpixelConfig, features: FeatureConfig, net: str = "") -> Stage:
    """Superpixels of the training photos (Table 3.1); `net` is the stage that trains the transformer, if the chain does."""
    reads = uses_features(config)
    needs = {"photos": "prepare.train"} | ({"net": net} if net else {})
    return Stage("superpixels", make_superpixels, (config, features) if reads else (config,), needs, Makes.SUPERPIXELS,
                 prove=_prove_superpixels)


def labels(config: LabelConfig, cams: str = "cams") -> Stage:
    """Pseudo-labels from class activation maps (eqs 1.12-1.13)."""
    return Stage("labels", make_labels, (config,), {"cams": cams}, Makes.LABELS)


def seeds(config: SeedConfig, cams: str = "cams", superpixels: str = "superpixels") -> Stage:
    """Sparse initial seeds from class activation maps and superpixels (eqs 3.3-3.5)."""
    return Stage("seeds", make_seeds, (config,), {"cams": cams, "superpixels": superpixels}, Makes.LABELS)


def scores(stages: Sequence[Stage]) -> Stage:
    """Scores of all that the stages before have made and that masks can tell about."""
    made = {stage.name: stage for stage in stages if stage.makes in SCORED}
    needs = {"val_masks": "prepare.val_masks", "train_masks": "prepare.train_masks"} | {name: name for name in made}
    makes = tuple((name, stage.makes.value) for name, stage in made.items())
    return Stage("scores", functools.partial(make_scores, makes), (), needs, Makes.SCORES, own=True)


def report(stages: Sequence[Stage], settings: Sequence[object], defaults: Mapping[str, object]) -> Stage:
    """The report on all stages before it; it shows every setting, those first that are not the default."""
    shown = [stage for stage in stages if stage.makes is not Makes.EXPORT]
    needs = {stage.name: stage.name for stage in shown}
    makes = tuple((stage.name, stage.makes.value) for stage in shown)
    return Stage("report", functools.partial(make_report, makes, dict(defaults)), tuple(settings), needs, Makes.REPORT, own=True)


def prepare_data(place: Place, data: DataConfig) -> dict:
    """The work of `prepare`.

    Raises:
      InputError: problems were found; they are printed.
    """
    dataset = place.dataset
    found = inspect_dataset(dataset, True, data.maps_max, data.max_pixels)
    for line in found.warnings:
        print(f"warning: {line}")
    if found.problems:
        for problem in found.problems:
            print(problem)
        raise InputError(f"{data.data}: {len(found.problems)} problems found (listed above): mend them and run again")
    return {
        "classes": list(dataset.class_names),
        "train_images": len(dataset.train),
        "val_images": len(dataset.val),
        "train": content_digest(dataset.train, with_masks=False),
        "train_masks": content_digest(dataset.train, with_masks=True),
        "val": content_digest(dataset.val, with_masks=False),
        "val_masks": content_digest(dataset.val, with_masks=True),
        "maps_max": data.maps_max,
    }


def make_saliency(maximum: int, place: Place, config: SaliencyConfig) -> dict:
    """The work of `saliency`; `maximum` is the value of a map that means certainly salient."""
    return place.each_image(saliency_sources.write_target,
                            lambda example: (example, config, maximum, place.inputs.get("cams"), place.dataset.num_classes))


def make_superpixels(place: Place, config: SuperpixelConfig, features: FeatureConfig | None = None) -> dict:
    """The work of `superpixels`; the net is loaded only if a photo is left."""
    look = None
    if features and place.missing():
        from wsss_tf.superpixels.features import Features

        own = {"weights": str(place.inputs["net"] / NET)} if "net" in place.inputs else {}
        look = Features(dataclasses.replace(features, **own))

    def arguments(example: Example) -> tuple:
        return example.image, look(read_photo(example.image)) if look else None, config

    return place.each_image(write_superpixels, arguments)


def make_labels(place: Place, config: LabelConfig) -> dict:
    """The work of `labels`."""
    return place.each_image(write_label, lambda example: (
        example.image_id, place.inputs["cams"], config, place.dataset.num_classes))


def make_seeds(place: Place, config: SeedConfig) -> dict:
    """The work of `seeds`."""
    return place.each_image(write_seed, lambda example: (
        example.image_id, place.inputs["cams"], place.inputs["superpixels"], config, place.dataset.num_classes))


def make_scores(makes: tuple[tuple[str, str], ...], place: Place) -> dict:
    """The work of `scores`: scores.json has the scores of each stage by its name."""
    found = {}
    for name, made in makes:
        score = _SCORES[Makes(made)](place, name)
        if score is not None:
            found[name] = score
    write_json(place.folder / "scores.json", found)
    masks = next((found[name] for name, made in makes if made == Makes.MASKS.value and name in found), {})
    return {kind: masks[kind]["miou"] for kind in (PLAIN, REFINED) if kind in masks}


def make_report(makes: tuple[tuple[str, str], ...], defaults: dict[str, object], place: Place, *settings: object) -> dict:
    """The work of `report`."""
    from wsss_tf.stages.run_report import write_run_report

    return write_run_report(place, {name: Makes(made) for name, made in makes}, defaults)


def _listing(open_dataset: Callable[[], Dataset]) -> str:
    dataset = open_dataset()
    listings = [listing_digest(split, with_masks=True) for split in (dataset.train, dataset.val)]
    return json.dumps([*dataset.class_names, *listings])


def _prove_saliency(dataset: Dataset, config: SaliencyConfig) -> None:
    saliency_sources.require_source(config, dataset.train)


def _prove_superpixels(dataset: Dataset, config: SuperpixelConfig, features: FeatureConfig | None = None) -> None:
    crf.require_backend(config.crf_backend)


def _score_masks(place: Place, name: str) -> dict | None:
    dataset = place.dataset
    if not any(example.mask for example in dataset.val):  # the masks are all that is wanted
        return None
    return {kind: score_masks(dataset.val, place.inputs[name] / kind, dataset.class_names).as_dict()
            for kind in (PLAIN, REFINED)}


def _of_training(score):
    """Scores of what training sees, measured afterwards with the masks it never sees; none if one lacks its mask."""

    def run(place: Place, name: str) -> dict | None:
        train = place.dataset.train
        return score(place, place.inputs[name]) if all(example.mask for example in train) else None

    return run


def _score_cams(place: Place, folder) -> dict:
    curve = score_cams(place.dataset.train, folder, place.dataset.class_names, CAM_THRESHOLDS)
    return {str(threshold): score.as_dict() for threshold, score in curve.items()}


_SCORES = {
    Makes.MASKS: _score_masks,
    Makes.CAMS: _of_training(_score_cams),
    Makes.LABELS: _of_training(
        lambda place, folder: score_seeds(place.dataset.train, folder, place.dataset.class_names).as_dict()),
    Makes.SALIENCY: _of_training(lambda place, folder: score_objects(place.dataset.train, folder).as_dict()),
    Makes.SUPERPIXELS: _of_training(
        lambda place, folder: score_superpixels(place.dataset.train, folder, place.machine).as_dict()),
}
