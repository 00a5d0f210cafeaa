"""Fetches, converts and verifies the published weights that the rows of the papers start from.

Usage: python scripts/weights.py list
       python scripts/weights.py fetch NAME...
       python scripts/weights.py convert NAME --source FILE
       python scripts/weights.py verify [NAME...]

checkpoints/README.md says what each NAME is. Files go to --weights_folder, by default the folder that WSSS_WEIGHTS names.
"""

import sys
from pathlib import Path

from absl import flags

from wsss_tf.checkpoints import obtain  # noqa: I001
from wsss_tf.checkpoints.manifest import Checkpoint, read_manifest
from wsss_tf.commands.program import run_words  # before TensorFlow is imported, which it asks to be quiet
from wsss_tf.config import expand_path
from wsss_tf.errors import InputError

_ROOT = Path(__file__).parents[1]
_SOURCE = flags.DEFINE_string("source", "", "convert: the published file, on this disk, or a .safetensors of its arrays")
_FOLDER = flags.DEFINE_string("weights_folder", "${WSSS_WEIGHTS}", "folder of converted files; fetched ones: its published/")
_MANIFEST = flags.DEFINE_string("manifest", str(_ROOT / "checkpoints/manifest.json"), "what there is")
_COMMANDS = ("list", "fetch", "convert", "verify")


def main(words: list[str]) -> None:
    """Does what the first word says with the checkpoints that the others name."""
    checkpoints = read_manifest(Path(_MANIFEST.value))
    command, names = (words or [""])[0], words[1:]
    if command not in _COMMANDS:
        raise InputError(f"{command or 'no command'}: expected {', '.join(_COMMANDS)}: write weights.py COMMAND NAME")
    unknown = [name for name in names if name not in checkpoints]
    if unknown or not names and command in ("fetch", "convert"):
        raise InputError(f"{' '.join(unknown) or 'no name'}: expected one of {', '.join(checkpoints)}")
    if bool(_SOURCE.value) != (command == "convert") or command == "convert" and len(names) != 1:
        raise InputError("expected --source FILE with convert NAME, and nowhere else: write convert NAME --source FILE")
    folder, recordings = expand_path(_FOLDER.value), _ROOT / "tests/golden"
    chosen = [checkpoints[name] for name in names or checkpoints]
    if command == "list":
        _list(chosen, folder)
    elif command == "verify":
        present = [each for each in chosen if names or obtain.converted_file(each, folder).exists()]
        if not present:
            raise InputError(f"{folder}: expected converted files, found none: fetch or convert some first")
        sys.exit(not all([_verified(each, folder, recordings) for each in present]))
    else:
        for each in chosen:
            source = expand_path(_SOURCE.value) if command == "convert" else obtain.fetch(each, folder, progress=True)
            path, proof = obtain.convert(each, source, folder, recordings)
            print(f"{path}: {proof}")


def _list(chosen: list[Checkpoint], folder: Path) -> None:
    for each in chosen:
        here = "here" if obtain.converted_file(each, folder).exists() else "-" if each.urls else "by hand"
        print(f"{each.name:20}{each.net:16}{here:9}{each.supervision:18}{each.licence}")


def _verified(checkpoint: Checkpoint, folder: Path, recordings: Path) -> bool:
    try:
        print(f"{checkpoint.name}: {obtain.verify(checkpoint, folder, recordings)}")
        return True
    except InputError as error:
        print(f"{checkpoint.name}: FAILED: {error}")
        return False


if __name__ == "__main__":
    run_words(main)
