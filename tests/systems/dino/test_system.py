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

from wsss_tf.commands.parsing import experiment_of, flag_names
from wsss_tf.files.json_artefact import read_log
from wsss_tf.nets import vit
from wsss_tf.stages.place import NET
from wsss_tf.superpixels.features import WEIGHTS, Features
from wsss_tf.superpixels.settings import FeatureConfig
from wsss_tf.systems.catalogue import find_system
from wsss_tf.systems.dino.system import unlabeled_photos

ROOT = Path(__file__).parents[3]
PATIENCE = 120  # seconds until a process is taken for hanging
SMALL = ("--system=dino", "--dino_vit=vit_tiny", "--dino_outputs=16", "--dino_hidden=8", "--dino_bottleneck=4", "--dino_global_crop=32",
         "--dino_local_crop=16", "--dino_local_views=2", "--dino_batch=4", "--dino_epochs=8", "--dino_log_every=1",
         "--dino_warmup=1", "--dino_teacher_warmup=1")


@pytest.fixture
def command(own_flags, tmp_path) -> tuple[str, ...]:
    """Flags of a training that takes seconds, in a folder of its own."""
    return (*own_flags, f"--runs={tmp_path / 'runs'}", "--experiment=small")


@pytest.fixture(scope="module")
def own_flags(tiny_flags) -> tuple[str, ...]:
    """The tiny flags that this system reads, and its small ones."""
    read = flag_names(find_system("dino")) | {"runs", "workers"}
    return (*(flag for flag in tiny_flags if flag[2:].partition("=")[0] in read), *SMALL)


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
    chain = experiment.chain
    with opened_files() as opened:
        for name in chain.required("dino"):
            folder = chain.run(name)
    return experiment, folder, opened


def test_trains_on_the_training_split(trained):
    _, folder, opened = trained
    assert [line["step"] for line in read_log(folder / "log.jsonl")] == list(range(1, 25))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["results"]["parameters"] == vit.build("vit_tiny", facet="token").count_params()
    assert manifest["supervision"] == [] and manifest["learned_from"] == "none"
    assert manifest["settings"]["dino_momentum"] == 0.996 and manifest["settings"]["dino_local_views"] == 2
    assert json.loads((folder.parent / "photos/manifest.json").read_text())["results"]["images"] == 12
    assert not {"SegmentationClass", "saliency"} & {Path(path).parent.name for path in opened}


def test_a_finished_training_is_up_to_date_whatever_is_logged(trained, script, own_flags):
    _, folder, _ = trained
    ended = script("run", *own_flags, f"--runs={folder.parents[1]}", "--experiment=small",
                   "--dino_log_every=7")
    assert ended.code == 0 and ended.out.count("up to date") == 2 and ended.out.splitlines()[-1] == str(folder)


def test_features_of_any_facet(trained):
    _, folder, _ = trained
    photo = np.random.default_rng(0).integers(0, 256, [40, 64, 3], np.uint8)
    found = {facet: Features(FeatureConfig("vit_tiny", str(folder / NET), facet=facet))(photo) for facet in ("key", "token")}
    for features in found.values():
        assert features.shape == (5, 8, 16) and np.isfinite(features).all()
    other = Features(FeatureConfig("vit_tiny", str(folder / NET), block=1))(photo)
    assert np.abs(found["key"] - other).max() > 0.01
    random = Features(FeatureConfig("vit_tiny", "none"))(photo)
    assert np.abs(found["key"] - random).max() > 1e-5, "the weights are those of the training"


def test_superpixels_may_read_the_transformer_that_their_own_chain_trains(trained, tiny):
    experiment, folder, _ = trained
    flags = [flag for flag in SMALL if flag != "--system=dino"]
    chain = tiny("--system=superpixels", *flags, f"--runs={folder.parents[1]}", "--experiment=small", "--feature_net=vit_tiny",
                 "--feature_weights=dino", "--superpixel_tau=0.9").chain
    assert chain.required("superpixels") == ["prepare", "photos", "dino", "superpixels"]
    assert chain.folder("dino") == folder, "the same transformer, whoever asks for it"
    for name in chain.required("superpixels"):
        made = chain.run(name)
    assert len(list(made.glob("*.png"))) == 12
    assert json.loads((made / "manifest.json").read_text())["inputs"].keys() == {"photos", "net"}
    assert experiment.chain.folder("dino") == folder


def test_photos_are_those_of_the_folder_or_of_the_training_split(tiny, tiny_data, bare):
    def photos(*flags: str):
        experiment = tiny("--system=dino", *flags)
        return unlabeled_photos(experiment.group("dino_data"), lambda: experiment.dataset)

    assert len(photos(f"--dino_photos={bare}")) == 6
    found = photos()
    assert len(found) == 12 and all(photo.tags == () and photo.mask is photo.saliency is None for photo in found)


def test_a_bare_folder_is_enough_and_may_move(script, command, bare, tmp_path):
    short = (*command, "--source=voc", "--data=absent", "--dino_epochs=1")
    ended = script("run", *short, f"--dino_photos={bare}")
    assert ended.code == 0 and (tmp_path / "runs/small/dino" / NET).exists()
    assert json.loads((tmp_path / "runs/small/photos/manifest.json").read_text())["results"]["images"] == 6
    moved = shutil.copytree(bare, tmp_path / "moved")
    ended = script("run", *short, f"--dino_photos={moved}")
    assert ended.code == 0 and "[dino] up to date" in ended.out


def test_killed_training_goes_on_and_ends_to_the_bit_as_if_nothing_had_happened(trained, command, tmp_path):
    def start() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "scripts/run.py", *command, "--dino_save_every=1"], cwd=ROOT,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    folder = tmp_path / "runs/small/dino"
    process, began = start(), time.monotonic()
    while not (folder / "checkpoints" / "checkpoint").exists():  # written after the first one is complete
        assert process.poll() is None and time.monotonic() - began < PATIENCE
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not (folder / "manifest.json").exists() and not (folder / "net.weights.h5").exists()
    saved = min(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))
    before = read_log(folder / "log.jsonl")[:saved]

    process = start()
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    lines, (_, whole, _) = read_log(folder / "log.jsonl"), trained
    assert lines[:saved] == before, "with their measured speeds: these steps were not trained again"
    assert [line["loss"] for line in lines] == [line["loss"] for line in read_log(whole / "log.jsonl")]
    assert_same(folder / NET, whole / NET)


@pytest.mark.parametrize("flags, words", [
    (("--dino_global_crop=36",), "--dino_global_crop=36: expected a multiple of 8, the patch of vit_tiny"),
    (("--dino_photos=absent",), "absent: expected photos"),
])
def test_wrong_settings_are_named(flags, words, script, command, tiny_data):
    ended = script("run", *command, *flags)
    assert ended.code == 2 and ended.error.startswith(words)


def test_a_broken_photo_is_named_before_and_during_training(script, tiny, command, bare, tmp_path):
    broken = bare / "below" / "broken.jpg"
    broken.write_bytes(b"no photo")
    ended = script("run", *command, f"--dino_photos={bare}")
    assert ended.code == 2 and f"{broken}: not a readable image" in ended.out and "1 problems found" in ended.error

    shutil.copy(next(bare.glob("*.jpg")), broken)
    tiny(*command, f"--dino_photos={bare}").chain.run("photos")
    status = broken.stat()
    broken.write_bytes(bytes(status.st_size))  # after the check, and unseen by it
    os.utime(broken, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = script("run", *command, f"--dino_photos={bare}", "--dino_batch=7")
    assert ended.code == 2 and ended.error.startswith(f"{broken}: not a readable image")
    assert "[photos] up to date" in ended.out


def test_the_package_brings_the_weights_of_vit_shapes(monkeypatch):
    """They are of the flagfile that they name, whole, and small."""
    files = {file.name: file for file in WEIGHTS.iterdir()}
    assert set(files) == {"vit_shapes.weights.h5", "vit_shapes.json", "vit_shapes.log.jsonl"}
    assert sum(file.stat().st_size for file in files.values()) < 3e6
    manifest = json.loads(files["vit_shapes.json"].read_text(encoding="utf-8"))
    monkeypatch.chdir(ROOT)  # where the command is given
    experiment = experiment_of(manifest["command"].split()[2:])
    config = experiment.group("dino_train")
    steps = experiment.group("shapes").shapes_train // config.batch * config.epochs
    last = json.loads(files["vit_shapes.log.jsonl"].read_text(encoding="utf-8").splitlines()[-1])
    assert manifest["seed"] == experiment.run.seed and manifest["results"]["steps"] == last["step"] == steps
    for group in (experiment.group("dino"), config, experiment.group("dino_crops")):
        defaults = dataclasses.asdict(type(group)())  # of settings that are younger than the weights
        for name, value in dataclasses.asdict(group).items():
            recorded = manifest["settings"].get(f"dino_{name}", defaults[name])
            assert recorded == (list(value) if isinstance(value, tuple) else value), name
