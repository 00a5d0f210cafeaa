"""Nothing from outside may break it: thousands of malformed inputs over all readers, in processes with limits."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.slow import malformed
from tests.slow.readers import READERS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SEED, COUNT = 0, 150  # of each reader
ROOMS = ("formats", "files", "data", "checkpoints", "evaluate")
# Readers that others of the table go through, or whose input is no file of somebody else.
WITHIN = {
    "wsss_tf.formats.pickles.load": "cls_labels and .pth", "wsss_tf.checkpoints.convert.read_arrays": "the formats"}


@pytest.mark.parametrize("name", READERS)
def test_malformed_inputs_are_read_or_refused(name, tmp_path):
    """An error of the user's in one line that names the file, or a value: in 512 MiB and 5 seconds, by a process that lives."""
    ended = subprocess.run([sys.executable, "-m", "tests.slow.attack", name, str(SEED), str(COUNT), str(tmp_path)],
                           capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert lines, ended.stderr[-2000:]
    assert ended.returncode == 0, f"the process died ({ended.returncode}) over {lines[-1]} in {tmp_path}: {ended.stderr[-2000:]}"
    faults = [line for line in lines if "fault" in line]
    assert not faults, f"{len(faults)} of {COUNT} inputs (kept in {tmp_path}): {faults[:5]}"
    assert lines[-1]["refused"] > COUNT / 20, "too tame"


def test_every_reader_is_listed():
    """A function of the rooms that read files, by its name."""
    listed = {f"{function.__module__}.{function.__name__}" for reader in READERS.values() for function in reader.covers}
    found = set()
    for room in ROOMS:
        for path in sorted((ROOT / "wsss_tf" / room).glob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found |= {f"{module}.{name}" for name in re.findall(r"^def (read\w*|load)\(", path.read_text(encoding="utf-8"), re.M)}
    assert len(found) > 20 and found - listed - WITHIN.keys() == set(), "list them in tests/slow/readers.py"
    for name in WITHIN:
        module, _, function = name.rpartition(".")
        assert hasattr(importlib.import_module(module), function), name


@pytest.mark.parametrize("name", READERS)
def test_inputs_are_the_same_from_the_same_seed_and_differ_from_sound_ones(name):
    sound, changes = READERS[name].sound(), READERS[name].changes
    made = [[malformed.malformed(sound, np.random.default_rng([seed, index]), changes) for index in range(20)] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]
    assert sum(data != sound for data in made[0]) > 15
