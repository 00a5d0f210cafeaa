from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsss_tf.data.labels import find_labels, read_tags
from wsss_tf.data.labels_csv import read_csv, write_csv
from wsss_tf.data.labels_xml import read_xml
from wsss_tf.data.names import composed, near_match, photo_id
from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError

NAMES = ("background", "bird", "boat", "cat")
ids = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).map(composed).map(str.strip).filter(bool)
in_tmp_path = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def csv_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode())
    return path


@in_tmp_path
@given(st.dictionaries(ids, st.sets(st.sampled_from([1, 2, 3])).map(sorted).map(tuple)))
def test_csv_round_trip(tmp_path, tags):
    path = tmp_path / "labels.csv"
    write_csv(path, tags, ("background", "bird", "traffic light, red", 'so-called "cat"'))
    assert read_csv(path, ("background", "bird", "traffic light, red", 'so-called "cat"')) == tags


def test_csv_sorts_labels_and_keeps_the_order_of_lines(tmp_path):
    path = csv_file(tmp_path, '\ufeffimage_id,classes\r\nb, cat ;bird\r\n\r\n"a,1",cat;cat\r\nc,\r\n')
    assert list(read_csv(path, NAMES).items()) == [("b", (1, 3)), ("a,1", (3,)), ("c", ())]


@pytest.mark.parametrize("text, words", [
    ("", ["line 1", "image_id,classes"]),
    ("a,bird\n", ["line 1", "header", "a,bird"]),
    ("image_id;tags\na;bird\n", ["line 1", "header", "image_id;tags"]),
    ("image_id;classes\na;bird;brid\n", ["line 2", "'brid'", "'bird'"]),
    ("image_id,classes\na,BIRD\n", ["line 2", "'BIRD'", "did you mean 'bird'"]),
    ("image_id,classes\na,bi rd\n", ["line 2", "'bi rd'", "did you mean 'bird'"]),
    ("image_id,classes\na,bird\nb,brid\n", ["line 3", "'brid'", "'bird'"]),
    ("image_id,classes\na,xyz\n", ["line 2", "'xyz'", "bird, boat, cat"]),
    ("image_id,classes\na,background\n", ["line 2", "'background'"]),
    ("image_id,classes\na,bird;brid;\n", ["line 2", "'brid'"]),
    ("image_id,classes\na,bird,boat\n", ["line 2", "a,bird,boat", "';'"]),
    ("image_id,classes\na\n", ["line 2", "`a`"]),
    ("image_id,classes\n,bird\n", ["line 2", "`,bird`"]),
    ("image_id,classes\na,bird;cat\na,boat\n", ["line 3", "'a'", "twice", "write one line with all its classes"]),
    ("image_id,classes\na,bird\na,\n", ["line 3", "'a'", "twice"]),
    ('image_id,classes\n"a"x,bird\n', ["line 2", "malformed"]),
])
def test_csv_faults_name_file_and_line(tmp_path, text, words):
    path = csv_file(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_csv(path, NAMES)
    for word in [str(path), *words]:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", [
    'image_id;classes\na;"bird;cat"\nb;cat\nc;\n',  # one cell of classes
    "\ufeffimage_id;classes;;\r\na;bird;cat\r\nb;cat;\r\nc;;\r\n;;\r\n",  # a cell for each class, rows filled up
    '"image_id";"classes"\r"a";"bird; cat"\r"b";"cat"\r"c";""\r',  # all quoted, ends of old Macs
    "image_id\tclasses\na\tbird;cat\nb\tcat\nc\t\n",
    "image_id,classes,\na,bird;cat,\nb,cat,\nc,,\n,,\n",
    "image_id,classes\na.jpg,bird;cat\nimages/b.PNG,cat\nc.jpeg,\n",
])
def test_csv_as_spreadsheets_write_it(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode())
    assert read_csv(path, NAMES) == {"a": (1, 3), "b": (3,), "c": ()}


def test_only_suffixes_of_photos_are_dropped():
    assert [photo_id(name) for name in ("a.jpg", "x/y.JPEG", "v1.5", "x/y", "a.jpg.png")] == ["a", "y", "v1.5", "x/y", "a.jpg"]


def test_near_match_puts_case_and_spaces_first():
    assert near_match("traffic Light", ["traffic lights", "trafficlight"]) == "trafficlight"
    assert near_match("dgo", ["cat", "dog"]) == "dog" and near_match("xyz", ["cat", "dog"]) == ""


def test_csv_accepts_a_repeated_line(tmp_path):
    assert read_csv(csv_file(tmp_path, "image_id,classes\na,bird\na,bird\n"), NAMES) == {"a": (1,)}


def test_csv_that_is_no_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"image_id,classes\n\xff\xfe,bird\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(path, NAMES)


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


ANNOTATION = """<annotation><filename>x.jpg</filename>
<object><name>dog</name><difficult>1</difficult><part><name>head</name></part></object>
<object><name>
person</name></object><object><name>dog</name></object></annotation>"""


def test_xml_takes_every_object_and_no_part(tmp_path):
    (tmp_path / "x.xml").write_text(ANNOTATION)
    (tmp_path / "y.xml").write_text("<annotation/>")
    assert read_tags(tmp_path, CLASS_NAMES) == {"x": (12, 15), "y": ()}
    assert read_xml(tmp_path, CLASS_NAMES, ["y", "absent"]) == {"y": ()}


def laughs(depth: int) -> str:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, depth))
    body = f"<annotation><object><name>&l{depth - 1};</name></object></annotation>"
    return f'<!DOCTYPE a [<!ENTITY l0 "lol">{levels}]>{body}'


@pytest.mark.parametrize("content, words", [
    (laughs(9).encode(), "DOCTYPE"),
    (laughs(2).encode("utf-16"), "DOCTYPE"),
    (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "DOCTYPE"),
    (b"<annotation><object><name>&xxe;</name></object></annotation>", "undefined entity"),
    (ANNOTATION[:60].encode(), "not a readable annotation"),
    (b"", "not a readable annotation"),
    (b'<?xml version="1.0" encoding="zip"?><a/>', "not a readable annotation"),
    (b"<annotation><object><name>dgo</name></object></annotation>", "did you mean 'dog'"),
    (b"<!--" + b" " * 2**20 + b"--><annotation/>", "more than 1048576 bytes"),
])
def test_bad_xml_is_refused(tmp_path, content, words):
    (tmp_path / "x.xml").write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read_xml(tmp_path, CLASS_NAMES)
    assert str(tmp_path / "x.xml") in str(error.value)
