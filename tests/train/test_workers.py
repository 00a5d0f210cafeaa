"""Which worker of TF_CONFIG this process is, without TensorFlow."""

import json
import subprocess
import sys

import pytest

from wsss_tf.errors import InputError
from wsss_tf.train.workers import chief_first, is_chief, several_workers

TWO = {"worker": ["a:1", "b:1"]}


def of(cluster: dict, kind: str = "worker", index: int = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("config, several, chief", [
    ("", False, True), ("{}", False, True), (of({"worker": ["a:1"]}), False, True),
    (of(TWO), True, True), (of(TWO, index=1), True, False),
    (of({"chief": ["a:1"], "worker": ["b:1"]}), True, False), (of({"chief": ["a:1"], "worker": ["b:1"]}, "chief"), True, True)])
def test_place_in_the_cluster(monkeypatch, config, several, chief):
    monkeypatch.setenv("TF_CONFIG", config)
    assert (several_workers(), is_chief()) == (several, chief)


@pytest.mark.parametrize("config", ["nonsense", "[]", of(TWO, index=2), of(TWO, "chief"), of(TWO, index="first")])
def test_damaged_config_is_refused(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(InputError, match="^TF_CONFIG=.*: expected e.g. .*: correct or unset it$"):
        is_chief()


def test_lone_process_waits_for_nobody_and_needs_no_tensorflow():
    code = ("import sys\n"
            "from wsss_tf.train import workers as w\n"
            "with w.chief_first(): w.wait_for_all()\n"
            "assert w.is_chief() and not w.several_workers() and w.any_worker(True) and not w.any_worker(False)\n"
            "assert not {'tensorflow', 'keras'} & set(sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_chief_goes_first(monkeypatch):
    """The chief waits for the others after the work, the others for the chief before it."""
    done = []
    monkeypatch.setattr("wsss_tf.train.workers.wait_for_all", lambda: done.append("wait"))
    for index, expected in enumerate((["work", "wait"], ["wait", "work"])):
        monkeypatch.setenv("TF_CONFIG", of(TWO, index=index))
        done.clear()
        with chief_first():
            done.append("work")
        assert done == expected


