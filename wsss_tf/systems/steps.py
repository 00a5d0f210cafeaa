"""The steps around the classifier and the segmenter, which most systems have.

TensorFlow is imported by the work itself, as in wsss_tf.stages.steps.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping

from wsss_tf.data.stream.settings import AugmentConfig, ClassifierCropConfig
from wsss_tf.example import MASK_SUPERVISION, Dataset, Example
from wsss_tf.files.cams import write_cam
from wsss_tf.files.images import read_photo
from wsss_tf.imaging import crf
from wsss_tf.inference.settings import CamConfig, ExportConfig, PredictConfig
from wsss_tf.nets.origin import origin_of
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.results.masks import write_masks
from wsss_tf.stages.place import NET, Place
from wsss_tf.stages.stage import Makes, Pass, Stage
from wsss_tf.stages.steps import PLAIN, REFINED
from wsss_tf.superpixels.settings import FeatureConfig
from wsss_tf.systems.settings import ClassifierConfig, SegmenterConfig
from wsss_tf.train.settings import TrainConfig

TAGS = "image tags"
TRAINED_ON = {"classes": "prepare.classes", "photos": "prepare.train"}


def started(net: BackboneConfig | FeatureConfig, part: str) -> tuple[str, ...]:
    """What a start from this net's weights adds to the supervision: a start that saw masks counts (A2-14)."""
    origin = origin_of(net.weights)
    masks = origin and origin.supervision == MASK_SUPERVISION
    return (f"{MASK_SUPERVISION}: {part} started from {origin.checkpoint}",) if masks else ()


def classifier(s) -> Stage:
    """The classifier that is trained on tags (eqs 2.1-2.3); `s` has ClassifierSettings and crops."""
    settings = (s.cls_backbone, s.classifier, s.cls_train, s.crops, s.cls_crops)
    return Stage("classifier", train_classifier, settings, TRAINED_ON, Makes.NET,
                 (TAGS, *started(s.cls_backbone, "classifier")), random=True, shared=True, prove=_prove_backbone,
                 passes=_classifier_passes)


def cams(s, net: str = "classifier") -> Stage:
    """Class activation maps of the training photos (eq. 2.4)."""
    return Stage("cams", make_cams, (s.cls_backbone, s.classifier, s.cam), {"photos": "prepare.train", "net": net}, Makes.CAMS)


def segmenter(s, build: Callable, maps: Mapping[str, str], *settings: object, needs: Mapping[str, str] | None = None,
              passes: Callable | None = None) -> Stage:
    """The segmentation net in training.

    Args:
      s: has SegmenterSettings.
      build: (place, seg_backbone, segmenter, *settings) -> the method.
      maps: entry of the batch -> the stage that makes the map of each training photo.
      settings: of the system's own.
      needs: role -> further inputs.
      passes: see Stage; of (classes, seg_backbone, segmenter, *settings, seg_train, crops).
    """
    needs = TRAINED_ON | dict(maps) | dict(needs or {})
    handed = (s.seg_backbone, s.segmenter, *settings, s.seg_train, s.crops)
    return Stage("segmenter", functools.partial(train_segmenter, build, tuple(maps)), handed, needs, Makes.NET,
                 (TAGS, *started(s.seg_backbone, "segmenter")), random=True, shared=True, prove=_prove_backbone,
                 passes=passes or segmenter_passes)


def segmentation(s, net: str = "segmenter") -> Iterator[Stage]:
    """Masks of the evaluation photos by the trained segmenter, and its export on demand."""
    yield Stage("export", make_export, (s.seg_backbone, s.segmenter, s.test, s.export),
                {"classes": "prepare.classes", "net": net}, Makes.EXPORT, own=True)
    yield Stage("masks", make_masks, (s.seg_backbone, s.segmenter, s.test), {"photos": "prepare.val", "net": net}, Makes.MASKS,
                prove=lambda dataset, backbone, head, test: crf.require_backend(test.crf_backend))


def train_classifier(place: Place, backbone: BackboneConfig, head: ClassifierConfig, train: TrainConfig, crops: AugmentConfig,
                     own_crops: ClassifierCropConfig) -> dict:
    """The work of `classifier`."""
    from wsss_tf.systems.classifier import classifier_method

    classes = place.dataset.num_classes
    return place.train(lambda: classifier_method(backbone, head, classes), train, own_crops.applied_to(crops))


def make_cams(place: Place, backbone: BackboneConfig, head: ClassifierConfig, config: CamConfig) -> dict:
    """The work of `cams`."""
    from wsss_tf.inference.cams import CamMaker
    from wsss_tf.nets.backbone import backbone_grid
    from wsss_tf.systems.classifier import trained_classifier

    net = trained_classifier(place.inputs["net"], backbone, head, place.dataset.num_classes)
    maker = CamMaker(net, backbone_grid(backbone), config)
    return place.each_image(write_cam, maker.present, suffix=".npz")


def train_segmenter(build: Callable, entries: tuple[str, ...], place: Place, *settings: object) -> dict:
    """The work of `segmenter`."""
    *own, train, crops = settings
    return place.train(lambda: build(place, *own), train, crops, {entry: entry for entry in entries})


def make_masks(place: Place, backbone: BackboneConfig, head: SegmenterConfig, config: PredictConfig) -> dict:
    """The work of `masks`."""
    predictor, val = load_predictor(place, backbone, head, config), place.dataset.val

    def arguments(example: Example) -> tuple:
        image = read_photo(example.image)
        plain = place.image_file(example, folder=PLAIN)
        return plain, predictor.probabilities(image), image, config.crf_set, config.crf_backend

    return place.each_image(write_masks, arguments, examples=val, folder=REFINED)


def load_predictor(place: Place, backbone: BackboneConfig, head: SegmenterConfig, config: PredictConfig):
    """The trained segmenter of the input "net", ready for whole photos."""
    from wsss_tf.inference.probabilities import Predictor
    from wsss_tf.nets.backbone import backbone_grid
    from wsss_tf.systems.segmenter import trained_segmenter

    net = trained_segmenter(place.inputs["net"] / NET, backbone, head, place.dataset.num_classes)
    return Predictor(net, backbone_grid(backbone), config)


def make_export(place: Place, backbone: BackboneConfig, head: SegmenterConfig, test: PredictConfig, config: ExportConfig) -> dict:
    """The work of `export`."""
    from wsss_tf.inference.saved_model import write_saved_model
    from wsss_tf.nets.backbone import backbone_grid
    from wsss_tf.systems.segmenter import trained_segmenter

    dataset = place.dataset
    net = trained_segmenter(place.inputs["net"] / NET, backbone, head, dataset.num_classes)
    target = write_saved_model(place.folder, net, backbone_grid(backbone), test, config, dataset.class_names)
    return {"saved_model": target.name}


def segmenter_passes(classes: int, backbone: BackboneConfig, head: SegmenterConfig, *settings: object) -> list[Pass]:
    """The segmenter at all its input scales."""
    from wsss_tf.systems.segmenter import build_segmenter

    crops = settings[-1]
    sides = tuple(max(1, round(crops.crop * scale)) for scale in head.scales)
    return [Pass(lambda: build_segmenter(without_weights(backbone), head, classes), sides)]


def without_weights(backbone: BackboneConfig) -> BackboneConfig:
    """The same backbone with a random start, for estimates."""
    return dataclasses.replace(backbone, weights="none")


def _classifier_passes(classes: int, backbone: BackboneConfig, head: ClassifierConfig, train: TrainConfig,
                       crops: AugmentConfig, own_crops: ClassifierCropConfig) -> list[Pass]:
    from wsss_tf.systems.classifier import new_classifier

    return [Pass(lambda: new_classifier(without_weights(backbone), head, classes, training=True),
                 (own_crops.applied_to(crops).crop,))]


def _prove_backbone(dataset: Dataset, backbone: BackboneConfig, *settings: object) -> None:
    """Makes sure that the file of the weights is there and holds arrays; whether they fit is seen when the net is built.

    Raises:
      InputError: it is not.
    """
    if backbone.weights not in ("", "none", "imagenet"):
        from wsss_tf.config import expand_path
        from wsss_tf.nets.origin import provenance

        provenance(expand_path(backbone.weights))
