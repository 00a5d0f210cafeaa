"""joblib's Dask back end, mended."""

from joblib._dask import DaskDistributedBackend


class DaskBackend(DaskDistributedBackend):
    """The same, but it ends when workers die, and leaves no work to this process.

    joblib 1.6 calls no callback for a task that Dask gives up, so that Parallel
    waits for ever, and makes the calls itself where the cluster has one worker.
    """

    def submit(self, func, callback=None):
        future = super().submit(func, callback)
        future.add_done_callback(lambda ended: callback(ended.exception()) if ended.exception() else None)
        return future

    def retrieve_result_callback(self, out):
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def effective_n_jobs(self, n_jobs):
        return max(super().effective_n_jobs(n_jobs), 2)
