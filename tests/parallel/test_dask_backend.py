"""Work through a real Dask cluster: a scheduler and two worker processes on this machine."""

import dataclasses
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from wsss_tf import __version__
from wsss_tf.errors import InputError
from wsss_tf.evaluate.artefacts import score_superpixels
from wsss_tf.example import Example
from wsss_tf.parallel import pool as parallel
from wsss_tf.parallel.each_image import make_missing
from wsss_tf.parallel.pool import Workers, ordered, require_workers

distributed = pytest.importorskip("distributed", reason="needs pip install -e '.[dask]'")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as started:
        yield started


@pytest.fixture(scope="module")
def dask(cluster) -> Workers:
    return Workers(parallel="dask", scheduler=cluster.scheduler_address)


def executed(cluster) -> dict[str, int]:
    """Tasks that each worker has done so far."""
    with distributed.Client(cluster, set_as_default=False) as client:
        return client.run(lambda dask_worker: dask_worker.state.executed_count)


def done_by_workers(cluster, before: dict[str, int]) -> list[int]:
    return [count - before[worker] for worker, count in executed(cluster).items()]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def test_calls_are_made_by_the_workers_and_come_in_order(cluster, dask, tmp_path):
    with distributed.Client(cluster, set_as_default=False) as client:
        expected = set(client.run(os.getpid).values())

    def work(number, array):
        import time
        while number == 0 and not (tmp_path / "1").exists():  # the first waits for the second, in the other process
            time.sleep(0.01)
        (tmp_path / str(number)).touch()
        return number, float(array.sum()), os.getpid()

    found = list(ordered(work, ((number, np.full([300, 300], number)) for number in range(12)), 12, dask))
    assert [(number, total) for number, total, _ in found] == [(number, 90000.0 * number) for number in range(12)]
    assert {process for *_, process in found} == expected and os.getpid() not in expected and len(expected) == 2


@pytest.mark.parametrize("run, stage, count", [("growing_run", "superpixels", 12), ("growing_run", "seeds", 12),
                                               ("masking_run", "saliency", 12), ("masking_run", "masks", 4)])
def test_a_stage_gives_the_same_as_by_processes(run, stage, count, cluster, dask, request, masking_run, tmp_path, monkeypatch):
    """With a relative path to the runs, though the workers are in another folder."""
    done = request.getfixturevalue(run)
    monkeypatch.chdir(tmp_path)
    for folder in {masking_run.folder, done.folder}:
        shutil.copytree(folder, tmp_path / "runs" / folder.name)
    made = []
    for more in ({"workers": 2}, {"parallel": "dask", "scheduler": dask.scheduler}):
        shutil.rmtree(tmp_path / "runs" / done.folder.name / stage)
        settings = dataclasses.replace(done.experiment.run, runs="runs", **more)
        before = executed(cluster)
        folder = dataclasses.replace(done.experiment, run=settings).chain.run(stage)
        counts = done_by_workers(cluster, before)
        assert sum(counts) == (count if "parallel" in more else 0) and not folder.is_absolute()
        made.append(files(folder))
    assert len(made[0]) == (2 if stage == "masks" else 1) * count and made[0] == made[1] == files(done.folder / stage)


def test_scores_of_superpixels_are_the_same(dask, growing_run):
    folder, train = growing_run.folder / "superpixels", growing_run.experiment.dataset.train
    assert score_superpixels(train, folder, dask) == score_superpixels(train, folder, Workers(2))
    assert score_superpixels(train, folder, dask) == score_superpixels(train, folder, Workers(1))


def test_an_image_that_fails_does_not_stop_the_cluster(dask, tmp_path):
    def work(path, number):
        if number == 2:
            raise InputError("no such file: restore it")
        path.write_text("done")

    examples = [Example(str(number), Path(f"{number}.jpg"), ()) for number in range(5)]
    with pytest.raises(InputError, match=r"1 of 5 images failed.*\n  \S+/2\.jpg: no such file: restore it$"):
        make_missing(work, examples, lambda example: tmp_path / example.image_id,
                     lambda example: (int(example.image_id),), "things", dask)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "3", "4"]


def test_a_folder_that_the_workers_do_not_see(dask, tmp_path):
    require_workers(dask, tmp_path)
    with pytest.raises(InputError, match=r"does not see .*absent: put data and --runs on a file system"):
        require_workers(dask, tmp_path / "absent")


def test_workers_that_die_are_told_with_a_remedy():
    def work(number):
        os.kill(os.getpid(), signal.SIGKILL)

    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        workers = Workers(parallel="dask", scheduler=cluster.scheduler_address)
        with pytest.raises(InputError, match="Dask workers have died over the same image.*give them more memory"):
            list(ordered(work, [(1,)], 1, workers))


def test_without_a_scheduler_a_script_ends_before_any_work(script, tiny_flags, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "_PATIENCE", 0.5)
    flags_given = (*tiny_flags, f"--runs={tmp_path / 'runs'}", "--parallel=dask")
    for more, words in (((), "--scheduler: expected the address of a Dask scheduler, found none"),
                        (("--scheduler=tcp://127.0.0.1:9",), "--scheduler=tcp://127.0.0.1:9: no Dask scheduler answers"),
                        (("--scheduler=here",), "--scheduler=here: no Dask scheduler answers")):
        ended = script("run", *flags_given, *more)
        assert ended.code == 2 and words in ended.error
    assert not (tmp_path / "runs").exists()


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'wsss_tf\[dask\]'"):
        require_workers(Workers(parallel="dask", scheduler="tcp://127.0.0.1:9"))


@pytest.mark.parametrize("answers, threads, words", [
    ({}, {}, "it has no workers: start some"),
    ({"v": (__version__, True), "w": ModuleNotFoundError("No module named 'wsss_tf'")}, {},
     "w: it cannot run wsss_tf .*No module"),
    ({"v": (__version__, True), "w": ("0.0.1", True)}, {}, f"expected wsss_tf {__version__} as here, found 0.0.1"),
    ({"v": (__version__, True), "w": (__version__, True)}, {"v": 1, "w": 4}, "worker w: expected one thread, found 4")])
def test_workers_that_are_not_fit(answers, threads, words):
    with pytest.raises(InputError, match=words):
        parallel._check_answers(answers, threads, "tcp://h:1", None)
