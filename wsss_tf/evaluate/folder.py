"""Scores any folder of predictions against any data set, without stages or manifests."""

import dataclasses
import time

import numpy as np

from wsss_tf.config import expand_path, setting
from wsss_tf.data.listing import list_folder
from wsss_tf.errors import InputError
from wsss_tf.evaluate.artefacts import Counter, confusion_counter, count_labels, score_cams, score_objects, score_superpixels
from wsss_tf.evaluate.boundary import boundary_counts, boundary_scores
from wsss_tf.evaluate.cooccurrence import (
    Pair,
    context_file,
    pair_counts,
    pair_scores,
    parse_pairs,
    read_context,
    read_context_names,
)
from wsss_tf.evaluate.scores import scores_from_confusion, seed_scores_from_confusion
from wsss_tf.example import Dataset, Example

CAM_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 17))
_TRUTH_SUFFIXES = (".png", ".mat")


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What to score, against what, and which scores beside IoU."""

    predictions: str = setting("", "folder of predictions <image_id>.png, or .npz for cams, of any program; empty: the "
                                   "stage scores of the experiment")
    kind: str = setting("masks", "what the predictions are: masks, label maps; seeds, label maps with 255 where "
                                 "undecided; objects, maps of 0, 1 and 255; cams, class activation maps; superpixels, "
                                 "16-bit ids", ("masks", "seeds", "objects", "cams", "superpixels"))
    split: str = setting("val", "images to score", ("val", "train"))
    truth: str = setting("", "folder of label maps <image_id>.png, or SBD's .mat, to score against; empty: the masks "
                             "of the data set")
    thresholds: tuple = setting(CAM_THRESHOLDS, "background thresholds of cams; the best of several is one chosen with "
                                                "masks", low=0)
    boundaries: bool = setting(False, "also precision, recall and F1 of the edges of masks (EPS, Table 1)")
    boundary_tolerance: float = setting(0.02, "distance within which edges meet, as a share of the diagonal; 0.02 as in "
                                              "the benchmark of SBD (EPS is silent)", low=0.0)
    pairs: str = setting("", "also the confusion ratio of co-occurring classes in masks (EPS, Table 2): "
                             "TARGET:COINCIDENT,... e.g. boat:water,train:track")
    context: str = setting("", "folder of label maps <image_id>.mat or .png that know the coincident classes, e.g. "
                               "PASCAL-Context's; empty: the classes of the data set itself")
    context_names: str = setting("", "file of lines 'NUMBER: NAME' with the values in --context, e.g. labels.txt")
    output: str = setting("", "also write the scores to this .json file, and per class to a .csv file beside it")


def evaluate_folder(dataset: Dataset, config: EvaluationConfig) -> dict:
    """Scores the folder of predictions; returns plain JSON values, NaN as None.

    Raises:
      InputError: files are missing, damaged, of another size or with labels
        that no class has, or the settings contradict each other.
    """
    _check_settings(config)
    started = time.perf_counter()
    examples = _with_truth(dataset.val if config.split == "val" else dataset.train, config)
    score = {"cams": _score_cams, "superpixels": _score_superpixels, "objects": _score_objects}.get(config.kind, _score_labels)
    scores = score(examples, dataset.class_names, config)
    return {
        "data_set": dataset.name,
        "split": config.split,
        "images": len(examples),
        "kind": config.kind,
        "predictions": config.predictions,
        "truth": config.truth or "masks of the data set",
        **scores,
        "seconds": round(time.perf_counter() - started, 2),
    }


def _check_settings(config: EvaluationConfig) -> None:
    folder = expand_path(config.predictions)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder: correct --predictions")
    if config.kind != "masks" and (config.boundaries or config.pairs):
        raise InputError(f"--kind={config.kind}: --boundaries and --pairs need --kind=masks: leave them out, or write "
                         "label maps first (`wsss run --until=labels` turns cams into them)")
    if bool(config.context) != bool(config.context_names) or config.context and not config.pairs:
        raise InputError(f"--context={config.context}: expected --pairs, --context and --context_names together: "
                         "give the missing ones")
    if config.kind == "cams" and not config.thresholds:
        raise InputError("--thresholds: expected at least one number, found none: leave the flag out for the usual ones")
    if config.output and not config.output.endswith(".json"):
        raise InputError(f"--output={config.output}: expected the name of a .json file: correct it")


def _with_truth(examples: tuple[Example, ...], config: EvaluationConfig) -> tuple[Example, ...]:
    if not config.truth:
        return examples
    folder, ids = expand_path(config.truth), [example.image_id for example in examples]
    masks = {}
    for suffix in reversed(_TRUTH_SUFFIXES):
        masks |= list_folder(folder, (suffix,)).fitting(ids)
    missing = [image_id for image_id in ids if image_id not in masks]
    if missing:
        raise InputError(f"{folder / missing[0]}.png: no such file (nor .mat): correct --truth, or take the id out of the list")
    return tuple(dataclasses.replace(example, mask=masks[example.image_id]) for example in examples)


def _score_labels(examples: tuple[Example, ...], class_names: tuple[str, ...], config: EvaluationConfig) -> dict:
    folder = expand_path(config.predictions)
    counters = {"confusion": confusion_counter(folder, len(class_names))}
    if config.boundaries:
        counters["boundaries"] = lambda _, truth, found: boundary_counts(truth, found, config.boundary_tolerance)
    pairs = _pairs(class_names, config)
    if pairs:
        counters["cooccurrence"] = _pair_counter(examples, pairs, config)
    counts = count_labels(examples, folder, counters)
    score = seed_scores_from_confusion if config.kind == "seeds" else scores_from_confusion
    scores = score(counts["confusion"], class_names).as_dict() | {"confusion": counts["confusion"].tolist()}
    if config.boundaries:
        tolerance = {"tolerance": config.boundary_tolerance}
        scores["boundaries"] = boundary_scores(counts["boundaries"]).as_dict() | tolerance
    if pairs:
        scores["cooccurrence"] = [pair.as_dict() for pair in pair_scores(counts["cooccurrence"], pairs)]
    return scores


def _pairs(class_names: tuple[str, ...], config: EvaluationConfig) -> tuple[Pair, ...]:
    if not config.pairs:
        return ()
    own = {name: label for label, name in enumerate(class_names)}
    names = read_context_names(expand_path(config.context_names)) if config.context else own
    return parse_pairs(config.pairs, class_names, names)


def _pair_counter(examples: tuple[Example, ...], pairs: tuple[Pair, ...], config: EvaluationConfig) -> Counter:
    folder = expand_path(config.context) if config.context else None
    if folder and not any(context_file(folder, example.image_id) for example in examples):
        raise InputError(f"{folder}: expected maps <image_id>.mat or .png, found none of this split: correct --context")

    def count(example: Example, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        path = context_file(folder, example.image_id) if folder else example.mask
        if path is None:
            return np.zeros([len(pairs), 4], np.int64)
        context = read_context(path) if folder else truth
        return pair_counts(truth, prediction, context, pairs, example.mask, path)

    return count


def _score_cams(examples: tuple[Example, ...], class_names: tuple[str, ...], config: EvaluationConfig) -> dict:
    curve = score_cams(examples, expand_path(config.predictions), class_names, config.thresholds)
    best = max(curve, key=lambda threshold: curve[threshold].miou)
    return curve[best].as_dict() | {
        "threshold": best,
        "threshold_chosen_with_masks": len(curve) > 1,
        "curve": [{"threshold": threshold, "miou": scores.as_dict()["miou"]} for threshold, scores in curve.items()],
    }


def _score_objects(examples: tuple[Example, ...], class_names: tuple[str, ...], config: EvaluationConfig) -> dict:
    return score_objects(examples, expand_path(config.predictions)).as_dict()


def _score_superpixels(examples: tuple[Example, ...], class_names: tuple[str, ...], config: EvaluationConfig) -> dict:
    return score_superpixels(examples, expand_path(config.predictions)).as_dict()
