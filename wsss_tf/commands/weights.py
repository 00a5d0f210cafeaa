"""wsss weights: published weights, fetched, converted and verified."""

import dataclasses
from pathlib import Path

from wsss_tf.checkpoints.manifest import Checkpoint, read_manifest
from wsss_tf.commands.flagfiles import shared_file
from wsss_tf.commands.parsing import Parsed
from wsss_tf.commands.program import Command
from wsss_tf.config import expand_path, setting
from wsss_tf.errors import InputError

_COMMANDS = ("list", "fetch", "convert", "verify")


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
    """Files of weights"""

    source: str = setting("", "convert: the published file, on this disk, or a .safetensors of its arrays")
    weights_folder: str = setting("${WSSS_WEIGHTS}", "folder of converted files; fetched ones: its published/")
    manifest: str = setting("", "what there is; empty: checkpoints/manifest.json of this project")


USAGE = """wsss weights list
wsss weights fetch NAME...
wsss weights convert NAME --source=FILE
wsss weights verify [NAME...]

Fetches, converts and verifies the published weights that the rows of the papers start from; checkpoints/README.md says
what each NAME is. Files go to --weights_folder, by default the folder that WSSS_WEIGHTS names."""


def main(parsed: Parsed) -> int | None:
    """Does what the first word says with the checkpoints that the others name."""
    config = parsed.config
    checkpoints = read_manifest(Path(config.manifest) if config.manifest else shared_file("checkpoints/manifest.json"))
    command, names = (parsed.words or ("",))[0], parsed.words[1:]
    if command not in _COMMANDS:
        raise InputError(f"{command or 'no word'}: expected {', '.join(_COMMANDS)}: write wsss weights WORD NAME")
    unknown = [name for name in names if name not in checkpoints]
    if unknown or not names and command in ("fetch", "convert"):
        raise InputError(f"{' '.join(unknown) or 'no name'}: expected one of {', '.join(checkpoints)}")
    if bool(config.source) != (command == "convert") or command == "convert" and len(names) != 1:
        raise InputError("expected --source=FILE with convert NAME, and nowhere else: write convert NAME --source=FILE")
    return _work(command, [checkpoints[name] for name in names or checkpoints], bool(names), config)


def _work(command: str, chosen: list[Checkpoint], named: bool, config: WeightsConfig) -> int | None:
    from wsss_tf.checkpoints import obtain

    folder, recordings = expand_path(config.weights_folder), shared_file("tests/golden")
    if command == "list":
        _list(chosen, folder)
    elif command == "verify":
        present = [each for each in chosen if named or obtain.converted_file(each, folder).exists()]
        if not present:
            raise InputError(f"{folder}: expected converted files, found none: fetch or convert some first")
        return int(not all([_verified(each, folder, recordings) for each in present]))
    else:
        for each in chosen:
            source = expand_path(config.source) if command == "convert" else obtain.fetch(each, folder, progress=True)
            path, proof = obtain.convert(each, source, folder, recordings)
            print(f"{path}: {proof}")
    return None


def _list(chosen: list[Checkpoint], folder: Path) -> None:
    from wsss_tf.checkpoints import obtain

    for each in chosen:
        here = "here" if obtain.converted_file(each, folder).exists() else "-" if each.urls else "by hand"
        print(f"{each.name:20}{each.net:16}{here:9}{each.supervision:18}{each.licence}")


def _verified(checkpoint: Checkpoint, folder: Path, recordings: Path) -> bool:
    from wsss_tf.checkpoints import obtain

    try:
        print(f"{checkpoint.name}: {obtain.verify(checkpoint, folder, recordings)}")
        return True
    except InputError as error:
        print(f"{checkpoint.name}: FAILED: {error}")
        return False


COMMAND = Command("weights", USAGE, main, WeightsConfig, experiment=False, words=True)
