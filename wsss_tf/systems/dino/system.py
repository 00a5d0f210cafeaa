"""Self-distillation of a transformer on photos without labels, as a chain of stages."""

import dataclasses
import json
from collections.abc import Iterator

from wsss_tf.config import expand_path, group
from wsss_tf.data.check import check_dataset, content_digest, listing_digest
from wsss_tf.data.photos import find_photos
from wsss_tf.data.settings import PhotosConfig
from wsss_tf.data.stream.settings import MulticropConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.stages.place import Place
from wsss_tf.stages.stage import Makes, Stage
from wsss_tf.systems.contract import System
from wsss_tf.systems.dino.settings import DistillationConfig, DistillationTrainConfig
from wsss_tf.systems.settings import DataSettings

_LR_BATCH = 256  # images per step that the learning rate is given for


@dataclasses.dataclass(frozen=True)
class DinoSettings:
    """DINO's values."""

    dino_data: PhotosConfig = group("dino_", PhotosConfig())
    dino: DistillationConfig = group("dino_", DistillationConfig())
    dino_train: DistillationTrainConfig = group("dino_", DistillationTrainConfig())
    dino_crops: MulticropConfig = group("dino_", MulticropConfig())


@dataclasses.dataclass(frozen=True)
class Settings(DinoSettings, DataSettings):
    """DINO's values, and a data set whose training photos serve where no folder is named."""


def dino_stages(s: DinoSettings) -> Iterator[Stage]:
    """The photos, looked at once, and the transformer trained on them."""
    yield Stage("photos", look_at_photos, (s.dino_data,), listing=_Listing(s.dino_data))
    yield Stage("dino", train_transformer, (s.dino_data, s.dino, s.dino_train, s.dino_crops), {"photos": "photos.content"},
                Makes.NET, random=True, shared=True)


def check(s: Settings) -> None:
    """Crops are whole patches.

    Raises:
      InputError: one is not.
    """
    patch = VIT_SIZES[s.dino.vit].patch
    for name in ("global_crop", "local_crop"):
        if getattr(s.dino_crops, name) % patch:
            raise InputError(f"--dino_{name}={getattr(s.dino_crops, name)}: expected a multiple of {patch}, the patch of "
                             f"{s.dino.vit}: correct it")


def look_at_photos(place: Place, config: PhotosConfig) -> dict:
    """The work of `photos`: decodes each once.

    Raises:
      InputError: some cannot be read; they are printed.
    """
    examples = unlabeled_photos(config, place.open_dataset)
    problems = check_dataset(Dataset("photos", ("background",), examples, (), untagged=True), True)
    if problems:
        for problem in problems:
            print(problem)
        raise InputError(f"{len(problems)} problems found (listed above): mend them and run again")
    return {"images": len(examples), "content": content_digest(examples, with_masks=False)}


def train_transformer(place: Place, photos: PhotosConfig, config: DistillationConfig, train: DistillationTrainConfig,
                      crops: MulticropConfig) -> dict:
    """The work of `dino`."""
    from wsss_tf.systems.dino.training import distil

    return distil(place, unlabeled_photos(photos, place.open_dataset), config, train, crops, _LR_BATCH)


def unlabeled_photos(config: PhotosConfig, open_dataset) -> tuple[Example, ...]:
    """The photos of --dino_photos, or else those of the training split, without tags and maps.

    Raises:
      InputError: there are none.
    """
    if config.photos:
        return find_photos(expand_path(config.photos))
    return tuple(Example(example.image_id, example.image, ()) for example in open_dataset().train)


@dataclasses.dataclass(frozen=True)
class _Listing:
    """Digest of the photos' names, sizes and times."""

    config: PhotosConfig

    def __call__(self, open_dataset) -> str:
        return json.dumps(listing_digest(unlabeled_photos(self.config, open_dataset), with_masks=False))


DINO = System("dino", "self-distillation of a transformer without labels (DINO)", Settings,
              lambda s: dino_stages(s), check)
