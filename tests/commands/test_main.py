"""The command wsss: its words, help, refused flags, and what it does without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

from wsss_tf.commands import parsing
from wsss_tf.commands.flagfiles import expand
from wsss_tf.commands.listing import flag_lines, owners
from wsss_tf.commands.main import COMMANDS
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import read_manifest
from wsss_tf.systems.catalogue import SYSTEMS

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds until a process is taken for hanging
MASKING = ("prepare", "classifier", "cams", "saliency", "segmenter", "masks", "scores", "report")


def modules_of(folder: Path, *words: str) -> tuple[int, set[str], str]:
    """Exit code, modules that are imported in the end, and what was printed, of a process of its own."""
    program = ("import atexit, sys\n"
               "atexit.register(lambda: sys.stderr.write('\\nMODULES ' + ' '.join(sys.modules)))\n"
               "from wsss_tf.commands.main import main\n"
               f"main({list(words)!r})")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, timeout=PATIENCE,
                           check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""})
    return ended.returncode, set(ended.stderr.rpartition("MODULES ")[2].split()), ended.stdout


@pytest.mark.parametrize("words, said", [
    (("--help",), "superpixels"), (("--version",), "wsss_tf"), (("run", "--help"), "--seg_epochs"),
    (("run", "--system=dino", "--help"), "--dino_vit"), (("flags", "cam_baseline"), "label_threshold"),
    (("compare", "--help"), "--runs"), (("data", "--help"), "--maps_max"), (("predict", "--help"), "--input"),
    (("weights", "--help"), "--source"), (("run", "--plan"), "prepare"), (("data", "generate"), ""), (("data", "check"), "")])
def test_what_needs_no_net_does_not_import_tensorflow(words, said, tmp_path, tiny_data):
    """It starts in a moment; what TensorFlow takes to be imported is most of the time of everything else."""
    data = (f"--data={tiny_data}", "--shapes_train=12", "--shapes_val=4", "--shapes_size=64") if words[-1] in (
        "generate", "check") else ()
    code, modules, out = modules_of(tmp_path, *words, *data)
    assert code == 0 and said in out and "sys" in modules
    assert not {"tensorflow", "keras", "torch"} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_own_flags_first(name, script):
    ended = script(name, "--help")
    assert ended.code == 0 and ended.out.startswith(f"wsss {name}") and "Traceback" not in ended.err


@pytest.mark.parametrize("words, code", [((), 0), (("--help",), 0), (("-h",), 0), (("rum",), 2)])
def test_without_a_command_all_are_listed(words, code, capsys):
    from wsss_tf.commands.main import main

    with pytest.raises(SystemExit) as ended:
        main(words)
    said = "".join(capsys.readouterr())
    assert (ended.value.code or 0) == code and all(f"\n  {name} " in said for name in COMMANDS)


def test_help_lists_flags_with_their_equations(script):
    text = " ".join(script("run", "--system=masking", "--help").out.split())
    for words in ("--saliency_tau_high=0.8", "(eq. 2.6, tau1)", "--seg_batch=20 [at least 1]", "none, all_labeled, unlabeled",
                  "--until", "flags of --system=masking"):
        assert words in text, words
    assert "--beta_foreground" not in text


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_table_of_a_system_has_all_its_flags_and_no_other(name, script):
    ended = script("flags", name)
    listed = {line.split("`")[1].removeprefix("--") for line in ended.out.splitlines() if line.startswith("| `--")}
    run = {flag.removeprefix("--") for title, prefix, settings in owners(SYSTEMS[name])[:1] for flag, *_ in flag_lines(prefix, settings)}
    assert ended.code == 0 and listed == parsing.flag_names(SYSTEMS[name]) | run


@pytest.mark.parametrize("system, flag, owner", [
    ("cam_baseline", "--beta_foreground=0.5", "superpixel_growing"), ("cam_baseline", "--attention_weight=1", "masking"),
    ("masking", "--label_threshold=0.5", "cam_baseline"), ("masking", "--seed_alpha=0.5", "superpixel_growing"),
    ("dino", "--seg_epochs=3", "masking"), ("superpixels", "--nocam_flip", "masking"), ("masking", "--dino_vit=vit_tiny", "dino")])
def test_a_flag_of_another_system_is_refused_by_its_owners_name(system, flag, owner, tiny):
    """Issue 14: a setting that a system never reads cannot be given, so that it cannot outdate anything either."""
    with pytest.raises(InputError) as error:
        parsing.experiment_of([f"--system={system}", flag])
    name = flag.partition("=")[0]
    assert str(error.value).startswith(f"{name}: --system={system} does not read it, it belongs to ") or (
        str(error.value).startswith("--nocam_flip: ")), error.value
    assert owner in str(error.value) and "leave it out, or choose --system=" in str(error.value)
    assert name[2:].removeprefix("no") not in tiny(f"--system={system}").flags()


@pytest.mark.parametrize("words, said", [
    (("flags/demo/cam.cfg",), "flags/demo/cam.cfg: expected flags only"),
    (("--flagfile=absent.cfg",), "absent.cfg: no such flagfile"), (("--flagfile",), "--flagfile: expected the name"),
    (("--sead=3",), "--sead: no such flag, did you mean --seed?"), (("--seg_epochs=x",), "seg_epochs"),
    (("--seg_epochs=0",), "seg_epochs"), (("--system=maskin",), "--system=maskin: expected one of masking"),
    (("--experiment=..",), "--experiment='..'"), (("--only=camz",), "camz: --system=masking has no such stage")])
def test_slips_on_the_command_line(words, said, script):
    ended = script("run", *words)
    assert ended.code == 2 and said in ended.error


def test_nested_flagfiles_work_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "one/two").mkdir(parents=True)
    (tmp_path / "base.cfg").write_text("# the base\n--seed=3\n\n--experiment=base\n")
    (tmp_path / "one/middle.cfg").write_text("--flagfile=../base.cfg\n--experiment=middle\n")
    (tmp_path / "one/two/top.cfg").write_text("--flagfile=../middle.cfg\n// the last word\n--seg_epochs=5\n")
    for folder, name in ((tmp_path, "one/two/top.cfg"), (tmp_path / "one", "two/top.cfg"), (tmp_path / "one/two", "top.cfg"),
                         (ROOT, str(tmp_path / "one/two/top.cfg"))):
        monkeypatch.chdir(folder)
        for words in ([f"--flagfile={name}"], ["--flagfile", name]):
            assert expand([*words, "--seed=4"]) == ["--seed=3", "--experiment=base", "--experiment=middle", "--seg_epochs=5",
                                                    "--seed=4"]
            experiment = parsing.experiment_of([*words, "--seed=4"])
            assert experiment.run.experiment == "middle" and experiment.run.seed == 4


def test_flagfiles_of_the_project_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("flags/demo/attention.cfg", "demo/attention.cfg"):
        experiment = parsing.experiment_of([f"--flagfile={name}", "--seg_epochs=7"])
        assert experiment.run.experiment == "demo_attention" and experiment.run.reuse == "demo_cam,demo_saliency"
        assert experiment.group("cls_backbone").backbone == "tiny" and experiment.group("seg_train").epochs == 7
        assert experiment.group("crops").crop_scales == (0.75, 1.0, 1.25)


def test_flagfiles_that_name_each_other_or_nothing_are_told(tmp_path):
    (tmp_path / "one.cfg").write_text("--flagfile=two.cfg\n")
    (tmp_path / "two.cfg").write_text("--flagfile=one.cfg\n")
    (tmp_path / "three.cfg").write_text("--flagfile=absent.cfg\n")
    with pytest.raises(InputError, match="one.cfg: it names itself"):
        expand([f"--flagfile={tmp_path}/one.cfg"])
    with pytest.raises(InputError, match=f"^{tmp_path}/absent.cfg: no such flagfile: give a path from {tmp_path}"):
        expand([f"--flagfile={tmp_path}/three.cfg"])


def test_the_system_of_a_flagfile_counts(tmp_path):
    (tmp_path / "own.cfg").write_text("--system=superpixel_growing\n--seed_alpha=0.4\n")
    experiment = parsing.experiment_of([f"--flagfile={tmp_path}/own.cfg", "--beta_foreground=0.6"])
    assert experiment.system.name == "superpixel_growing" and experiment.group("growing").beta_foreground == 0.6


@pytest.mark.parametrize("stage", MASKING)
def test_a_finished_stage_says_so(stage, script, tiny_flags, masking_run):
    ended = script("run", *tiny_flags, "--experiment=tiny_masking", f"--only={stage}")
    folder = masking_run.folder / stage
    assert ended.code == 0 and ended.out.splitlines() == [f"[{stage}] up to date: {folder}", str(folder)]


def test_run_names_the_report(script, tiny_flags, masking_run):
    ended = script("run", *tiny_flags, "--experiment=tiny_masking")
    assert ended.code == 0 and ended.out.splitlines()[-1].endswith(f": {masking_run.folder / 'report/report.html'}")
    assert ended.out.count("up to date") == len(MASKING)


def test_the_plan_runs_nothing(script, tiny_flags, masking_run, tmp_path):
    ended = script("run", *tiny_flags, "--experiment=tiny_masking", "--plan")
    assert [line.split()[0] for line in ended.out.splitlines()] == list(MASKING) and ended.out.count("up to date") == 8
    ended = script("run", *tiny_flags, f"--runs={tmp_path / 'runs'}", "--plan")
    assert ended.out.count("to do") == len(MASKING) and not (tmp_path / "runs").exists()


@pytest.mark.parametrize("stage", MASKING[1:])
def test_a_stage_without_its_inputs_names_the_one_before(stage, script, tiny_flags, tiny_data, tmp_path):
    ended = script("run", *tiny_flags, f"--runs={tmp_path / 'runs'}", f"--only={stage}")
    assert ended.code == 2 and "` with the same flags first" in ended.error and "run `wsss run --until=" in ended.error
    assert not (tmp_path / "runs").exists()


def test_missing_saliency_maps_stop_the_chain_before_any_training(script, tiny_flags, tiny_data, tmp_path):
    ended = script("run", *tiny_flags, "--source=folder", f"--maps={tmp_path}", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and str(tmp_path) in ended.error
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("JPEGImages", "ImageSets", "classes.txt", "labels.csv"):
        (bare / name).symlink_to(tiny_data / name)
    ended = script("run", *tiny_flags, "--source=folder", f"--data={bare}", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and "shapes_train_0000.jpg: no saliency map for it" in ended.error
    assert "--flagfile=flags/folder.cfg" in ended.error
    assert not (tmp_path / "runs").exists()


def test_masks_need_permission_before_anything_runs(script, tiny_flags, tmp_path):
    ended = script("run", *tiny_flags, "--saliency_source=ground_truth", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 2 and "add --allow_mask_supervision if that is meant" in ended.error
    assert not (tmp_path / "runs").exists()


def test_a_typing_error_in_reuse_is_told_before_hours_are_spent(script, tiny_flags, masking_run, tmp_path):
    ended = script("run", *tiny_flags, "--experiment=new", "--reuse=tiny_maskign")
    runs = masking_run.folder.parent
    assert ended.code == 2 and not (runs / "new").exists()
    assert ended.error == (f"--reuse=tiny_maskign: no such experiment in {runs}, did you mean 'tiny_masking'?: "
                           "correct the name or leave it out")
    (tmp_path / "own.cfg").write_text("--reuse=tiny_maskign,tiny_masking\n")
    ended = script("run", *tiny_flags, f"--flagfile={tmp_path / 'own.cfg'}", "--experiment=new", "--until=prepare")
    assert ended.code == 0 and f"in {runs}, did you mean 'tiny_masking'?: nothing is taken from it" in ended.out
    assert ended.out.count("note: ") == 1 and not (runs / "new").exists()


def test_runs_may_be_a_home_folder_or_a_variable(script, tiny_flags, masking_run, monkeypatch):
    """The shell leaves the ~ of --runs=~/runs to the program."""
    monkeypatch.setenv("HOME", str(masking_run.folder.parents[1]))
    for runs in ("~/runs", "${HOME}/runs"):
        ended = script("run", *tiny_flags, "--experiment=tiny_masking", "--until=scores", f"--runs={runs}")
        assert ended.out.splitlines()[-1] == str(masking_run.folder / "scores")
        assert script("compare", "tiny_masking", f"--runs={runs}").code == 0


def test_compare_prints_a_table(script, masking_run, cam_run):
    ended = script("compare", "tiny_masking", "tiny_cam", f"--runs={masking_run.folder.parent}")
    assert ended.code == 0 and ended.err == "" and "tiny_masking" in ended.out and "tiny_cam" in ended.out


def test_an_interrupted_command_says_how_to_go_on(script, tiny_flags, monkeypatch, tmp_path):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("wsss_tf.stages.chain.Chain.run", interrupt)
    ended = script("run", *tiny_flags, "--until=prepare", f"--runs={tmp_path / 'runs'}")
    assert ended.code == 130 and "the same command goes on from here" in ended.err and "Traceback" not in ended.err


def test_manifests_tell_the_system(masking_run, cam_run):
    assert read_manifest(masking_run.folder / "segmenter")["system"] == "masking"
    assert read_manifest(cam_run.folder / "segmenter")["system"] == "cam_baseline"
