"""The original numbers: result tables of the thesis and of the papers it stands on, as they were printed.

The data file `paper_tables.json` holds each table row by row, with remarks on
what does not agree within the documents. A row is named by its table and the
values of the table's key columns, e.g. "thesis_2.3/A4" or "thesis_3.5/Ours/0.3".
"""

import dataclasses
import difflib
import functools
import json
from pathlib import Path

from wsss_tf.errors import InputError

_FILE = Path(__file__).with_name("paper_tables.json")

Value = None | bool | int | float | str | list  # of a cell; None: not reported


@dataclasses.dataclass(frozen=True)
class PaperRow:
    """One row of a table.

    Attributes:
      name: "<id of the table>/<values of its key columns>".
      values: by column, as printed.
    """

    name: str
    values: dict[str, Value]

    def number(self, column: str) -> float | None:
        """The number in a column; None if it is not reported.

        Raises:
          InputError: no such column, or no number in it.
        """
        if column not in self.values:
            raise InputError(f"{self.name}: expected one of the columns {', '.join(self.values)}, found '{column}'")
        value = self.values[column]
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise InputError(f"{self.name}: expected a number in the column '{column}', found {value!r}")
        return value


@dataclasses.dataclass(frozen=True)
class PaperTable:
    """One table.

    Attributes:
      id: short name, e.g. "thesis_2.3".
      document: "thesis", "EPS", "AE-SIPE (journal)" or "slides" (SEAM, SC-CAM and LDF).
      where: chapter and number of the table in the document.
      caption: its caption.
      units: of its numbers.
      columns: names of its columns.
      key: the columns whose values name a row.
      notes: remarks on it; they are not from the document.
      rows: by name.
    """

    id: str
    document: str
    where: str
    caption: str
    units: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    notes: tuple[str, ...]
    rows: dict[str, PaperRow]


@functools.cache
def paper_tables() -> dict[str, PaperTable]:
    """All tables by id."""
    return {table["id"]: _read(table) for table in json.loads(_FILE.read_text(encoding="utf-8"))["tables"]}


def table_of(name: str) -> PaperTable:
    """The table of a row's name.

    Raises:
      InputError: no such table.
    """
    table, tables = name.split("/")[0], paper_tables()
    if table not in tables:
        raise InputError(f"{name}: no such table: {_nearest(table, tables)}")
    return tables[table]


def find_row(name: str) -> PaperRow:
    """The row of a name such as "thesis_2.3/A4".

    Raises:
      InputError: no such table or row.
    """
    rows = table_of(name).rows
    if name not in rows:
        raise InputError(f"{name}: no such row in {table_of(name).where}: {_nearest(name, rows)}")
    return rows[name]


def row_names(text: str) -> tuple[str, ...]:
    """The names in a text such as "thesis_2.1/Ours; thesis_2.3/A6"."""
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(";")))))


def _read(table: dict) -> PaperTable:
    rows = {}
    for values in table["rows"]:
        name = "/".join([table["id"], *filter(None, (_part(column, values[column]) for column in table["key"]))])
        rows[name] = PaperRow(name, values)
    lists = {field: tuple(table[field]) for field in ("columns", "key", "notes")}
    return PaperTable(**(table | lists | {"rows": rows}))


def _part(column: str, value: Value) -> str:
    """What a cell adds to the name of its row: a tick its column, an empty cell nothing."""
    if isinstance(value, bool):
        return column if value else ""
    return "" if value is None else f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _nearest(wrong: str, known: dict) -> str:
    near = difflib.get_close_matches(wrong, known, n=3, cutoff=0)
    return f"did you mean {' or '.join(near)}?"
