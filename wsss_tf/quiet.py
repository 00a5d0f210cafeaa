"""TensorFlow without its banners, unless something is wrong."""

import contextlib
import faulthandler
import functools
import importlib.abc
import importlib.machinery
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Levels that leave out remarks and warnings, and what TensorFlow takes for errors too. An exception tells whatever makes it
# fail on a processor, but refers to errors printed before it where a card is involved.
_WITH_CARD, _WITHOUT_CARD = "2", "3"
_NO_CARD_WANTED = ("", "-1")  # values of CUDA_VISIBLE_DEVICES


def silence_tensorflow() -> None:
    """Lets TensorFlow say nothing unless something is wrong, from the import on that comes later.

    What it says while it is imported and looks for devices, which no variable
    silences, is held back. It is shown if the import fails, or if there is a
    driver of NVIDIA but no device is found. TF_CPP_MIN_LOG_LEVEL=0 in the
    environment shows all at once.
    """
    level = os.environ.setdefault(_LEVEL, _WITH_CARD if driver_is_there() else _WITHOUT_CARD)
    if level != "0" and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def driver_is_there() -> bool:
    """Whether a driver of NVIDIA is installed on this machine, working or not."""
    return bool(shutil.which("nvidia-smi") or any(Path("/dev").glob("nvidia[0-9]*")))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow where it is, and lets it be imported quietly."""

    def find_spec(self, fullname, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(fullname, path) if fullname == "tensorflow" else None
        if spec and spec.loader:
            spec.loader.exec_module = functools.partial(_import, spec.loader.exec_module)
        return spec


def _import(execute: Callable[[ModuleType], None], tensorflow: ModuleType) -> None:
    with _held_back() as show:
        try:
            execute(tensorflow)
            found = tensorflow.config.list_physical_devices("GPU")  # complains now or with the first operation
        except BaseException:
            show()
            raise
        if driver_is_there() and not found and os.environ.get("CUDA_VISIBLE_DEVICES") not in _NO_CARD_WANTED:
            show(f"There is a driver of NVIDIA, but TensorFlow finds no device: `wsss doctor` looks for the cause, and "
                 f"{_LEVEL}=0 in the environment lets TensorFlow say more.\n")


@contextlib.contextmanager
def _held_back() -> Iterator[Callable[..., None]]:
    """Keeps what is written to file descriptor 2; yields the function that lets it out at the end, with a text behind it."""
    out = []
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        os.dup2(kept.fileno(), 2)
        watched = faulthandler.is_enabled()
        faulthandler.enable(real)  # if all dies inside, say so at least
        try:
            yield lambda text="": out.append(text)
        finally:
            os.dup2(real, 2)
            faulthandler.enable() if watched else faulthandler.disable()
            os.close(real)
            if out:
                kept.seek(0)
                os.write(2, kept.read() + "".join(out).encode())
