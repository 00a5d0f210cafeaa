"""Scores against brute force, on random maps and on the real VOC masks."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.evaluate.artefacts import score_cams, score_masks, score_objects, score_seeds, score_superpixels
from wsss_tf.evaluate.confusion import confusion_matrix
from wsss_tf.evaluate.scores import scores_from_confusion, seed_scores_from_confusion
from wsss_tf.example import UNKNOWN, Example
from wsss_tf.files.images import read_labels
from wsss_tf.files.store import write_ids, write_labels, write_npz

NAMES = ("background", "cat", "dog", "sheep", "sign")
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("WSSS_SHARED", ROOT / "../shared"))
VOC = SHARED / "data/voc12_labels"


def brute_force(pairs, num_labels):
    """Every score by sets of pixels, class by class, without a confusion matrix."""
    truth = np.concatenate([true.ravel() for true, _ in pairs])
    prediction = np.concatenate([found.ravel() for _, found in pairs])
    prediction = np.where(prediction == UNKNOWN, 0, prediction)[truth != UNKNOWN]
    truth = truth[truth != UNKNOWN]
    ious, precisions, recalls, weighted = [], [], [], 0.0
    for label in range(num_labels):
        both = np.sum((truth == label) & (prediction == label))
        either = np.sum((truth == label) | (prediction == label))
        ious.append(both / either if either else math.nan)
        precisions.append(both / np.sum(prediction == label) if np.any(prediction == label) else math.nan)
        recalls.append(both / np.sum(truth == label) if np.any(truth == label) else math.nan)
        if np.any(truth == label):
            weighted += np.mean(truth == label) * ious[-1]
    present = [iou for iou in ious if not math.isnan(iou)]
    found = [recall for recall in recalls if not math.isnan(recall)]
    return {"iou": ious, "precision": precisions, "recall": recalls,
            "miou": sum(present) / len(present) if present else math.nan,
            "mean_accuracy": sum(found) / len(found) if found else math.nan,
            "pixel_accuracy": np.mean(truth == prediction) if truth.size else math.nan,
            "frequency_weighted_iou": weighted if truth.size else math.nan,
            "num_pixels": truth.size}


def assert_scores(scores, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(scores, name), value, rtol=1e-12, err_msg=name)


@st.composite
def label_pairs(draw):
    """(truth, prediction) pairs of random sizes; some classes never occur, some pixels are 255."""
    labels = draw(st.lists(st.sampled_from([*range(len(NAMES)), UNKNOWN]), min_size=1, max_size=4))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=4))
    return [(random.choice(labels, size).astype(np.uint8), random.choice([*labels, 1], size).astype(np.uint8))
            for size in sizes]


def write_pairs(folder, pairs):
    """The pairs as files; returns the examples and the folder of the predictions."""
    examples = []
    for index, (truth, prediction) in enumerate(pairs):
        mask = folder / "truth" / f"im{index}.png"
        write_labels(mask, truth)
        write_labels(folder / "found" / f"im{index}.png", prediction)
        examples.append(Example(f"im{index}", folder / f"im{index}.jpg", (1,), mask=mask))
    return tuple(examples), folder / "found"


def random_pairs(seed, count=5, size=(24, 31)):
    random = np.random.default_rng(seed)
    values = np.array([0, 0, 1, 2, 4, UNKNOWN])
    return [tuple(random.choice(values, size).astype(np.uint8) for _ in range(2)) for _ in range(count)]


@given(label_pairs())
@settings(deadline=None, max_examples=150)
def test_scores_equal_brute_force_and_do_not_depend_on_the_parts(pairs):
    parts = sum(confusion_matrix(truth, found, len(NAMES)) for truth, found in pairs)
    whole = confusion_matrix(np.concatenate([truth.ravel() for truth, _ in pairs])[None],
                             np.concatenate([found.ravel() for _, found in pairs])[None], len(NAMES))
    np.testing.assert_array_equal(parts, whole)
    assert_scores(scores_from_confusion(parts, NAMES), brute_force(pairs, len(NAMES)))


@given(label_pairs())
@settings(deadline=None, max_examples=80)
def test_seed_scores_equal_brute_force(pairs):
    scores = seed_scores_from_confusion(sum(confusion_matrix(t, p, len(NAMES)) for t, p in pairs), NAMES)
    truth = np.concatenate([t.ravel() for t, _ in pairs])
    found = np.concatenate([p.ravel() for _, p in pairs])[truth != UNKNOWN]
    truth = truth[truth != UNKNOWN]
    np.testing.assert_allclose(scores.coverage, np.mean(found != UNKNOWN) if truth.size else math.nan)
    recalls = []
    for label in range(len(NAMES)):
        true, labeled = truth == label, found == label
        recalls.append(np.mean(labeled[true]) if true.any() else math.nan)
        np.testing.assert_allclose(scores.recall[label], recalls[-1])
        np.testing.assert_allclose(scores.precision[label], np.mean(true[labeled]) if labeled.any() else math.nan)
        np.testing.assert_allclose(scores.class_coverage[label],
                                   np.mean(found[true] != UNKNOWN) if true.any() else math.nan)
    present = [recall for recall in recalls[1:] if not math.isnan(recall)]
    np.testing.assert_allclose(scores.foreground_recall, np.mean(present) if present else math.nan)


def test_hand_counted_example():
    truth = np.array([[0, 0, 1, 1], [2, 2, 255, 255]], np.uint8)
    found = np.array([[0, 1, 1, 1], [2, 255, 1, 0]], np.uint8)
    scores = scores_from_confusion(confusion_matrix(truth, found, 4), NAMES[:4])
    np.testing.assert_allclose(scores.iou, [1 / 3, 2 / 3, 1 / 2, math.nan])
    assert scores.miou == pytest.approx(0.5) and scores.pixel_accuracy == pytest.approx(4 / 6)
    seeds = seed_scores_from_confusion(confusion_matrix(truth, found, 4), NAMES[:4])
    np.testing.assert_allclose(seeds.precision, [1, 2 / 3, 1, math.nan])
    np.testing.assert_allclose(seeds.recall, [1 / 2, 1, 1 / 2, math.nan])
    assert seeds.coverage == pytest.approx(5 / 6)
    assert seeds.foreground_precision == pytest.approx(5 / 6) and seeds.foreground_recall == pytest.approx(3 / 4)


def test_void_pixels_change_nothing():
    truth, found = random_pairs(1, count=1)[0]
    other = np.where(truth == UNKNOWN, (found.astype(int) + 1) % 3, found).astype(np.uint8)
    assert np.any(other != found)
    np.testing.assert_array_equal(confusion_matrix(truth, found, 5), confusion_matrix(truth, other, 5))


def test_files_give_the_same_scores_as_arrays(tmp_path):
    pairs = random_pairs(2, count=70)  # more than one batch of the pool
    examples, folder = write_pairs(tmp_path, pairs)
    assert_scores(score_masks(examples, folder, NAMES), brute_force(pairs, len(NAMES)))
    seeds = score_seeds(examples, folder, NAMES)
    assert 0 < seeds.coverage < 1
    one_shot = seed_scores_from_confusion(sum(confusion_matrix(t, p, 5) for t, p in pairs), NAMES)
    assert seeds.as_dict() == one_shot.as_dict()


def test_objects_of_any_class_are_counted_alike(tmp_path):
    """Targets of the saliency loss know no classes: 0, 1, and 255 where they are silent."""
    pairs = [(truth, np.where(found == UNKNOWN, UNKNOWN, found > 2).astype(np.uint8))
             for truth, found in random_pairs(4, count=3)]
    scores = score_objects(*write_pairs(tmp_path, pairs))
    truth, found = (np.concatenate([array.ravel() for array in arrays]) for arrays in zip(*pairs))
    truth, found = truth[truth != UNKNOWN], found[truth != UNKNOWN]
    assert scores.class_names == ("background", "object")
    assert scores.coverage == pytest.approx((found != UNKNOWN).mean())
    assert scores.precision[1] == pytest.approx((truth[found == 1] > 0).mean())
    assert scores.recall[1] == pytest.approx((found[truth > 0] == 1).mean())
    assert scores.precision[0] == pytest.approx((truth[found == 0] == 0).mean())


def test_scores_as_json(tmp_path):
    examples, folder = write_pairs(tmp_path, [(truth, truth) for truth, _ in random_pairs(3)])
    record = json.loads(json.dumps(score_masks(examples, folder, NAMES).as_dict(), allow_nan=False))
    assert record["iou"] == [1, 1, 1, None, 1] and record["miou"] == 1
    assert record["class_names"] == list(NAMES)
    seeds = json.loads(json.dumps(score_seeds(examples, folder, NAMES).as_dict(), allow_nan=False))
    assert seeds["precision"] == [1, 1, 1, None, 1] and seeds["coverage"] == 1


def test_only_void_gives_undefined_scores():
    void = np.full([4, 4], UNKNOWN, np.uint8)
    scores = scores_from_confusion(confusion_matrix(void, np.zeros_like(void), 5), NAMES)
    assert math.isnan(scores.miou) and math.isnan(scores.pixel_accuracy) and scores.num_pixels == 0


@pytest.mark.parametrize("mend, words", [
    (lambda folder: (folder / "found/im1.png").unlink(), ["im1.png", "1 of 5 predictions", "masks stage"]),
    (lambda folder: (folder / "truth/im2.png").unlink(), ["truth/im2.png", "no such file"]),
    (lambda folder: write_labels(folder / "found/im3.png", np.zeros([20, 30], np.uint8)),
     ["found/im3.png", "truth/im3.png", "31x24", "30x20"]),
    (lambda folder: write_labels(folder / "found/im0.png", np.full([24, 31], 7, np.uint8)),
     ["found/im0.png", "0 to 4", "[7]"]),
    (lambda folder: write_labels(folder / "truth/im0.png", np.full([24, 31], 20, np.uint8)),
     ["truth/im0.png", "0 to 4", "[20]"]),
    (lambda folder: (folder / "found/im4.png").write_bytes(b"\x89PNG broken"), ["found/im4.png", "not a readable"]),
])
def test_faulty_files_are_named(tmp_path, mend, words):
    examples, folder = write_pairs(tmp_path, random_pairs(4))
    mend(tmp_path)
    with pytest.raises(InputError) as error:
        score_masks(examples, folder, NAMES)
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)


def test_examples_without_mask_and_empty_splits_are_refused(tmp_path):
    with pytest.raises(InputError, match="im9: it has no mask"):
        score_masks((Example("im9", Path("im9.jpg"), (1,)),), tmp_path, NAMES)
    with pytest.raises(InputError, match="no examples"):
        score_masks((), tmp_path, NAMES)


def write_cams(folder, examples, seed, dtype):
    random, cams = np.random.default_rng(seed), {}
    for index, example in enumerate(examples):
        keys = np.sort(random.choice([1, 2, 3, 4], index % 4, replace=False)).astype(np.int64)
        cam = np.maximum(random.normal(size=[len(keys), *read_labels(example.mask).shape]), 0).astype(dtype)
        cam[:1] *= index % 2  # some classes stay silent
        write_npz(folder / f"{example.image_id}.npz", keys=keys, cam=cam)
        cams[example.image_id] = keys, cam
    return cams


def thresholded(keys, cam, threshold):
    """The definition, one threshold at a time, with an explicit background channel."""
    cam = cam.astype(np.float32)
    channels = [np.full(cam.shape[1:], threshold, np.float32)]
    channels += [one / (one.max() + np.float32(1e-5)) for one in cam]
    return np.array([0, *keys], np.uint8)[np.argmax(channels, axis=0)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_cam_sweep_equals_one_threshold_at_a_time(tmp_path, dtype):
    examples, _ = write_pairs(tmp_path, random_pairs(5, count=9))
    cams = write_cams(tmp_path / "cams", examples, 6, dtype)
    tie = cams["im1"][1].astype(np.float32)[0]
    tie = float((tie / (tie.max() + np.float32(1e-5)))[tie > 0][0])  # a value that a pixel has exactly
    thresholds = (0.3, 0.0, 0.15, 0.9, tie)
    scores = score_cams(examples, tmp_path / "cams", NAMES, thresholds)
    assert list(scores) == sorted(thresholds)
    for threshold in thresholds:
        pairs = [(read_labels(example.mask), thresholded(*cams[example.image_id], threshold)) for example in examples]
        assert_scores(scores[threshold], brute_force(pairs, len(NAMES)))
    assert len({round(one.miou, 6) for one in scores.values()}) == len(thresholds)


@pytest.mark.parametrize("keys, cam, words", [
    ([1], np.zeros([1, 5, 5]), "5x5"),
    ([0], np.zeros([1, 24, 31]), "keys from 1 to 4"),
    ([5], np.zeros([1, 24, 31]), "from 1 to 4"),
    ([1, 2], np.zeros([1, 24, 31]), "[2] and [1, 24, 31]"),
    ([1.5], np.zeros([1, 24, 31]), "keys: float64"),
    ([1], np.full([1, 24, 31], np.nan), "NaN"),
])
def test_malformed_cams_are_named(tmp_path, keys, cam, words):
    examples, _ = write_pairs(tmp_path, random_pairs(7, count=1))
    write_npz(tmp_path / "cams/im0.npz", keys=np.array(keys), cam=cam)
    with pytest.raises(InputError) as error:
        score_cams(examples, tmp_path / "cams", NAMES, (0.2,))
    assert words in str(error.value) and "im0.npz" in str(error.value)


def test_unreadable_cams_and_thresholds_are_refused(tmp_path):
    examples, _ = write_pairs(tmp_path, random_pairs(7, count=1))
    with pytest.raises(InputError, match="im0.npz: no such file.*cams stage"):
        score_cams(examples, tmp_path, NAMES, (0.2,))
    write_npz(tmp_path / "im0.npz", keys=np.array([1]))
    with pytest.raises(InputError, match="im0.npz: expected the arrays 'keys' and 'cam'"):
        score_cams(examples, tmp_path, NAMES, (0.2,))
    for damaged in (b"", b"not a zip", (tmp_path / "im0.npz").read_bytes()[:-30]):
        (tmp_path / "im0.npz").write_bytes(damaged)
        with pytest.raises(InputError, match="im0.npz: expected the arrays"):
            score_cams(examples, tmp_path, NAMES, (0.2,))
    with pytest.raises(InputError, match="found 15"):
        score_cams(examples, tmp_path, NAMES, (15,))


@pytest.fixture(scope="module")
def voc():
    """Sixty real VOC val examples and the names of the labels."""
    if not VOC.is_dir():
        pytest.skip(f"{VOC} is absent: set WSSS_SHARED to the folder of the benchmark data")
    names = tuple((VOC / "classes.txt").read_text(encoding="utf-8").split())
    ids = (VOC / "val.txt").read_text(encoding="utf-8").split()[::24][:60]
    masks = [VOC / "SegmentationClass" / f"{image_id}.png" for image_id in ids]
    return tuple(Example(i, mask, (1,), mask=mask) for i, mask in zip(ids, masks)), names


def test_voc_masks_against_themselves(voc):
    examples, names = voc
    assert len(names) == 21 and len(examples) == 60
    scores = score_masks(examples, VOC / "SegmentationClass", names)
    assert scores.miou == 1 and scores.pixel_accuracy == 1 and scores.frequency_weighted_iou == 1
    assert scores.num_pixels > 5_000_000


def test_voc_masks_against_disturbed_copies(voc, tmp_path):
    examples, names = voc
    random, pairs = np.random.default_rng(8), []
    for example in examples:
        truth = read_labels(example.mask)
        found = np.roll(truth, random.integers(1, 40), axis=1)
        found[: len(found) // 4] = random.integers(0, 21)
        write_labels(tmp_path / f"{example.image_id}.png", found)
        pairs.append((truth, found))
    scores = score_masks(examples, tmp_path, names)
    assert_scores(scores, brute_force(pairs, 21))
    assert 0.2 < scores.miou < 0.9


@pytest.mark.parametrize("shape, words", [(None, "no such file"), ((4, 6), "expected 5x4 pixels")])
def test_superpixels_that_do_not_fit_are_refused(tmp_path, shape, words):
    example = Example("a", tmp_path / "a.jpg", (1,), mask=tmp_path / "mask.png")
    write_labels(example.mask, np.zeros([4, 5]))
    if shape:
        write_ids(tmp_path / "found" / "a.png", np.zeros(shape, int))
    with pytest.raises(InputError, match=words):
        score_superpixels((example,), tmp_path / "found")
