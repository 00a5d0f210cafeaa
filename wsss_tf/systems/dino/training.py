"""The training of a transformer by self-distillation."""

import tensorflow as tf

from wsss_tf.data.stream.maps import find_unreadable
from wsss_tf.data.stream.multicrop import multicrop_stream
from wsss_tf.data.stream.pipeline import step_ids
from wsss_tf.data.stream.settings import MulticropConfig
from wsss_tf.example import Example
from wsss_tf.nets.projection import LAST
from wsss_tf.stages.place import Place
from wsss_tf.systems.dino.method import SelfDistillation
from wsss_tf.systems.dino.settings import DistillationConfig, DistillationTrainConfig
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.engine import train
from wsss_tf.train.schedules import Cosine


def distil(place: Place, photos: tuple[Example, ...], config: DistillationConfig, settings: DistillationTrainConfig,
           crops: MulticropConfig, lr_batch: int) -> dict:
    """Trains and saves the teacher's transformer; the same call continues what was interrupted.

    Args:
      place: of the stage.
      photos: to learn from.
      config: net, temperatures, momenta.
      settings: optimiser and length; its learning rate is that of steps of `lr_batch` images.
      crops: the views.
      lr_batch: see there.

    Raises:
      InputError: a photo cannot be read, or a loss that is not finite.
    """
    epoch = max(1, len(photos) // settings.batch)
    steps = epoch * settings.epochs
    rate = settings.lr * settings.batch / lr_batch
    parameters = {}

    def run(method: SelfDistillation) -> dict:
        optimizer = AdamW(Cosine(rate, settings.lr_end, steps, epoch * settings.warmup),
                          Cosine(settings.weight_decay, settings.weight_decay_end, steps), settings.clip_each, LAST,
                          epoch * settings.freeze_last)
        parameters["parameters"] = method.trained.count_params()
        return train(method, optimizer, steps,
                     lambda start: multicrop_stream(photos, crops, settings.batch, steps, start, place.seed),
                     settings, place.folder, lambda step: step_ids(photos, settings.batch, step, place.seed))

    try:
        numbers = place.trained(lambda: SelfDistillation(config, steps, epoch * config.teacher_warmup), settings, run)
    except tf.errors.OpError:
        find_unreadable(photos, {})
        raise  # it was not a file
    return numbers | {"steps": steps} | parameters
