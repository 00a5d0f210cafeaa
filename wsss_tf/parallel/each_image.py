"""Work that goes image by image: what is there is skipped, what fails is told at the end."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from wsss_tf.errors import InputError, WriteError
from wsss_tf.example import Example
from wsss_tf.files.store import make_folder
from wsss_tf.parallel import pool as parallel
from wsss_tf.parallel.progress import counted

T = TypeVar("T")

_LISTED = 20  # failures that a message names


def make_missing(work: Callable[..., None], examples: Iterable[Example], target: Callable[[Example], Path],
                 arguments: Callable[[Example], tuple], label: str, workers: parallel.Workers) -> None:
    """Makes the artefact of each example that has none (they appear whole or not at all).

    Args:
      work: called with the artefact's path and the example's arguments.
      examples: all of them.
      target: where the artefact of an example lies.
      arguments, label, workers: as in `each_image`.

    Raises:
      InputError: as `each_image`, or Dask workers do not see the folder.
    """
    todo = missing(examples, target)
    if todo:
        make_folder(folder := target(todo[0]).parent)
        parallel.require_workers(workers, folder)
        each_image(work, todo, lambda example: (target(example), *arguments(example)), label, workers)


def missing(examples: Iterable[Example], target: Callable[[Example], Path]) -> list[Example]:
    """The examples whose artefact is not there yet."""
    return [example for example in examples if not target(example).exists()]


def each_image(work: Callable[..., T], examples: Sequence[Example], arguments: Callable[[Example], tuple], label: str,
               workers: parallel.Workers) -> list[T]:
    """What `work` returns for each example, in their order; see `attempt_each`.

    Raises:
      InputError: some images have failed; it lists them, and all others are
        done. Or a worker has died.
      WriteError: the disk is full or the like; the work ends at once.
    """
    values, failures = attempt_each(work, examples, arguments, label, workers)
    raise_failures(failures, len(examples), label)
    return values


def attempt_each(work: Callable[..., T], examples: Sequence[Example], arguments: Callable[[Example], tuple], label: str,
                 workers: parallel.Workers) -> tuple[list[T], list[str]]:
    """What `work` returns for each example that it can, in their order, and a line on each image that has failed.

    Args:
      work: function of a module; see wsss_tf.parallel.pool.ordered.
      examples: the images.
      arguments: example -> arguments of work, made in this process.
      label: name of the work on the progress bar.
      workers: who does it.

    Raises:
      InputError: a worker has died.
      WriteError: as `each_image`.
    """
    values, failures, fatal = [], [], []

    def calls() -> Iterator[tuple]:
        for example in examples:
            if fatal:
                return
            made, failed = _attempt(arguments, example.image, example)
            yield work, example.image, failed, *(made or ())

    for value, failed in counted(parallel.ordered(_go_on, calls(), len(examples), workers), len(examples), label):
        if isinstance(failed, WriteError):
            fatal.append(failed)
        elif failed:
            failures.append(failed)
        else:
            values.append(value)
    if fatal:
        raise fatal[0]
    return values, failures


def raise_failures(failures: Sequence[str], total: int, label: str) -> None:
    """Raises an InputError that lists what has failed, if anything has."""
    if failures:
        more = [f"and {len(failures) - _LISTED} more"] if len(failures) > _LISTED else []
        raise InputError("\n  ".join([f"{label}: {len(failures)} of {total} images failed, all others are done: mend these "
                                      "and give the same command again:", *failures[:_LISTED], *more]))


def failure(file: Path, error: Exception) -> str:
    """One line on an image that has failed: its file and why."""
    text = str(error)
    if not isinstance(error, (InputError, OSError)):  # nobody has foreseen it: say where
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {text} ({Path(place.filename).name}, line {place.lineno})"
    text = " ".join(text.split())
    return text if text.startswith(str(file)) else f"{file}: {text}"


def _attempt(work: Callable[..., T], file: Path, *arguments: object) -> tuple[T | None, str | WriteError | None]:
    """(result, None), or (None, what went wrong)."""
    try:
        return work(*arguments), None
    except WriteError as error:
        return None, error
    except Exception as error:  # whatever it is, it is this image's
        return None, failure(file, error)


def _go_on(work: Callable[..., T], file: Path, failed: str | WriteError | None,
           *arguments: object) -> tuple[T | None, str | WriteError | None]:
    """Attempts the work, or passes on why its arguments could not be made."""
    return (None, failed) if failed else _attempt(work, file, *arguments)
