"""Labels of any kind of file."""

import pickle

import numpy as np
import pytest

from wsss_tf.data.labels import find_labels, read_tags
from wsss_tf.errors import InputError

NAMES = ("background", "bird", "boat", "cat")


def test_labels_are_found_in_order(tmp_path):
    with pytest.raises(InputError, match="labels.csv"):
        find_labels(tmp_path)
    for name in ("Annotations", "cls_labels.npy", "labels.csv"):
        (tmp_path / name).touch()
        assert find_labels(tmp_path) == tmp_path / name


@pytest.mark.parametrize("name", ["absent.csv", "labels.json"])
def test_labels_file_missing_or_of_unknown_kind(tmp_path, name):
    (tmp_path / "labels.json").touch()
    with pytest.raises(InputError, match=name):
        read_tags(tmp_path / name, NAMES)


def test_file_names_as_ids_of_any_source(tmp_path):
    with open(tmp_path / "cls_labels.npy", "wb") as file:
        pickle.dump({"IMG_1.JPG": np.eye(3)[0], np.str_("img_2"): np.eye(3)[2]}, file)
    assert read_tags(tmp_path / "cls_labels.npy", NAMES, known=["img_1", "img_2"]) == {"img_1": (1,), "img_2": (3,)}


def test_what_is_written_for_the_id_counts_before_what_is_written_for_its_file(tmp_path):
    for labels in ({"a": np.eye(3)[0], "a.jpg": np.eye(3)[2]}, {"a.jpg": np.eye(3)[2], "a": np.eye(3)[0]}):
        with open(tmp_path / "cls_labels.npy", "wb") as file:
            pickle.dump(labels, file)
        assert read_tags(tmp_path / "cls_labels.npy", NAMES, known=["a"]) == {"a": (1,)}
