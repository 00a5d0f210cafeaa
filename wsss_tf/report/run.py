"""The report of one run, gathered from the artefacts of its stages."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.experiment import Experiment
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_grey, read_ids, read_labels, read_photo
from wsss_tf.pseudo_labels.saliency_sources import MASK_SUPERVISION, saliency_scores
from wsss_tf.report import page as report
from wsss_tf.stages.stage import MANIFEST, read_manifest
from wsss_tf.superpixels.metrics import SHORT_NAMES
from wsss_tf.superpixels.settings import uses_features
from wsss_tf.train.logs import read_log

_SHOWN = 12  # pictures per split


def write_run_report(experiment: Experiment, folder: Path, inputs: dict[str, Path]) -> dict:
    """Writes report.html of a run whose stages are done; returns its path for the manifest.

    Args:
      experiment: all settings.
      folder: receives report.html.
      inputs: stage name -> its folder.

    Raises:
      InputError: an artefact is missing or damaged.
    """
    e, scores = experiment, _read_scores(inputs["scores"])
    page = report.ReportPage(
        title=e.run.experiment,
        summary=_summary(e, scores),
        rows=score_rows(scores, e),
        class_names=e.dataset.class_names,
        pictures=tuple(_train_strip(e, inputs, example) for example in _spread(e.dataset.train))
        + tuple(_val_strip(e, inputs["masks"], example) for example in _spread(e.dataset.val)),
        curves={name: read_log(path / "log.jsonl") for name, path in inputs.items() if (path / "log.jsonl").exists()},
        flags=e.settings(*(field.name for field in dataclasses.fields(e))),
        manifests={name: read_manifest(path) for name, path in inputs.items() if (path / MANIFEST).exists()},
    )
    path = folder / "report.html"
    report.write_report(path, page)
    return {"report": str(path)}


def score_rows(scores: dict, experiment: Experiment) -> tuple[report.ReportRow, ...]:
    """Rows of the score table from the content of scores.json."""
    name = experiment.run.experiment
    scales = ", ".join(f"{scale:g}" for scale in experiment.test.scales) + (", flip" if experiment.test.flip else "")
    rows = _mask_rows(name, scores, experiment.supervision, scales)
    for threshold, score in scores.get("cams", {}).items():
        if float(threshold) == experiment.seeds.cam_threshold:
            rows.append(report.ReportRow(f"CAM > {threshold}, tags given", "train", False, score, ""))
    sparse = "initial seeds" if experiment.run.method == "superpixel_growing" else "pseudo-labels"
    for stage, title in (("seeds", sparse), ("saliency", "saliency targets, objects of any class")):
        if stage in scores:
            rows.append(report.ReportRow(title, "train", False, scores[stage], ""))
    return tuple(rows)


def compare_runs(runs: Path, experiments: list[str]) -> str:
    """A plain-text table of several finished runs, one line each.

    Raises:
      InputError: a run has no scores, or damaged ones.
    """
    rows = []
    for name in experiments:
        folder = runs / name / "scores"
        scores = _read_scores(folder)
        found = _mask_rows(name, scores, read_manifest(folder)["results"].get("supervision", ""))
        if not found:
            raise InputError(f"{runs / name}: its evaluation images have no masks, so it has no scores to compare")
        rows += found
    return report.print_table(tuple(rows))


def _mask_rows(name: str, scores: dict, supervision: str, scales: str = "") -> list[report.ReportRow]:
    """Rows of the masks without and with CRF, marked if trained on masks; none if there was no ground truth."""
    name += f" [{MASK_SUPERVISION}]" if MASK_SUPERVISION in supervision else ""
    titles = {"plain": (name, False), "crf": (f"{name} + CRF", True)}
    return [report.ReportRow(title, "val", crf, scores[key], scales)
            for key, (title, crf) in titles.items() if key in scores]


def _summary(e: Experiment, scores: dict) -> dict[str, str]:
    return {
        "Data": f"{e.dataset.name}: {len(e.dataset.train)} training images, {len(e.dataset.val)} "
                + ("photos with masks made" if e.dataset.masks_wanted else "evaluation images"),
        "Supervision": e.supervision,
        "Method": e.run.method,
        **_superpixel_summary(e, scores),
        "Classifier": f"{e.cls_backbone.backbone}, start {e.cls_backbone.weights}",
        "Segmenter": f"{e.seg_backbone.backbone}, start {e.seg_backbone.weights}",
        "Seed": str(e.run.seed),
    }


def _superpixel_summary(e: Experiment, scores: dict) -> dict[str, str]:
    """What the superpixels were made from, and how good they are where there are masks to tell."""
    if e.run.method != "superpixel_growing":
        return {}
    source = f", features of {e.features.net}, start {e.features.weights}" if uses_features(e.superpixels) else ""
    summary = {"Superpixels": e.superpixels.method + source}
    if "superpixels" in scores:
        found = {short: scores["superpixels"][name] for name, short in SHORT_NAMES.items()}
        summary["Superpixel quality"] = ", ".join(f"{name} {value:.3f}" for name, value in found.items() if value is not None)
    return summary


def _train_strip(e: Experiment, inputs: dict[str, Path], example: Example) -> report.PictureRow:
    """Photo, truth if there is any, CAM, saliency, and the target the segmenter was trained on."""
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", report.draw_labels(photo, read_labels(example.mask))))
    if "cams" in inputs:
        _, cam = read_cam(inputs["cams"], example.image_id)
        pictures.append(("CAM", report.draw_heat(photo, normalise(cam).max(axis=0, initial=0))))
    if "saliency" in inputs:
        pictures += _saliency_pictures(e, inputs["saliency"], example, photo)
    if "superpixels" in inputs:
        ids = read_ids(inputs["superpixels"] / f"{example.image_id}.png")
        pictures.append(("superpixels", report.draw_superpixels(photo, ids)))
    if "seeds" in inputs:
        target = read_labels(inputs["seeds"] / f"{example.image_id}.png")
        caption = "initial seed" if "superpixels" in inputs else "pseudo-label"
        pictures.append((caption, report.draw_labels(photo, target)))
    return report.PictureRow(f"train: {example.image_id}", tuple(pictures), example.tags)


def _saliency_pictures(e: Experiment, folder: Path, example: Example,
                       photo: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Saliency and the target made of it, in the colour of the first class: it knows none."""
    target = report.draw_labels(photo, read_grey(folder / f"{example.image_id}.png"))
    if e.saliency.saliency_source == "ground_truth":
        return [(f"binary mask ({MASK_SUPERVISION})", target)]
    scores = saliency_scores(example, e.saliency.saliency_source, e.data.saliency_max)
    caption = "binary saliency" if e.saliency.refinement == "none" else "refined saliency"
    return [("saliency", report.draw_grey(scores)), (caption, target)]


def _val_strip(e: Experiment, masks: Path, example: Example) -> report.PictureRow:
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", report.draw_labels(photo, read_labels(example.mask))))
    for folder, caption in (("plain", "prediction"), ("crf", "prediction + CRF")):
        labels = read_labels(masks / folder / f"{example.image_id}.png")
        pictures.append((caption, report.draw_labels(photo, labels)))
    split = "masks" if e.dataset.masks_wanted else "val"
    return report.PictureRow(f"{split}: {example.image_id}", tuple(pictures), example.tags)


def _spread(examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Some examples, evenly spread over the split: neither the best nor the worst are picked."""
    step = max(1, len(examples) // _SHOWN)
    return examples[::step][:_SHOWN]


def _read_scores(folder: Path) -> dict:
    path = folder / "scores.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such scores: run scripts/evaluate.py with the flags of this run") from None
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}): delete its folder and run scripts/evaluate.py again") from error
