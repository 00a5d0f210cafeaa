"""README and documents against the program: every command parses, every flag, system, stage, target and extra exists."""

import configparser
import importlib
import re
import shlex
from pathlib import Path

import pytest

from wsss_tf.checkpoints.manifest import read_manifest
from wsss_tf.commands.main import COMMANDS
from wsss_tf.commands.parsing import experiment_of, flag_names, parse
from wsss_tf.errors import InputError
from wsss_tf.stages.settings import RunConfig
from wsss_tf.systems.catalogue import SYSTEMS

ROOT = Path(__file__).parents[1]
DOCUMENTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
             for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "checkpoints/README.md")}
ALL_TEXT = "\n".join(DOCUMENTS.values())
OWN = ("benchmarks", "checkpoints", "docs", "flags", "scripts", "tests", "wsss_tf")  # folders of the repository

NOT_RUN = ("docker run -p 8501:8501 ", 'echo "{\\"instances\\":', "dask scheduler", "dask worker ",  # need servers
           "tar xf VOCtrainval_11-May-2012.tar ", "cat benchmark_RELEASE/dataset/")  # need the archives of VOC and SBD
WORDS = {"data": ("check", "convert", "generate", "voc_aug", "coco_masks"), "weights": ("list", "fetch", "convert", "verify")}
OTHER_FLAGS = {"flagfile", "help", "system", "logdir"}


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


LINES = [(name, line.strip()) for name, text in DOCUMENTS.items()
         for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
         for line in block.replace("\\\n", " ").splitlines() if line.strip()]
IN_TEXT = [(name, code) for name, text in DOCUMENTS.items() for code in re.findall(r"`(wsss [^`\n]+)`", without_blocks(text))]


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("WSSS_VOC", "WSSS_COCO", "WSSS_WEIGHTS", "WSSS_SHARED"):
        monkeypatch.setenv(name, "nowhere")


def command(name: str):
    return importlib.import_module(f"wsss_tf.commands.{name}").COMMAND


def check_wsss(words: list[str]) -> None:
    """As the program would begin: its command, its flags, the files that they name, and what else it takes."""
    assert words[0] in COMMANDS, f"wsss {words[0]}: no such command"
    found = command(words[0])
    flags = [word for word in words[1:] if word not in ("--help", "--flagfile=FILE", "--system=SYSTEM", "--system=NAME")]
    if any(word in ("WORD", "NAME", "SYSTEM", "COMMAND", "...") for word in flags):  # a form and not a command
        return
    rest = parse(flags, found.own, found.experiment).words
    assert found.words or not rest, f"wsss {words[0]}: expected flags only, found {rest}"
    if words[0] in WORDS and rest:
        assert rest[0] in WORDS[words[0]], f"wsss {words[0]} {rest[0]}: no such work"
    if words[0] == "weights":
        assert set(rest[1:]) <= set(read_manifest(ROOT / "checkpoints/manifest.json"))
    if words[0] == "flags":
        assert set(rest) <= set(SYSTEMS)


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


@pytest.mark.parametrize("name, line", LINES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(LINES)])
def test_command(name, line):
    if line.startswith(NOT_RUN):
        return
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if not words or words[0] == "export":
        return
    check_files(words)
    checks = {"wsss": check_wsss, "make": check_make, "pip": check_pip}
    assert words[0] in checks, f"{line}: not a program of the project"
    checks[words[0]](words[1:])


@pytest.mark.parametrize("name, code", IN_TEXT, ids=[f"{name}-{number}" for number, (name, _) in enumerate(IN_TEXT)])
def test_command_in_the_text(name, code):
    words = shlex.split(code)
    check_files(words)
    check_wsss([word for word in words[1:] if "..." not in word and not re.search(r"=[A-Z]{3}", word)])


def test_there_are_commands_and_those_not_run_are_still_there():
    assert len(LINES) > 15 and len(IN_TEXT) > 10
    assert all(any(line.startswith(start) for _, line in LINES) for start in NOT_RUN)
    assert any(line.startswith("make demo ") for _, line in LINES)


def test_checks_see_what_they_forbid():
    for words in (["run", "--sead=3"], ["run", "--flagfile=flags/absent.cfg"], ["run", "--system=dino", "--seg_epochs=3"]):
        with pytest.raises(InputError):
            check_wsss(words)
    for check, words in ((check_wsss, ["walk"]), (check_wsss, ["data", "chekc"]), (check_wsss, ["run", "cams"]),
                         (check_make, ["deno"]), (check_pip, ["-e", ".[gup]"]), (check_files, ["--rows=flags/a.cfg,b.cfg"])):
        with pytest.raises(AssertionError):
            check(words)


def test_flags_named_in_the_texts_exist():
    known = OTHER_FLAGS | set(RunConfig.__dataclass_fields__).union(*map(flag_names, SYSTEMS.values()))
    known |= {field for name in COMMANDS if (own := command(name).own) for field in own.__dataclass_fields__}
    for path in (ROOT / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'DEFINE_\w+\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    for name, text in DOCUMENTS.items():
        for code in re.findall(r"`([^`\n]+)`", without_blocks(text)):
            for flag in re.findall(r"(?:^| )--(\w+)", code):
                assert flag in known or flag.removeprefix("no") in known, f"{name}: --{flag} is no flag"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_extras_named_in_the_text_exist(name):
    for code in re.findall(r"`([^`\n]*pip install[^`\n]*)`", DOCUMENTS[name]):
        check_pip(code.split())


def test_every_command_system_stage_and_folder_of_flags_is_mentioned():
    for name in COMMANDS:
        assert f"wsss {name}" in ALL_TEXT, f"wsss {name}"
    for name in SYSTEMS:
        assert f"`--system={name}`" in ALL_TEXT, name
        for stage in experiment_of([f"--system={name}"]).chain.stages:
            assert f"| `{stage}` |" in DOCUMENTS["docs/stages.md"], stage
    for folder in {path.parent for path in (ROOT / "flags").rglob("*.cfg")} - {ROOT / "flags"}:
        names = (str(place.relative_to(ROOT)) for place in (folder, folder.parent))
        assert any(f"{name}/" in ALL_TEXT for name in names if name != "flags"), folder
