"""The rows that flagfiles reproduce, and their printed numbers."""

import re
from pathlib import Path

import pytest

from wsss_tf.commands.parsing import flag_names
from wsss_tf.compare.printed import printed, protocols
from wsss_tf.errors import InputError
from wsss_tf.originals.rows import MIOU, original_classes
from wsss_tf.originals.tables import find_row, paper_tables, table_of
from wsss_tf.superpixels.metrics import SHORT_NAMES
from wsss_tf.systems.catalogue import SYSTEMS

ROOT = Path(__file__).parents[2]
FILES = {str(path.relative_to(ROOT)): re.search(r"^--paper_row=(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
         for folder in ("flags/thesis", "flags/real") for path in sorted((ROOT / folder).rglob("*.cfg"))}
ROWS = {file: found[1] for file, found in FILES.items() if found}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_table_file_names_its_row_and_the_row_its_number():
    """The numbers in the header are those of the table."""
    assert len(ROWS) == 131
    for file, name in ROWS.items():
        row = find_row(name)
        for line in re.findall(r"^# Original.*?: (.*)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE):
            if name.startswith("thesis_3.5"):
                numbers = re.findall(r"(\d+\.\d+)", line)
            else:
                line = re.split(r"Hours|started", re.sub(r"\(.*?\)", "", line))[0]
                numbers = re.findall(r"\d+\.\d", line)
            assert numbers, file
            values = [value for value in row.values.values() if isinstance(value, float)]
            assert {float(number) for number in numbers} <= set(values), (file, line)


def test_thesis_and_real_twins_name_the_same_row():
    for table in ("2_3", "2_5", "2_6", "2_7"):
        for path in (ROOT / f"flags/real/table_{table}").glob("*.cfg"):
            assert ROWS[f"flags/real/table_{table}/{path.name}"] == ROWS[f"flags/thesis/ch2/table_{table}/{path.name}"]


def test_rows_of_other_methods_and_documents_have_no_protocol():
    assert printed("thesis_2.1/SEC") == () == printed("eps_1/CAM")
    assert all(printed(row) == () for table in paper_tables().values() if table.document != "thesis" for row in table.rows)


def test_each_table_belongs_to_one_system():
    tables = [table for system in SYSTEMS.values() for table in system.protocols]
    assert len(tables) == len(set(tables)) == len(protocols())
    assert set(tables) >= {table_of(row).id for row in ROWS.values()}


def test_numbers_are_those_of_the_table():
    assert [(one.measure, one.value, one.protocol.crf) for one in printed("thesis_2.3/A4")] == [
        (MIOU, 62.9, "none"), (MIOU, 64.7, "authors")]
    found = printed("thesis_3.5/Ours/0.3")
    assert {one.measure: one.value for one in found} == dict(zip(SHORT_NAMES.values(), (28.57, 0.083, 0.094, 0.615, 0.96)))
    assert printed("thesis_2.3/C1")[0].protocol.supervision.startswith("image tags and mask supervision")


def test_classes_of_the_headline():
    classes = original_classes(find_row("thesis_3.2/Ours/ResNet101"))
    assert len(classes) == 21 and classes["background"] == 91.2 and classes["tvmonitor"] == 54.6 and MIOU not in classes
    assert original_classes(find_row("thesis_3.2/Ours/ResNet50")) == {}


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: system.name)
def test_settings_that_rows_name_are_flags_of_the_system(system):
    for table in system.protocols:
        for row in paper_tables()[table].rows:
            for one in printed(row):
                assert set(one.protocol.settings) <= flag_names(system) | {"system"}, row


def test_a_row_that_does_not_exist_stops_before_any_training(pretend):
    with pytest.raises(InputError, match="thesis_2.3/A9: no such row"):
        pretend("--flagfile=flags/demo/cam.cfg", "--paper_row=thesis_2.3/A9")
