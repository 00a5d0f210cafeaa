"""Trainings that are killed, stopped, out of disk, or lose another worker: nothing is lost."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from wsss_tf.files.json_artefact import read_log
from wsss_tf.files.manifest import read_manifest

ROOT = Path(__file__).parents[1]
PATIENCE = 300  # seconds until a process is taken for hanging
LONGER = ("--reuse=tiny_masking", "--seg_epochs=8", "--seg_dropout=0.5")
STEPS = 24
KILLS = 5


def start(command: str, *arguments: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "wsss_tf.commands", *command.split(), *arguments], cwd=ROOT, text=True,
                            env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(*arguments: str) -> str:
    """Ends well and returns what it printed."""
    process = start("run --only=segmenter", *arguments)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out


def await_steps(process: subprocess.Popen, log: Path, steps: int) -> None:
    began = time.monotonic()
    while not log.exists() or len(read_log(log)) < steps:
        assert process.poll() is None and time.monotonic() - began < PATIENCE, process.communicate()
        time.sleep(0.005)


def weights(path: Path) -> dict[str, np.ndarray]:
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: array for name, array in arrays.items() if "seed_generator" not in name}


def assert_same_weights(folder: Path, expected: Path, message: str = "") -> None:
    ours, wanted = (weights(stage / "net.weights.h5") for stage in (folder, expected))
    assert ours.keys() == wanted.keys() and len(ours) > 10
    for name, array in ours.items():
        np.testing.assert_array_equal(array, wanted[name], err_msg=f"{name} {message}")


@pytest.fixture(scope="module")
def whole(tiny_flags, masking_run) -> Path:
    """Folder of a training that nothing has disturbed."""
    run(*tiny_flags, *LONGER, "--deterministic", "--experiment=undisturbed")
    return masking_run.folder.parent / "undisturbed" / "segmenter"


def test_killed_at_random_moments_it_ends_with_the_same_bits(tiny_flags, whole):
    """Checkpoints after every third step only, so that steps have to be computed again."""
    command = (*tiny_flags, *LONGER, "--deterministic", "--experiment=killed", "--seg_save_every=3")
    folder = whole.parents[1] / "killed" / "segmenter"
    seed = random.SystemRandom().randrange(10**6)
    drawn = random.Random(seed)
    for moment in sorted(drawn.sample(range(1, STEPS), KILLS)):
        process = start("run --only=segmenter", *command)
        await_steps(process, folder / "log.jsonl", moment)
        time.sleep(drawn.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL and not (folder / "manifest.json").exists(), f"seed {seed}"
    run(*command)
    assert [line["step"] for line in read_log(folder / "log.jsonl")] == list(range(1, STEPS + 1)), f"seed {seed}"
    assert_same_weights(folder, whole, f"(seed {seed})")


def test_stopped_it_saves_and_goes_on_with_the_same_bits(tiny_flags, whole):
    """SIGTERM leaves time to save, though the next checkpoint is far away."""
    command = (*tiny_flags, *LONGER, "--deterministic", "--experiment=stopped", "--seg_save_every=1000")
    folder = whole.parents[1] / "stopped" / "segmenter"
    process = start("run --only=segmenter", *command)
    await_steps(process, folder / "log.jsonl", 2)
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "the same command goes on from here" in out, err
    assert not (folder / "manifest.json").exists() and not (folder / "net.weights.h5").exists()
    saved, = (int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))
    before = read_log(folder / "log.jsonl")[:saved]
    run(*command)
    lines = read_log(folder / "log.jsonl")
    assert lines[:saved] == before, "with their measured speeds: these steps were not trained again"
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert_same_weights(folder, whole)


@contextlib.contextmanager
def small_disk(folder: Path, size: int):
    """A disk of its own that holds so many bytes."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount here")
def test_a_full_disk_leaves_the_last_checkpoint(tiny_flags, masking_run, whole, tmp_path):
    command = (*tiny_flags, *LONGER, "--deterministic", f"--runs={tmp_path / 'disk'}", "--seg_save_every=1")
    with small_disk(tmp_path / "disk", 16 * 2**20):
        shutil.copytree(masking_run.folder, tmp_path / "disk/tiny_masking", ignore=shutil.ignore_patterns("tensorboard"))
        folder = tmp_path / "disk/experiment/segmenter"
        process = start("run --only=segmenter", *command)
        await_steps(process, folder / "log.jsonl", 2)
        with contextlib.suppress(OSError), open(tmp_path / "disk/ballast", "wb", buffering=0) as file:
            while True:
                file.write(bytes(2**12))
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2 and "Traceback" not in err, err
        assert err.splitlines()[-1].startswith("error: ") and ("space" in err.splitlines()[-1])
        kept = max(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))
        assert kept >= 1 and not (folder / "manifest.json").exists()
        (tmp_path / "disk/ballast").unlink()
        run(*command)
        assert read_log(folder / "log.jsonl")[0]["step"] == 1
        assert_same_weights(folder, whole)


def test_two_workers_make_one_run_and_survive_each_other(tiny_flags, masking_run, cluster):
    """The same command on both; when one is killed the other says so, and both go on from the last checkpoint."""
    command = (*tiny_flags, "--experiment=of_two", "--seg_epochs=8", "--seg_save_every=1", "--cls_epochs=1")
    folder = masking_run.folder.parent / "of_two"
    chief, other = (start("run", *command, **environment) for environment in cluster(2))
    await_steps(chief, folder / "segmenter/log.jsonl", 3)
    other.kill()
    other.communicate()
    _, err = chief.communicate(timeout=PATIENCE)
    assert chief.returncode == 2 and "Traceback" not in err, err
    assert "another worker of TF_CONFIG has stopped" in err.splitlines()[-1]
    assert (folder / "classifier/manifest.json").exists() and not (folder / "segmenter/manifest.json").exists()
    first, *_ = before = read_log(folder / "segmenter/log.jsonl")

    both = [start("run", *command, **environment) for environment in cluster(2)]
    for process in both:
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    lines = read_log(folder / "segmenter/log.jsonl")
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1)) and lines[0] == first and len(before) < STEPS
    assert (folder / "report/report.html").exists() and read_manifest(folder / "scores")["results"]["plain"] >= 0


@pytest.mark.parametrize("config, words", [
    ("{", "expected e.g."), ('{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 5}}', "no address for worker 5")])
def test_a_damaged_cluster_configuration(script, tiny_flags, monkeypatch, config, words):
    monkeypatch.setenv("TF_CONFIG", config)
    ended = script("run", "--only=prepare", *tiny_flags)
    assert ended.code == 2 and ended.error.startswith("TF_CONFIG=") and words in ended.error
