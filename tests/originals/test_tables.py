"""The original numbers: complete, equal to their transcription, and found by name."""

import json
import os
import re
from pathlib import Path

import pytest

from wsss_tf.errors import InputError
from wsss_tf.originals.tables import find_row, paper_tables, row_names, table_of

ROOT = Path(__file__).parents[2]
TRANSCRIPTION = Path(os.environ.get("WSSS_SHARED", ROOT / "../shared")) / "paper_tables.yaml"
DOCUMENTS = {"000": "thesis", "001": "EPS", "002": "AE-SIPE (journal)", "004": "slides"}
WORDS = {"(identical in seeds 002 and 003)": "(identical in the journal and the web version)",
         "in the seed row": "in the row itself"}


def transcription() -> dict[str, dict]:
    """The tables of the YAML file, of which every list, row and text happens to be JSON."""
    tables = {}
    for line in TRANSCRIPTION.read_text(encoding="utf-8").splitlines():
        if line.startswith("text_claims:"):
            break
        if match := re.fullmatch(r'  - id: "(.*)"', line):
            table = tables.setdefault(match[1], {"notes": [], "rows": []})
        elif match := re.fullmatch(r"    (\w+): (.+)", line):
            table[match[1]] = json.loads(match[2])
        elif match := re.fullmatch(r"    (notes|rows):", line):
            items = table[match[1]]
        elif match := re.fullmatch(r"      - (.+)", line):
            items.append(json.loads(match[1]))
    return tables


def test_counts():
    tables = paper_tables()
    assert len(tables) == 35 and sum(len(table.rows) for table in tables.values()) == 327
    assert {table.document for table in tables.values()} == set(DOCUMENTS.values())


@pytest.mark.parametrize("table", paper_tables().values(), ids=lambda table: table.id)
def test_rows_have_the_columns_of_their_table_and_names_of_their_own(table):
    raw = next(one for one in json.loads((ROOT / "wsss_tf/originals/paper_tables.json").read_text())["tables"] if one["id"] == table.id)
    assert len(table.rows) == len(raw["rows"]) > 0, "no two rows share a name"
    assert set(table.key) <= set(table.columns) and table.caption and table.units and table.where
    for name, row in table.rows.items():
        assert tuple(row.values) == table.columns
        assert row.name == name and find_row(name) is row and table_of(name) is table
        assert any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in row.values.values())


def test_tables_equal_the_transcription():
    if not TRANSCRIPTION.exists():
        pytest.skip(f"{TRANSCRIPTION}: no such file: the transcription is not part of the project")
    expected, tables = transcription(), paper_tables()
    assert list(expected) == list(tables)
    for name, table in expected.items():
        ours = tables[name]
        for text, better in WORDS.items():
            table["where"] = table["where"].replace(text, better)
            table["notes"] = [note.replace(text, better) for note in table["notes"]]
        assert (ours.where, ours.caption, ours.units) == (table["where"], table["caption"], table["units"])
        assert ours.document == DOCUMENTS[table["seed"]]
        assert (list(ours.columns), list(ours.notes)) == (table["columns"], table["notes"])
        assert [row.values for row in ours.rows.values()] == table["rows"]


@pytest.mark.parametrize("name, column, number", [
    ("thesis_2.3/A4", "val_crf", 64.7), ("thesis_2.1/Ours", "test", 66.9), ("thesis_3.2/Ours/ResNet38", "val", 68.3),
    ("thesis_3.5/SLIC/80", "n_superpixels", 27.67), ("thesis_3.5/Ours/0.3", "ASA", 0.96), ("thesis_3.8/0.7/0.6", "val", 61.3),
    ("seam_1/baseline/ER", "miou", 49.9), ("sccam_3/Ours (w/o CRF)", "mIoU", 64.8), ("thesis_3.6/0", "test", None)])
def test_numbers_by_name(name, column, number):
    assert find_row(name).number(column) == number


def test_wrong_names_are_told_with_the_nearest():
    with pytest.raises(InputError, match=r"^thesis_2.3/A9: no such row in thesis Table 2.3: did you mean thesis_2.3/A"):
        find_row("thesis_2.3/A9")
    with pytest.raises(InputError, match=r"^thesis_2.33: no such table: did you mean thesis_2.3 or"):
        find_row("thesis_2.33")
    with pytest.raises(InputError, match="thesis_2.3: no such row"):
        find_row("thesis_2.3")
    with pytest.raises(InputError, match="expected one of the columns model, .*, found 'miou'"):
        find_row("thesis_2.3/A1").number("miou")
    with pytest.raises(InputError, match="expected a number in the column 'backbone', found 'VGG16'"):
        find_row("thesis_2.3/A1").number("backbone")
    with pytest.raises(InputError, match="expected a number in the column 'need_pseudo_label', found False"):
        find_row("thesis_2.1/Ours").number("need_pseudo_label")


def test_several_rows_in_one_text():
    assert row_names("") == () == row_names(" ; ")
    assert row_names("thesis_2.1/Ours; thesis_2.3/A6;thesis_2.1/Ours") == ("thesis_2.1/Ours", "thesis_2.3/A6")
