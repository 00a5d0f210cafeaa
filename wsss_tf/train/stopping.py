"""Ending a training where it loses nothing."""

import signal
import threading


class StopRequest:
    """Hears SIGTERM while it is entered, which batch systems send before they kill, and leaves the end to the loop.

    Attributes:
      asked: whether the signal has come.
    """

    def __enter__(self) -> "StopRequest":
        self.asked = False
        self._hears = threading.current_thread() is threading.main_thread()  # signals reach no other
        if self._hears:
            self._before = signal.signal(signal.SIGTERM, self._hear)
        return self

    def __exit__(self, *unused) -> None:
        if self._hears:
            signal.signal(signal.SIGTERM, self._before)

    def _hear(self, number, frame) -> None:
        self.asked = True
