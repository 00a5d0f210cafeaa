"""Image-level labels: the classes that a photo shows."""

from collections.abc import Iterable

from wsss_tf.data.names import composed, near_match
from wsss_tf.data.text import quoted
from wsss_tf.errors import InputError

Tags = dict[str, tuple[int, ...]]  # image id -> sorted label values, each in 1..C; () where it shows none of the classes
_BACKGROUND, _NOTHING = {"background", "bg"}, {"empty", "negative", "no", "nothing", "none"}


def label_values(place: str, names: Iterable[str], class_names: tuple[str, ...]) -> tuple[int, ...]:
    """The sorted label values of classes.

    Args:
      place: where they are named, for error messages.
      names: names of classes.
      class_names: names indexed by label value.

    Raises:
      InputError: a name is no class.
    """
    foreground, values = class_names[1:], set()
    for name in map(composed, names):
        if name not in foreground:
            raise InputError(f"{place}: unknown class '{quoted(name)}': {_remedy(name, foreground)}")
        values.add(class_names.index(name, 1))
    return tuple(sorted(values))


def is_background(name: str) -> bool:
    """Whether a name means the background, as programs write it: _background_, Background, bg."""
    return name.strip("_ ").casefold() in _BACKGROUND


def _remedy(name: str, foreground: tuple[str, ...]) -> str:
    close = near_match(name, foreground)
    if close:
        return f"did you mean '{close}'? correct it (or the list of classes)"
    known = f"expected one of {', '.join(foreground)}"
    if name.isdecimal():
        return f"{known}: write the names of the classes, not their numbers"
    if is_background(name) or name.casefold() in _NOTHING:
        return f"{known}, or an empty cell for a photo that shows none of them"
    return f"{known}: correct it (or the list of classes)"
