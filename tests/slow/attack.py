"""Reads malformed inputs with one reader, in a process with limits: python -m tests.slow.attack READER SEED COUNT FOLDER.

Prints a line of JSON before each input and after the last one, so that nobody has to guess over which input the process has
died; what fails stays in the folder.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from tests.slow.malformed import malformed
from tests.slow.readers import READERS
from wsss_tf.errors import InputError

MEBIBYTES, SECONDS = 512, 5  # that one input may take
_MOST_WORDS = 4000  # characters of a message


def fault(error: Exception | None, path: Path, seconds: float) -> str:
    """What is wrong with how an input was read, '' if nothing is."""
    if seconds > SECONDS:
        return f"took {seconds:.1f} seconds"
    if error is None:
        return ""
    words = str(error)
    if not isinstance(error, InputError):
        return f"raised {type(error).__name__}: {words[:200]}"
    if "MemoryError" in words or "allocate" in words:
        return f"took more than {MEBIBYTES} MiB: {words[-200:]}"
    if "\n" in words or len(words) > _MOST_WORDS or path.name not in words:
        return f"speaks in {len(words.splitlines())} lines of {len(words)} characters: {words[:300]!r}"
    return ""


def main(name: str, seed: str, count: str, folder: str) -> None:
    """Reads the sound input, which must succeed, and then so many malformed ones."""
    reader = READERS[name]
    path = Path(folder) / reader.name
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = reader.sound()
    path.write_bytes(sound)
    reader.read(path)
    warnings.simplefilter("ignore")  # Pillow speaks of what it repairs
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + (MEBIBYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    refused = 0
    for index in range(int(count)):
        data = malformed(sound, np.random.default_rng([int(seed), index]), reader.changes)
        path.write_bytes(data)
        print(json.dumps({"input": index}), flush=True)
        began, error = time.monotonic(), None
        try:
            reader.read(path)
        except Exception as raised:
            error = raised
        refused += error is not None
        found = fault(error, path, time.monotonic() - began)
        if found:
            path.with_name(f"{index}.{path.name}").write_bytes(data)
            print(json.dumps({"input": index, "fault": found}), flush=True)
    print(json.dumps({"refused": refused}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
