"""The stages of every system: what each reads, computes and writes."""

import dataclasses
import functools
import json
from pathlib import Path

import keras

from wsss_tf.config import expand_path
from wsss_tf.data.advice import advice
from wsss_tf.data.build.shapes import generate_shapes
from wsss_tf.data.check import check_dataset, content_digest, listing_digest
from wsss_tf.errors import InputError
from wsss_tf.evaluate.artefacts import score_cams, score_masks, score_objects, score_seeds, score_superpixels
from wsss_tf.evaluate.folder import CAM_THRESHOLDS
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.cams import cam_path, write_cam
from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_json
from wsss_tf.imaging import crf
from wsss_tf.inference.cams import CamMaker
from wsss_tf.inference.probabilities import Predictor
from wsss_tf.inference.saved_model import write_saved_model
from wsss_tf.nets.backbone import backbone_grid
from wsss_tf.nets.weights import save_weights
from wsss_tf.parallel.each_image import make_missing, missing
from wsss_tf.pseudo_labels import saliency_sources
from wsss_tf.pseudo_labels.seeds import write_seed
from wsss_tf.report import run as report_run
from wsss_tf.results.masks import write_masks
from wsss_tf.stages.stage import Chain, Stage
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.grouping import write_superpixels
from wsss_tf.superpixels.settings import uses_features
from wsss_tf.systems.dilated_classifier import without_dilated_blocks
from wsss_tf.systems.recipes import attends, classifier_method, recipe
from wsss_tf.systems.trained import CLASSIFIER, SEGMENTER, new_classifier, trained_classifier, trained_segmenter
from wsss_tf.train.loop import fit
from wsss_tf.train.precision import number_format
from wsss_tf.train.replicas import chief_first, is_chief, open_strategy

PLAIN, REFINED = "plain", "crf"  # folders of the masks without and with dense CRF

Inputs = dict[str, Path]


def open_chain(experiment: Experiment) -> Chain:
    """The chain of an experiment; generates the embedded data first if that is its source."""
    if experiment.data.source == "shapes":
        with chief_first():
            generate_shapes(expand_path(experiment.data.data), experiment.shapes)
    return Chain(STAGES, experiment, _source)


def _source(experiment: Experiment) -> str:
    dataset = experiment.dataset
    listings = [listing_digest(split, with_masks=True) for split in (dataset.train, dataset.val)]
    return json.dumps([*dataset.class_names, *listings])


def _prepare(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    dataset = experiment.dataset
    for line in advice(dataset):
        print(f"warning: {line}")
    problems = check_dataset(dataset, True, experiment.data.saliency_max)
    if problems:
        for problem in problems:
            print(problem)
        raise InputError(f"{experiment.data.data}: {len(problems)} problems found (listed above): "
                         "mend them and run again")
    return {
        "classes": list(dataset.class_names),
        "train_images": len(dataset.train),
        "val_images": len(dataset.val),
        "train": content_digest(dataset.train, with_masks=False),
        "train_masks": content_digest(dataset.train, with_masks=True),
        "val": content_digest(dataset.val, with_masks=False),
        "val_masks": content_digest(dataset.val, with_masks=True),
        "saliency_max": experiment.data.saliency_max,
    }


def _classifier(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, dataset = experiment, experiment.dataset
    keras.utils.set_random_seed(e.run.seed)
    with open_strategy(e.run.replicas).scope(), number_format(e.cls_train.precision):
        method = classifier_method(e)
        numbers = fit(method, dataset.train, dataset.num_classes, {}, e.classifier_crops, e.cls_train, e.run.seed, folder)
    if is_chief():
        save_weights(without_dilated_blocks(method.net, new_classifier(e, dataset.num_classes)), folder / CLASSIFIER)
    return numbers


def _cams(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, train = experiment, experiment.dataset.train
    maker = CamMaker(trained_classifier(e, inputs["classifier"]), backbone_grid(e.cls_backbone), e.cam)
    make_missing(write_cam, train, lambda example: cam_path(folder, example.image_id), maker.present, "cams", e.run)
    return {"images": len(train)}


def _saliency(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, config, train = experiment, experiment.saliency, experiment.dataset.train
    saliency_sources.require_source(config, train)
    make_missing(saliency_sources.write_target, train, functools.partial(_png, folder),
                 lambda example: (example, config, e.data.saliency_max, inputs.get("cams")), "saliency", e.run)
    return {"images": len(train), "supervision": saliency_sources.SUPERVISION[config.saliency_source]}


def _superpixels(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, train = experiment, experiment.dataset.train
    crf.require_backend(e.superpixels.crf_backend)
    target = functools.partial(_png, folder)
    features = Features(e.features) if uses_features(e.superpixels) and missing(train, target) else None

    def arguments(example: Example) -> tuple:
        return example.image, features(read_photo(example.image)) if features else None, e.superpixels

    make_missing(write_superpixels, train, target, arguments, "superpixels", e.run)
    return {"images": len(train)}


def _superpixel_scores(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    scores = score_superpixels(experiment.dataset.train, inputs["superpixels"], experiment.run).as_dict()
    write_json(folder / "scores.json", scores)
    return scores


def _seeds(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, train = experiment, experiment.dataset.train
    make_missing(write_seed, train, functools.partial(_png, folder),
                 lambda example: (example.image_id, inputs["cams"], inputs.get("superpixels"), e.seeds), "seeds", e.run)
    return {"images": len(train)}


def _segmenter(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, dataset = experiment, experiment.dataset
    keras.utils.set_random_seed(e.run.seed)
    maps = {name: functools.partial(_png, inputs[stage]) for name, stage in recipe(e).maps.items()}
    with open_strategy(e.run.replicas).scope(), number_format(e.seg_train.precision):
        method = recipe(e).method(e, inputs)
        numbers = fit(method, dataset.train, dataset.num_classes, maps, e.crops, e.seg_train, e.run.seed, folder)
    if is_chief():
        save_weights(method.net, folder / SEGMENTER)
    return numbers | {"supervision": e.supervision}


def _masks(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, val = experiment, experiment.dataset.val
    crf.require_backend(e.test.crf_backend)
    predictor = Predictor(trained_segmenter(e, inputs["segmenter"]), backbone_grid(e.seg_backbone), e.test)

    def arguments(example: Example) -> tuple:
        image = read_photo(example.image)
        return _png(folder / PLAIN, example), predictor.probabilities(image), image, e.test.crf_set, e.test.crf_backend

    make_missing(write_masks, val, functools.partial(_png, folder / REFINED), arguments, "masks", e.run)
    return {"images": len(val)}


def _export(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e = experiment
    net = trained_segmenter(e, inputs["segmenter"])
    target = write_saved_model(folder, net, backbone_grid(e.seg_backbone), e.test, e.export, e.dataset.class_names)
    return {"saved_model": target.name, "supervision": e.supervision}


def _scores(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    dataset = experiment.dataset
    scores = {}
    if any(example.mask for example in dataset.val):  # without any, the masks are all that is wanted
        scores = {name: score_masks(dataset.val, inputs["masks"] / name, dataset.class_names).as_dict()
                  for name in (PLAIN, REFINED)}
    if all(example.mask for example in dataset.train):
        scores |= _training_scores(experiment, inputs)
    write_json(folder / "scores.json", scores)
    mious = {name: scores[name]["miou"] for name in (PLAIN, REFINED) if name in scores}
    return mious | {"supervision": experiment.supervision}


def _training_scores(experiment: Experiment, inputs: Inputs) -> dict:
    """How good the targets that training sees are, measured afterwards with the masks it never sees."""
    dataset, scores = experiment.dataset, {}
    if "cams" in inputs:
        curve = score_cams(dataset.train, inputs["cams"], dataset.class_names, CAM_THRESHOLDS)
        scores["cams"] = {str(threshold): score.as_dict() for threshold, score in curve.items()}
    if "seeds" in inputs:
        scores["seeds"] = score_seeds(dataset.train, inputs["seeds"], dataset.class_names).as_dict()
    if "saliency" in inputs:
        scores["saliency"] = score_objects(dataset.train, inputs["saliency"]).as_dict()
    if "superpixels" in inputs:
        scores["superpixels"] = score_superpixels(dataset.train, inputs["superpixels"], experiment.run).as_dict()
    return scores


def _png(folder: Path, example: Example) -> Path:
    return folder / f"{example.image_id}.png"


def _refines(experiment: Experiment) -> bool:
    return experiment.saliency.refinement != "none"


def _maps(experiment: Experiment) -> tuple[str, ...]:
    """The stages that make what the segmenter is trained on."""
    return tuple(recipe(experiment).maps.values())


def _uses_cams(experiment: Experiment) -> bool:
    return "seeds" in _maps(experiment) or _refines(experiment)


def _needs_saliency(experiment: Experiment) -> tuple[str, ...]:
    reads = {"maps": ("prepare.saliency_max",), "ground_truth": ("prepare.train_masks",)}
    source = reads.get(experiment.saliency.saliency_source, ())
    return ("prepare.train", *source, *(("cams",) if _refines(experiment) else ()))


def _needs_seeds(experiment: Experiment) -> tuple[str, ...]:
    return ("cams", *(("superpixels",) if "superpixels" in _maps(experiment) else ()))


def _needs_segmenter(experiment: Experiment) -> tuple[str, ...]:
    classifier = ("classifier",) if attends(experiment) else ()
    return ("prepare.classes", "prepare.train", *_maps(experiment), *classifier)


def _needs_scores(experiment: Experiment) -> tuple[str, ...]:
    cams = ("cams",) if _uses_cams(experiment) else ()
    return ("prepare.val_masks", "prepare.train_masks", "masks", *cams, *_maps(experiment))


def _needs_report(experiment: Experiment) -> tuple[str, ...]:
    classifier = ("classifier",) if _uses_cams(experiment) or attends(experiment) else ()
    return (*_needs_scores(experiment), "scores", *classifier, "segmenter")


_SHOWN_SETTINGS = tuple(field.name for field in dataclasses.fields(Experiment))  # the report lists them all

STAGES = {stage.name: stage for stage in (
    Stage("prepare", "prepare_data", ("data",), lambda e: (), _prepare),
    Stage("classifier", "train_classifier", ("cls_backbone", "classifier", "cls_train", "cls_crops", "crops"),
          lambda e: ("prepare.classes", "prepare.train"), _classifier, random=True, shared=True),
    Stage("cams", "make_cams", ("cam",), lambda e: ("prepare.train", "classifier"), _cams),
    Stage("saliency", "refine_saliency", ("saliency",), _needs_saliency, _saliency),
    Stage("superpixels", "make_superpixels", ("superpixels", "features"), lambda e: ("prepare.train",), _superpixels),
    Stage("superpixel_scores", "score_superpixels", (), lambda e: ("prepare.train_masks", "superpixels"),
          _superpixel_scores, own=True),
    Stage("seeds", "make_seeds", ("seeds",), _needs_seeds, _seeds),
    Stage("segmenter", "train_segmenter", ("seg_backbone", "segmenter", "seg_train", "crops", "masking", "growing"),
          _needs_segmenter, _segmenter, random=True, shared=True),
    Stage("masks", "predict", ("test",), lambda e: ("prepare.val", "segmenter"), _masks),
    Stage("export", "export_savedmodel", ("test", "export"), lambda e: ("prepare.classes", "segmenter"), _export, own=True),
    Stage("scores", "evaluate", (), _needs_scores, _scores, own=True),
    Stage("report", "report", _SHOWN_SETTINGS, _needs_report, report_run.write_run_report, own=True),
)}
