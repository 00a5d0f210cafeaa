"""docs/stages.md against the folders that real runs leave."""

import fnmatch
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.commands.parsing import experiment_of
from wsss_tf.files.manifest import MANIFEST
from wsss_tf.systems.catalogue import SYSTEMS

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


def all_stages() -> set[str]:
    """The stages of every system, and of those that come only with a flag."""
    flags = [[f"--system={name}"] for name in SYSTEMS] + [["--system=superpixels", "--feature_weights=dino"]]
    return {name for each in flags for name in experiment_of(each).chain.stages}


STAGES = sorted(all_stages())
DINO = ("--system=dino", "--experiment=document_dino", "--dino_vit=vit_tiny", "--dino_outputs=16", "--dino_hidden=8",
        "--dino_bottleneck=4", "--dino_global_crop=32", "--dino_local_crop=16", "--dino_local_views=2", "--dino_batch=4",
        "--dino_epochs=1", "--dino_warmup=0")


@pytest.fixture(scope="module")
def folders(masking_run, cam_run, growing_run, tiny) -> dict[str, Path]:
    """Stage -> folder of it in some run."""
    growing_run.experiment.chain.run("export")
    chains = [tiny(*DINO).chain, *(run.experiment.chain for run in (cam_run, growing_run, masking_run))]
    for name in chains[0].required():
        chains[0].run(name)
    return {name: folder for chain in chains for name in chain.stages if (folder := chain.folder(name))}


def test_every_stage_has_its_rows(folders):
    assert set(documented()) == set(STAGES) == set(folders)


@pytest.mark.parametrize("stage", STAGES)
def test_files_are_those_of_the_table(stage, folders):
    patterns, files = [pattern.replace("<id>", "*") for pattern in documented()[stage]], written(folders[stage])
    assert bool(patterns) == bool(files)
    for file in files:
        assert any(fnmatch.fnmatch(file, pattern) for pattern in patterns), f"{file} is not documented"
    for pattern in patterns:
        assert fnmatch.filter(files, pattern), f"{pattern} is documented and was not written"


def test_formats(folders):
    maps = {"saliency": "L", "seeds": "L", "labels": "L", "superpixels": "I;16", "masks/plain": "P", "masks/crf": "P"}
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
