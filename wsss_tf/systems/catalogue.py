"""All systems: one line each."""

from wsss_tf.errors import InputError
from wsss_tf.systems.cam_baseline.system import CAM_BASELINE
from wsss_tf.systems.contract import System
from wsss_tf.systems.dino.system import DINO
from wsss_tf.systems.masking.system import MASKING
from wsss_tf.systems.superpixel_growing.system import SUPERPIXEL_GROWING
from wsss_tf.systems.superpixels import SUPERPIXELS

SYSTEMS: dict[str, System] = {system.name: system for system in (
    MASKING,
    SUPERPIXEL_GROWING,
    CAM_BASELINE,
    SUPERPIXELS,
    DINO,
)}
DEFAULT = MASKING.name


def find_system(name: str) -> System:
    """The system of a name.

    Raises:
      InputError: there is none.
    """
    if name not in SYSTEMS:
        raise InputError(f"--system={name}: expected one of {', '.join(SYSTEMS)}: correct it")
    return SYSTEMS[name]
