"""Every system of the catalogue runs from photos to the report at the tiny size."""

import json

import pytest

from wsss_tf.files.manifest import read_manifest
from wsss_tf.stages.stage import Makes
from wsss_tf.systems.catalogue import SYSTEMS, find_system

MORE = {  # what a system needs beside the tiny flags, so that it takes seconds
    "superpixel_growing": ("--feature_net=rgb", "--feature_stride=4", "--superpixel_tau=0.9", "--seg_warmup_epochs=0",
                           "--cls_crop=48", "--cls_resize_long=48,80", "--cls_lr=0.001"),
    "superpixels": ("--feature_net=rgb", "--feature_stride=4", "--superpixel_tau=0.9"),
    "dino": ("--dino_vit=vit_tiny", "--dino_outputs=16", "--dino_hidden=8", "--dino_bottleneck=4", "--dino_global_crop=32",
             "--dino_local_crop=16", "--dino_local_views=2", "--dino_batch=4", "--dino_epochs=1", "--dino_warmup=0"),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_from_photos_to_the_report(name, tiny):
    experiment = tiny(f"--system={name}", f"--experiment=catalogue_{name}", *MORE.get(name, ()))
    chain = experiment.chain
    for stage in chain.required():
        folder = chain.run(stage)
        manifest = read_manifest(folder)
        assert manifest["system"] == name and manifest["makes"] == chain.stage(stage).makes.value
        assert manifest["settings"].keys() == chain.settings(stage).keys()
    made = {stage.makes for stage in chain.stages.values()}
    if Makes.REPORT in made:
        page = (chain.require("report") / "report.html").read_text(encoding="utf-8")
        assert f"<title>catalogue_{name}" in page
    if Makes.SCORES in made:
        scores = json.loads((chain.require("scores") / "scores.json").read_text())
        assert scores.keys() == {stage.name for stage in chain.stages.values() if stage.makes.value in (
            "cams", "labels", "saliency", "superpixels", "masks")}


def test_every_system_says_what_it_is():
    for name in SYSTEMS:
        system = find_system(name)
        assert system.name == name and system.title and system.settings.__doc__
