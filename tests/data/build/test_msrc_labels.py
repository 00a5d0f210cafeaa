"""The classes of MSRC v2: colours to numbers, numbers to objects, by hand, by loops, and on the real masks where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.data.build.msrc_labels import CLASSES, COLOURS, context_labels, object_labels
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_labels

SHARED = Path(os.environ.get("WSSS_SHARED", Path(__file__).parents[3] / ".." / "shared"))
REAL = SHARED / "data" / "msrc_objects"
NAMES = tuple(COLOURS)
OBJECTS = [label for label, name in enumerate(NAMES) if name in CLASSES or name in ("face", "body")]


def painted(*names: str) -> np.ndarray:
    """A row of pixels in the colours of these classes."""
    return np.uint8([[COLOURS[name] for name in names]])


def by_loops(context: np.ndarray) -> np.ndarray:
    """The rule, pixel by pixel."""
    expected = np.zeros_like(context)
    only_objects = all(label == 0 or label in OBJECTS for label in context.ravel())
    for (row, column), label in np.ndenumerate(context):
        name = {"face": "person", "body": "person"}.get(NAMES[label], NAMES[label])
        around = context[max(row - 5, 0):row + 6, max(column - 5, 0):column + 6]
        if name in CLASSES:
            expected[row, column] = CLASSES.index(name)
        elif name == "void" and (not only_objects or any(value in OBJECTS for value in around.ravel())):
            expected[row, column] = 255
    return expected


def test_every_colour_has_its_number():
    np.testing.assert_array_equal(context_labels(painted(*NAMES)), [range(24)])
    assert len(set(COLOURS.values())) == 24


@pytest.mark.parametrize("colour", [(1, 0, 0), (255, 255, 255), (127, 0, 0), (0, 0, 129), (192, 192, 128)])
def test_another_colour_is_refused_with_its_place(colour):
    truth = np.concatenate([painted("grass", "cow"), painted("grass", "cow")])
    truth[1, 0] = colour
    with pytest.raises(InputError) as raised:
        context_labels(truth)
    assert f"found {list(colour)} in row 1, column 0:" in str(raised.value)


def test_objects_by_hand():
    context = context_labels(painted("void", "grass", "face", "body", "horse", "boat", "cow", "void"))
    assert object_labels(context).tolist() == [[255, 0, 12, 12, 0, 4, 9, 255]]


def test_where_objects_alone_are_labelled_void_is_background_but_beside_them():
    context = np.zeros([1, 20], np.uint8)
    context[0, 7] = NAMES.index("sign")
    labels = object_labels(context)
    assert labels.dtype == np.uint8 and labels.tolist() == [[0] * 2 + [255] * 5 + [14] + [255] * 5 + [0] * 7]


@pytest.mark.parametrize("seed", range(8))
def test_objects_as_by_loops(seed):
    rng = np.random.default_rng(seed)
    context = np.zeros([23, 17], np.uint8)
    for label in rng.choice(OBJECTS if seed % 2 else 24, 2):
        row, column = rng.integers(0, (23, 17))
        context[row:row + 3, column:column + 4] = label
    np.testing.assert_array_equal(object_labels(context), by_loops(context))


@pytest.mark.skipif(not REAL.is_dir(), reason="needs shared/data/msrc_objects beside the checkout")
def test_the_real_masks_follow_from_the_real_annotations():
    assert (REAL / "context/classes.txt").read_text().split() == [f"{label},{name}" for label, name in enumerate(NAMES)]
    assert tuple((REAL / "classes.txt").read_text().split()) == CLASSES
    files = sorted((REAL / "context").glob("*.png"))
    assert len(files) == 277
    for file in files:
        np.testing.assert_array_equal(object_labels(read_labels(file)), read_labels(REAL / "SegmentationClass" / file.name))
