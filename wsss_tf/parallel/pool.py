"""The same work on many images, by several processes of this machine or by a Dask cluster."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import BrokenProcessPool

from wsss_tf import __version__
from wsss_tf.config import ALL, setting
from wsss_tf.errors import InputError

PARALLEL = ("processes", "dask")
_PATIENCE = 10  # seconds until a scheduler is taken for unreachable
_DASK_THREADS = "--nworkers=CORES --nthreads=1"


@dataclasses.dataclass(frozen=True)
class Workers:
    """Who does the work that goes image by image."""

    workers: int | str = setting(ALL, "processes of the stages that work image by image; all: as many as there are cores; a "
                                      "Dask cluster has its own number", low=1, words=(ALL,))
    parallel: str = setting("processes", "who works image by image: processes of this machine, or a Dask cluster that "
                                         "has wsss_tf installed and sees the same files under the same paths", PARALLEL)
    scheduler: str = setting("", "address of the cluster for --parallel=dask, e.g. tcp://HOST:8786")


def require_workers(workers: Workers, folder: Path | None = None) -> None:
    """Makes sure that there are workers fit for the work, before hours go into what precedes it.

    Args:
      workers: who they are; processes of this machine always fit.
      folder: one that they must see.

    Raises:
      InputError: Dask is not installed, its scheduler does not answer, has no
        workers, or they lack this version of wsss_tf or the folder.
    """
    if workers.parallel == "dask":
        with _dask_client(workers.scheduler) as client:
            answers = client.run(_introduce, folder and folder.absolute(), on_error="return")
            _check_answers(answers, client.nthreads(), workers.scheduler, folder)


def ordered(work: Callable, calls: Iterable[tuple], total: int, workers: Workers) -> Iterator:
    """Yields what work(*arguments) returns for each tuple of arguments, in their order.

    The arguments are made in this process, a few ahead of the workers, so that
    they may come from a net on a GPU. Large arrays in them reach processes
    through shared memory, read-only. The processes end with the last result.

    Args:
      work: function of a module (its name is sent to the other processes).
      calls: arguments of each call.
      total: their number, at most.
      workers: who they are; one process is this one.

    Raises:
      InputError: a worker has died, or `require_workers` has something to say.
      Exception: what a call has raised; the other calls are then given up.
    """
    wanted = (os.cpu_count() or 1) if workers.workers == ALL else workers.workers
    count = min(wanted, max(total, 1))
    if workers.parallel == "dask":
        yield from _by_dask(work, calls, workers.scheduler)
    elif count > 1:
        yield from _by_processes(work, calls, count)
    else:
        for arguments in calls:
            yield work(*arguments)


def _by_processes(work: Callable, calls: Iterable[tuple], count: int) -> Iterator:
    parallel = joblib.Parallel(n_jobs=count, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
    try:
        yield from parallel(joblib.delayed(work)(*arguments) for arguments in calls)
    except BrokenProcessPool as error:
        raise InputError(f"a worker process has died, killed or out of memory: what is done is kept: run again with fewer "
                         f"processes, e.g. --workers={max(count // 2, 1)}") from error
    finally:
        get_reusable_executor().shutdown(wait=True)  # idle ones would keep their memory for five minutes


def _by_dask(work: Callable, calls: Iterable[tuple], scheduler: str) -> Iterator:
    with _dask_client(scheduler) as client:
        from distributed import CancelledError, KilledWorker  # optional, and there, since there is a client

        from wsss_tf.parallel.dask_backend import DaskBackend

        with joblib.parallel_config(DaskBackend(client=client)):
            parallel = joblib.Parallel(n_jobs=-1, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
        try:
            yield from parallel(joblib.delayed(work)(*_absolute(arguments)) for arguments in calls)
        except KilledWorker as error:
            raise InputError(f"{scheduler}: several Dask workers have died over the same image, killed or out of memory: "
                             "what is done is kept: give them more memory and run again") from error
        except CancelledError as error:
            raise InputError(f"--scheduler={scheduler}: the Dask scheduler does not answer any more: what is done is kept: "
                             "start it and its workers again, and give the same command") from error


@contextlib.contextmanager
def _dask_client(scheduler: str) -> Iterator:
    """A connection to the cluster.

    Raises:
      InputError: Dask is not installed, there is no address, or nobody answers.
    """
    try:
        from distributed import Client  # optional
    except ImportError:
        raise InputError("--parallel=dask: expected the package distributed, found none: pip install "
                         "'wsss_tf[dask]', here and on the workers") from None
    if not scheduler:
        raise InputError("--scheduler: expected the address of a Dask scheduler, found none: start one (dask scheduler) and "
                         f"workers (dask worker ADDRESS {_DASK_THREADS}), and give --scheduler=tcp://HOST:8786")
    try:
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"--scheduler={scheduler}: no Dask scheduler answers there ({error}): correct the address, "
                         "tcp://HOST:PORT, or start it") from error
    with client:
        yield client


def _introduce(folder: Path | None) -> tuple[str, bool]:
    """Of a Dask worker: the version of its wsss_tf, and whether it sees a folder."""
    return __version__, folder is None or folder.is_dir()


def _check_answers(answers: dict[str, object], threads: dict[str, int], scheduler: str, folder: Path | None) -> None:
    if not answers:
        raise InputError(f"--scheduler={scheduler}: it has no workers: start some, dask worker {scheduler} {_DASK_THREADS}")
    for address, answer in answers.items():
        if isinstance(answer, BaseException):
            raise InputError(f"Dask worker {address}: it cannot run wsss_tf ({answer}): install it there as here")
        version, sees = answer
        if version != __version__:
            raise InputError(f"Dask worker {address}: expected wsss_tf {__version__} as here, found {version}: install the "
                             "same there")
        if not sees:
            raise InputError(f"Dask worker {address}: it does not see {folder.absolute()}: put data and --runs on a file "
                             "system that all machines have under the same path")
        if threads.get(address, 1) != 1:  # OpenCV's number of threads belongs to the process, and so does Python's lock
            raise InputError(f"Dask worker {address}: expected one thread, found {threads[address]}: start it with "
                             f"{_DASK_THREADS}")


def _absolute(value: object) -> object:
    """With absolute paths: a worker elsewhere runs in another folder."""
    if isinstance(value, Path):
        return value.absolute()
    if isinstance(value, tuple):
        return tuple(map(_absolute, value))
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **{name: _absolute(item) for name, item in fields.items()})
    return value
