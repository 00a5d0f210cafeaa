"""What lies beside the package reaches an installed one."""

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_flagfile_is_installed():
    """pip copies what setup.cfg lists, folder by folder."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = {pattern.strip() for patterns in config["options.data_files"].values() for pattern in patterns.split(",")}
    shipped = {path.relative_to(ROOT) for pattern in listed for path in ROOT.glob(pattern)}
    assert shipped >= {path.relative_to(ROOT) for path in (ROOT / "flags").rglob("*.cfg")}
    assert Path("checkpoints/manifest.json") in shipped
