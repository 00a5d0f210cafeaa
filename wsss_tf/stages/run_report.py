"""The report of one run, gathered from what its stages have made."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss_tf.errors import InputError
from wsss_tf.example import MASK_SUPERVISION, MAX_CLASSES, Example
from wsss_tf.files.cams import normalise, read_cam
from wsss_tf.files.images import read_grey, read_ids, read_labels, read_photo
from wsss_tf.files.json_artefact import read_log
from wsss_tf.files.manifest import MANIFEST, read_manifest
from wsss_tf.imaging import drawing
from wsss_tf.pseudo_labels.saliency_sources import saliency_scores
from wsss_tf.report.contract import ArtefactScores, PictureRow, ReportPage, ReportRow
from wsss_tf.report.page import write_report
from wsss_tf.report.text import print_table
from wsss_tf.stages.place import Place
from wsss_tf.stages.stage import Makes, united
from wsss_tf.superpixels.metrics import SHORT_NAMES

_SHOWN = 12  # pictures per split
_MASKS = {"plain": ("", False), "crf": (" + CRF", True)}
_LABEL_TITLES = {"labels": "pseudo-labels", "seeds": "initial seeds"}  # of stages that make labels, where the name is not enough


def write_run_report(place: Place, makes: Mapping[str, Makes], defaults: Mapping[str, object]) -> dict:
    """Writes report.html of a run whose stages are done; returns its path for the manifest.

    Args:
      place: of the report; its inputs are all other stages.
      makes: stage -> what lies in its folder.
      defaults: flag -> the value that the system gives it.

    Raises:
      InputError: an artefact is missing or damaged.
    """
    dataset, name = place.dataset, place.folder.parent.name
    manifests = {stage: read_manifest(folder) for stage, folder in place.inputs.items() if (folder / MANIFEST).exists()}
    scored = next((stage for stage, made in makes.items() if made is Makes.SCORES), None)
    scores = read_scores(place.inputs[scored]) if scored else {}
    flags = {flag: value for manifest in manifests.values() for flag, value in manifest["settings"].items()}
    page = ReportPage(
        title=name, summary=_summary(place, manifests, scores, makes),
        rows=score_rows(name, scores, makes, manifests), artefacts=_artefacts(scores, makes, manifests),
        supervision=united(tuple(word for manifest in manifests.values() for word in manifest["supervision"])),
        defaults=dict(defaults), class_names=dataset.class_names,
        pictures=tuple(_train_strip(place, makes, manifests, example) for example in _spread(dataset.train))
        + tuple(_val_strip(place, makes, example) for example in _spread(dataset.val) if Makes.MASKS in makes.values()),
        curves={stage: read_log(folder / "log.jsonl") for stage, folder in place.inputs.items()
                if (folder / "log.jsonl").exists()},
        flags=flags, manifests=manifests)
    path = place.folder / "report.html"
    write_report(path, page)
    return {"report": str(path)}


def score_rows(name: str, scores: Mapping, makes: Mapping[str, Makes], manifests: Mapping[str, dict]) -> tuple[ReportRow, ...]:
    """Rows of the table of masks from the content of scores.json."""
    rows = []
    for stage, found in scores.items():
        if makes.get(stage) is Makes.MASKS:
            told = manifests[stage]
            scales = ", ".join(f"{scale:g}" for scale in told["settings"].get("test_scales", ()))
            rows += _mask_rows(name, found, told["supervision"], scales + ", flip" * bool(told["settings"].get("test_flip")))
    return tuple(rows)


def _artefacts(scores: Mapping, makes: Mapping[str, Makes], manifests: Mapping[str, dict]) -> tuple[ArtefactScores, ...]:
    """Scores of what training sees, whatever it is."""
    used = [manifest["settings"]["label_threshold"] for manifest in manifests.values() if "label_threshold" in manifest["settings"]]
    made = []
    for stage, found in scores.items():
        kind = makes.get(stage)
        if kind is Makes.CAMS:
            curve = {float(threshold): score for threshold, score in found.items()}
            made.append(ArtefactScores(stage, kind.value, "train", curve=curve, threshold=used[0] if used else None))
        elif kind not in (None, Makes.MASKS):
            made.append(ArtefactScores(stage, kind.value, "train", found))
    return tuple(made)


def compare_runs(folders: Sequence[str]) -> str:
    """A plain-text table of several finished runs, one line each.

    Raises:
      InputError: a run has no scores, or damaged ones.
    """
    rows = []
    for folder in map(Path, folders):
        scores, manifest = read_scores(folder / "scores"), read_manifest(folder / "scores")
        found = _mask_rows(folder.name, scores.get("masks", {}), manifest["supervision"])
        if not found:
            raise InputError(f"{folder}: its evaluation images have no masks, so it has no scores to compare")
        rows += found
    return print_table(tuple(rows))


def read_scores(folder: Path) -> dict:
    """The scores that a stage has left in its folder, by the stage that they are of.

    Raises:
      InputError: they are missing or damaged.
    """
    path = folder / "scores.json"
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such scores: run `wsss run --until=scores` with the flags of this run") from None
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error}): delete its folder and run `wsss run --until=scores` again") from error
    if not isinstance(scores, dict) or not all(isinstance(found, dict) for found in scores.values()):
        raise InputError(f"{path}: damaged (expected scores by stage): delete its folder and run `wsss run --until=scores` again")
    return scores


def _mask_rows(name: str, scores: Mapping, supervision: Sequence[str], scales: str = "") -> list[ReportRow]:
    """Rows of the masks without and with CRF, marked if trained on masks; none if there was no ground truth."""
    name += f" [{MASK_SUPERVISION}]" if any(MASK_SUPERVISION in word for word in supervision) else ""
    return [ReportRow(name + suffix, "val", crf, scores[key], scales)
            for key, (suffix, crf) in _MASKS.items() if key in scores]


def _summary(place: Place, manifests: Mapping[str, dict], scores: Mapping, makes: Mapping[str, Makes]) -> dict[str, str]:
    dataset = place.dataset
    system = next((manifest["system"] for manifest in reversed(list(manifests.values())) if "system" in manifest), "")
    summary = {
        "Data": f"{dataset.name}: {len(dataset.train)} training images, {len(dataset.val)} "
                + ("photos with masks made" if dataset.masks_wanted else "evaluation images"),
        "System": system}
    for stage, made in makes.items():
        settings = manifests.get(stage, {}).get("settings", {})
        if made is Makes.NET:
            backbone = {flag: value for flag, value in settings.items() if flag.endswith(("_backbone", "_weights"))}
            summary[stage.capitalize()] = ", start ".join(str(value) for value in backbone.values()) or stage
        if made is Makes.SUPERPIXELS:
            net = f", features of {settings['feature_net']}" if "feature_net" in settings else ""
            summary["Superpixels"] = f"{settings.get('superpixel_method', '')}{net}"
            found = {short: scores[stage].get(field) for field, short in SHORT_NAMES.items()} if stage in scores else {}
            if found:
                summary["Superpixel quality"] = ", ".join(f"{short} {value:.3f}" for short, value in found.items()
                                                          if value is not None)
    return summary | {"Seed": str(place.seed)}


def _train_strip(place: Place, makes: Mapping[str, Makes], manifests: Mapping[str, dict], example: Example) -> PictureRow:
    """Photo, truth if there is any, and what each stage has made of it."""
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", drawing.draw_labels(photo, read_labels(example.mask))))
    for stage, made in makes.items():
        title = _LABEL_TITLES.get(stage, stage)
        if made is Makes.SALIENCY:
            title, source = _saliency_title(manifests[stage]["settings"])
            if source:
                maximum = next((told["results"]["maps_max"] for told in manifests.values() if "maps_max" in told["results"]), 255)
                pictures.append(("saliency", drawing.draw_grey(saliency_scores(example, source, maximum))))
        if made in _DRAWN:
            pictures.append((title, _DRAWN[made](place.inputs[stage], example, photo)))
    return PictureRow(f"train: {example.image_id}", tuple(pictures), example.tags)


def _saliency_title(settings: Mapping) -> tuple[str, str]:
    """What a target is called, and the source of the saliency that it was made of; "" if that was a mask."""
    source, refined = settings["saliency_source"], settings["saliency_refinement"] != "none"
    if source == "ground_truth":
        return f"binary mask ({MASK_SUPERVISION})", ""
    return "refined saliency" if refined else "binary saliency", source


def _val_strip(place: Place, makes: Mapping[str, Makes], example: Example) -> PictureRow:
    photo = read_photo(example.image)
    pictures = [("photo", photo)]
    if example.mask:
        pictures.append(("ground truth", drawing.draw_labels(photo, read_labels(example.mask))))
    for stage, made in makes.items():
        if made is Makes.MASKS:
            for kind, (suffix, _) in _MASKS.items():
                labels = read_labels(place.inputs[stage] / kind / f"{example.image_id}.png")
                pictures.append((f"prediction{suffix}", drawing.draw_labels(photo, labels)))
    split = "masks" if place.dataset.masks_wanted else "val"
    return PictureRow(f"{split}: {example.image_id}", tuple(pictures), example.tags)


def _draw_cams(folder: Path, example: Example, photo: np.ndarray) -> np.ndarray:
    _, cam = read_cam(folder, example.image_id, MAX_CLASSES)
    return drawing.draw_heat(photo, normalise(cam).max(axis=0, initial=0))


_DRAWN = {  # what a stage makes -> (its folder, example, photo) -> picture
    Makes.CAMS: _draw_cams,
    Makes.LABELS: lambda folder, example, photo: drawing.draw_labels(photo, read_labels(folder / f"{example.image_id}.png")),
    Makes.SALIENCY: lambda folder, example, photo: drawing.draw_labels(photo, read_grey(folder / f"{example.image_id}.png")),
    Makes.SUPERPIXELS: lambda folder, example, photo: drawing.draw_superpixels(photo, read_ids(folder / f"{example.image_id}.png")),
}


def _spread(examples: tuple[Example, ...]) -> tuple[Example, ...]:
    """Some examples, evenly spread over the split: neither the best nor the worst are picked."""
    step = max(1, len(examples) // _SHOWN)
    return examples[::step][:_SHOWN]
