"""Every benchmark runs at a small size and prints its figures; how large they are is no test's business."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = ["--seg_backbone=tiny", "--cls_backbone=tiny", "--seg_weights=none", "--cls_weights=none", "--seg_channels=8",
        "--cls_channels=8", "--crop=65", "--seg_batch=2"]
SUPERPIXELS = ("features", "discovery")  # those of the system that has no nets but that of the features
FIGURES = {
    "engine": (["--steps=1", "--turns=2", "--seg_batch=2", "--replicas=2"], [r"engine / bare +([\d.]+)", r"bare +([\d.]+) ms"]),
    "startup": (["--cls_batch=4", "--shapes_train=6", "--shapes_val=2", "--shapes_size=64"], [r"([\d.]+) s to the first step"]),
    "evaluation": (["--images=6", "--repeats=1"], [r"masks +([\d.]+) s", r"and edges +([\d.]+) s", r"CAMs,.* ([\d.]+) s"]),
    "features": (["--feature_net=vit_tiny", "--feature_weights=none", "--side=64"], [r"memory +(\d+) MiB"]),
    "discovery": (["--patches=60", "--width=8", "--repeats=1"], [r"discovery / product +([\d.]+)", r"(\d+) MiB"]),
    "input_pipeline": (["--images=4"], [r"([\d.]+) images/s per core, crop 65"]),
    "predict_crf": (["--photos=2", "--repeats=1", "--classes=2", "--test_scales=0.25", "--others=1", "--workers=2"],
                    [r"one process / workers +([\d.]+) \(", r"CRF, one photo +([\d.]+) s\n(?s:.*)same masks +yes"]),
    "segmentation_step": (["--repeats=1"], [r"step / sum of parts +([\d.]+)", r"([\d.]+) MiB per image, batch 2"]),
}


def test_every_benchmark_is_listed():
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} == FIGURES.keys() | {"timing", "program"}


@pytest.mark.parametrize("name", FIGURES)
def test_a_benchmark_prints_its_figures(name):
    own, figures = FIGURES[name]
    ended = subprocess.run([sys.executable, f"benchmarks/{name}.py", *(["--system=superpixels"] if name in SUPERPIXELS else TINY), *own], cwd=ROOT, capture_output=True,
                           text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    for figure in figures:
        assert float(re.search(figure, ended.stdout)[1]) >= 0, ended.stdout
