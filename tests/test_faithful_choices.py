"""The tables of open points (docs/methods/masking.md and superpixel_growing.md) against the flags of the code."""

import re
from pathlib import Path

import pytest

from wsss_tf.commands.parsing import experiment_of
from wsss_tf.config import groups
from wsss_tf.systems.catalogue import SYSTEMS

ROOT = Path(__file__).parents[1]
SYSTEM = {"A2": "masking", "A3": "superpixel_growing"}
TEXT = {chapter: (ROOT / f"docs/methods/{system}.md").read_text(encoding="utf-8") for chapter, system in SYSTEM.items()}
ROWS = {cells[1].strip(): cells[4] for text in TEXT.values() for line in text.splitlines()
        if re.match(r"\| A[23]-\d+ ", line) and (cells := line.split("|"))}
FLAG = re.compile(r"`--(\w+)=([^`]+)`")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("WSSS_VOC", "WSSS_COCO", "WSSS_WEIGHTS"):
        monkeypatch.setenv(name, "nowhere")


def every(system: str, *arguments: str) -> dict[str, object]:
    """Flag -> value of every setting of the system, given these words of a command line."""
    return experiment_of([f"--system={system}", *arguments]).flags()


def test_every_open_point_is_there_once():
    assert list(ROWS) == [*(f"A2-{number}" for number in range(1, 33)), *(f"A3-{number}" for number in range(1, 28))]
    assert sum(text.count("\n| A") for text in TEXT.values()) == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_flags_have_the_values_that_the_table_says(name):
    """A part of a cell, up to ';', is about the defaults or about the flagfile that it names."""
    system = SYSTEM[name[:2]]
    for part in ROWS[name].split(";"):
        flagfile = re.search(r"in `(flags/\S+\.cfg)`", part)
        given = [f"--flagfile={flagfile[1]}"] if flagfile else []
        found = every(system, *given)
        for flag, value in FLAG.findall(part):
            assert flag in found, f"{name}: no flag --{flag}"
            assert found[flag] == every(system, f"--{flag}={value}")[flag], f"{name}: --{flag} is {found[flag]}"
    code = re.findall(r"`(wsss_tf/[\w/.]+)`", ROWS[name])
    assert FLAG.search(ROWS[name]) or code, f"{name}: neither a flag nor a file"
    for path in code:
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("system", SYSTEM.values())
def test_the_default_that_is_not_the_thesis_s(system):
    told = (ROOT / "docs/methods.md").read_text(encoding="utf-8").partition("\n## Choices")[2].partition("\n## ")[0]
    assert FLAG.findall(told) == [("source", "shapes")] and every(system)["source"] == "shapes"


def test_ids_in_help_texts_exist():
    helps = [field.metadata["help"] for system in SYSTEM.values() for _, group in groups(SYSTEMS[system].settings()).values()
             for field in type(group).__dataclass_fields__.values()]
    named = {name for text in helps for name in re.findall(r"\bA[23]-\d+\b", text)}
    assert len(named) > 15 and named <= set(ROWS)
