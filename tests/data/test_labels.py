"""Labels of any kind of file."""

from pathlib import Path

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
