"""docs/stages.md against the folders that real runs leave."""

import fnmatch
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.stages.stage import MANIFEST
from wsss_tf.stages.steps import STAGES, open_chain
from wsss_tf.systems.dino.stages import DINO_STAGES

TEXT = (Path(__file__).parents[1] / "docs/stages.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """Stage -> patterns of its files."""
    files = {}
    for line in TEXT.partition("## Manifests")[0].splitlines():
        if found := re.match(r"\| `(\w+)` \| ([^|]+) \|", line):
            files.setdefault(found[1], []).extend(re.findall(r"`([^`]+)`", found[2]))
    return files


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


@pytest.fixture(scope="module")
def folders(masking_run, growing_run) -> dict[str, Path]:
    """Stage -> folder of it in some run."""
    chain = open_chain(growing_run.experiment)
    chain.run("superpixel_scores")
    chain.run("export")
    return {name: folder for run in (masking_run, growing_run)
            for name in STAGES if (folder := run.experiment.folder(name)).is_dir()}


def test_every_stage_has_its_rows(folders):
    assert set(documented()) == set(STAGES) == set(folders)
    assert all(f"`{name}`" in TEXT for name in DINO_STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_files_are_those_of_the_table(stage, folders):
    patterns, files = [pattern.replace("<id>", "*") for pattern in documented()[stage]], written(folders[stage])
    assert bool(patterns) == bool(files)
    for file in files:
        assert any(fnmatch.fnmatch(file, pattern) for pattern in patterns), f"{file} is not documented"
    for pattern in patterns:
        assert fnmatch.filter(files, pattern), f"{pattern} is documented and was not written"


def test_formats(folders):
    maps = {"saliency": "L", "seeds": "L", "superpixels": "I;16", "masks/plain": "P", "masks/crf": "P"}
    for name, mode in maps.items():
        stage, _, inner = name.partition("/")
        for path in (folders[stage] / inner).glob("*.png"):
            with Image.open(path) as image:
                assert image.mode == mode, path
    with np.load(next(folders["cams"].glob("*.npz"))) as arrays:
        assert arrays["keys"].dtype == np.int64 and arrays["cam"].dtype == np.float16 and arrays["cam"].min() >= 0


def test_entries_of_a_manifest(folders):
    rows = re.findall(r"^\| (`[^|]+) \|", TEXT.partition("## Manifests")[2], re.MULTILINE)
    entries = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert entries == json.loads((folders["masks"] / MANIFEST).read_text()).keys()
