"""How far a piece of work is: a bar on a terminal, a line now and then in a file or a pipe."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

EVERY = 30  # seconds between two lines
_BYTES = "B"


class Lines:
    """Lines such as "masks: 120 of 231 img, 3.4 img/s, 0.5 min left", from `with` on to its end."""

    def __init__(self, total: int | None, label: str, unit: str, start: int, clock: Callable[[], float]):
        self._total, self._label, self._clock = total, label, clock
        self._unit = unit if unit == _BYTES else f" {unit}"
        self._start = self._done = start
        self._text = ""

    def __enter__(self) -> "Lines":
        self._begin = self._told = self._clock()
        return self

    def __exit__(self, *error: object) -> None:
        seconds = self._clock() - self._begin
        self._tell(seconds, f"{seconds / 60:.1f} min")

    def update(self, n: int = 1) -> None:
        """So many more are done."""
        self._done += n
        now = self._clock()
        if now - self._told >= EVERY and self._done != self._total:
            self._told, seconds = now, now - self._begin
            left = self._total and seconds * (self._total - self._done) / (self._done - self._start)
            self._tell(seconds, f"{left / 60:.1f} min left" if left else "")

    def set_postfix_str(self, s: str) -> None:
        """A text to show beside the numbers."""
        self._text = s

    def _tell(self, seconds: float, length: str) -> None:
        of = f" of {self._amount(self._total)}" if self._total else ""
        words = [f"{self._amount(self._done)}{of}{self._unit}", self._speed(seconds), length, self._text]
        print(f"{self._label}: {', '.join(filter(None, words))}", file=sys.stderr, flush=True)

    def _speed(self, seconds: float) -> str:
        done = self._done - self._start
        if not done or not seconds:
            return ""
        if done < seconds:
            return f"{seconds / done:.1f} s/{self._unit.strip()}"
        return f"{self._amount(done / seconds)}{self._unit}/s"

    def _amount(self, number: float) -> str:
        if self._unit == _BYTES:
            return tqdm.format_sizeof(number)
        return f"{number:.1f}" if isinstance(number, float) else str(number)


def progress(total: int | None, label: str, unit: str = "img", start: int = 0, shown: bool = True,
             clock: Callable[[], float] = time.monotonic) -> tqdm | Lines:
    """A bar where stderr is a terminal; else a line every 30 seconds and one at the end.

    Args:
      total: how many there are; None: nobody knows.
      label: name of the work.
      unit: what is counted; "B", bytes, are told in k, M and G.
      start: how many were done before.
      shown: False: say nothing.
      clock: gives seconds, for the lines.
    """
    shown = shown and total != 0
    if shown and not _columns():
        return Lines(total, label, unit, start, clock)
    return tqdm(total=total, desc=label, unit=unit, unit_scale=unit == _BYTES, initial=start, disable=not shown,
                dynamic_ncols=True)


def counted(items: Iterable[T], total: int, label: str, unit: str = "img", shown: bool = True) -> Iterator[T]:
    """Passes the items on and tells how many have passed; arguments as in `progress`."""
    with progress(total, label, unit, shown=shown) as told:
        for item in items:
            yield item
            told.update()


def _columns() -> int:
    """Width of the terminal that stderr is; 0 where it is none, or one without a size."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # a file or a pipe; not even a file
        return 0
