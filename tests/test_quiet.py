"""TensorFlow says nothing, unless something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
START = "from wsss_tf.quiet import silence_tensorflow\nsilence_tensorflow()\nsilence_tensorflow()\n"
WORK = """
import importlib.util
assert importlib.util.find_spec("tensorflow")
import keras
import tensorflow as tf
net = keras.Sequential([keras.Input([8, 8, 3]), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)])
net(tf.ones([2, 8, 8, 3]))
tf.function(lambda x: tf.transpose(x), autograph=False)(tf.ones([8, 9], tf.uint8))  # oneDNN has no such code, and says so
for value in tf.data.Dataset.range(3).map(lambda number: number + 1):
    tf.function(lambda x: x * 2)(value)
print(value.numpy())
"""


def run(program: str, path: Path | None = None, tools: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Ends of a program that starts quietly; `path` holds packages that come first, `tools` programs."""
    folders = [str(folder) for folder in (path, ROOT) if folder]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA_"))}
    inherited["PATH"] = os.pathsep.join([str(tools)] * bool(tools) + [inherited["PATH"]])
    return subprocess.run([sys.executable, "-c", START + program], capture_output=True, text=True, check=False, cwd=ROOT,
                          env=inherited | {"PYTHONPATH": os.pathsep.join(folders)} | environment)


@pytest.fixture
def pretended(tmp_path):
    """The function (body) -> folder with a package tensorflow whose __init__.py this is."""
    def make(body: str) -> Path:
        package = tmp_path / "packages" / "tensorflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("import os\nos.write(2, b'banner\\n')\n" + body)
        return package.parent

    return make


@pytest.fixture
def driver(tmp_path):
    """A folder with an nvidia-smi in it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "nvidia-smi").write_text("#!/bin/sh\n")
    (folder / "nvidia-smi").chmod(0o755)
    return folder


def config(*found: str) -> str:
    """The part of tensorflow that lists these devices, and complains."""
    return ("class config:\n    @staticmethod\n    def list_physical_devices(kind):\n"
            f"        os.write(2, b'cuInit\\n')\n        return {list(found)}\n")


def test_the_real_one_is_silent_at_work():
    ended = run(WORK)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "3\n", "")


def test_its_numbers_stay():
    program = ("import numpy as np, tensorflow as tf\nx = np.random.default_rng(0).normal(size=[1, 65, 65, 8]).astype('f4')\n"
               "print(tf.nn.conv2d(x, x[0, :3, :3, :, None] * np.ones(16, 'f4'), 1, 'SAME').numpy().tobytes().hex()[:4000])")
    quiet, loud = run(program), run(program, TF_CPP_MIN_LOG_LEVEL="0")
    assert quiet.stdout == loud.stdout and len(quiet.stdout) == 4001


def test_errors_at_work_are_shown():
    ended = run("import os, tensorflow\nos.write(2, b'E0000 something\\n')")
    assert ended.stderr == "E0000 something\n"


def test_a_user_can_have_all_of_it(pretended):
    assert run("import tensorflow", pretended(config()), TF_CPP_MIN_LOG_LEVEL="0").stderr == "banner\n"


def test_banners_are_held_back(pretended):
    ended = run("import tensorflow\nprint('imported')", pretended(config("card")))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "imported\n", "")


def test_errors_are_shown_where_there_is_a_card(driver):
    """An exception of cuDNN only refers to what was printed before it."""
    program = "import os\nprint(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert run(program, tools=driver).stdout == "2\n"


def test_an_import_that_fails_shows_what_was_said(pretended):
    ended = run("import tensorflow", pretended("raise ImportError('libtensorflow.so: too old')"))
    assert ended.returncode and ended.stderr.startswith("banner\nTraceback") and "too old" in ended.stderr


def test_an_import_that_kills_python_is_told(pretended):
    ended = run("import tensorflow", pretended("os.abort()"))
    assert ended.returncode and ended.stderr.startswith("Fatal Python error: Aborted") and "packages/tensorflow" in ended.stderr


@pytest.mark.parametrize("watched", [True, False])
def test_who_watches_for_faults_goes_on(pretended, watched):
    program = f"import os, faulthandler\nfaulthandler.{'enable' if watched else 'disable'}()\nimport tensorflow\nos.abort()"
    ended = run(program, pretended(config("card")))
    assert ended.stderr.startswith("Fatal Python error: Aborted") if watched else ended.stderr == ""


@pytest.mark.parametrize("found, visible, shown", [
    ((), None, True), ((), "0", True), (("card",), None, False), ((), "", False), ((), "-1", False)])
def test_a_driver_without_device_shows_what_was_said(pretended, driver, found, visible, shown):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    ended = run("import tensorflow", pretended(config(*found)), driver, **environment)
    assert ended.returncode == 0
    assert ended.stderr.startswith("banner\ncuInit\nThere is a driver") if shown else ended.stderr == ""


def test_other_imports_are_left_alone():
    ended = run("import sys, json, numpy\nassert 'tensorflow' not in sys.modules\nimport nothing_of_this_name")
    assert ended.stderr.endswith("ModuleNotFoundError: No module named 'nothing_of_this_name'\n")
