"""The training stream of self-distillation: several views of each photo, a pure function of (seed, step).

Ref: Caron et al., ICCV 2021, section 3.1 and appendix; the distortions are
those of Grill et al., NeurIPS 2020.
"""

import tensorflow as tf

from wsss_tf.data.stream.augment import jitter
from wsss_tf.data.stream.decode import decode_photo
from wsss_tf.data.stream.distort import blur, solarise, to_grey
from wsss_tf.data.stream.pipeline import example_order
from wsss_tf.data.stream.settings import AugmentConfig, MulticropConfig
from wsss_tf.example import Example
from wsss_tf.ops import colour

GLOBAL_VIEWS = 2
_RATIOS = (3 / 4, 4 / 3)  # width to height of a crop
_DRAWS = 16  # random numbers of one view


def multicrop_stream(examples: tuple[Example, ...], config: MulticropConfig, batch: int, steps: int, start: int,
                     seed: int) -> tf.data.Dataset:
    """Batches for the steps start..steps-1 (contract: wsss_tf.systems.dino.method.Views).

    Args:
      examples: photos; nothing else of them is read.
      config: crops and distortions.
      batch: photos per step.
      steps: last step of the whole training.
      start: first step, > 0 for a resumed run.
      seed: seed of order and views.

    Raises:
      tf.errors.OpError: from the iterator, at an unreadable photo;
        wsss_tf.data.stream.maps.find_unreadable names it.
    """
    order = tf.constant(example_order(len(examples), steps * batch, seed))
    photos = tf.constant([str(example.image) for example in examples])

    def load(position):
        image = decode_photo(tf.io.read_file(photos[order[position]]))
        return make_views(image, tf.stack([seed, tf.cast(position, tf.int32)]), config)

    stream = tf.data.Dataset.range(start * batch, steps * batch)
    stream = stream.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return stream.batch(batch, drop_remainder=True).prefetch(2)


def make_views(image: tf.Tensor, seed: tf.Tensor, config: MulticropConfig) -> dict[str, tf.Tensor]:
    """All views of one photo.

    Args:
      image: uint8 [H, W, 3] RGB.
      seed: int32 [2].
      config: crops and distortions.

    Returns:
      Centred RGB, float32: "image" and "partner" [S, S, 3], the global views;
      "local" [L, s, s, 3], if there are any.
    """
    draws = tf.random.stateless_uniform([GLOBAL_VIEWS + config.local_views, _DRAWS], seed)
    wide, narrow = config.global_crop, config.local_crop
    views = {"image": _view(image, draws[0], config, wide, config.global_scales, config.blur[0], 0.0),
             "partner": _view(image, draws[1], config, wide, config.global_scales, config.blur[1], config.solarise)}
    if config.local_views:
        views["local"] = tf.map_fn(
            lambda draw: _view(image, draw, config, narrow, config.local_scales, config.blur[2], 0.0),
            draws[GLOBAL_VIEWS:], fn_output_signature=tf.TensorSpec([narrow, narrow, 3]))
    return views


def _view(image: tf.Tensor, draw: tf.Tensor, config: MulticropConfig, side: int, scales: tuple, blurred: float,
          solarised: float) -> tf.Tensor:
    """One centred view, float32 [side, side, 3]."""
    pixels = _crop(image, draw[:4], side, scales)
    pixels = tf.cond((draw[4] < 0.5) & config.mirror, lambda: tf.reverse(pixels, [1]), lambda: pixels)
    ranges = AugmentConfig(brightness=config.brightness, contrast=config.contrast, saturation=config.saturation,
                           hue=config.hue)
    low, high = config.blur_sigma
    for share, chance, distorted in (
            (config.jitter, draw[5], lambda x: jitter(x, draw[6:10], ranges)),
            (config.grey, draw[10], to_grey),
            (blurred, draw[11], lambda x: blur(x, low + (high - low) * draw[12], high)),
            (solarised, draw[13], solarise)):
        if share > 0:
            pixels = tf.cond(chance < share, lambda: distorted(pixels), lambda: pixels)
    return colour.centre(tf.ensure_shape(pixels, [side, side, 3]))


def _crop(image: tf.Tensor, draw: tf.Tensor, side: int, scales: tuple) -> tf.Tensor:
    """A window of random area, shape and place, resized to float32 [side, side, 3] in 0..255.

    A window beyond the photo is cut to it and not drawn anew.
    """
    full = tf.cast(tf.shape(image)[:2], tf.float32)
    area = (scales[0] + (scales[1] - scales[0]) * draw[0]) * full[0] * full[1]
    stretch = tf.exp(tf.math.log(_RATIOS[0]) + (tf.math.log(_RATIOS[1]) - tf.math.log(_RATIOS[0])) * draw[1])
    sides = tf.stack([tf.sqrt(area / stretch), tf.sqrt(area * stretch)])
    sides = tf.cast(tf.clip_by_value(tf.round(sides), 1.0, full), tf.int32)
    corner = tf.cast(draw[2:4] * tf.cast(tf.shape(image)[:2] - sides + 1, tf.float32), tf.int32)
    window = tf.slice(image, [corner[0], corner[1], 0], [sides[0], sides[1], 3])
    return tf.clip_by_value(tf.image.resize(window, [side, side], "bicubic", antialias=True), 0.0, 255.0)
