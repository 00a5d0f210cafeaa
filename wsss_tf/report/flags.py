"""The flags of a run, those that its system does not set so first."""

import json

from wsss_tf.report.cells import text_cell
from wsss_tf.report.document import Facts, Notes, Table


def flag_blocks(flags: dict, defaults: dict) -> tuple[Table | Facts | Notes, ...]:
    """A table of what differs from the defaults, if these are known, and all flags folded; nothing for no flags."""
    if not flags:
        return ()
    values = {name: written(value) for name, value in flags.items()}
    changed = {name: value for name, value in values.items() if name in defaults and value != written(defaults[name])}
    blocks = [Facts("All flags", values)]
    if changed:
        rows = tuple(tuple(map(text_cell, (name, value, written(defaults[name])))) for name, value in changed.items())
        blocks.insert(0, Table((("Flag", False), ("Value", False), ("Default", False)), rows,
                               "Differs from the defaults of the system"))
    elif defaults:
        blocks.insert(0, Notes(("Every flag has the default of the system.",)))
    return tuple(blocks)


def manifest_blocks(manifests: dict[str, dict]) -> tuple[Facts, ...]:
    """The manifest of each stage, folded."""
    return tuple(Facts(f"Manifest of the stage {stage}", {name: _shown(value) for name, value in manifest.items()})
                 for stage, manifest in manifests.items())


def written(value: object) -> str:
    """A value as its flag takes it: lists by commas, true, false and none as words."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(written, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, (str, int, float)) else json.dumps(value, indent=2, default=str)
