"""Superpixels alone, scored by the training masks (thesis section 3.4.3): nothing is trained but, on demand, a transformer."""

import dataclasses
from collections.abc import Iterator

from wsss_tf.config import group
from wsss_tf.stages import steps as common
from wsss_tf.stages.stage import Stage
from wsss_tf.superpixels.settings import FeatureConfig, SuperpixelConfig, uses_features
from wsss_tf.systems.contract import System
from wsss_tf.systems.dino.system import DinoSettings, dino_stages
from wsss_tf.systems.settings import DataSettings
from wsss_tf.systems.steps import started
from wsss_tf.systems.superpixel_originals import PROTOCOLS

OWN = "dino"  # --feature_weights: a transformer that this chain trains


@dataclasses.dataclass(frozen=True)
class SuperpixelSettings(DinoSettings):
    """Features and superpixels, and the transformer that may be trained for them."""

    features: FeatureConfig = group("feature_", FeatureConfig())
    superpixels: SuperpixelConfig = group("superpixel_", SuperpixelConfig())


@dataclasses.dataclass(frozen=True)
class Settings(SuperpixelSettings, DataSettings):
    """Section 3.4.1's values."""


def superpixel_stages(s: SuperpixelSettings) -> Iterator[Stage]:
    """The superpixels, after the transformer that they read if the chain trains it."""
    trains = uses_features(s.superpixels) and s.features.weights == OWN
    if trains:
        yield from dino_stages(s)
    made = common.superpixels(s.superpixels, s.features, OWN if trains else "")
    yield dataclasses.replace(made, supervision=started(s.features, "features") if uses_features(s.superpixels) else ())


def stages(s: Settings) -> Iterator[Stage]:
    """Superpixels of the training photos."""
    yield common.prepare(s.data)
    yield from superpixel_stages(s)


SUPERPIXELS = System("superpixels", "superpixels alone, scored by masks (Table 3.5)", Settings, stages, protocols=PROTOCOLS)
