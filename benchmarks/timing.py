"""Times alternatives side by side in one process."""

import statistics
import time
from collections.abc import Callable


def medians(alternatives: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each alternative.

    They take turns, so that a machine that slows down slows all of them; one
    call of each before that is not counted (tracing, caches).

    Args:
      alternatives: name -> what to time; returns when its work is finished.
      repeats: turns.
    """
    for run in alternatives.values():
        run()
    seconds = {name: [] for name in alternatives}
    for _ in range(repeats):
        for name, run in alternatives.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
