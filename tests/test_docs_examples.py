"""The Python examples of the documents run as they stand there."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.commands.parsing import experiment_of
from wsss_tf.data.settings import DataConfig
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import read_manifest
from wsss_tf.systems.catalogue import SYSTEMS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The function (name of a document) -> module made of its Python blocks."""

    def load(name: str):
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        path = tmp_path / f"{name}_example.py"
        path.write_text("\n\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


def test_a_system_of_ones_own_goes_from_photos_to_the_report(example, tiny, finish, masking_run, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "tagged_baseline", example("adding_a_system").SYSTEM)
    run = finish(tiny("--system=tagged_baseline", "--experiment=tiny_tagged", "--reuse=tiny_masking", "--tag_weight=0.5"))
    made = {path.name for path in run.folder.iterdir() if path.is_dir()}
    assert made == {"labels", "segmenter", "masks", "scores", "report"}, "what is like another system's is taken from there"
    manifest = read_manifest(run.folder / "segmenter")
    results = manifest["results"]
    assert results["loss"] == pytest.approx(results["pixel_loss"] + 0.5 * results["tag_loss"], rel=1e-5)
    assert results["tag_loss"] > 0 and manifest["settings"]["tag_weight"] == 0.5
    assert manifest["system"] == "tagged_baseline" and manifest["learned_from"] == "image tags"
    assert "tag_weight" in (run.folder / "report/report.html").read_text(encoding="utf-8")


def test_its_flags_are_its_own(example, monkeypatch, script):
    monkeypatch.setitem(SYSTEMS, "tagged_baseline", example("adding_a_system").SYSTEM)
    ended = script("run", "--system=tagged_baseline", "--help")
    assert ended.code == 0 and "--tag_weight=1" in ended.out
    with pytest.raises(InputError, match="--tag_weight: --system=masking does not read it, it belongs to tagged_baseline"):
        experiment_of(["--system=masking", "--tag_weight=2"])


def test_an_opener_of_ones_own(example, tmp_path):
    root = tmp_path / "flat"
    for folder in ("photos", "masks"):
        (root / folder).mkdir(parents=True)
    for name in ("dog_1", "cat_2", "cat_3"):
        Image.fromarray(np.zeros([16, 20, 3], np.uint8)).save(root / "photos" / f"{name}.jpg")
    Image.fromarray(np.zeros([16, 20], np.uint8)).save(root / "masks" / "cat_3.png")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "train.txt").write_text("dog_1\ncat_2\n")
    (root / "val.txt").write_text("cat_3\n")
    opener = example("adding_a_data_set").open_flat
    dataset = opener(root, DataConfig())
    assert [(found.image_id, found.tags) for found in dataset.train] == [("dog_1", (2,)), ("cat_2", (1,))]
    assert dataset.val[0].mask == root / "masks/cat_3.png" and dataset.class_names == ("background", "cat", "dog")
    (root / "val.txt").write_text("cat_4\n")
    with pytest.raises(InputError, match="val.txt, line 1 .did you mean 'cat_3'"):
        opener(root, DataConfig())
