"""Versions and machine, for the manifest."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path

_PACKAGES = ("wsss_tf", "tensorflow", "keras", "numpy", "opencv-contrib-python-headless", "pillow")


def machine() -> dict[str, str]:
    """Versions of what computes, the system, and the revision of the project where it is a checkout."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
        revision = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        revision = ""
    versions = {name: _version(name) for name in _PACKAGES}
    return versions | {"python": platform.python_version(), "system": platform.platform(), "revision": revision}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # its module came otherwise, e.g. with tensorflow-cpu or opencv-python
        return "unknown"
