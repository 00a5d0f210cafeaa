"""The log of a training, log.jsonl: a line of numbers every few steps."""

import json
from pathlib import Path


def read_log(path: Path) -> list[dict]:
    """The lines of a log.jsonl; a last line cut off by a crash is left out."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines
