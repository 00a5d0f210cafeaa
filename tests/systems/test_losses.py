"""Losses against loops over pixels and classes, written from the equations of the thesis."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.systems import losses

SEEDS = st.integers(0, 2**32 - 1)
B, H, W, C = 3, 4, 5, 4
quick = settings(max_examples=25, deadline=None)


def cases(seed: int, spread: float = 3.0):
    """Random (rng, logits [B, H, W, C+1], tags [B, C], saliency [B, H, W]) in float64; sets may be empty."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, [B, H, W, C + 1])
    tags = (rng.random([B, C]) < rng.random()).astype(float)
    shares = rng.dirichlet([0.4, 0.4, 0.4])
    saliency = rng.choice([0, 1, 255], [B, H, W], p=shares).astype(np.int32)
    return rng, logits, tags, saliency


def cross_entropy(score: float, truth: float) -> float:
    """-truth log sigmoid(score) - (1 - truth) log(1 - sigmoid(score))."""
    return np.logaddexp(0, -score) if truth == 1 else np.logaddexp(0, score)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


@quick
@given(SEEDS)
def test_tag_loss_is_the_mean_cross_entropy_over_all_classes(seed):
    rng, _, tags, _ = cases(seed)
    scores = rng.normal(0, 5, [B, C])
    expected = [np.mean([cross_entropy(scores[b, c], tags[b, c]) for c in range(C)]) for b in range(B)]
    np.testing.assert_allclose(losses.tag_loss(tf.constant(scores), tf.constant(tags)), expected, rtol=1e-9)


@quick
@given(SEEDS)
def test_dense_cam_loss_sums_present_classes_over_c_times_pixels(seed):
    rng, _, tags, _ = cases(seed)
    cam, dense = rng.normal(size=[2, B, H, W, C])
    expected = np.zeros(B)
    for b, y, x, c in np.ndindex(B, H, W, C):
        if tags[b, c]:
            expected[b] += (max(dense[b, y, x, c], 0) - max(cam[b, y, x, c], 0)) ** 2 / (C * H * W)
    np.testing.assert_allclose(losses.dense_cam_loss(cam, dense, tf.constant(tags)), expected, rtol=1e-9)


def test_dense_cam_is_a_constant_target():
    rng, _, _, _ = cases(0)
    cam, dense = (tf.Variable(maps) for maps in rng.normal(size=[2, B, H, W, C]))
    with tf.GradientTape() as tape:
        loss = losses.dense_cam_loss(cam, dense, tf.ones([B, C], tf.float64))
    to_cam, to_dense = tape.gradient(loss, [cam, dense])
    assert to_dense is None
    assert np.abs(to_cam).max() > 0


@quick
@given(SEEDS)
def test_saliency_loss_equals_the_log_of_summed_probabilities(seed):
    _, logits, tags, saliency = cases(seed)
    probability = softmax(logits)
    expected = np.zeros(B)
    for b in range(B):
        background, foreground = [], []
        for y, x in np.ndindex(H, W):
            if saliency[b, y, x] == 0:
                background.append(np.log(probability[b, y, x, 0]))
            if saliency[b, y, x] == 1 and tags[b].any():
                foreground.append(np.log(sum(probability[b, y, x, 1 + c] for c in range(C) if tags[b, c])))
        for members in filter(None, (background, foreground)):
            expected[b] -= np.mean(members)
    result = losses.saliency_loss(tf.constant(logits), saliency, tf.constant(tags))
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


def test_saliency_loss_of_empty_sets_is_zero_without_gradient():
    logits = tf.Variable(tf.random.stateless_normal([1, H, W, C + 1], [0, 0]))
    with tf.GradientTape() as tape:
        loss = losses.saliency_loss(logits, tf.fill([1, H, W], 255), tf.ones([1, C]))
    assert float(loss[0]) == 0
    np.testing.assert_array_equal(tape.gradient(loss, logits), 0)


def test_ignored_pixels_have_no_gradient():
    _, logits, _, saliency = cases(1)
    saliency[:, 0] = [0, 1, 255, 0, 1]
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = losses.saliency_loss(variable, saliency, tf.ones([B, C], tf.float64))
    strength = np.abs(tape.gradient(loss, variable)).max(-1)
    np.testing.assert_array_equal(strength > 0, saliency != 255)


@pytest.mark.parametrize("size", [1e2, 1e4])
@pytest.mark.parametrize("kind", [0, 1])
def test_saliency_loss_learns_from_hopeless_logits(size, kind):
    """Probabilities that underflow to 0 still give the exact loss and a gradient that mends them."""
    favoured = 1 - kind  # the other side of what the saliency says
    logits = tf.Variable(tf.one_hot(tf.fill([1, H, W], favoured), C + 1) * size)
    with tf.GradientTape() as tape:
        loss = losses.saliency_loss(logits, tf.fill([1, H, W], kind), tf.constant([[1.0, 0, 0, 0]]))
    np.testing.assert_allclose(loss, [size], rtol=1e-6)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[..., favoured].sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(gradient[..., kind].sum(), -1, rtol=1e-5)


@quick
@given(SEEDS)
def test_attention_loss_is_the_mean_over_present_classes(seed):
    rng, _, tags, _ = cases(seed)
    scores = rng.normal(0, 5, [B, C])
    remaining = tags * (rng.random([B, C]) < 0.5)
    expected = np.zeros(B)
    for b in range(B):
        if tags[b].any():
            expected[b] = np.mean([cross_entropy(scores[b, c], remaining[b, c]) for c in range(C) if tags[b, c]])
    result = losses.attention_loss(tf.constant(scores), tf.constant(remaining), tf.constant(tags))
    np.testing.assert_allclose(result, expected, rtol=1e-9)


def seeded_pixels(seed: int):
    """Logits, a label map, and for each image the (label, -log probability of it) of the known pixels."""
    rng, logits, _, saliency = cases(seed)
    labels = np.where(saliency == 255, 255, rng.integers(0, C + 1, [B, H, W])).astype(np.int32)
    log_probability = np.log(softmax(logits))
    known = [[(labels[b, y, x], -log_probability[b, y, x, labels[b, y, x]])
              for y, x in np.ndindex(H, W) if labels[b, y, x] != 255] for b in range(B)]
    return logits, labels, known


@quick
@given(SEEDS)
def test_label_loss_is_the_mean_over_known_pixels(seed):
    logits, labels, known = seeded_pixels(seed)
    expected = [np.mean([value for _, value in pixels]) if pixels else 0 for pixels in known]
    np.testing.assert_allclose(losses.label_loss(tf.constant(logits), labels), expected, rtol=1e-9)


def test_balanced_seed_loss_equals_the_recorded_one(golden):
    recorded = golden("thesis_ch3_reference")
    logits = tf.Variable(np.log(recorded["prob"].transpose(1, 2, 0)[None]))
    with tf.GradientTape() as tape:
        loss = losses.balanced_seed_loss(logits, tf.constant(recorded["grown_b07"][None], tf.int32))
    np.testing.assert_allclose(loss[0], recorded["l_seed"], rtol=1e-5)
    gradient = tape.gradient(loss, logits).numpy()[0].transpose(2, 0, 1)
    np.testing.assert_allclose(gradient, recorded["grad_logits"], rtol=1e-4, atol=1e-8)


@quick
@given(SEEDS)
def test_balanced_seed_loss_averages_background_and_objects_apart(seed):
    logits, labels, known = seeded_pixels(seed)
    expected = np.zeros(B)
    for b, pixels in enumerate(known):
        for chosen in ([value for label, value in pixels if label == 0],
                       [value for label, value in pixels if label > 0]):
            expected[b] += np.mean(chosen) if chosen else 0
    np.testing.assert_allclose(losses.balanced_seed_loss(tf.constant(logits), labels), expected, rtol=1e-9)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores))


def share(members: np.ndarray) -> np.ndarray:
    """1 / count at the members of each example, [B, ...]."""
    counts = members.reshape(B, -1).sum(1)
    return members / np.maximum(counts, 1).reshape(B, *[1] * (members.ndim - 1))


def worked_out(seed: int) -> dict:
    """Name -> (loss of a tensor, that tensor, gradient of the sum of the losses as differentiated on paper)."""
    rng, logits, tags, saliency = cases(seed)
    scores, (cam, dense) = rng.normal(0, 3, [B, C]), rng.normal(size=[2, B, H, W, C])
    remaining, p = tags * (rng.random([B, C]) < 0.5), softmax(logits)
    labels = np.where(saliency == 255, 255, rng.integers(0, C + 1, [B, H, W])).astype(np.int32)
    one_hot = np.eye(C + 1)[np.where(labels == 255, 0, labels)]
    present = np.concatenate([np.zeros([B, 1]), tags], 1)[:, None, None] * p
    inside = present / np.maximum(present.sum(-1, keepdims=True), 1e-300)  # softmax over the present classes alone
    background, foreground = saliency == 0, (saliency == 1) & tags.any(1)[:, None, None]
    known, is_background = labels != 255, labels == 0
    constant = tf.constant(tags)
    return {
        "tag": (lambda x: losses.tag_loss(x, constant), scores, (sigmoid(scores) - tags) / C),
        "dense_cam": (lambda x: losses.dense_cam_loss(x, tf.constant(dense), constant), cam,
                      2 * (np.maximum(cam, 0) - np.maximum(dense, 0)) * (cam > 0) * tags[:, None, None] / (C * H * W)),
        "saliency": (lambda x: losses.saliency_loss(x, saliency, constant), logits,
                     (p - np.eye(C + 1)[0]) * share(background)[..., None] + (p - inside) * share(foreground)[..., None]),
        "attention": (lambda x: losses.attention_loss(x, tf.constant(remaining), constant), scores,
                      (sigmoid(scores) - remaining) * share(tags)),
        "label": (lambda x: losses.label_loss(x, labels), logits, (p - one_hot) * share(known)[..., None]),
        "balanced_seed": (lambda x: losses.balanced_seed_loss(x, labels), logits,
                          (p - one_hot) * (share(is_background) + share(known & ~is_background))[..., None]),
    }


@pytest.mark.parametrize("name", worked_out(0))
@quick
@given(seed=SEEDS)
def test_gradients_equal_those_on_paper(name, seed):
    loss, given_to, expected = worked_out(seed)[name]
    variable = tf.Variable(given_to)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(variable))
    np.testing.assert_allclose(tape.gradient(total, variable), expected, rtol=1e-9, atol=1e-12)


def every_loss(rng, spread: float) -> dict:
    """Name -> (loss of one float32 tensor, that tensor), the rest fixed and random."""
    tags = tf.constant(rng.integers(0, 2, [B, C]), tf.float32)
    saliency = tf.constant(rng.choice([0, 1, 255], [B, H, W]), tf.int32)
    labels = tf.constant(rng.choice([0, C, 255], [B, H, W]), tf.int32)
    target = tf.constant(rng.normal(0, spread, [B, H, W, C]), tf.float32)
    logits = tf.Variable(rng.normal(0, spread, [B, H, W, C + 1]), dtype=tf.float32)
    maps = tf.Variable(rng.normal(0, spread, [B, H, W, C]), dtype=tf.float32)
    scores = tf.Variable(rng.normal(0, spread, [B, C]), dtype=tf.float32)
    return {
        "tag": (lambda: losses.tag_loss(scores, tags), scores),
        "dense_cam": (lambda: losses.dense_cam_loss(maps, target, tags), maps),
        "saliency": (lambda: losses.saliency_loss(logits, saliency, tags), logits),
        "attention": (lambda: losses.attention_loss(scores, tags * [[1, 0, 1, 0]], tags), scores),
        "label": (lambda: losses.label_loss(logits, labels), logits),
        "balanced_seed": (lambda: losses.balanced_seed_loss(logits, labels), logits),
    }


@pytest.mark.parametrize("name", every_loss(np.random.default_rng(0), 1))
@pytest.mark.parametrize("seed", range(3))
def test_losses_are_finite_and_independent_between_examples(name, seed):
    loss, variable = every_loss(np.random.default_rng(seed), 1e4)[name]
    with tf.GradientTape() as tape:
        before = loss()
        first = before[0]
    gradient = tape.gradient(first, variable).numpy()
    assert before.shape == [B]
    assert np.isfinite(before).all() and np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[1:], 0)
    variable[1:].assign(variable[1:] * -2 + 1)
    assert float(loss()[0]) == float(first)


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 6)])
def test_means_over_images_and_over_the_batch(shape):
    """An example without members adds nothing, and counts as an image only."""
    rng = np.random.default_rng(0)
    values, members = rng.normal(size=shape), (rng.uniform(size=shape) < 0.4).astype(float)
    members[1] = 0
    own = [values[i][members[i] > 0].mean() if members[i].any() else 0.0 for i in range(3)]
    np.testing.assert_allclose(losses.image_mean(tf.constant(values), tf.constant(members)), own)
    over_batch = losses.batch_mean(tf.constant(values), tf.constant(members))
    np.testing.assert_allclose(np.mean(over_batch), values[members > 0].mean())
    np.testing.assert_array_equal(losses.batch_mean(tf.constant(values), tf.zeros(shape, tf.float64)), 0)


def test_every_loss_takes_the_mean_it_is_given():
    """The examples have unequal numbers of pixels and tags, so that the two means differ."""
    rng = np.random.default_rng(1)
    logits = tf.constant(rng.normal(size=[2, 4, 4, 4]))
    labels = tf.constant(np.where(np.arange(32).reshape(2, 4, 4) < 20, rng.integers(0, 4, [2, 4, 4]), 255), tf.int32)
    saliency = tf.where(labels == 255, labels, tf.minimum(labels, 1))
    tags = tf.constant([[1.0, 1, 1], [0, 1, 0]], tf.float64)
    for loss in (lambda mean: losses.label_loss(logits, labels, mean), lambda mean: losses.balanced_seed_loss(logits, labels, mean),
                 lambda mean: losses.saliency_loss(logits, saliency, tags, mean),
                 lambda mean: losses.attention_loss(logits[:, 0, 0, :3], tags, tags, mean)):
        assert abs(float(tf.reduce_mean(loss(losses.image_mean)) - tf.reduce_mean(loss(losses.batch_mean)))) > 1e-3
