"""The folders of stages: one process at a time, nothing lost, nothing moved that is not ours."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import filelock

from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, UNFINISHED, read_manifest
from wsss_tf.files.store import make_folder


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes the folder if need be and keeps other processes from it; a process that dies lets go.

    Raises:
      InputError: another process has it.
    """
    make_folder(folder)
    lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InputError(f"{folder}: another process is making this stage: wait until it is done, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def make_room(folder: Path, wanted: str) -> None:
    """Renames an outdated stage, and takes back one that was set aside and has the wanted fingerprint.

    Args:
      folder: of the stage; what is unfinished there and wanted stays, to be continued.
      wanted: the fingerprint.

    Raises:
      InputError: there is something that no stage has made.
    """
    content = [path for path in folder.iterdir() if path.name != UNFINISHED]
    if not content or _note(folder) == wanted or _made(folder) == wanted:
        if content or not _kept(folder, wanted):
            return
    if content and not _is_ours(folder):
        raise InputError(f"{folder}: expected the folder of a stage, found {content[0].name} and no manifest of this project: "
                         "move it away, or choose another --experiment or --runs")
    before = _kept(folder, wanted)
    if content:
        number = 1
        while (aside := folder.with_name(f"{folder.name}.outdated-{number}")).exists():
            number += 1
        folder.rename(aside)
        print(f"[{folder.name}] made with other settings or inputs before: kept as {aside}")
    if before:
        with contextlib.suppress(FileNotFoundError):
            (folder / UNFINISHED).unlink()
            folder.rmdir()
        before.rename(folder)
        print(f"[{folder.name}] taken back: {before}")
    else:
        make_folder(folder)


def _kept(folder: Path, wanted: str) -> Path | None:
    """A folder set aside that has the wanted fingerprint, finished before unfinished."""
    aside = sorted(folder.parent.glob(f"{folder.name}.outdated-*"))
    return next((path for of in (_made, _note) for path in aside if of(path) == wanted), None)


def _is_ours(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or (folder / UNFINISHED).exists()


def _made(folder: Path) -> str | None:
    """Fingerprint of a finished stage."""
    with contextlib.suppress(InputError):
        return read_manifest(folder)["fingerprint"]
    return None


def _note(folder: Path) -> str | None:
    """Fingerprint of an unfinished stage."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        return json.loads((folder / UNFINISHED).read_text(encoding="utf-8")).get("fingerprint")
    return None
