"""The photos that a user names: a file, a folder or a pattern."""

import collections
import glob
import os
from pathlib import Path

from wsss_tf.config import expand_path
from wsss_tf.data.names import PHOTO_SUFFIXES, composed, is_text, printable
from wsss_tf.errors import InputError
from wsss_tf.example import Example


def find_inputs(pattern: str, without: Path) -> tuple[tuple[Example, ...], tuple[Path, ...]]:
    """The photos, by path, and the other files that the pattern matches.

    An image id is the path from the folder that all photos share, without its
    suffix; where two photos would share an id, such as a.jpg and a.png, both keep
    theirs. Bytes of a name that are no UTF-8 stand in it as _xNN.

    Args:
      pattern: a file, a folder (the files in it, not those below) or a pattern
        such as photos/**/*.jpg; may begin with ~ and contain ${VARIABLE}. Brackets
        are those of a name, or a set of letters where no file has such a name.
      without: a folder whose files are no inputs, where results go.

    Raises:
      InputError: there are no photos.
    """
    path = expand_path(pattern)
    if path.is_dir():
        found = path.iterdir()
    else:
        found = [path] if path.is_file() else map(Path, _matching(str(path)))
    files = sorted(file for file in found if file.is_file() and without.resolve() not in file.resolve().parents)
    photos = [file for file in files if file.suffix.lower() in PHOTO_SUFFIXES and not file.name.startswith(".")]
    if not photos:
        other = f" ({printable(files[0].name)}: `wsss data convert` writes photos of other formats as PNG)" if files else ""
        raise InputError(f"--input={pattern}: expected a photo, a folder of photos or a pattern that matches some "
                         f"({', '.join(PHOTO_SUFFIXES)}), found {len(files)} other files{other}: correct it")
    base = os.path.commonpath([file.parent for file in photos])
    names = _names([file.relative_to(base) for file in photos])
    examples = tuple(Example(name, file, ()) for name, file in zip(names, photos))
    return examples, tuple(file for file in files if file not in set(photos))


def _matching(pattern: str) -> list[str]:
    return glob.glob(pattern.replace("[", "[[]"), recursive=True) or glob.glob(pattern, recursive=True)


def _names(files: list[Path]) -> list[str]:
    """A name for each file, none twice, not even on file systems that do not tell a from A or é from e with an accent."""
    wholes = [printable(file.as_posix()).replace("\\x", "_x") if not is_text(str(file)) else file.as_posix() for file in files]
    stems = [os.path.splitext(whole)[0] for whole in wholes]
    often = collections.Counter(map(_key, stems))
    names = [whole if often[_key(stem)] > 1 else stem for stem, whole in zip(stems, wholes)]
    unique = len(set(map(_key, names))) == len(names)
    return names if unique else wholes


def _key(name: str) -> str:
    return composed(name).casefold()
