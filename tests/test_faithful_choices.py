"""docs/faithful_choices.md against the flags of the code."""

import re
from pathlib import Path

import pytest
from absl import flags

from wsss_tf.experiment import Experiment, define_experiment_flags, read_experiment

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/faithful_choices.md").read_text(encoding="utf-8")
ROWS = {cells[1].strip(): cells[4] for line in TEXT.splitlines()
        if re.match(r"\| A[23]-\d+ ", line) and (cells := line.split("|"))}
FLAG = re.compile(r"`--(\w+)=([^`]+)`")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("WSSS_VOC", "WSSS_COCO", "WSSS_WEIGHTS"):
        monkeypatch.setenv(name, "nowhere")


def parsed(*arguments: str) -> Experiment:
    values = flags.FlagValues()
    define_experiment_flags(values)
    values(["tests", *arguments])
    return read_experiment(values)


def every(experiment: Experiment) -> dict:
    return experiment.settings(*experiment.__dataclass_fields__)


def test_every_open_point_is_there_once():
    assert list(ROWS) == [*(f"A2-{number}" for number in range(1, 33)), *(f"A3-{number}" for number in range(1, 28))]
    assert TEXT.count("\n| A") == len(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_flags_have_the_values_that_the_table_says(name):
    """A part of a cell, up to ';', is about the defaults or about the flagfile that it names."""
    for part in ROWS[name].split(";"):
        flagfile = re.search(r"in `(flags/\S+\.cfg)`", part)
        given = [f"--flagfile={flagfile[1]}"] if flagfile else []
        found = every(parsed(*given))
        for flag, value in FLAG.findall(part):
            assert flag in found, f"{name}: no flag --{flag}"
            assert found[flag] == every(parsed(f"--{flag}={value}"))[flag], f"{name}: --{flag} is {found[flag]}"
    code = re.findall(r"`(wsss_tf/[\w/.]+)`", ROWS[name])
    assert FLAG.search(ROWS[name]) or code, f"{name}: neither a flag nor a file"
    for path in code:
        assert (ROOT / path).is_file(), path


def test_defaults_named_below_the_tables():
    for flag, value in FLAG.findall(TEXT.rpartition("Three defaults")[2]):
        assert every(Experiment())[flag] == value


def test_ids_in_help_texts_exist():
    helps = [field.metadata["help"] for group in Experiment.__dataclass_fields__.values()
             for field in type(group.default).__dataclass_fields__.values()]
    named = {name for text in helps for name in re.findall(r"\bA[23]-\d+\b", text)}
    assert len(named) > 15 and named <= set(ROWS)
