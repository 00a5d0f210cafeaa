"""Flagfiles: lines of flags, some of which name further files."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path

from wsss_tf.errors import InputError

CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "wsss_tf"
_FLAG = ("--flagfile", "-flagfile")


def expand(words: Sequence[str]) -> list[str]:
    """The words of a command line with every --flagfile replaced by what stands in it.

    A file is looked for beside the file that names it (or the working folder,
    for the command line itself), then among the flagfiles of this project.

    Raises:
      InputError: no such file, or files that name each other in a circle.
    """
    return _expand(list(words), Path(), ())


def shared_file(name: str) -> Path:
    """A file that comes with the project, such as "checkpoints/manifest.json", in a checkout or where pip put it."""
    return next((root / name for root in (CHECKOUT, INSTALLED) if (root / name).exists()), CHECKOUT / name)


def _expand(words: list[str], folder: Path, open_files: tuple[Path, ...]) -> list[str]:
    expanded = []
    while words:
        word = words.pop(0)
        name, given, value = word.partition("=")
        if word == "--":
            return [*expanded, word, *words]
        if name not in _FLAG:
            expanded.append(word)
            continue
        if not given and not words:
            raise InputError("--flagfile: expected the name of a file after it: write --flagfile=FILE")
        path = _find(value if given else words.pop(0), folder)
        if path.resolve() in open_files:
            raise InputError(f"{path}: it names itself by --flagfile, directly or through others: take the line out")
        expanded += _expand(_lines(path), path.parent, (*open_files, path.resolve()))
    return expanded


def _find(name: str, folder: Path) -> Path:
    path = Path(name).expanduser()
    tried = [folder / path, shared_file(name), shared_file(f"flags/{name}")]
    found = next((each for each in tried if each.is_file()), None)
    if found is None:
        raise InputError(f"{tried[0]}: no such flagfile: give a path from {'the working folder' if folder == Path() else folder}, "
                         "or the name of one that comes with the project, e.g. flags/demo/cam.cfg")
    return found


def _lines(path: Path) -> list[str]:
    try:
        lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a text file with a flag on each line ({error}): correct it or the path") from error
    return [line for line in lines if line and not line.startswith(("#", "//"))]
