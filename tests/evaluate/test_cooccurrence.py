"""The confusion ratio of co-occurring classes against counting pixel by pixel."""

import math

import numpy as np
import pytest
import scipy.io
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.evaluate.cooccurrence import (
    Pair,
    context_file,
    pair_counts,
    pair_scores,
    parse_pairs,
    read_context,
    read_context_names,
)

NAMES = ("background", "boat", "train")
CONTEXT = {"water": 431, "track": 397}


def test_ratio_and_iou_equal_counting_pixel_by_pixel():
    random = np.random.default_rng(0)
    pairs = parse_pairs("boat:water,train:track", NAMES, CONTEXT)
    total, expected = np.zeros([2, 4], int), np.zeros([2, 4], int)
    for _ in range(8):
        truth = random.choice(np.array([0, 1, 2, 255], np.uint8)[: random.integers(2, 5)], [6, 7])
        prediction = random.choice(np.array([0, 1, 2, 255], np.uint8), [6, 7])
        context = random.choice([5, 431, 397][: random.integers(1, 4)], [6, 7])
        total += pair_counts(truth, prediction, context, pairs)
        for row, (c, k) in enumerate([(1, 431), (2, 397)]):
            pixels = [(t, p, x) for t, p, x in zip(truth.flat, prediction.flat, context.flat) if t != 255]
            if any(t == c for t, _, _ in pixels) and any(x == k and t != c for t, _, x in pixels):
                expected[row] += [1, sum(x == k and t != c and p == c for t, p, x in pixels),
                                  sum(t == p == c for t, p, _ in pixels), sum(c in (t, p) for t, p, _ in pixels)]
    np.testing.assert_array_equal(total, expected)
    assert 0 < total[0, 0] < 8, "some images show both classes, some do not"
    boat, train = pair_scores(total, pairs)
    assert boat.name == "boat:water" and boat.confusion_ratio == expected[0, 1] / expected[0, 2]
    assert train.target_iou == expected[1, 2] / expected[1, 3] and train.images == expected[1, 0]


def test_a_boat_on_water_by_hand():
    truth = np.array([[1, 1, 0, 0], [0, 0, 0, 255]], np.uint8)
    context = np.array([[9, 9, 431, 431], [431, 5, 5, 431]])
    prediction = np.array([[1, 0, 1, 1], [0, 1, 0, 1]], np.uint8)
    scores = pair_scores(pair_counts(truth, prediction, context, (Pair("boat:water", 1, 431),)),
                         (Pair("boat:water", 1, 431),))[0]
    assert scores.confusion_ratio == 2 and scores.target_iou == 1 / 5 and scores.images == 1


def test_no_image_with_both_is_undefined():
    pair = Pair("boat:water", 1, 431)
    scores = pair_scores(np.zeros([1, 4], int), (pair,))[0]
    assert math.isnan(scores.confusion_ratio) and scores.as_dict()["target_iou"] is None


@pytest.mark.parametrize("text, words", [("boat", "TARGET:COINCIDENT"), ("ship:water", "'ship'"),
                                         ("boat:milk", "'milk'"), ("background:water", "'background'")])
def test_malformed_pairs_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        parse_pairs(text, NAMES, CONTEXT)


def test_names_and_maps_of_pascal_context(tmp_path):
    (tmp_path / "labels.txt").write_text("1: accordion\n397: track\n431: water bottle\n\n")
    assert read_context_names(tmp_path / "labels.txt") == {"accordion": 1, "track": 397, "water bottle": 431}
    (tmp_path / "labels.txt").write_text("1: accordion\nwater\n")
    with pytest.raises(InputError, match="line 2: expected 'NUMBER: NAME'"):
        read_context_names(tmp_path / "labels.txt")
    values = np.array([[1, 397], [431, 0]], np.uint16)
    scipy.io.savemat(tmp_path / "a.mat", {"LabelMap": values})
    Image.fromarray(values).save(tmp_path / "b.png")
    Image.fromarray((values % 256).astype(np.uint8)).save(tmp_path / "c.png")
    for name, expected in (("a", values), ("b", values), ("c", values % 256)):
        found = read_context(context_file(tmp_path, name))
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, expected)
    assert context_file(tmp_path, "d") is None


def test_a_context_map_of_another_size_is_named():
    truth = np.ones([2, 3], np.uint8)
    with pytest.raises(InputError, match="maps/a.png: expected 3x2 pixels"):
        pair_counts(truth, truth, np.ones([3, 2], int), (Pair("boat:water", 1, 1),), "a", "maps/a.png")
