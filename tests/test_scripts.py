"""The scripts, the flagfiles that they are given, and one of them as a process of its own."""

import dataclasses
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsss_tf.commands import parsing
from wsss_tf.commands.main import COMMANDS
from wsss_tf.experiment import Experiment
from wsss_tf.stages.settings import RunConfig
from wsss_tf.systems.catalogue import DEFAULT, SYSTEMS

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
FLAG_FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "flags").rglob("*.cfg"))
PATIENCE = 300  # seconds until a process is taken for hanging


@pytest.fixture
def parse(monkeypatch):
    """The function (flags) -> Experiment, from the root of the repository."""
    monkeypatch.chdir(ROOT)
    return lambda *arguments: parsing.experiment_of(arguments)


@pytest.mark.parametrize("file", FLAG_FILES)
def test_flag_file_describes_an_experiment(file, parse):
    words = [f"--flagfile={file}"]
    if parsing.system_of(parsing.expand([f"--flagfile={ROOT / file}"])):
        assert isinstance(parse(*words), Experiment)
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    names = [line.removeprefix("--").split("=")[0] for line in lines if line.startswith("--")]
    assert len(names) == len(set(names)), "a flag comes twice"
    assert all(line.startswith(("--", "#")) or not line for line in lines), "absl would take it for a word"


def test_without_flags_every_setting_has_its_default(parse):
    experiment = parse()
    assert experiment.system is SYSTEMS[DEFAULT] and experiment.run == RunConfig()
    assert experiment.settings == SYSTEMS[DEFAULT].settings()


def test_commands_in_flag_files_name_commands_and_files_that_exist():
    for file in FLAG_FILES:
        text = (ROOT / file).read_text(encoding="utf-8")
        for command, flagfile in re.findall(r"wsss (\w+) --(?:flagfile|rows)=([^\s,]+)", text):
            assert command in COMMANDS and flagfile == file
        assert "python scripts/" not in text


def test_every_script_is_a_command_of_its_name():
    assert set(SCRIPTS) - {"submit_voc"} <= set(COMMANDS)
    for script in SCRIPTS:
        text = (ROOT / "scripts" / f"{script}.py").read_text(encoding="utf-8")
        command = "submit" if script == "submit_voc" else script
        assert f'main(["{command}", *sys.argv[1:]])' in text and f"`wsss {command}`" in text


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_does_nothing_when_imported(script, capfd):
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), run_name="imported")
    assert capfd.readouterr() == ("", "")


def test_photos_and_tags_alone_learn_as_chapter_3_was_measured(parse):
    """flags/folder.cfg has the learning settings of flags/real/msrc_ch3.cfg; with maps, those of msrc_ch2.cfg."""
    for own, measured in (("folder", "real/msrc_ch3"), ("folder_saliency", "real/msrc_ch2")):
        e, real = (parse(f"--flagfile=flags/{name}.cfg") for name in (own, measured))
        assert e.system is real.system and e.group("seg_train") == real.group("seg_train")
        assert e.group("cls_train") == dataclasses.replace(real.group("cls_train"), clip_norm=5.0)
        for group in ("classifier", "segmenter", "masking", "growing", "superpixels", "seed", "saliency"):
            assert e.group(group) == real.group(group), group
        for group in ("cls_backbone", "seg_backbone"):
            assert e.group(group).backbone == real.group(group).backbone == "mobilenet"
            assert e.group(group).output_stride == real.group(group).output_stride
        if own == "folder":
            assert (e.group("features").net, e.group("features").stride) == (
                real.group("features").net, real.group("features").stride)


def test_script_as_a_process_of_its_own_prints_one_line(script, tiny_flags, tiny_data, tmp_path):
    """TensorFlow adds tracebacks of its own to what goes wrong in the input pipeline, unless told not to."""
    data = shutil.copytree(tiny_data, tmp_path / "copied")
    command = (*tiny_flags, "--source=folder", f"--data={data}", f"--runs={tmp_path / 'runs'}")
    assert script("run", *command, "--only=prepare").code == 0
    photo = data / "JPEGImages/shapes_train_0004.jpg"
    status = photo.stat()
    photo.write_bytes(bytes(status.st_size))
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    ended = subprocess.run([sys.executable, "scripts/run.py", *command, "--only=classifier"], cwd=ROOT, text=True,
                           capture_output=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(f"error: {photo}: not a readable image")


def test_an_own_flagfile_is_read_as_the_command_line_is(parse, tmp_path):
    (tmp_path / "own.cfg").write_text("--flagfile=flags/demo/attention.cfg\n--seg_epochs=7\n")
    experiment = parse(f"--flagfile={tmp_path / 'own.cfg'}")
    assert experiment.run.experiment == "demo_attention" and experiment.group("seg_train").epochs == 7
