"""Rules of the house that no linter knows."""

import ast
import functools
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from wsss_tf.stages.stage import Makes
from wsss_tf.systems.catalogue import SYSTEMS

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "wsss_tf").rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "scripts").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")])
FLAG_READERS = ("parsing.py", "config.py")

WITHOUT_TENSORS = ("files", "formats", "imaging", "parallel", "data", "data/build", "pseudo_labels", "results", "evaluate",
                   "originals", "report")
FLOORS = (  # from the ground up: a room may import those of the floors below it
    ("errors", "quiet"), ("config", "example"), ("files",), ("formats", "imaging", "ops", "parallel"), ("data",),
    ("data/build", "data/stream", "nets"), ("checkpoints", "train", "inference", "superpixels", "pseudo_labels"), ("evaluate",),
    ("results",), ("originals",), ("report",), ("stages",), ("figures",), ("systems",), ("experiment",), ("compare",), ("commands",),
)
UPWARD: set[tuple[str, str]] = set()  # arrows of a room to one above it that are still to be removed
SHARED = ("catalogue", "contract", "settings", "steps", "classifier", "segmenter", "class_maps")
"""Modules of systems/ that others may import, as they name no system but for the catalogue."""
OPEN_SYSTEMS = ("wsss_tf.experiment", "wsss_tf.compare", "wsss_tf.figures", "wsss_tf.commands")

FORBIDDEN = {
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "pickle.load": r"\bpickle\.(?:loads?\b|Unpickler\()",  # but for a class of one's own that says what it admits
    "load_model": r"\bload_model\(",
    "bare except": r"^\s*except\s*:",
    "eval or exec": r"(?<![.\w])(?:eval|exec)\(",
    "unsafe tools": r"\b(?:os\.system|shell\s*=\s*True|yaml\.load|joblib\.load|marshal|torch\.load)\b",
}


def found(pattern: str, files: list[Path]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{number}: {line.strip()}" for path in files
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if re.search(pattern, line)]


def test_there_is_something_to_look_at():
    assert len(LIBRARY) > 30 and len(SCRIPTS) >= 10


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_forbidden(rule):
    assert found(FORBIDDEN[rule], LIBRARY + SCRIPTS) == []


@pytest.mark.parametrize("rule, line", [
    ("allow_pickle=True", "np.load(path, allow_pickle=True)"), ("pickle.load", "labels = pickle.load(file)"),
    ("pickle.load", "labels = pickle.Unpickler(file).load()"),
    ("load_model", "keras.models.load_model(path)"), ("bare except", "    except:"), ("eval or exec", "x = eval(text)"),
    ("unsafe tools", "subprocess.run(command, shell=True)")])
def test_rules_see_what_they_forbid(rule, line):
    assert re.search(FORBIDDEN[rule], line)


def test_library_never_reads_flags():
    files = [path for path in LIBRARY if path.name not in FLAG_READERS]
    assert found(r"\bFLAGS\b|\bDEFINE_", files) == []


def test_library_does_not_print_errors_or_exit():
    files = [path for path in LIBRARY if path.name not in ("main.py", "program.py", "progress.py")]
    assert found(r"\bsys\.exit\(|\bsys\.stderr\b", files) == []


@pytest.mark.parametrize("path", LIBRARY + SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_long_file_and_a_docstring_first(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    assert text.startswith('"""')


def test_every_room_is_a_package():
    """Or an installed copy would lack it."""
    assert [room for room in {path.parent for path in LIBRARY} if not (room / "__init__.py").exists()] == []


def test_no_part_of_the_library_is_ignored_by_git():
    listed = subprocess.run(["git", "ls-files", "--others", "--ignored", "--exclude-standard", "wsss_tf"], cwd=ROOT,
                            capture_output=True, text=True, check=False).stdout.splitlines()
    assert [path for path in listed if path.endswith((".py", ".txt", ".json"))] == []


def test_lower_layers_do_not_import_tensorflow():
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
               for room in WITHOUT_TENSORS for path in sorted((ROOT / "wsss_tf" / room).glob("*.py"))]
    modules += [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in LIBRARY if path.name == "settings.py"]
    modules += ["wsss_tf.errors", "wsss_tf.config", "wsss_tf.example", "wsss_tf.systems.catalogue", "wsss_tf.experiment"]
    modules += [f"wsss_tf.checkpoints.{name}" for name in ("manifest", "digest", "download", "names", "recipe")]
    program = ("import importlib, sys\n"
               f"for name in {modules!r}:\n"
               "    importlib.import_module(name)\n"
               "    assert not {'tensorflow', 'keras'} & sys.modules.keys(), name\n")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr


def test_every_unpickler_says_what_it_admits():
    """A subclass without find_class would import and call whatever a file names."""
    for path in LIBRARY + SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for body in re.findall(r"^class \w+\(pickle\.Unpickler\):\n((?:(?:    .*)?\n)+)", text, re.MULTILINE):
            assert "def find_class(self" in body, path


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room of a module: a folder of the package, one of data's inner rooms, or a module of the ground."""
    parts = module.split(".")[1:]
    return "/".join(parts[:2] if parts[:1] == ["data"] and parts[1:2] in (["build"], ["stream"]) else parts[:1])


def imports_of(path: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    known, found = {name_of(each) for each in LIBRARY}, set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names} & known
            found |= inner or {node.module}
    return {module for module in found if module.startswith("wsss_tf.")}


@functools.cache
def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, room that it imports) -> the modules that do."""
    found = defaultdict(list)
    for path in LIBRARY:
        for module in imports_of(path):
            pair = room_of(name_of(path)), room_of(module)
            if pair[0] and pair[0] != pair[1]:
                found[pair].append(f"{name_of(path)} -> {module}")
    return dict(found)


def test_every_room_has_its_floor():
    floors = [room for floor in FLOORS for room in floor]
    assert sorted(floors) == sorted({room_of(name_of(path)) for path in LIBRARY} - {""})


def test_nothing_is_imported_upwards():
    height = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    upward = {pair: modules for pair, modules in arrows().items() if height[pair[0]] <= height[pair[1]]}
    assert upward.keys() == UPWARD, upward


def test_rooms_form_no_circle():
    """Whatever their floors."""
    below = defaultdict(set)
    for room, other in arrows().keys() - UPWARD:
        below[room].add(other)

    def lead_to_itself(room: str) -> bool:
        reached, ahead = set(), [room]
        while ahead:
            new = below.get(ahead.pop(), set()) - reached
            reached |= new
            ahead += new
        return room in reached

    assert [room for room in below if lead_to_itself(room)] == []


def test_no_module_outside_systems_names_a_system():
    """As a text; a word that is a kind of artefact too is one everywhere."""
    names = set(SYSTEMS) - {kind.value for kind in Makes}
    assert {"masking", "superpixel_growing", "cam_baseline"} <= names
    found = [f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}" for path in LIBRARY if "systems" not in path.parts
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Constant) and node.value in names
             and (path.name, node.value) != ("protocol.py", "dino")]  # a part of the names of published checkpoints
    assert found == []


def test_systems_are_reached_by_the_catalogue_and_shared_modules_alone():
    found = [f"{name_of(path)} -> {module}" for path in LIBRARY if "systems" not in path.parts for module in sorted(imports_of(path))
             if module.startswith("wsss_tf.systems") and not (
                 module.split(".")[2] in SHARED and name_of(path).startswith(OPEN_SYSTEMS))]
    assert found == []


def test_the_catalogue_alone_imports_every_system():
    """Systems may build on each other, but their shared modules know none of them."""
    shared = [path for path in LIBRARY if path.parent == ROOT / "wsss_tf/systems" and path.stem in SHARED and path.stem != "catalogue"]
    rooms = {path.parent.name for path in LIBRARY if path.parent.parent == ROOT / "wsss_tf/systems"}
    found = [f"{name_of(path)} -> {module}" for path in shared for module in imports_of(path)
             if module.startswith("wsss_tf.systems.") and module.split(".")[2] in rooms]
    assert len(shared) >= 6 and found == []
