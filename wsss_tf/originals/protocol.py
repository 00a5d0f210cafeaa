"""What a number was measured on and with: two numbers stand side by side only if all of it agrees."""

import dataclasses
from pathlib import PurePath

_STARTS = ("coco", "imagenet", "dino", "mae", "moco")  # what the name of a weights file may tell, the first counts


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a score came about.

    Attributes:
      data: data set, e.g. "VOC 2012".
      split: the images that were scored, e.g. "val".
      images: how many they are.
      train: the images that were trained on; "" if nothing is trained.
      train_images: how many they are.
      crf: parameter set of the dense CRF, or "none".
      scales: input scales at test, in any order.
      flip: whether mirror images were fused as well.
      supervision: what was learned from.
      backbone: trunk of the net.
      start: what it was initialised from: "imagenet", "coco", ...
      settings: further settings that the row is about, by flag.
    """

    data: str
    split: str
    images: int
    train: str
    train_images: int
    crf: str
    scales: tuple[float, ...]
    flip: bool
    supervision: str
    backbone: str
    start: str
    settings: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def scored_on(self) -> str:
        """E.g. "1,449 images of VOC 2012 val"."""
        return f"{self.images:,} images of {self.data} {self.split}"

    @property
    def trained_on(self) -> str:
        """E.g. "10,582 images of VOC 2012 train_aug"; "no images" if nothing is trained."""
        return f"{self.train_images:,} images of {self.data} {self.train}" if self.train else "no images"

    @property
    def test_scales(self) -> str:
        """E.g. "1, 0.75, 0.5, flip"; "1" is a single scale."""
        scales = [f"{scale:g}" for scale in sorted(self.scales, reverse=True)]
        return ", ".join(scales + ["flip"] * self.flip) or "none"


def differences(measured: Protocol, original: Protocol) -> tuple[str, ...]:
    """Why two numbers must not be subtracted, each reason a phrase; none if their protocols agree.

    Only the settings that the original names are compared.
    """
    pairs = [
        ("measured on", measured.scored_on, original.scored_on),
        ("trained on", measured.trained_on, original.trained_on),
        ("learned from", measured.supervision, original.supervision),
        ("backbone", measured.backbone, original.backbone),
        ("started from", measured.start, original.start),
        ("CRF", measured.crf, original.crf),
        ("test scales", measured.test_scales, original.test_scales),
    ]
    pairs += [(f"--{name}", _shown(measured.settings.get(name)), _shown(value))
              for name, value in original.settings.items()]
    return tuple(f"{what} {ours}, the row {theirs}" for what, ours, theirs in pairs if ours != theirs)


def start_of(weights: str) -> str:
    """What a net starts from, by the flag that names its weights.

    Args:
      weights: "imagenet", "none" or "" (a random start), or a file, whose name tells.
    """
    if weights in ("", "none"):
        return "random"
    if weights == "imagenet":
        return weights
    name = PurePath(weights).name
    return next((start for start in _STARTS if start in name.lower()), f"file {name}")


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_shown, value)) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return "not set" if value is None else str(value)
