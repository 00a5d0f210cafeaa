"""Work on many images by several processes of this machine."""

import os
from collections.abc import Callable, Iterable

import joblib
from tqdm import tqdm


def each(work: Callable[..., None], calls: Iterable[tuple], total: int, label: str, workers: int) -> None:
    """Calls work(*arguments) for each tuple of arguments, in any order.

    The arguments are made in this process, a few ahead of the workers, so that
    they may come from a net on a GPU.

    Args:
      work: function of a module (its name is sent to the other processes).
      calls: arguments of each call.
      total: their number, for the bar.
      label: name on the bar.
      workers: processes; 0 takes as many as there are cores, 1 this process.
    """
    workers = min(workers or os.cpu_count() or 1, max(total, 1))
    with tqdm(total=total, desc=label, unit="img") as bar:
        if workers == 1:
            for arguments in calls:
                work(*arguments)
                bar.update()
            return
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch="2*n_jobs")
        for _ in parallel(joblib.delayed(work)(*arguments) for arguments in calls):
            bar.update()
