"""classes.txt, as people and other programs write it."""

import pytest

from wsss_tf.data.class_names import read_class_names
from wsss_tf.errors import InputError


@pytest.mark.parametrize("text, names", [
    ("background\nbird\ncat", ("background", "bird", "cat")),
    ("bird\r\n traffic light \r\n\r\n", ("background", "bird", "traffic light")),
    ("\n".join(f"c{i}" for i in range(254)), ("background", *(f"c{i}" for i in range(254)))),
    ("_background_\ndisc\nsquare\n", ("background", "disc", "square")),
    ("__ignore__\n_background_\ndisc\nsquare\n", ("background", "disc", "square")),
    ("__ignore__\ndisc\n", ("background", "disc")),
    ("BACKGROUND\r\ndisc\r\nsquare\r\n", ("background", "disc", "square")),
    ("Background\rdisc\r", ("background", "disc")),
    ("bg\ndisc\n", ("background", "disc")),
    ("1 cent\n2 cent\n5 cent\n", ("background", "1 cent", "2 cent", "5 cent")),
    ("1: disc\nsquare\n", ("background", "1: disc", "square")),
    ("Ba\u0308r\n", ("background", "Bär")),
])
def test_class_names(tmp_path, text, names):
    (tmp_path / "classes.txt").write_text(text, newline="")
    assert read_class_names(tmp_path / "classes.txt") == names


@pytest.mark.parametrize("text, words", [
    ("", "line 1"),
    ("background\n", "1 to 254 classes, found 0"),
    ("bird\n\ncat\n", "line 2: expected the name"),
    ("bird\nbackground\n", "line 2.*'background'"),
    ("background\nbackground\n", "line 2.*'background'"),
    ("bird\ncat;dog\n", "line 2.*'cat;dog'"),
    ("bird\n_background_\n", "line 2.*'_background_'"),
    ("bird\n__ignore__\n", "line 2.*'__ignore__'"),
    ("unlabeled\ndisc\nsquare\n", "line 1.*'unlabeled': if label 0 is this, write background instead"),
    ("bird\ncat\nvoid\n", "line 3.*'void'.*if it is 255, take the line out"),
    ("1: disc\n2: square\n", "line 1: expected names alone, found numbers before them .'1: disc'"),
    ("0. disc\n1. square\n", "line 1: expected names alone"),
    ("Ba\u0308r\nBär\n", "line 2: class 'Bär' comes twice"),
    ("bird\ncat\nbird\n", "line 3: class 'bird' comes twice"),
    ("traffic light\nTrafficLight\n", "line 2: class 'TrafficLight' differs from 'traffic light' by case or spaces"),
    ("\n".join(f"c{i}" for i in range(255)), "1 to 254 classes, found 255"),
])
def test_faults_of_class_names(tmp_path, text, words):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(InputError, match=words) as error:
        read_class_names(tmp_path / "classes.txt")
    assert str(tmp_path / "classes.txt") in str(error.value)
