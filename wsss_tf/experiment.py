"""One experiment: every setting of every stage, and their flags."""

import dataclasses
import functools
from pathlib import Path

from absl import flags

from wsss_tf.config import define_flags, expand_path, read_flags, setting
from wsss_tf.data.build.shapes import ShapesConfig
from wsss_tf.data.open import DataConfig, open_dataset
from wsss_tf.data.photos import PhotosConfig
from wsss_tf.data.stream.settings import AugmentConfig, ClassifierCropConfig, MulticropConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset
from wsss_tf.inference.settings import CamConfig, ExportConfig, PredictConfig
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.nets.weights import origin_of
from wsss_tf.originals.tables import find_row, row_names
from wsss_tf.parallel.pool import Workers
from wsss_tf.pseudo_labels.saliency_sources import MASK_SUPERVISION, SUPERVISION
from wsss_tf.pseudo_labels.settings import SaliencyConfig, SeedConfig
from wsss_tf.superpixels.settings import FeatureConfig, SuperpixelConfig
from wsss_tf.systems.dino.settings import DistillationConfig, DistillationTrainConfig
from wsss_tf.systems.masking.settings import MaskingConfig
from wsss_tf.systems.settings import ClassifierConfig, SegmenterConfig
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig
from wsss_tf.train.loop import ClassifierTrainConfig
from wsss_tf.train.settings import TrainConfig


@dataclasses.dataclass(frozen=True)
class RunConfig(Workers):
    """What to run and where its artefacts go."""

    experiment: str = setting("experiment", "name of the run; its artefacts go to RUNS/EXPERIMENT/STAGE")
    runs: str = setting("runs", "folder of all runs; may contain ${VARIABLE}")
    reuse: str = setting("", "experiments, separated by commas, whose finished stages may be used where all "
                             "settings and inputs agree")
    seed: int = setting(0, "seed of initial weights, order, augmentation and random masks", low=0)
    replicas: int = setting(1, "devices of this machine that share each training step (MirroredStrategy); 0: all GPUs. Where "
                               "TF_CONFIG names several workers, all of theirs share it (MultiWorkerMirroredStrategy)", low=0)
    deterministic: bool = setting(False, "the same commands on the same machine train the same weights to the last bit; slower")
    paper_row: str = setting("", "rows of original tables that this run reproduces, separated by ';', e.g. thesis_2.3/A4 "
                                 "(scripts/compare.py); changes nothing else")
    method: str = setting("masking", "system that trains the segmenter", ("masking", "cam_baseline", "superpixel_growing"))


# Field of Experiment -> (settings class, prefix of its flags).
_GROUPS = {
    "run": (RunConfig, ""),
    "data": (DataConfig, ""),
    "shapes": (ShapesConfig, ""),
    "crops": (AugmentConfig, ""),
    "cls_backbone": (BackboneConfig, "cls_"),
    "classifier": (ClassifierConfig, "cls_"),
    "cls_crops": (ClassifierCropConfig, "cls_"),
    "cls_train": (ClassifierTrainConfig, "cls_"),
    "cam": (CamConfig, "cam_"),
    "saliency": (SaliencyConfig, ""),
    "features": (FeatureConfig, "feature_"),
    "superpixels": (SuperpixelConfig, "superpixel_"),
    "seeds": (SeedConfig, ""),
    "seg_backbone": (BackboneConfig, "seg_"),
    "segmenter": (SegmenterConfig, "seg_"),
    "seg_train": (TrainConfig, "seg_"),
    "masking": (MaskingConfig, ""),
    "growing": (GrowingConfig, ""),
    "test": (PredictConfig, "test_"),
    "export": (ExportConfig, "export_"),
    "dino_data": (PhotosConfig, "dino_"),
    "dino": (DistillationConfig, "dino_"),
    "dino_train": (DistillationTrainConfig, "dino_"),
    "dino_crops": (MulticropConfig, "dino_"),
}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """The settings of all stages, one group per owner."""

    run: RunConfig = RunConfig()
    data: DataConfig = DataConfig()
    shapes: ShapesConfig = ShapesConfig()
    crops: AugmentConfig = AugmentConfig()
    cls_backbone: BackboneConfig = BackboneConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    cls_crops: ClassifierCropConfig = ClassifierCropConfig()
    cls_train: ClassifierTrainConfig = ClassifierTrainConfig()
    cam: CamConfig = CamConfig()
    saliency: SaliencyConfig = SaliencyConfig()
    features: FeatureConfig = FeatureConfig()
    superpixels: SuperpixelConfig = SuperpixelConfig()
    seeds: SeedConfig = SeedConfig()
    seg_backbone: BackboneConfig = BackboneConfig()
    segmenter: SegmenterConfig = SegmenterConfig()
    seg_train: TrainConfig = TrainConfig()
    masking: MaskingConfig = MaskingConfig()
    growing: GrowingConfig = GrowingConfig()
    test: PredictConfig = PredictConfig()
    export: ExportConfig = ExportConfig()
    dino_data: PhotosConfig = PhotosConfig()
    dino: DistillationConfig = DistillationConfig()
    dino_train: DistillationTrainConfig = DistillationTrainConfig()
    dino_crops: MulticropConfig = MulticropConfig()

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The data set, opened once.

        Raises:
          InputError: see wsss_tf.data.open.open_dataset.
        """
        return open_dataset(self.data)

    @property
    def classifier_crops(self) -> AugmentConfig:
        """The training crops of the classifier."""
        return self.cls_crops.applied_to(self.crops)

    @property
    def supervision(self) -> str:
        """What the segmenter learns from, in words for manifests and reports; a start that saw masks counts (A2-14)."""
        masking = self.run.method == "masking"
        words = [f"image tags and {SUPERVISION[self.saliency.saliency_source]}" if masking else "image tags"]
        starts = {"classifier": self.cls_backbone.weights, "segmenter": self.seg_backbone.weights}
        if self.run.method == "superpixel_growing":
            starts["features"] = self.features.weights
        for part, source in starts.items():
            origin = origin_of(source)
            if origin and origin.supervision == MASK_SUPERVISION:
                words.append(f"{MASK_SUPERVISION}: {part} started from {origin.checkpoint}")
        return "; ".join(words)

    def folder(self, stage: str, experiment: str = "") -> Path:
        """Where a stage of this run (or of another experiment beside it) keeps its artefacts."""
        return expand_path(self.run.runs) / (experiment or self.run.experiment) / stage

    def settings(self, *groups: str) -> dict[str, object]:
        """Flag name -> value for the named groups."""
        return {
            _GROUPS[group][1] + name: value
            for group in groups
            for name, value in dataclasses.asdict(getattr(self, group)).items()
        }


def define_experiment_flags(values: flags.FlagValues) -> None:
    """Defines the flags of every group; every script accepts them all, so one flagfile serves all stages."""
    for cls, prefix in _GROUPS.values():
        define_flags(cls, values, prefix)


def read_experiment(values: flags.FlagValues) -> Experiment:
    """The experiment that the parsed flags describe.

    Raises:
      InputError: a list flag holds something that is not a number, flags
        contradict each other, or --paper_row names no row.
    """
    experiment = Experiment(**{group: read_flags(cls, values, prefix) for group, (cls, prefix) in _GROUPS.items()})
    for name, ends in (("resize_long", experiment.crops.resize_long),
                       ("cls_resize_long", experiment.cls_crops.resize_long)):
        if ends and (len(ends) != 2 or not 1 <= ends[0] <= ends[1]):
            raise InputError(f"--{name}={','.join(f'{end:g}' for end in ends)}: expected the shortest and the longest long "
                             "side in pixels, e.g. 320,640: give two numbers, the smaller one first")
    for name in row_names(experiment.run.paper_row):
        find_row(name)  # better now than after the training
    if experiment.segmenter.average == "batch" and experiment.seg_train.parts > 1:
        raise InputError(f"--seg_average=batch --seg_parts={experiment.seg_train.parts}: expected means over images, as a part does "
                         "not know the rest of the batch: leave one of them out")
    attends = experiment.run.method == "masking" and experiment.masking.attention_weight > 0
    uses = {"masking": "the attention map is made from the output at scale 1 (A2-9)",
            "superpixel_growing": "the output at scale 1 drives the growing (A3-10)"}
    if (attends or experiment.run.method == "superpixel_growing") and experiment.segmenter.scales[0] != 1:
        raise InputError(f"--seg_scales={','.join(f'{scale:g}' for scale in experiment.segmenter.scales)}: expected 1 "
                         f"first, because {uses[experiment.run.method]}: put 1 first")
    return experiment
