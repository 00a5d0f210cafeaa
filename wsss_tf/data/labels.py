"""Image-level labels: labels.csv, the community's cls_labels.npy, VOC annotations.

Every reader returns a dict from image id to the sorted tuple of its label
values, each in 1..C; `class_names` is indexed by label value (0 = background).
"""

import csv
import difflib
import io
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from defusedxml import DefusedXmlException, ElementTree

from wsss_tf.errors import InputError
from wsss_tf.files import store
from wsss_tf.formats import cls_labels

HEADER = ["image_id", "classes"]
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_XML_BYTES = 1 << 20  # a VOC annotation has a few kilobytes
MAX_NPY_BYTES = 1 << 28  # the file of COCO 2014 has about 50 megabytes

Tags = dict[str, tuple[int, ...]]


def find_labels(root: Path) -> Path:
    """The labels of a data set: labels.csv, else cls_labels.npy, else Annotations.

    Raises:
      InputError: none of them exists.
    """
    for name in ("labels.csv", "cls_labels.npy", "Annotations"):
        if (root / name).exists():
            return root / name
    raise InputError(f"{root}: expected labels.csv (or cls_labels.npy, or Annotations with XML files), found none: "
                     f"write {root / 'labels.csv'} (header `image_id,classes`, lines `ID,CLASS;CLASS`) or set --labels")


def read_tags(path: Path, class_names: tuple[str, ...], ids: Iterable[str] | None = None) -> Tags:
    """The tags in a labels.csv, a cls_labels.npy or a folder of XML annotations.

    Args:
      path: file or folder; its kind is told by its suffix.
      class_names: names indexed by label value.
      ids: annotations to open (None: all); the other formats are read whole.

    Raises:
      InputError: missing, unknown kind, or malformed.
    """
    if not path.exists():
        raise InputError(f"{path}: no such labels file: set --labels to a labels.csv, a cls_labels.npy "
                         "or a folder of XML annotations")
    if path.is_dir():
        return read_xml(path, class_names, ids)
    readers = {".csv": read_csv, ".npy": read_npy}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path}: expected .csv, .npy or a folder of XML files, found '{path.suffix}': "
                         "rename or convert it")
    return readers[path.suffix.lower()](path, class_names)


def read_csv(path: Path, class_names: tuple[str, ...]) -> Tags:
    """Tags from a UTF-8 file with the header `image_id,classes`, classes joined by ';'.

    An id may be the file name of its photo. Spreadsheets of some countries part
    cells by semicolons: then each further cell of a line holds classes.

    Raises:
      InputError: missing, not text, malformed line, unknown class, or an id
        that comes twice with different classes.
    """
    tags = {}
    text = read_text(path)
    comma = not re.match(r'\s*"?image_id"?\s*[;\t]', text)
    separator = "," if comma else ";" if ";" in text.partition("\n")[0] else "\t"
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        header = _cells(next(rows, []))
        if header != HEADER:
            raise InputError(f"{path}: line 1: expected the header `{','.join(HEADER)}`, found `{separator.join(header)}`: "
                             "write it as first line")
        for row in map(_cells, rows):
            if any(row):
                place = f"{path}: line {rows.line_num}"
                row = row if comma else [row[0], ";".join(filter(None, row[1:]))]
                image_id, values = _parse_row(place, row, class_names)
                _add(tags, image_id, values, place)
    except csv.Error as error:
        raise InputError(f"{path}: line {rows.line_num}: malformed ({error}): "
                         "write one `ID,CLASS;CLASS` per line") from error
    return tags


def write_csv(path: Path, tags: Mapping[str, Iterable[int]], class_names: tuple[str, ...]) -> None:
    """Writes tags (label values, each in 1..C) as the labels.csv that `read_csv` reads, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for image_id, values in tags.items():
        writer.writerow([image_id, ";".join(class_names[value] for value in sorted(values))])
    store.write_text(path, text.getvalue())


def read_xml(folder: Path, class_names: tuple[str, ...], ids: Iterable[str] | None = None) -> Tags:
    """Tags from VOC annotations: the names of all objects, the difficult ones too.

    Ids without a file are left out of the result.

    Raises:
      InputError: unreadable XML, a DOCTYPE in it, or an unknown class.
    """
    if ids is None:
        ids = sorted(path.stem for path in folder.glob("*.xml"))
    files = {image_id: folder / f"{image_id}.xml" for image_id in ids}
    return {image_id: _values(f"{path}", _object_names(path), class_names)
            for image_id, path in files.items() if path.exists()}


def read_npy(path: Path, class_names: tuple[str, ...]) -> Tags:
    """Tags from a cls_labels.npy (id -> C numbers 0 or 1), without running what is in it.

    Integer ids as in IRN are VOC names: 2007000032 stands for '2007_000032'.

    Raises:
      InputError: missing, damaged, hostile, or not a dict of C-vectors.
    """
    if path.stat().st_size > MAX_NPY_BYTES:
        raise InputError(f"{path}: expected at most {MAX_NPY_BYTES} bytes, found {path.stat().st_size}: "
                         "it is no cls_labels.npy, use a labels.csv")
    tags, num_classes = {}, len(class_names) - 1
    for key, vector in cls_labels.load(path).items():
        image_id = _image_id(key)
        if vector.shape != (num_classes,) or not np.isin(vector, (0, 1)).all():
            raise InputError(f"{path}: expected {num_classes} numbers 0 or 1 for id '{image_id}', found an array of "
                             f"shape {vector.shape}: it belongs to another data set, or use a labels.csv")
        _add(tags, image_id, tuple(int(index) + 1 for index in np.flatnonzero(vector)), f"{path}")
    return tags


def read_text(path: Path) -> str:
    """The whole of a UTF-8 text file, a byte order mark dropped.

    Raises:
      InputError: missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text ({error}): save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({error.strerror}): restore the file") from error


def photo_id(name: str) -> str:
    """The id that the name of a photo stands for: 'a.jpg' and 'images/a.jpg' are 'a'; other names are ids."""
    stem, suffix = os.path.splitext(name)
    return os.path.basename(stem) if suffix.lower() in PHOTO_SUFFIXES else name


def near_match(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that may have been meant, '' if none is like it; one that differs by case or spaces alone comes first."""
    known = tuple(known)
    same = [other for other in known if _folded(other) == _folded(name)]
    return next(iter(same or difflib.get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def _cells(row: list[str]) -> list[str]:
    """The cells without spaces around them; empty ones at the end are how spreadsheets fill up a line."""
    cells = [cell.strip() for cell in row]
    while len(cells) > len(HEADER) and not cells[-1]:
        cells.pop()
    return cells


def _parse_row(place: str, row: list[str], class_names: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    if len(row) != len(HEADER) or not row[0]:
        raise InputError(f"{place}: expected `ID,CLASS;CLASS`, found `{','.join(row)}`: "
                         "join the classes by ';' and put ids that hold a comma in quotes")
    names = row[1].split(";") if row[1] else []
    return photo_id(row[0]), _values(place, [name.strip() for name in names], class_names)


def _values(place: str, names: Iterable[str], class_names: tuple[str, ...]) -> tuple[int, ...]:
    foreground = class_names[1:]
    for name in names:
        if name not in foreground:
            close = near_match(name, foreground)
            known = f"did you mean '{close}'?" if close else f"expected one of {', '.join(foreground)}:"
            raise InputError(f"{place}: unknown class '{name}': {known} correct it (or the list of classes)")
    return tuple(sorted({class_names.index(name, 1) for name in names}))


def _add(tags: Tags, image_id: str, values: tuple[int, ...], place: str) -> None:
    if tags.setdefault(image_id, values) != values:
        raise InputError(f"{place}: id '{image_id}' comes twice with different classes: keep one of them")


def _object_names(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_XML_BYTES:
            raise ValueError(f"more than {MAX_XML_BYTES} bytes")
        annotation = ElementTree.fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(f"{path}: a DOCTYPE has no place in an annotation and can be an attack: "
                         "remove it or take the file from its source") from error
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not a readable annotation ({error}): restore the file from its source") from error
    return [(name.text or "").strip() for name in annotation.findall("object/name")]


def _image_id(key: str | int) -> str:
    if isinstance(key, int) and 10**9 <= key < 10**10:
        return f"{key // 10**6:04d}_{key % 10**6:06d}"
    return str(key)
