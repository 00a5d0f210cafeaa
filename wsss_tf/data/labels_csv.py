"""labels.csv: the tags of images as a person or a spreadsheet writes them.

The form is `image_id,classes` with lines `ID,CLASS;CLASS`; an empty cell says
that the photo shows none of the classes. These mean the same and are read too:

  * cells parted by semicolons (spreadsheets of many countries) or tabs, a line `sep=,` in front, a column of row numbers;
  * classes joined by | or , in one cell, by spaces, as a list ['a', 'b'], each in a cell of its own (semicolons, tabs);
  * one row per class of a photo;
  * one column per class, 0 or 1 in it;
  * photos by their file names or paths, see `match_names`.
"""

import csv
import dataclasses
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wsss_tf.data.names import composed, match_names, photo_id
from wsss_tf.data.tags import Tags, is_background, label_values
from wsss_tf.data.text import quoted, read_text
from wsss_tf.errors import InputError
from wsss_tf.files import store

HEADER = ["image_id", "classes"]
_YES, _NO = {"1", "1.0", "true", "yes", "x"}, {"", "0", "0.0", "-1", "false", "no"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: where it is, the id as it is written, and the label values."""

    place: str
    name: str
    values: tuple[int, ...]


def read_csv(path: Path, class_names: tuple[str, ...], known: Iterable[str] = ()) -> Tags:
    """Tags by image id, in the order of the lines.

    Args:
      path: the file.
      class_names: names indexed by label value.
      known: ids of the photos that there are.

    Raises:
      InputError: missing, not text, malformed line, unknown class, or an id
        that comes twice with different classes.
    """
    header, table = _open(path)
    lines = list(table.rows())
    if header == HEADER:
        rows = [_row(place, cells, table.separator, class_names) for place, cells in lines]
        return _joined(rows, known, long=all(len(row.values) <= 1 for row in rows))
    # A header of other names is one of columns of 0 and 1 only if such a line follows; else it may be the first line itself.
    if not (lines and _are_numbers(lines[0][1]) and any(composed(cell) in class_names for cell in header[1:])):
        raise InputError(f"{path}: line 1: expected the header `{','.join(HEADER)}`, found `{quoted(table.separator.join(header))}`: "
                         "write it as first line (or image_id and the names of all classes, for lines of 0 and 1)")
    columns = _columns(path, header, class_names)
    return _joined([_one_hot_row(place, cells, columns) for place, cells in lines], known, long=False)


def write_csv(path: Path, tags: Mapping[str, Iterable[int]], class_names: tuple[str, ...]) -> None:
    """Writes tags (label values, each in 1..C) as the labels.csv that `read_csv` reads, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for image_id, values in tags.items():
        writer.writerow([image_id, ";".join(class_names[value] for value in sorted(values))])
    store.write_text(path, text.getvalue())


def column_names(path: Path) -> list[str]:
    """The names of classes that a labels.csv speaks of, sorted; for advice, before there is a class list."""
    header, table = _open(path)
    if header != HEADER:
        return header[1:]
    return sorted({name.strip() for _, cells in table.rows() for cell in cells[1:] for name in re.split("[;|,]", cell)} - {""})


@dataclasses.dataclass(frozen=True)
class _Table:
    path: Path
    reader: Iterator[list[str]]
    separator: str
    skipped: int = 0  # cells in front of each line

    def rows(self) -> Iterator[tuple[str, list[str]]]:
        """(place, cells) of each line that is not empty."""
        try:
            for row in self.reader:
                cells = _cells(row[self.skipped:])
                if any(cells):
                    yield f"{self.path}: line {self.reader.line_num}", cells
        except csv.Error as error:
            raise InputError(f"{self.path}: line {self.reader.line_num}: malformed ({error}): "
                             "write one `ID,CLASS;CLASS` per line") from error


def _open(path: Path) -> tuple[list[str], _Table]:
    """The cells of the header, in the spelling of HEADER if they are these two, and the lines below."""
    text = re.sub(r'\A"?sep=."?(?=[\r\n])', "", read_text(path), flags=re.IGNORECASE)  # leaves an empty line
    first = next(filter(None, text.splitlines()), "")
    separator = "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
    table = _Table(path, csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator), separator)
    header = next((cells for _, cells in table.rows()), [""])
    if len(header) > 1 and not header[0]:  # numbers of the rows, as pandas writes them
        table, header = dataclasses.replace(table, skipped=1), header[1:]
    return (HEADER if [cell.casefold() for cell in header] == HEADER else header), table


def _cells(row: list[str]) -> list[str]:
    """The cells without spaces around them; empty ones at the end are how spreadsheets fill up a line."""
    cells = [cell.strip() for cell in row]
    while len(cells) > len(HEADER) and not cells[-1]:
        cells.pop()
    return cells


def _row(place: str, cells: list[str], separator: str, class_names: tuple[str, ...]) -> Row:
    if len(cells) < len(HEADER) or not cells[0] or (separator == "," and len(cells) > len(HEADER)):
        columns = len(cells) > len(HEADER) and _are_numbers(cells)
        remedy = ("name the classes in the header, image_id,CLASS,CLASS" if columns else
                  "join the classes by ';' and put ids that hold a comma in quotes")
        raise InputError(f"{place}: expected `ID,CLASS;CLASS`, found `{quoted(','.join(cells))}`: {remedy}")
    names = [name for cell in cells[1:] for name in _names(composed(cell), class_names[1:])]
    return Row(place, cells[0], label_values(place, names, class_names))


def _are_numbers(cells: list[str]) -> bool:
    """Whether all cells after the id are yes or no."""
    return all(cell.casefold() in _YES | _NO for cell in cells[1:])


def _names(cell: str, foreground: tuple[str, ...]) -> list[str]:
    """The classes that a cell names; what cannot be parted into classes stays whole."""
    if cell in foreground:
        return [cell]
    if re.fullmatch(r"\[.*\]", cell):
        return [name for _, name in re.findall(r"""(["'])(.*?)\1""", cell)]
    return [name for part in cell.split(";") if part.strip() for name in _parts(part.strip(), foreground)]


def _parts(part: str, foreground: tuple[str, ...]) -> list[str]:
    if part in foreground:
        return [part]
    for sign in ("|", ",", None):
        pieces = [piece.strip() for piece in part.split(sign) if piece.strip()]
        # Of pieces between bars and commas one class is enough, so that the message names the wrong piece.
        if (any if sign else all)(piece in foreground for piece in pieces):
            return pieces
    return [part]


def _columns(path: Path, header: list[str], class_names: tuple[str, ...]) -> list[int | None]:
    """The label of each column after the id; None for the background's."""
    return [None if is_background(name) else label_values(f"{path}: line 1", [name], class_names)[0] for name in header[1:]]


def _one_hot_row(place: str, cells: list[str], columns: list[int | None]) -> Row:
    numbers = [cell.casefold() for cell in cells[1:]]
    wrong = [cell for cell in numbers if cell not in _YES | _NO]
    if not cells[0] or wrong or len(numbers) > len(columns):
        raise InputError(f"{place}: expected an id and {len(columns)} cells of 0 or 1, as the header says, found "
                         f"`{quoted(','.join(cells))}`: correct it")
    return Row(place, cells[0], tuple(sorted(label for label, cell in zip(columns, numbers) if label and cell in _YES)))


def _joined(rows: list[Row], known: Iterable[str], long: bool) -> Tags:
    """Tags by the id that each row means; several rows of a photo add up if each holds one class."""
    meant = match_names(dict.fromkeys(row.name for row in rows), known)
    tags = {}
    for row in rows:
        image_id = meant.get(row.name, composed(photo_id(row.name)))
        before = tags.setdefault(image_id, row.values)
        if before == row.values:
            continue
        if not (long and before and row.values):
            raise InputError(f"{row.place}: id '{quoted(image_id)}' comes twice with different classes: write one line with all its "
                             "classes")
        tags[image_id] = tuple(sorted({*before, *row.values}))
    return tags
