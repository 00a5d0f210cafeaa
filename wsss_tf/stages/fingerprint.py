"""What a stage is known by: a hash of its work, its settings and its inputs."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wsss_tf.config import expand_path
from wsss_tf.errors import InputError
from wsss_tf.stages.stage import Stage, work_name


def fingerprint(stage: Stage, settings: Mapping[str, Any], seed: int, inputs: Mapping[str, str]) -> str:
    """sha256 of all that decides on what a stage makes, in hex.

    Args:
      stage: the stage.
      settings: flag -> value that counts, see `counted`.
      seed: of the run.
      inputs: role -> fingerprint of the input, or digest of the part of its results.
    """
    described = [stage.name, stage.version, work_name(stage.work), seed if stage.random else None, settings, inputs]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def counted(named: Mapping[str, tuple[Any, dataclasses.Field]]) -> dict[str, Any]:
    """Flag -> value, of the settings that count and differ from the defaults of their class.

    A flag that a later version adds does not outdate what was made without it.
    Of a setting that names a file the content stands in for the name.

    Args:
      named: flag -> (value, field of its settings class).
    """
    kept = {flag: (value, field) for flag, (value, field) in named.items()
            if field.metadata["counts"] and value != field.default}
    return {flag: _content(value) if field.metadata["file"] else value for flag, (value, field) in kept.items()}


def _content(text: str) -> str:
    """The digest of the file that a setting names; the text itself where it names none."""
    try:
        path = expand_path(text)
        found = path.stat()
    except (InputError, OSError, ValueError):
        return text
    return _digest(path, found.st_size, found.st_mtime_ns) if path.is_file() else text


@functools.lru_cache(maxsize=256)
def _digest(path: Path, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            "sha256:" + _by_parts(file)


def _by_parts(file) -> str:
    digest = hashlib.sha256()
    while part := file.read(2**20):
        digest.update(part)
    return digest.hexdigest()
