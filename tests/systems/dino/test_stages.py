"""The program that trains a transformer: on a data set, on a bare folder, killed, and given wrong input."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from wsss_tf.files.json_artefact import read_log
from wsss_tf.nets import vit
from wsss_tf.superpixels.features import WEIGHTS
from wsss_tf.systems.dino.stages import open_dino_chain, trained_vit, unlabeled_photos

ROOT = Path(__file__).parents[3]
PATIENCE = 120  # seconds until a process is taken for hanging
SMALL = ("--dino_vit=vit_tiny", "--dino_outputs=16", "--dino_hidden=8", "--dino_bottleneck=4", "--dino_global_crop=32",
         "--dino_local_crop=16", "--dino_local_views=2", "--dino_batch=4", "--dino_epochs=8", "--dino_log_every=1",
         "--dino_warmup=1", "--dino_teacher_warmup=1")


@pytest.fixture
def command(tiny_flags, tmp_path) -> tuple[str, ...]:
    """Flags of a training that takes seconds, in a folder of its own."""
    return (*tiny_flags, *SMALL, f"--runs={tmp_path / 'runs'}", "--experiment=small")


@pytest.fixture
def bare(tiny_data, tmp_path) -> Path:
    """A folder of photos, some in a folder below it, and a file that is none."""
    folder = tmp_path / "bare"
    (folder / "below").mkdir(parents=True)
    for number, path in enumerate(sorted((tiny_data / "JPEGImages").glob("*train*"))[:6]):
        shutil.copy(path, folder / ("below" if number % 2 else "."))
    (folder / "notes.txt").write_text("no photo")
    return folder


def arrays(path: Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def assert_same(path: Path, other: Path) -> None:
    ours, theirs = arrays(path), arrays(other)
    assert ours.keys() == theirs.keys() and len(ours) > 10
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


@pytest.fixture(scope="module")
def trained(tiny, tiny_data, opened_files, tmp_path_factory):
    """A training on the training split that ran through: experiment, folder, and the files that it opened."""
    experiment = tiny(*SMALL, f"--runs={tmp_path_factory.mktemp('runs')}", "--experiment=small")
    chain = open_dino_chain(experiment)
    with opened_files() as opened:
        for name in chain.required("dino"):
            folder = chain.run(name)
    return experiment, folder, opened


def test_trains_on_the_training_split(trained):
    _, folder, opened = trained
    assert [line["step"] for line in read_log(folder / "log.jsonl")] == list(range(1, 25))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["results"]["parameters"] == vit.build("vit_tiny", facet="token").count_params()
    assert manifest["settings"]["dino_momentum"] == 0.996 and manifest["settings"]["dino_local_views"] == 2
    assert json.loads((folder.parent / "photos/manifest.json").read_text())["results"]["images"] == 12
    assert not {"SegmentationClass", "saliency"} & {Path(path).parent.name for path in opened}


def test_a_finished_training_is_up_to_date_whatever_is_logged(trained, script, tiny_flags):
    _, folder, _ = trained
    ended = script("train_dino", *tiny_flags, *SMALL, f"--runs={folder.parents[1]}", "--experiment=small",
                   "--dino_log_every=7")
    assert ended.code == 0 and ended.out.count("up to date") == 2 and ended.out.splitlines()[-1] == str(folder)


def test_features_of_any_facet(trained):
    experiment, folder, _ = trained
    image = np.random.default_rng(0).normal(0, 60, [1, 40, 64, 3]).astype(np.float32)
    for facet, shape in (("key", [1, 5, 8, 16]), ("token", [1, 5, 8, 16]), (vit.CLS, [1, 16])):
        features = trained_vit(experiment, folder, facet=facet)(image)
        assert features.shape == shape and np.isfinite(features).all()
    other = trained_vit(experiment, folder, block=1)(image)
    assert np.abs(trained_vit(experiment, folder)(image) - other).max() > 0.01


def test_photos_are_those_of_the_folder_or_of_the_training_split(tiny, tiny_data, bare):
    assert len(unlabeled_photos(tiny(f"--dino_photos={bare}"))) == 6
    assert len(unlabeled_photos(tiny(f"--dino_photos={bare}", "--limit=4"))) == 4
    photos = unlabeled_photos(tiny())
    assert len(photos) == 12 and all(photo.tags == () and photo.mask is photo.saliency is None for photo in photos)


def test_a_bare_folder_is_enough_and_may_move(script, command, bare, tmp_path):
    short = (*command, "--source=voc", "--data=absent", "--dino_epochs=1")
    ended = script("train_dino", *short, f"--dino_photos={bare}")
    assert ended.code == 0 and (tmp_path / "runs/small/dino/vit.weights.h5").exists()
    assert json.loads((tmp_path / "runs/small/photos/manifest.json").read_text())["results"]["images"] == 6
    moved = shutil.copytree(bare, tmp_path / "moved")
    ended = script("train_dino", *short, f"--dino_photos={moved}")
    assert ended.code == 0 and "[dino] up to date" in ended.out


def test_killed_training_goes_on_and_ends_to_the_bit_as_if_nothing_had_happened(trained, command, tmp_path):
    def start() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "scripts/train_dino.py", *command, "--dino_save_every=1"], cwd=ROOT,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    folder = tmp_path / "runs/small/dino"
    process, began = start(), time.monotonic()
    while not (folder / "checkpoints" / "checkpoint").exists():  # written after the first one is complete
        assert process.poll() is None and time.monotonic() - began < PATIENCE
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not (folder / "manifest.json").exists() and not (folder / "vit.weights.h5").exists()
    saved = min(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))
    before = read_log(folder / "log.jsonl")[:saved]

    process = start()
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    lines, (_, whole, _) = read_log(folder / "log.jsonl"), trained
    assert lines[:saved] == before, "with their measured speeds: these steps were not trained again"
    assert [line["loss"] for line in lines] == [line["loss"] for line in read_log(whole / "log.jsonl")]
    assert_same(folder / "vit.weights.h5", whole / "vit.weights.h5")


@pytest.mark.parametrize("flags, words", [
    (("--dino_global_crop=36",), "--dino_global_crop=36: expected a multiple of 8, the patch of vit_tiny"),
    (("--dino_photos=absent",), "absent: expected photos"),
])
def test_wrong_settings_are_named(flags, words, script, command, tiny_data):
    ended = script("train_dino", *command, *flags)
    assert ended.code == 2 and ended.error.startswith(words)


def test_a_broken_photo_is_named_before_and_during_training(script, tiny, command, bare, tmp_path):
    broken = bare / "below" / "broken.jpg"
    broken.write_bytes(b"no photo")
    ended = script("train_dino", *command, f"--dino_photos={bare}")
    assert ended.code == 2 and f"{broken}: not a readable image" in ended.out and "1 problems found" in ended.error

    shutil.copy(next(bare.glob("*.jpg")), broken)
    open_dino_chain(tiny(*command, f"--dino_photos={bare}")).run("photos")
    status = broken.stat()
    broken.write_bytes(bytes(status.st_size))  # after the check, and unseen by it
    os.utime(broken, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = script("train_dino", *command, f"--dino_photos={bare}", "--dino_batch=7")
    assert ended.code == 2 and ended.error.startswith(f"{broken}: not a readable image")
    assert "[photos] up to date" in ended.out


def test_the_package_brings_the_weights_of_vit_shapes(tiny, monkeypatch):
    """They are of the flagfile that they name, whole, and small."""
    files = {file.name: file for file in WEIGHTS.iterdir()}
    assert set(files) == {"vit_shapes.weights.h5", "vit_shapes.json", "vit_shapes.log.jsonl"}
    assert sum(file.stat().st_size for file in files.values()) < 3e6
    manifest = json.loads(files["vit_shapes.json"].read_text(encoding="utf-8"))
    monkeypatch.chdir(ROOT)  # where the command is given
    experiment = tiny(*manifest["command"].split()[2:])
    config = experiment.dino_train
    steps = experiment.shapes.shapes_train // config.batch * config.epochs
    last = json.loads(files["vit_shapes.log.jsonl"].read_text(encoding="utf-8").splitlines()[-1])
    assert manifest["seed"] == experiment.run.seed and manifest["results"]["steps"] == last["step"] == steps
    for group in (experiment.dino, config, experiment.dino_crops):
        defaults = dataclasses.asdict(type(group)())  # of settings that are younger than the weights
        for name, value in dataclasses.asdict(group).items():
            recorded = manifest["settings"].get(f"dino_{name}", defaults[name])
            assert recorded == (list(value) if isinstance(value, tuple) else value), name
