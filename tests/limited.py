"""Calls a function in a process of its own that has so much memory and time, and no more."""

import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_PROGRAM = """
import json, pickle, resource, sys, time
function, arguments, mebibytes = pickle.loads(sys.stdin.buffer.read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open("/proc/self/statm") as file:
    limit = int(file.read().split()[0]) * resource.getpagesize() + (mebibytes << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
began, error = time.monotonic(), ""
try:
    function(*arguments)
except Exception as raised:
    error = f"{type(raised).__name__}: {raised}"
seconds = time.monotonic() - began
peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps({"error": error, "seconds": seconds, "mebibytes": peak}))
"""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a call ended.

    Attributes:
      error: kind and words of what it raised, or ''.
      seconds: how long it took.
      mebibytes: memory that it took beyond what the process had.
    """

    error: str
    seconds: float
    mebibytes: float


def call_limited(function: Callable, *arguments: object, mebibytes: int = 256, seconds: float = 30) -> Ended:
    """Calls a function of a module; fails if the process dies, or takes more time.

    Args:
      function: what to call; pickled, as the arguments are.
      arguments: what to call it with.
      mebibytes: address space that it may take beyond what the process has before.
      seconds: time that the process may take, imports included.
    """
    root = Path(__file__).parents[1]
    ended = subprocess.run([sys.executable, "-c", _PROGRAM], input=pickle.dumps((function, arguments, mebibytes)),
                           capture_output=True, timeout=seconds, check=False, cwd=root)
    assert ended.returncode == 0, f"the process died ({ended.returncode}): {ended.stderr.decode()[-2000:]}"
    return Ended(**json.loads(ended.stdout))
