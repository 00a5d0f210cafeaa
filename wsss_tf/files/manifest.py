"""The manifest that closes the folder of every finished stage."""

import json
from pathlib import Path

from wsss_tf.errors import InputError

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
"""Notes the fingerprint of a stage while it is being made."""


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished stage.

    Raises:
      InputError: missing or damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such manifest: this stage has not been finished; run it again") from None
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path}: damaged ({error}): delete it and run the stage again") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("fingerprint"), str) \
            or not all(isinstance(manifest.get(name, {}), dict) for name in ("results", "settings", "inputs", "machine")):
        raise InputError(f"{path}: damaged (it has no fingerprint or results): delete it and run the stage again")
    return {"results": {}, "settings": {}, "inputs": {}, "machine": {}, "supervision": []} | manifest
