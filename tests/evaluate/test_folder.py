"""Folders of predictions against data sets of several kinds, through the script."""

import csv
import dataclasses
import json
import math
import os
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.evaluate.boundary import boundary_counts, boundary_scores
from wsss_tf.evaluate.folder import EvaluationConfig, evaluate_folder
from wsss_tf.evaluate.table import text_table
from wsss_tf.example import UNKNOWN, Dataset, Example
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_ids, write_labels, write_npz

NAMES = ("background", "cat", "dog", "sheep")
SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[2] / ".." / "shared"))
VOC = SHARED / "data/voc12_labels"


@pytest.fixture
def dataset(tmp_path):
    """Twelve images of blocks of labels with void; no sheep anywhere. The predictions differ here and there."""
    random, examples = np.random.default_rng(0), []
    for index in range(12):
        truth = np.kron(random.choice([0, 0, 1, 2, UNKNOWN], [4, 5]), np.ones([6, 6])).astype(np.uint8)
        found = np.where(random.random(truth.shape) < 0.2, random.choice([0, 1, 2], truth.shape), truth)
        found[found == UNKNOWN] = 0
        examples.append(Example(f"im{index}", tmp_path / f"im{index}.jpg", (1,), mask=tmp_path / f"truth/im{index}.png"))
        write_labels(examples[-1].mask, truth)
        write_labels(tmp_path / f"found/im{index}.png", found)
    return Dataset("blocks", NAMES, (), tuple(examples))


def scored(dataset, tmp_path, **settings):
    return evaluate_folder(dataset, EvaluationConfig(**{"predictions": str(tmp_path / "found"), **settings}))


def devkit_scores(pairs, num_labels):
    """IoU as VOCevalseg.m defines it: counts per class over all images, 0/0 undefined, then the mean of all classes."""
    right, true, found = (np.zeros(num_labels) for _ in range(3))
    for truth, prediction in pairs:
        for label in range(num_labels):
            right[label] += np.sum((truth == label) & (prediction == label))
            true[label] += np.sum(truth == label)
            found[label] += np.sum((prediction == label) & (truth != UNKNOWN))
    with np.errstate(invalid="ignore"):
        iou = right / (true + found - right)
    return iou, iou.mean()


def test_scores_are_those_of_the_devkit(dataset, tmp_path):
    scores = scored(dataset, tmp_path)
    pairs = [(read_labels(example.mask), read_labels(tmp_path / f"found/{example.image_id}.png")) for example in dataset.val]
    iou, mean = devkit_scores(pairs, 4)
    np.testing.assert_allclose([math.nan if value is None else value for value in scores["iou"]], iou)
    assert math.isnan(mean), "the devkit's mean is undefined if a class occurs nowhere"
    assert scores["miou"] == pytest.approx(np.nanmean(iou))
    assert "neither in the truth nor predicted, not in the means: sheep" in text_table(scores)
    iou, mean = devkit_scores(pairs, 3)
    three = Dataset("blocks", NAMES[:3], (), dataset.val)
    assert scored(three, tmp_path)["miou"] == pytest.approx(mean), "and ours is the same if all occur"


def test_a_class_that_is_predicted_but_never_true_counts_as_0(dataset, tmp_path):
    before = scored(dataset, tmp_path)
    found = read_labels(tmp_path / "found/im0.png")
    truth = read_labels(dataset.val[0].mask)
    row, column = np.argwhere(truth == 0)[0]
    found[row, column] = 3
    write_labels(tmp_path / "found/im0.png", found)
    scores = scored(dataset, tmp_path)
    assert before["iou"][3] is None and scores["iou"][3] == 0 and scores["miou"] < before["miou"]


def test_the_matrix_in_the_file_gives_every_score_again(dataset, tmp_path):
    scores = scored(dataset, tmp_path)
    confusion = np.array(scores["confusion"])
    assert confusion.shape == (4, 5) and confusion[:, 4].sum() == 0
    assert scores["pixel_accuracy"] == pytest.approx(np.trace(confusion) / confusion.sum())
    assert scores["images"] == 12 and scores["num_pixels"] == confusion.sum()


def test_boundaries_and_pairs_in_the_same_pass(dataset, tmp_path):
    scores = scored(dataset, tmp_path, boundaries=True, boundary_tolerance=0.03, pairs="cat:dog")
    counts = sum(boundary_counts(read_labels(example.mask), read_labels(tmp_path / f"found/{example.image_id}.png"), 0.03)
                 for example in dataset.val)
    assert scores["boundaries"] == boundary_scores(counts).as_dict() | {"tolerance": 0.03}
    pair = scores["cooccurrence"][0]
    assert pair["images"] > 3 and 0 < pair["confusion_ratio"] < 1 and 0 < pair["target_iou"] < 1
    text = text_table(scores)
    assert "edges within 0.03 of the diagonal: recall" in text and "cat:dog: confusion ratio 0." in text


def test_context_maps_that_are_missing_are_left_out(dataset, tmp_path):
    (tmp_path / "context").mkdir()
    (tmp_path / "names.txt").write_text("1: cat\n40: water\n")
    for example in dataset.val[:3]:
        truth = read_labels(example.mask)
        context = np.where(truth == 0, 40, 1).astype(np.uint16)
        scipy.io.savemat(tmp_path / f"context/{example.image_id}.mat", {"LabelMap": context})
    settings = {"pairs": "cat:water", "context": str(tmp_path / "context"), "context_names": str(tmp_path / "names.txt")}
    pair = scored(dataset, tmp_path, **settings)["cooccurrence"][0]
    assert 0 < pair["images"] <= 3 and pair["confusion_ratio"] > 0
    with pytest.raises(InputError, match="expected maps .* found none of this split"):
        scored(dataset, tmp_path, **settings | {"context": str(tmp_path)})


def test_truth_of_another_folder_and_of_sbd(dataset, tmp_path):
    own = scored(dataset, tmp_path)
    (tmp_path / "other").mkdir()
    for index, example in enumerate(dataset.val):
        truth = read_labels(example.mask)
        if index % 2:
            scipy.io.savemat(tmp_path / f"other/{example.image_id}.mat", {"GTcls": {"Segmentation": truth}})
        else:
            write_labels(tmp_path / f"other/{example.image_id}.png", truth)
    other = scored(dataset, tmp_path, truth=str(tmp_path / "other"))
    assert other["confusion"] == own["confusion"] and other["truth"] == str(tmp_path / "other")
    (tmp_path / "other/im4.png").unlink()
    with pytest.raises(InputError, match="im4.png: no such file .nor .mat."):
        scored(dataset, tmp_path, truth=str(tmp_path / "other"))


def test_cams_say_whether_masks_chose_the_threshold(dataset, tmp_path):
    random = np.random.default_rng(1)
    for example in dataset.val:
        write_npz(tmp_path / f"cams/{example.image_id}.npz", keys=np.array([1, 2]), cam=random.random([2, 24, 30]))
    settings = {"predictions": str(tmp_path / "cams"), "kind": "cams"}
    curve = scored(dataset, tmp_path, **settings, thresholds=(0.8, 0.2, 0.5))
    assert [point["threshold"] for point in curve["curve"]] == [0.2, 0.5, 0.8]
    assert curve["miou"] == max(point["miou"] for point in curve["curve"]) and curve["threshold_chosen_with_masks"]
    assert "chosen with the masks of these images: not a result of image tags alone" in text_table(curve)
    single = scored(dataset, tmp_path, **settings, thresholds=(0.5,))
    assert not single["threshold_chosen_with_masks"] and single["miou"] == curve["curve"][1]["miou"]
    assert "threshold 0.5, given and not chosen with the masks" in text_table(single)


def test_seeds_objects_and_superpixels(dataset, tmp_path):
    for example in dataset.val:
        truth = read_labels(example.mask)
        seed = np.where(np.arange(30) % 3 > 0, truth, UNKNOWN).astype(np.uint8)
        write_labels(tmp_path / f"seeds/{example.image_id}.png", seed)
        write_labels(tmp_path / f"objects/{example.image_id}.png", np.where(seed == UNKNOWN, UNKNOWN, seed > 0))
        write_ids(tmp_path / f"ids/{example.image_id}.png", np.arange(24 * 30).reshape(24, 30))
    seeds = scored(dataset, tmp_path, predictions=str(tmp_path / "seeds"), kind="seeds")
    assert seeds["foreground_precision"] == 1 and 0.5 < seeds["coverage"] < 0.8 and seeds["foreground_recall"] < 1
    objects = scored(dataset, tmp_path, predictions=str(tmp_path / "objects"), kind="objects")
    assert objects["class_names"] == ["background", "object"] and objects["precision"] == [1, 1]
    pixels = scored(dataset, tmp_path, predictions=str(tmp_path / "ids"), kind="superpixels")
    assert pixels["achievable_accuracy"] == 1 and "ASA" in text_table(pixels)
    assert "coverage" in text_table(seeds) and "object" in text_table(objects)


@pytest.mark.parametrize("settings, words", [
    ({"predictions": "absent"}, "absent: no such folder"),
    ({"kind": "seeds", "boundaries": True}, "need --kind=masks"),
    ({"context": "here"}, "expected --pairs, --context and --context_names together"),
    ({"kind": "cams", "thresholds": ()}, "--thresholds"),
    ({"output": "scores.txt"}, "expected the name of a .json file"),
    ({"split": "train"}, "no examples"),
])
def test_settings_that_contradict_each_other_are_refused(dataset, tmp_path, settings, words):
    with pytest.raises(InputError, match=words):
        scored(dataset, tmp_path, **settings)


def test_the_script_prints_and_writes(tiny_data, tmp_path, script):
    ids = (tiny_data / "ImageSets/Segmentation/val.txt").read_text().split()
    for image_id in ids:
        truth = read_labels(tiny_data / f"SegmentationClass/{image_id}.png")
        Image.fromarray(np.where(truth == UNKNOWN, 0, truth)).save(tmp_path / f"{image_id}.png")  # grey, no palette
    flags = ("--source=folder", f"--data={tiny_data}", f"--predictions={tmp_path}", "--boundaries")
    ended = script("evaluate", *flags, f"--output={tmp_path / 'out/scores.json'}")
    assert ended.code == 0 and "mIoU" in ended.out and "100.00" in ended.out, ended.err
    scores = json.loads((tmp_path / "out/scores.json").read_text())
    assert scores["images"] == len(ids) and scores["miou"] == 1
    rows = list(csv.DictReader((tmp_path / "out/scores.csv").open()))
    assert [row["class"] for row in rows] == scores["class_names"] and rows[0]["iou"] == "1.0"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scores.csv", "scores.json"]
    assert "--predictions: expected a folder" in script("evaluate", *flags[:2], "--boundaries").error
    (tmp_path / f"{ids[0]}.png").unlink()
    assert f"{ids[0]}.png: no such file (1 of {len(ids)}" in script("evaluate", *flags).error


def disturbed(truth, how):
    labels = np.where(truth == UNKNOWN, 0, truth)
    if how == "dilated":
        return cv2.dilate(labels, np.ones([5, 5], np.uint8))
    if how == "shifted":
        return np.roll(labels, 5, axis=1)
    return np.where(labels == 8, 12, np.where(labels == 12, 8, labels)).astype(np.uint8)  # cats and dogs swapped


@pytest.mark.skipif(not VOC.is_dir(), reason=f"no {VOC}: set WSSS_SHARED to the folder of the benchmark data")
@pytest.mark.parametrize("how", ["dilated", "shifted", "swapped"])
def test_disturbed_voc_masks_against_the_devkits_definition(tmp_path, how):
    names = tuple((VOC / "classes.txt").read_text().split())
    ids = (VOC / "val.txt").read_text().split()[::36]
    examples = tuple(Example(i, Path(f"{i}.jpg"), (), mask=VOC / f"SegmentationClass/{i}.png") for i in ids)
    pairs = []
    for example in examples:
        truth = read_labels(example.mask)
        pairs.append((truth, disturbed(truth, how)))
        write_labels(tmp_path / f"{example.image_id}.png", pairs[-1][1])
    config = EvaluationConfig(predictions=str(tmp_path), boundaries=True)
    scores = evaluate_folder(Dataset("voc12", names, (), examples), config)
    iou, _ = devkit_scores(pairs, 21)
    np.testing.assert_allclose([math.nan if value is None else value for value in scores["iou"]], iou, rtol=1e-12)
    assert scores["miou"] == pytest.approx(np.nanmean(iou)) and 0.5 < scores["miou"] < 1
    if how == "shifted":  # what leaves on one side comes back on the other
        assert 0.8 < scores["boundaries"]["precision"] < 0.99
    else:
        assert scores["boundaries"]["f1"] > 0.999, "within the tolerance"
    if how == "swapped":
        assert scores["iou"][8] == scores["iou"][12] == 0


def test_predictions_and_truth_of_other_spellings_are_found(dataset, tmp_path):
    expected = scored(dataset, tmp_path)["miou"]
    for folder in ("found", "truth"):
        for path in list((tmp_path / folder).iterdir()):
            path.rename(path.with_name(path.name.upper()))
    examples = tuple(dataclasses.replace(example, mask=None) for example in dataset.val)
    other = Dataset("blocks", NAMES, (), examples)
    assert scored(other, tmp_path, truth=str(tmp_path / "truth"))["miou"] == expected
    (tmp_path / "found/IM3.PNG").unlink()
    with pytest.raises(InputError, match="im3.png: no such file .1 of 12 predictions are missing."):
        scored(other, tmp_path, truth=str(tmp_path / "truth"))


def test_composed_and_decomposed_names_are_the_same(tmp_path):
    for folder, form in (("truth", "NFC"), ("found", "NFD")):
        write_labels(tmp_path / folder / unicodedata.normalize(form, "Müller.png"), np.eye(20, dtype=np.uint8))
    example = Example("Müller", tmp_path / "Müller.jpg", (1,), mask=tmp_path / "truth/Müller.png")
    assert scored(Dataset("own", NAMES[:2], (), (example,)), tmp_path)["miou"] == 1
