"""Growing against the recorded reference and loops over superpixels."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.systems.superpixel_growing.growing import grow
from wsss_tf.systems.superpixel_growing.settings import GrowingConfig

CLASSES = 4


def by_loops(seed, superpixels, probabilities, tags, config) -> np.ndarray:
    """Eqs 3.6-3.7 image by image, superpixel by superpixel."""
    grown = seed.copy()
    for image in range(len(seed)):
        candidates = [0, *(np.flatnonzero(tags[image]) + 1)]
        for number in np.unique(superpixels[image]):
            free = (superpixels[image] == number) & (seed[image] == 255)
            if free.any():
                means = probabilities[image][free].mean(axis=0)
                best = max(candidates, key=lambda label: means[label])
                beta = config.beta_foreground if best else config.beta_background
                if means[best] > beta:
                    grown[image][free] = best
    return grown


def test_nothing_outside_the_photo_is_labeled_or_counted():
    """A net that is sure of everything there changes neither the padding nor the superpixel 0 beside it."""
    seed = tf.fill([1, 2, 4], 255)
    superpixels = tf.constant([[[0, 0, -1, -1], [0, 0, -1, -1]]])
    background = tf.constant([[[[0.6, 0.4]] * 2 + [[1.0, 0.0]] * 2] * 2])
    grown = grow(seed, superpixels, background, tf.ones([1, 1]), GrowingConfig(0.7, 0.7))
    np.testing.assert_array_equal(grown, seed)


def case(seed: int) -> tuple:
    rng = np.random.default_rng(seed)
    shape = (3, 7, 6)
    superpixels = rng.integers(0, rng.integers(2, 12), shape).astype(np.int32)
    # Sharp, and alike within a superpixel, so that some means exceed beta.
    logits = rng.normal(0, 4, [3, 12, CLASSES + 1])[np.arange(3)[:, None, None], superpixels]
    probabilities = tf.nn.softmax(logits + rng.normal(0, 0.5, logits.shape)).numpy().astype(np.float32)
    labels = rng.choice([255, 255, 255, 0, 1, 3], shape).astype(np.int32)
    tags = (rng.random([3, CLASSES]) < 0.6).astype(np.float32)
    return labels, superpixels, probabilities, tags


@pytest.mark.parametrize("key, betas", [("grown_b07", (0.7, 0.7)), ("grown_bg05_fg08", (0.5, 0.8))])
def test_labels_equal_the_recorded_ones(golden, key, betas):
    recorded = golden("thesis_ch3_reference")
    grown = grow(recorded["seed"][None].astype(np.int32), recorded["superpixels"][None],
                 recorded["prob"].transpose(1, 2, 0)[None], recorded["t"][None], GrowingConfig(*betas))
    np.testing.assert_array_equal(grown[0], recorded[key])
    assert (recorded[key] != recorded["seed"]).sum() >= 100


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), background=st.sampled_from([0.3, 0.7]), foreground=st.sampled_from([0.3, 0.7]))
def test_labels_equal_loops(seed, background, foreground):
    arrays, config = case(seed), GrowingConfig(background, foreground)
    np.testing.assert_array_equal(grow(*arrays, config), by_loops(*arrays, config))


def test_the_cases_grow_background_and_objects():
    grown = [grow(*case(seed), GrowingConfig(0.7, 0.7)).numpy()[case(seed)[0] == 255] for seed in range(5)]
    labels, counts = np.unique(np.concatenate(grown), return_counts=True)
    assert labels.tolist() == [0, 1, 2, 3, 4, 255] and counts.min() > 5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_seeds_stay_and_images_do_not_mix(seed):
    labels, superpixels, probabilities, tags = case(seed)
    grown = grow(labels, superpixels, probabilities, tags, GrowingConfig()).numpy()
    known = labels != 255
    np.testing.assert_array_equal(grown[known], labels[known])
    for image in range(3):
        one = slice(image, image + 1)
        alone = grow(labels[one], superpixels[one], probabilities[one], tags[one], GrowingConfig())
        np.testing.assert_array_equal(alone[0], grown[image])


def test_it_runs_in_a_graph_of_unknown_sizes_and_gives_no_gradient():
    compiled = tf.function(lambda *arrays: grow(*arrays, GrowingConfig()), input_signature=[
        tf.TensorSpec([None, None, None], tf.int32), tf.TensorSpec([None, None, None], tf.int32),
        tf.TensorSpec([None, None, None, CLASSES + 1]), tf.TensorSpec([None, CLASSES])])
    labels, superpixels, probabilities, tags = case(1)
    np.testing.assert_array_equal(compiled(labels, superpixels, probabilities, tags),
                                  grow(labels, superpixels, probabilities, tags, GrowingConfig()))
    logits = tf.Variable(np.log(probabilities))
    with tf.GradientTape() as tape:
        grown = grow(labels, superpixels, tf.nn.softmax(logits), tags, GrowingConfig())
        value = tf.reduce_sum(tf.cast(grown, tf.float32))
    assert tape.gradient(value, logits) is None
