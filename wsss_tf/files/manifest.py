"""The manifest that closes the folder of every finished stage."""

from pathlib import Path

from wsss_tf.files.json_artefact import read_json

MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
"""Notes the fingerprint of a stage while it is being made."""
_SCHEMA = {"fingerprint": str, "results?": dict, "settings?": dict, "inputs?": {str: {"from": str, "fingerprint": object}},
           "machine?": dict, "supervision?": [str], "system?": str, "stage?": str, "seed?": int}


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished stage.

    Raises:
      InputError: missing or damaged.
    """
    manifest = read_json(folder / MANIFEST, _SCHEMA, "move its folder away and run the stage again",
                         "this stage has not been finished; run it again", finite=False)
    return {"results": {}, "settings": {}, "inputs": {}, "machine": {}, "supervision": []} | manifest
