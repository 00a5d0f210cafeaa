"""labels.csv, as people and spreadsheets write it."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsss_tf.data.labels_csv import column_names, read_csv, write_csv
from wsss_tf.data.names import composed
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


def test_csv_accepts_a_repeated_line(tmp_path):
    assert read_csv(csv_file(tmp_path, "image_id,classes\na,bird\na,bird\n"), NAMES) == {"a": (1,)}


def test_csv_that_is_no_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"image_id,classes\n\xff\xfe,bird\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(path, NAMES)


PHOTOS = [f"{number:06d}" for number in range(120, 126)]
SHOWN = [(1,), (3,), (1, 3)] * 2
WORDS = {1: "bird", 3: "cat"}


def lines(form, header="image_id,classes\n") -> str:
    """A table of PHOTOS, each line made of the id and the names of its classes."""
    return header + "".join(f"{form(name, [WORDS[label] for label in shown])}\n" for name, shown in zip(PHOTOS, SHOWN))


@pytest.mark.parametrize("text", [
    lines(lambda name, words: f"{name},{';'.join(words)};"),
    lines(lambda name, words: f"{name},{'|'.join(words)}"),
    lines(lambda name, words: f"{name},{' | '.join(words)}"),
    lines(lambda name, words: f"{name},{' '.join(words)}"),
    lines(lambda name, words: f'{name},"{",".join(words)}"'),
    lines(lambda name, words: f'{name},"{words}"'),  # ['bird', 'cat']
    lines(lambda name, words: "\n".join(f"{name},{word}" for word in words)),
    lines(lambda name, words: f"{name},{(';' + chr(160)).join(words)}{chr(160)}"),
    lines(lambda name, words: f"{int(name)};{';'.join(words)}", header="image_id;classes\r\n"),
    lines(lambda name, words: f"{name},{';'.join(words)}", header="sep=,\nimage_id,classes\n"),
    lines(lambda name, words: f"{name};{';'.join(words)}", header='"sep=;"\r\nimage_id;classes\r\n'),
    lines(lambda name, words: f"{name}.jpg,{int('bird' in words)},{int('cat' in words)}", header="filename,bird,cat\n"),
    lines(lambda name, words: f"{name};{'x' * ('cat' in words)};1;{'x' * ('bird' in words)}",
          header="image;cat;background;bird\n"),
    lines(lambda name, words: f"{name},{'bird' in words},{'cat' in words}", header="image_id,bird,cat\n"),
    lines(lambda name, words: f"images\\{name}.jpg,{';'.join(words)}"),
    lines(lambda name, words: f"C:\\Users\\me\\{name}.JPG,{';'.join(words)}"),
    lines(lambda name, words: f"https://host/{name}.jpg,{';'.join(words)}"),
    lines(lambda name, words: f"{name},{';'.join(words)}", header="Image_ID,Classes\n"),
    lines(lambda name, words: f"7,{name},{';'.join(words)}", header=",image_id,classes\n"),
])
def test_ways_to_say_the_same(tmp_path, text):
    assert read_csv(csv_file(tmp_path, text), NAMES, PHOTOS) == dict(zip(PHOTOS, SHOWN))


def test_excels_unicode_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(lines(lambda name, words: f"{name}\t{';'.join(words)}", header="image_id\tclasses\n").encode("utf-16"))
    assert read_csv(path, NAMES) == dict(zip(PHOTOS, SHOWN))


def test_decomposed_names_of_classes_and_photos(tmp_path):
    path = csv_file(tmp_path, unicodedata.normalize("NFD", "image_id,classes\nMüller,Bär;Kröte\ncafé,Bär\n"))
    assert read_csv(path, ("background", "Bär", "Kröte"), ["Müller", "café"]) == {"Müller": (1, 2), "café": (1,)}


def test_an_empty_cell_says_that_nothing_is_shown(tmp_path):
    assert read_csv(csv_file(tmp_path, "image_id,classes\na,\nb,bird\n"), NAMES) == {"a": (), "b": (1,)}
    assert read_csv(csv_file(tmp_path, "file,bird,cat\na,0,0\nb,1,\n"), NAMES) == {"a": (), "b": (1,)}


def test_a_class_with_signs_in_its_name_is_one_class(tmp_path):
    names = ("background", "red light", "red", "light", "a|b", "a", "b", "x, y")
    path = csv_file(tmp_path, 'image_id,classes\np,red light\nq,a|b\nr,"x, y"\ns,red;light\nt,b|a\n')
    assert read_csv(path, names) == {"p": (1,), "q": (4,), "r": (7,), "s": (2, 3), "t": (5, 6)}


@pytest.mark.parametrize("text, words", [
    ("image_id,classes\na,bird|caat\n", ["line 2", "unknown class 'caat'", "did you mean 'cat'"]),
    ("image_id,classes\na,1;2\n", ["line 2", "unknown class '1'", "the names of the classes, not their numbers"]),
    ("image_id,classes\na,none\n", ["line 2", "an empty cell for a photo that shows none"]),
    ("image_id,classes\na,background\n", ["line 2", "an empty cell for a photo that shows none"]),
    ("image_id,classes\na.jpg,1,0\n", ["line 2", "name the classes in the header, image_id,CLASS,CLASS"]),
    ("image_id;classes\na\n", ["line 2", "expected `ID,CLASS;CLASS`, found `a`"]),
    ("file,bird,cat\na,1,0\nb,2,0\n", ["line 3", "2 cells of 0 or 1", "b,2,0"]),
    ("file,bird,cow\na,1,0\n", ["line 1", "unknown class 'cow'"]),
    ("filename,labels\na.jpg,bird\n", ["line 1", "expected the header `image_id,classes`"]),
])
def test_remedies_that_lose_no_tags(tmp_path, text, words):
    path = csv_file(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_csv(path, NAMES)
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_names_of_classes_before_there_is_a_class_list(tmp_path):
    assert column_names(csv_file(tmp_path, "image_id,classes\na,cat;bird\nb,cat|dog\n")) == ["bird", "cat", "dog"]
    assert column_names(csv_file(tmp_path, "file,cat,bird\na,0,1\n")) == ["cat", "bird"]
