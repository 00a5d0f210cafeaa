"""The Python examples of the documents run as they stand there."""

import dataclasses
import importlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.stages.stage import read_manifest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def example(tmp_path):
    """The function (name of a document) -> module made of its Python blocks."""

    def load(name: str):
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        path = tmp_path / f"{name}_example.py"
        path.write_text("\n\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_method_of_ones_own_goes_from_photos_to_the_report(example, tiny, finish, masking_run, monkeypatch):
    module = example("adding_a_method")
    monkeypatch.setitem(importlib.import_module("wsss_tf.systems.recipes")._RECIPES, "tagged_baseline", module.RECIPE)
    e = tiny("--experiment=tiny_tagged", "--reuse=tiny_masking")
    run = finish(dataclasses.replace(e, run=dataclasses.replace(e.run, method="tagged_baseline")))
    assert {path.name for path in run.folder.iterdir()} == {"seeds", "segmenter", "masks", "scores", "report"}
    results = read_manifest(run.folder / "segmenter")["results"]
    assert results["loss"] == pytest.approx(results["pixel_loss"] + results["tag_loss"], rel=1e-5)
    assert results["tag_loss"] > 0 and "tagged_baseline" in (run.folder / "report/report.html").read_text()


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
    dataset = opener(root, "train", "val", "", "")
    assert [(found.image_id, found.tags) for found in dataset.train] == [("dog_1", (2,)), ("cat_2", (1,))]
    assert dataset.val[0].mask == root / "masks/cat_3.png" and dataset.class_names == ("background", "cat", "dog")
    (root / "val.txt").write_text("cat_4\n")
    with pytest.raises(InputError, match="val.txt, line 1 .did you mean 'cat_3'"):
        opener(root, "train", "val", "", "")
