"""Names of photos, masks and classes: which two are the same, and which one was meant.

Letters with accents have two forms, composed (Windows, Linux) and decomposed
(files from a Mac). Names are kept and compared in the composed one (NFC).
"""

import difflib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from urllib.parse import unquote

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png")
CONVERTIBLE_SUFFIXES = (".bmp", ".gif", ".tif", ".tiff", ".webp")  # read by Pillow, not by TensorFlow: to be converted


def composed(name: str) -> str:
    """The name in the form in which names are compared (NFC)."""
    return unicodedata.normalize("NFC", name)


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8, so that lists, tables and pages can hold it."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def printable(name: object) -> str:
    """The name or path with bytes that are no UTF-8 shown as \\xNN."""
    return os.fsencode(str(name)).decode("utf-8", "backslashreplace")


def photo_id(name: str) -> str:
    """The id that the name of a photo stands for: 'a.jpg' and 'images/a.jpg' are 'a'; other names are ids."""
    return _without_suffix(name, PHOTO_SUFFIXES)


def near_match(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that may have been meant, '' if none is like it; one that differs by case or spaces alone comes first."""
    known = tuple(known)
    same = [other for other in known if folded(other) == folded(name)]
    return next(iter(same or difflib.get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def folded(name: str) -> str:
    """The name without spaces and case."""
    return "".join(name.split()).casefold()


def match_names(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """The known id that each name stands for; a name that stands for none is left out.

    An id as it is counts first, then the file name or path of its photo, also
    of Windows or as in a URL. What no name has claimed so may still be meant by
    one that differs by case, spaces, or zeros in front that a spreadsheet has
    dropped; but only where it is the only such id and this the only such name.

    Args:
      names: ids as people write them, each once.
      known: the ids that there are, composed.
    """
    names, known = list(names), set(known)
    found = {name: meant for name in names if (meant := _literal(name, known))}
    for loose in (folded, _number):
        left, free = [name for name in names if name not in found], known - set(found.values())
        if not left:
            break
        ids, wanted = _only(free, lambda known_id: {loose(known_id)}), _only(left, lambda name: set(map(loose, _forms(name))))
        found |= {name: ids[key] for key, name in wanted.items() if key in ids}
    return found


def _literal(name: str, known: set[str]) -> str | None:
    return name if name in known else next((form for form in _forms(name) if form in known), None)


def _forms(name: str) -> list[str]:
    """The ids that a name may stand for by itself, the most literal one first."""
    name = composed(name)
    suffixes = PHOTO_SUFFIXES + CONVERTIBLE_SUFFIXES
    return [name, photo_id(name), *(_without_suffix(text, suffixes) for text in (name, unquote(name)))]


def _without_suffix(name: str, suffixes: tuple[str, ...]) -> str:
    stem, suffix = os.path.splitext(name.replace("\\", "/"))
    return os.path.basename(stem) if suffix.lower() in suffixes else name


def _number(name: str) -> str:
    return str(int(name)) if re.fullmatch(r"[0-9]{1,18}", name) else ""


def _only(names: Iterable[str], keys: Callable[[str], set[str]]) -> dict[str, str]:
    """Key -> the only name that has it."""
    pairs = [(key, name) for name in names for key in keys(name) - {""}]
    often = Counter(key for key, _ in pairs)
    return {key: name for key, name in pairs if often[key] == 1}
