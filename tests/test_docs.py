"""README and documents: every command parses, every flag, target and extra that they name exists."""

import configparser
import re
import runpy
import shlex
from pathlib import Path

import pytest
from absl import flags

from wsss_tf.checkpoints.manifest import read_manifest
from wsss_tf.experiment import define_experiment_flags, read_experiment
from wsss_tf.stages.steps import STAGES
from wsss_tf.systems.dino.stages import DINO_STAGES

ROOT = Path(__file__).parents[1]
DOCUMENTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
             for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "checkpoints/README.md")}
ALL_TEXT = "\n".join(DOCUMENTS.values())
PROGRAMS = sorted(str(path.relative_to(ROOT)) for folder in ("scripts", "benchmarks") for path in (ROOT / folder).glob("*.py")
                  if path.name != "timing.py")
OWN = ("benchmarks", "checkpoints", "docs", "flags", "scripts", "tests", "wsss_tf")  # folders of the repository

NOT_RUN = ("docker run -p 8501:8501 ", 'echo "{\\"instances\\":', "dask scheduler", "dask worker ",  # need servers
           "tar xf VOCtrainval_11-May-2012.tar ", "cat benchmark_RELEASE/dataset/")  # need the archives of VOC and SBD
WEIGHTS = read_manifest(ROOT / "checkpoints/manifest.json")  # published checkpoints by name
FLAGS_OF_OTHERS = ("help", "helpfull", "flagfile", "logdir")


def blocks(kind: str, text: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


COMMANDS = [(name, command.strip()) for name, text in DOCUMENTS.items() for block in blocks("bash", text)
            for command in block.replace("\\\n", " ").splitlines() if command.strip()]


@pytest.fixture(scope="module")
def script_flags():
    """The function (script) -> the flags that it defines beside those of an experiment."""
    known = {}

    def define(script: str) -> dict:
        if script not in known:
            before = set(flags.FLAGS)
            with pytest.MonkeyPatch.context() as patch:
                patch.syspath_prepend(str(ROOT / script).rpartition("/")[0])
                runpy.run_path(str(ROOT / script), run_name="imported")
            known[script] = {name: flags.FLAGS[name] for name in set(flags.FLAGS) - before}
            for name in known[script]:
                delattr(flags.FLAGS, name)
        return known[script]

    return define


@pytest.fixture
def parse(script_flags, monkeypatch):
    """The function (script, words after it) -> words that are no flags; fails where the script itself would."""
    monkeypatch.chdir(ROOT)
    for name in ("WSSS_VOC", "WSSS_COCO", "WSSS_WEIGHTS"):
        monkeypatch.setenv(name, "nowhere")

    def check(script: str, words: list[str]) -> list[str]:
        values, has_experiment = flags.FlagValues(), "run_words" not in (ROOT / script).read_text(encoding="utf-8")
        if has_experiment:
            define_experiment_flags(values)
        for name, flag in script_flags(script).items():
            values[name] = flag
        rest = values([script, *(word for word in words if word != "--flagfile=FILE")])[1:]
        if has_experiment:
            read_experiment(values)
        return rest

    return check


def check_pip(words: list[str]) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
        assert extra in setup["options.extras_require"], f"no extra {extra} in setup.cfg"


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert words and set(words) <= set(targets)


def check_files(words: list[str]) -> None:
    for path in (path for word in words for path in re.split("[=,]", word)):
        if path.startswith(tuple(f"{folder}/" for folder in OWN)):
            assert (ROOT / path).exists(), f"{path} does not exist"


@pytest.mark.parametrize("name, command", COMMANDS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(COMMANDS)])
def test_command(name, command, parse):
    if command.startswith(NOT_RUN):
        return
    words = shlex.split(command, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if not words or words[0] == "export":
        return
    check_files(words)
    if words[0] == "make":
        check_make(words[1:])
    elif words[:3] in ([".venv/bin/python", "-m", "pip"], ["python3", "-m", "pip"]) or words[:2] == ["pip", "install"]:
        check_pip(words)
    elif words[0] == ".venv/bin/tensorboard":
        assert words[1] == "--logdir"
    else:
        assert words[0] == ".venv/bin/python" and words[1] in PROGRAMS, f"{command}: not a program of the project"
        rest = parse(words[1], words[2:])
        expected = {"scripts/superpixels.py": ["compare"], "scripts/compare.py": rest, "scripts/weights.py": rest}
        assert rest == expected.get(words[1], []), f"{command}: expected flags only, found {rest}"
        if words[1] == "scripts/weights.py":
            assert rest[0] in ("list", "fetch", "convert", "verify") and set(rest[1:]) <= set(WEIGHTS)


def test_there_are_commands_and_those_not_run_are_still_there():
    assert len(COMMANDS) > 15
    assert all(any(command.startswith(start) for _, command in COMMANDS) for start in NOT_RUN)
    assert any(command.startswith("make demo ") for _, command in COMMANDS)


def test_checks_see_what_they_forbid(parse):
    with pytest.raises(flags.Error):
        parse("scripts/run.py", ["--sead=3"])
    with pytest.raises(flags.Error):
        parse("scripts/run.py", ["--flagfile=flags/absent.cfg"])
    for check, words in ((check_make, ["deno"]), (check_pip, ["-e", ".[gup]"]), (check_files, ["--rows=flags/a.cfg,b.cfg"])):
        with pytest.raises(AssertionError):
            check(words)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_flags_named_in_the_text_exist(name, script_flags):
    values = flags.FlagValues()
    define_experiment_flags(values)
    known = {*values, *FLAGS_OF_OTHERS, *(flag for script in PROGRAMS for flag in script_flags(script))}
    for code in re.findall(r"`([^`\n]+)`", without_blocks(DOCUMENTS[name])):
        for flag in re.findall(r"(?:^| )--(\w+)", code):
            assert flag in known or flag.removeprefix("no") in known, f"--{flag} is no flag"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_extras_named_in_the_text_exist(name):
    for code in re.findall(r"`([^`\n]*pip install[^`\n]*)`", DOCUMENTS[name]):
        check_pip(code.split())


def test_every_script_flag_folder_and_stage_is_mentioned():
    for script in (ROOT / "scripts").glob("*.py"):
        assert script.name in ALL_TEXT, script
    for folder in {path.parent for path in (ROOT / "flags").rglob("*.cfg")} - {ROOT / "flags"}:
        names = (str(place.relative_to(ROOT)) for place in (folder, folder.parent))
        assert any(f"{name}/" in ALL_TEXT for name in names if name != "flags"), folder
    for flagfile in (ROOT / "flags").glob("*.cfg"):
        assert f"flags/{flagfile.name}" in ALL_TEXT
    for stage in (*STAGES, *DINO_STAGES):
        assert f"`{stage}`" in ALL_TEXT, stage
