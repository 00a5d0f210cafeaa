"""The scripts and flag files: help, parsing, one stage each."""

import dataclasses
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from wsss_tf.experiment import Experiment, define_experiment_flags, read_experiment
from wsss_tf.stages.steps import STAGES

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
FLAG_FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "flags").rglob("*.cfg"))
MASKING = [stage for stage in STAGES if stage not in ("superpixels", "superpixel_scores", "seeds", "export")]
PATIENCE = 120  # seconds until a process is taken for hanging


@pytest.fixture
def fresh_flags():
    known = set(flags.FLAGS)
    yield flags.FLAGS
    for name in set(flags.FLAGS) - known:
        delattr(flags.FLAGS, name)


@pytest.fixture
def parsed(monkeypatch):
    """The function (flags) -> FlagValues, run from the root of the repository as the flag files expect."""
    monkeypatch.chdir(ROOT)

    def parse(*arguments: str) -> flags.FlagValues:
        values = flags.FlagValues()
        define_experiment_flags(values)
        values(["tests", *arguments])
        return values

    return parse


@pytest.fixture
def parse(parsed):
    """The function (flags) -> Experiment."""
    return lambda *arguments: read_experiment(parsed(*arguments))


def start(script: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, f"scripts/{script}.py", *arguments], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("file", FLAG_FILES)
def test_flag_file_describes_an_experiment(file, parsed):
    values = parsed(f"--flagfile={file}")
    assert isinstance(read_experiment(values), Experiment)
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    names = [line.removeprefix("--").split("=")[0] for line in lines if line.startswith("--")]
    assert len(names) == len(set(names)), "a flag comes twice"
    assert all(values[name].present for name in names if name != "flagfile")


def test_nested_flag_files_and_flags_after_them(parse):
    experiment = parse("--flagfile=flags/demo/attention.cfg", "--seg_epochs=7")
    assert experiment.run.experiment == "demo_attention" and experiment.run.reuse == "demo_cam,demo_saliency"
    assert experiment.cls_backbone.backbone == "test" and experiment.seg_train.epochs == 7
    assert experiment.crops.crop_scales == (0.75, 1.0, 1.25)


def test_without_flags_every_setting_has_its_default(parse):
    assert parse() == Experiment()


def test_commands_in_flag_files_name_scripts_and_files_that_exist():
    for file in FLAG_FILES:
        for script, flagfile in re.findall(r"python (scripts/\w+\.py) --flagfile=(\S+)", (ROOT / file).read_text()):
            assert (ROOT / script).exists() and flagfile == file


def test_commands_in_scripts_name_files_that_exist():
    for script in SCRIPTS:
        text = (ROOT / "scripts" / f"{script}.py").read_text(encoding="utf-8")
        for name, flagfile in re.findall(r"python scripts/(\w+)\.py(?: --flagfile=(\S+))?", text):
            assert name == script and (ROOT / flagfile).exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_does_nothing_when_imported(script, fresh_flags, capfd):
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), run_name="imported")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("script", ["run", "prepare_data"])
def test_help_lists_flags_with_their_equations(script):
    process = start(script, "--helpfull")
    text = " ".join("".join(process.communicate(timeout=PATIENCE)).split())
    assert process.returncode in (0, 1) and "Traceback" not in text
    for words in ("--tau_high", "(eq. 2.6, tau1)", "--seg_batch", "a positive integer", "none|all_labeled|unlabeled"):
        assert words in text, words
    assert ("--[no]check" in text) == (script == "prepare_data")


@pytest.mark.parametrize("stage", MASKING)
def test_script_of_a_finished_stage_says_so(stage, script, tiny_flags, masking_run):
    ended = script(STAGES[stage].script, *tiny_flags, "--experiment=tiny_masking")
    folder = masking_run.folder / stage
    assert ended.code == 0 and ended.out.splitlines() == [f"[{stage}] up to date: {folder}", str(folder)]


def test_run_script_names_the_report(script, tiny_flags, masking_run):
    ended = script("run", *tiny_flags, "--experiment=tiny_masking")
    assert ended.code == 0 and ended.out.splitlines()[-1].endswith(f": {masking_run.folder / 'report/report.html'}")
    assert ended.out.count("up to date") == 8


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "prepare"])
def test_script_without_its_inputs_names_the_one_before(stage, script, tiny_flags, tiny_data, tmp_path):
    ended = script(STAGES[stage].script, *tiny_flags, f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and re.search(r"run scripts/\w+\.py with the same flags first$", ended.error)
    assert not (tmp_path / "runs").exists()


def test_missing_saliency_maps_stop_the_chain_before_any_training(script, tiny_flags, tiny_data, tmp_path):
    ended = script("run", *tiny_flags, "--source=folder", f"--saliency={tmp_path}", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and str(tmp_path) in ended.error
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("JPEGImages", "ImageSets", "classes.txt", "labels.csv"):
        (bare / name).symlink_to(tiny_data / name)
    ended = script("run", *tiny_flags, "--source=folder", f"--data={bare}", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and "shapes_train_0000.jpg: no saliency map for it" in ended.error
    assert "--flagfile=flags/folder.cfg" in ended.error
    assert not (tmp_path / "runs").exists()


def test_a_typing_error_in_reuse_is_told_before_hours_are_spent(script, tiny_flags, masking_run, tmp_path):
    ended = script("run", *tiny_flags, "--experiment=new", "--reuse=tiny_maskign")
    runs = masking_run.folder.parent
    assert ended.code == 2 and not (runs / "new").exists()
    assert ended.error == (f"--reuse=tiny_maskign: no such experiment in {runs}, did you mean 'tiny_masking'?: "
                           "correct the name or leave it out")
    (tmp_path / "own.cfg").write_text("--reuse=tiny_maskign,tiny_masking\n")
    ended = script("prepare_data", *tiny_flags, f"--flagfile={tmp_path / 'own.cfg'}", "--experiment=new")
    assert ended.code == 0 and f"in {runs}, did you mean 'tiny_masking'?: nothing is taken from it" in ended.out
    assert ended.out.count("note: ") == 1 and not (runs / "new").exists()


def test_photos_and_tags_alone_learn_as_chapter_3_was_measured(parse):
    """flags/folder.cfg has the learning settings of flags/real/msrc_ch3.cfg; with maps, those of msrc_ch2.cfg."""
    for own, measured in (("folder", "real/msrc_ch3"), ("folder_saliency", "real/msrc_ch2")):
        e, real = (parse(f"--flagfile=flags/{name}.cfg") for name in (own, measured))
        assert e.run.method == real.run.method and e.seg_train == real.seg_train
        assert e.cls_train == dataclasses.replace(real.cls_train, clip_norm=5.0)
        for group in ("classifier", "segmenter", "masking", "growing", "superpixels", "seeds", "saliency"):
            assert getattr(e, group) == getattr(real, group), group
        for group in ("cls_backbone", "seg_backbone"):
            assert getattr(e, group).backbone == getattr(real, group).backbone == "mobilenet"
            assert getattr(e, group).output_stride == getattr(real, group).output_stride
        if own == "folder":
            assert (e.features.net, e.features.stride) == (real.features.net, real.features.stride)


def test_compare_prints_a_table(script, tiny_flags, masking_run, cam_run):
    ended = script("report", *tiny_flags, "--compare=tiny_masking,tiny_cam")
    assert ended.code == 0 and ended.err == ""
    assert [line.split()[0] for line in ended.out.splitlines()] == ["result", "tiny_masking", "tiny_cam"]


def test_runs_may_be_a_home_folder_or_a_variable(script, tiny_flags, masking_run, monkeypatch):
    """The shell leaves the ~ of --runs=~/runs to the program."""
    monkeypatch.setenv("HOME", str(masking_run.folder.parents[1]))
    for runs in ("~/runs", "${HOME}/runs"):
        ended = script("evaluate", *tiny_flags, "--experiment=tiny_masking", f"--runs={runs}")
        assert ended.out.splitlines()[-1] == str(masking_run.folder / "scores")
        assert script("report", f"--runs={runs}", "--compare=tiny_masking").code == 0


@pytest.mark.parametrize("arguments, words", [
    (("flags/demo/cam.cfg",), "flags/demo/cam.cfg: expected flags only"),
    (("--flagfile=absent.cfg",), "absent.cfg"), (("--sead=3",), "sead")])
def test_slips_on_the_command_line(arguments, words, script):
    ended = script("run", *arguments)
    assert ended.code in (1, 2) and words in ended.err and "Traceback" not in ended.err


def test_script_as_a_process_of_its_own_prints_one_line(script, tiny_flags, tiny_data, tmp_path):
    """TensorFlow adds tracebacks of its own to what goes wrong in the input pipeline, unless told not to."""
    data = shutil.copytree(tiny_data, tmp_path / "copied")
    command = (*tiny_flags, "--source=folder", f"--data={data}", f"--runs={tmp_path / 'runs'}")
    assert script("prepare_data", *command).code == 0
    photo = data / "JPEGImages/shapes_train_0004.jpg"
    status = photo.stat()
    photo.write_bytes(bytes(status.st_size))
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    process = start("train_classifier", *command)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2 and "Traceback" not in err
    assert err.splitlines()[-1].startswith(f"error: {photo}: not a readable image")


def test_the_attention_map_needs_scale_1_first(script, tiny_flags, tmp_path):
    flags_given = (*tiny_flags, f"--runs={tmp_path / 'runs'}", "--seg_scales=0.5,1")
    ended = script("run", *flags_given)
    assert ended.code == 2 and "--seg_scales=0.5,1: expected 1 first" in ended.error
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_script_says_how_to_go_on(script, tiny_flags, monkeypatch):
    def interrupt(experiment):
        raise KeyboardInterrupt

    monkeypatch.setattr("wsss_tf.commands.program.open_chain", interrupt)
    ended = script("make_cams", *tiny_flags)
    assert ended.code == 130 and "the same command goes on from here" in ended.err and "Traceback" not in ended.err
