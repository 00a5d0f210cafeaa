"""Rules of the house that no linter knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "wsss_tf").rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "scripts").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")])
FLAG_READERS = ("program.py", "config.py")

WITHOUT_TENSORS = ("files", "formats", "imaging", "parallel", "data", "data/build", "pseudo_labels", "results", "evaluate")

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
    files = [path for path in LIBRARY if path.name not in ("program.py", "progress.py")]
    assert found(r"\bsys\.exit\(|\bsys\.stderr\b", files) == []


@pytest.mark.parametrize("path", LIBRARY + SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_long_file_and_a_docstring_first(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    assert text.startswith('"""')


def test_lower_layers_do_not_import_tensorflow():
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
               for room in WITHOUT_TENSORS for path in sorted((ROOT / "wsss_tf" / room).glob("*.py"))]
    modules += ["wsss_tf.errors", "wsss_tf.config", "wsss_tf.example"]
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
