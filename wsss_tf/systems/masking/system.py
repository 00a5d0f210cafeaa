"""Image masking (thesis chapter 2) as a chain of stages."""

import dataclasses
from collections.abc import Iterator

from wsss_tf.config import group
from wsss_tf.data.mean_colour import mean_colour
from wsss_tf.errors import InputError
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.pseudo_labels.settings import SaliencyConfig
from wsss_tf.stages import steps as common
from wsss_tf.stages.place import Place
from wsss_tf.stages.stage import Pass, Stage
from wsss_tf.systems import steps
from wsss_tf.systems.contract import System
from wsss_tf.systems.masking.originals import PROTOCOLS
from wsss_tf.systems.masking.settings import MaskingConfig
from wsss_tf.systems.settings import ClassifierConfig, ClassifierSettings, DataSettings, SegmenterConfig, SegmenterSettings


@dataclasses.dataclass(frozen=True)
class Settings(SegmenterSettings, ClassifierSettings, DataSettings):
    """Chapter 2's values (section 2.4.1)."""

    saliency: SaliencyConfig = group("saliency_", SaliencyConfig())
    masking: MaskingConfig = group("", MaskingConfig())


def attends(settings: Settings) -> bool:
    """Whether training looks at masked photos through the classifier."""
    return settings.masking.attention_weight > 0


def stages(s: Settings) -> Iterator[Stage]:
    """Saliency, refined by class activation maps, and a classifier that looks at what is left of the photo."""
    refines = s.saliency.refinement != "none"
    yield common.prepare(s.data)
    if refines or attends(s):
        yield steps.classifier(s)
    if refines:
        yield steps.cams(s)
    yield common.saliency(s.saliency, s.data)
    seen = {"classifier": "classifier"} if attends(s) else {}
    looked = (s.cls_backbone, s.classifier) if attends(s) else ()
    yield steps.segmenter(s, build, {"target": "saliency"}, s.masking, *looked, needs=seen, passes=passes)
    yield from steps.segmentation(s)


def build(place: Place, backbone: BackboneConfig, head: SegmenterConfig, masking: MaskingConfig,
          cls_backbone: BackboneConfig | None = None, classifier: ClassifierConfig | None = None):
    """The method in training."""
    from wsss_tf.systems.classifier import trained_classifier
    from wsss_tf.systems.masking.method import ImageMasking

    classes = place.dataset.num_classes
    frozen = trained_classifier(place.inputs["classifier"], cls_backbone, classifier, classes) if classifier else None
    if masking.mean == "dataset":
        colour = mean_colour(example.image for example in place.dataset.train)
        return ImageMasking(backbone, head, masking, classes, frozen, colour)
    return ImageMasking(backbone, head, masking, classes, frozen)


def passes(classes: int, backbone: BackboneConfig, head: SegmenterConfig, masking: MaskingConfig, *more: object) -> list[Pass]:
    """The segmenter, and the frozen classifier on each path."""
    from wsss_tf.systems.classifier import new_classifier

    *looked, train, crops = more
    learned = steps.segmenter_passes(classes, backbone, head, train, crops)
    if not looked:
        return learned
    cls_backbone, classifier = looked
    return [*learned, Pass(lambda: new_classifier(steps.without_weights(cls_backbone), classifier, classes),
                           (crops.crop,) * masking.paths, learns=False)]


def check(s: Settings) -> None:
    """The attention map is made from the output at scale 1 (A2-9).

    Raises:
      InputError: the first input scale is another one.
    """
    if attends(s) and s.segmenter.scales[0] != 1:
        raise InputError(f"--seg_scales={','.join(f'{scale:g}' for scale in s.segmenter.scales)}: expected 1 first, because the "
                         "attention map is made from the output at scale 1 (A2-9): put 1 first")


def figures() -> tuple:
    """The figures that only runs of this system have."""
    from wsss_tf.systems.masking.figures import FIGURES

    return FIGURES


MASKING = System("masking", "image masking (thesis chapter 2)", Settings, stages, check, PROTOCOLS, figures)
