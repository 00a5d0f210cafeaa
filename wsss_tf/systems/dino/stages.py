"""The stages that train a transformer by self-distillation on photos without labels."""

import json
from pathlib import Path

import keras
import tensorflow as tf

from wsss_tf.config import expand_path
from wsss_tf.data.build.shapes import generate_shapes
from wsss_tf.data.check import check_dataset, content_digest, listing_digest
from wsss_tf.data.photos import find_photos
from wsss_tf.data.stream.multicrop import multicrop_stream
from wsss_tf.data.stream.pipeline import find_unreadable, step_ids
from wsss_tf.errors import InputError
from wsss_tf.example import Dataset, Example
from wsss_tf.experiment import Experiment
from wsss_tf.nets import vit
from wsss_tf.nets.projection import LAST
from wsss_tf.nets.settings import VIT_SIZES
from wsss_tf.nets.weights import save_weights
from wsss_tf.stages.stage import Chain, Stage
from wsss_tf.systems.dino.method import SelfDistillation
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.loop import train
from wsss_tf.train.precision import number_format
from wsss_tf.train.replicas import chief_first, is_chief, open_strategy
from wsss_tf.train.schedules import Cosine

VIT = "vit.weights.h5"
_LR_BATCH = 256  # images per step that the learning rate is given for

Inputs = dict[str, Path]


def open_dino_chain(experiment: Experiment) -> Chain:
    """The chain up to the trained transformer; generates the embedded data first if that is its source."""
    if experiment.data.source == "shapes" and not experiment.dino_data.photos:
        with chief_first():
            generate_shapes(expand_path(experiment.data.data), experiment.shapes)
    return Chain(DINO_STAGES, experiment, lambda e: json.dumps(listing_digest(unlabeled_photos(e), with_masks=False)))


def unlabeled_photos(experiment: Experiment) -> tuple[Example, ...]:
    """The photos of --dino_photos, or else those of the training split, without tags and maps.

    Raises:
      InputError: there are none, or the data set is malformed.
    """
    if not experiment.dino_data.photos:
        return tuple(Example(example.image_id, example.image, ()) for example in experiment.dataset.train)
    return find_photos(expand_path(experiment.dino_data.photos))[:experiment.data.limit or None]


def trained_vit(experiment: Experiment, folder: Path, block: int = -1, facet: str = "key",
                positions: str = "tf") -> keras.Model:
    """The transformer that the stage `dino` has trained, read out as by wsss_tf.nets.vit.build."""
    return vit.load(experiment.dino.vit, folder / VIT, block, facet, positions)


def _photos(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    examples = unlabeled_photos(experiment)
    problems = check_dataset(Dataset("photos", ("background",), examples, (), untagged=True), True)
    if problems:
        for problem in problems:
            print(problem)
        raise InputError(f"{examples[0].image.parent}: {len(problems)} problems found (listed above): "
                         "mend them and run again")
    return {"images": len(examples), "content": content_digest(examples, with_masks=False)}


def _dino(experiment: Experiment, folder: Path, inputs: Inputs) -> dict:
    e, config, crops = experiment, experiment.dino_train, experiment.dino_crops
    patch = VIT_SIZES[e.dino.vit].patch
    for name in ("global_crop", "local_crop"):
        if getattr(crops, name) % patch:
            raise InputError(f"--dino_{name}={getattr(crops, name)}: expected a multiple of {patch}, the patch of "
                             f"{e.dino.vit}: correct it")
    photos = unlabeled_photos(e)
    epoch = max(1, len(photos) // config.batch)
    steps = epoch * config.epochs
    keras.utils.set_random_seed(e.run.seed)
    rate = config.lr * config.batch / _LR_BATCH
    try:
        with open_strategy(e.run.replicas).scope(), number_format(config.precision):
            method = SelfDistillation(e.dino, steps, epoch * e.dino.teacher_warmup)
            optimizer = AdamW(Cosine(rate, config.lr_end, steps, epoch * config.warmup),
                              Cosine(config.weight_decay, config.weight_decay_end, steps), config.clip_each, LAST,
                              epoch * config.freeze_last)
            numbers = train(method, optimizer, steps,
                            lambda start: multicrop_stream(photos, crops, config.batch, steps, start, e.run.seed),
                            config, folder, lambda step: step_ids(photos, config.batch, step, e.run.seed))
    except tf.errors.OpError:
        find_unreadable(photos, {})
        raise  # it was not a file
    if is_chief():
        save_weights(method.trained, folder / VIT)
    return numbers | {"steps": steps, "parameters": method.trained.count_params()}


DINO_STAGES = {stage.name: stage for stage in (
    Stage("photos", "train_dino", ("dino_data",), lambda e: (), _photos),
    Stage("dino", "train_dino", ("dino", "dino_train", "dino_crops"), lambda e: ("photos.content",), _dino, random=True, shared=True),
)}
