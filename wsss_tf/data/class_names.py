"""The class list of a data set: classes.txt."""

import re
from pathlib import Path

from wsss_tf.data.labels_csv import column_names
from wsss_tf.data.names import composed, near_match
from wsss_tf.data.tags import is_background
from wsss_tf.data.text import read_text
from wsss_tf.errors import InputError
from wsss_tf.example import MAX_CLASSES

BACKGROUND_NAME = "background"
_IGNORED = "__ignore__"  # labelme's first line, for pixels of 255
_CLASSLESS = {"ignore", "unlabeled", "unlabelled", "unknown", "void", "none"}


def read_class_names(path: Path, labels: Path | None = None) -> tuple[str, ...]:
    """Names indexed by label value, from one name per line; the background may be left out.

    The first line may name it as other programs do (_background_, Background,
    bg), after labelme's __ignore__, whose pixels are 255.

    Args:
      path: classes.txt.
      labels: file of the tags, where the error message looks for names if there is no classes.txt.

    Raises:
      InputError: missing, empty, a blank line between names, a name that comes
        twice (case and spaces apart) or holds ';', a background after the first
        class, a name for pixels without class, numbers before the names, more
        than 254 classes.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file: write the names of the classes, one per line, in the order of the "
                         f"label values{_named_in(labels)}")
    lines = [composed(line.strip()) for line in read_text(path).rstrip().splitlines()] or [""]
    names = dict(enumerate(lines, 1))
    if len(lines) > 1 and lines[0].casefold() == _IGNORED:
        del names[1]
    first = min(names)
    if is_background(names[first]):
        del names[first]
    return checked_class_names(path, names)


def checked_class_names(path: Path, names: dict[int, str], place: str = "line") -> tuple[str, ...]:
    """Names indexed by label value, 'background' in front.

    Args:
      path: their file, for error messages.
      names: number of the line (or id of the category) -> name, in the order of the label values.
      place: what the numbers count.

    Raises:
      InputError: as `read_class_names`.
    """
    for number, name in names.items():
        problem = _problem(name)
        if problem:
            raise InputError(f"{path}: {place} {number}: expected the name of a class (without ';'), found '{name}': "
                             f"{problem}")
    if names and all(re.match(r"\d+\s*[:.),\t]\s*\D", name) for name in names.values()):
        number, name = next(iter(names.items()))
        raise InputError(f"{path}: {place} {number}: expected names alone, found numbers before them ('{name}'): leave out "
                         "the numbers and keep the order of the label values, which begin with 1 after the background")
    seen = []
    for number, name in names.items():
        before = near_match(name, seen, cutoff=1)
        if before:
            how = "comes twice" if before == name else f"differs from '{before}' by case or spaces alone"
            raise InputError(f"{path}: {place} {number}: class '{name}' {how}: rename or remove one")
        seen.append(name)
    if not 1 <= len(names) <= MAX_CLASSES:
        raise InputError(f"{path}: expected 1 to {MAX_CLASSES} classes, found {len(names)}: add or merge some")
    return (BACKGROUND_NAME, *names.values())


def is_classless(name: str) -> bool:
    """Whether a name means pixels that belong to no class and do not count: void, __ignore__, unlabeled."""
    return name.strip("_ ").casefold() in _CLASSLESS


def _problem(name: str) -> str:
    """Why the name cannot be that of a class and what to do; '' if it can."""
    if not name or ";" in name or is_background(name):
        return "write one name per line, 'background' on the first line or nowhere"
    if is_classless(name):
        return ("if label 0 is this, write background instead; if it is 255, take the line out; if it is a class, rename it; "
                "and make sure that the masks number the classes from 1 on")
    return ""


def _named_in(labels: Path | None) -> str:
    """What a labels.csv calls the classes, as advice for somebody who has not written classes.txt yet."""
    if labels is None or labels.suffix.lower() != ".csv" or not labels.is_file():
        return ""
    names = column_names(labels)
    return f" ({labels.name} speaks of {', '.join(names[:20])}{', ...' if len(names) > 20 else ''})" if names else ""
