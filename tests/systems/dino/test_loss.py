"""The loss of self-distillation against NumPy, its gradient, and what a collapse looks like."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.systems.dino.loss import dino_loss, entropy, information, teacher_output

B, G, V, K = 3, 2, 5, 7
RNG = np.random.default_rng(0)
STUDENT = RNG.normal(size=[B, V, K]).astype(np.float32)
TEACHER = RNG.normal(size=[B, G, K]).astype(np.float32)
CENTRE = RNG.normal(size=[K]).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def by_hand(student: np.ndarray, teacher: np.ndarray, centre: np.ndarray, warm: float, cold: float) -> np.ndarray:
    """Pair by pair, as in the paper's pseudo-code."""
    losses = []
    for example in range(len(student)):
        pairs = []
        for one in range(teacher.shape[1]):
            target = softmax((teacher[example, one].astype(np.float64) - centre) / cold)
            for other in range(student.shape[1]):
                if other != one:
                    pairs.append(-(target * np.log(softmax(student[example, other].astype(np.float64) / warm))).sum())
        losses.append(np.mean(pairs))
    return np.array(losses)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(0, 2**31 - 1))
def test_equals_numpy(batch, views, more, outputs, seed):
    rng = np.random.default_rng(seed)
    student = rng.normal(size=[batch, views + more, outputs]).astype(np.float32)
    teacher = rng.normal(size=[batch, views, outputs]).astype(np.float32)
    centre = rng.normal(size=[outputs]).astype(np.float32)
    loss = dino_loss(student, teacher_output(teacher, centre, 0.04), 0.1)
    assert loss.shape == [batch]
    np.testing.assert_allclose(loss, by_hand(student, teacher, centre, 0.1, 0.04), rtol=2e-4, atol=1e-4)


def test_gradient_reaches_the_student_alone():
    student, teacher, centre = tf.Variable(STUDENT), tf.Variable(TEACHER), tf.Variable(CENTRE)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(dino_loss(student, teacher_output(teacher, centre, 0.04), 0.1))
    to_student, to_teacher, to_centre = tape.gradient(loss, [student, teacher, centre])
    assert to_teacher is None and to_centre is None
    likely, target = softmax(STUDENT / 0.1), softmax((TEACHER - CENTRE) / 0.04)
    for view in range(V):  # softmax minus target, over the teacher's other views
        others = [one for one in range(G) if one != view]
        expected = sum(likely[:, view] - target[:, one] for one in others) / (G * (V - 1)) / 0.1
        np.testing.assert_allclose(to_student[:, view], expected, rtol=1e-3, atol=1e-4)


def test_a_view_is_never_its_own_target():
    changed = STUDENT.copy()
    changed[:, 0] = 0  # of the one teacher view it is the twin
    target = teacher_output(TEACHER[:, :1], CENTRE, 0.04)
    np.testing.assert_allclose(dino_loss(STUDENT, target, 0.1), dino_loss(changed, target, 0.1), rtol=1e-6)


def test_collapse_to_uniform_gives_the_logarithm_of_the_outputs():
    target = teacher_output(tf.ones([B, G, K]) + CENTRE, CENTRE, 0.04)
    np.testing.assert_allclose(dino_loss(tf.ones([B, V, K]), target, 0.1), np.log(K), rtol=1e-5)
    np.testing.assert_allclose(entropy(target), np.log(K), rtol=1e-5)
    np.testing.assert_allclose(information(target), 0, atol=1e-5)


def test_collapse_to_one_output_gives_nothing():
    sharp = 9 * tf.one_hot(tf.fill([B, V], 2), K)
    target = teacher_output(sharp[:, :G], tf.zeros([K]), 0.04)
    for value in (dino_loss(sharp, target, 0.1), entropy(target), information(target)):
        np.testing.assert_allclose(value, 0, atol=1e-5)


def test_information_of_examples_that_all_differ():
    target = tf.repeat(tf.eye(K)[:, None], G, axis=1)
    np.testing.assert_allclose(information(target), np.log(K), rtol=1e-5)
    np.testing.assert_allclose(entropy(target), 0, atol=1e-6)


def test_loss_is_entropy_and_divergence():
    target = teacher_output(TEACHER, CENTRE, 0.5)
    student = tf.concat([0.1 * tf.math.log(tf.reverse(target, [1])), STUDENT[:, G:]], axis=1)
    perfect = dino_loss(student[:, :G], target, 0.1)
    np.testing.assert_allclose(perfect, entropy(target), rtol=1e-4)
    assert (dino_loss(student, target, 0.1).numpy() > entropy(target).numpy()).all()


def test_centring_and_sharpening_pull_apart():
    """A teacher that always prefers one output is uniform after centring, and sharper at a lower temperature."""
    biased = np.zeros([B, G, K], np.float32)
    biased[..., 1] = 5
    np.testing.assert_allclose(teacher_output(biased, biased[0, 0], 0.04), 1 / K, rtol=1e-5)
    sharpness = [entropy(teacher_output(TEACHER, CENTRE, temperature)).numpy() for temperature in (0.04, 0.4, 4.0)]
    assert (sharpness[0] < sharpness[1]).all() and (sharpness[1] < sharpness[2]).all()


def test_examples_do_not_depend_on_each_other():
    target = teacher_output(TEACHER, CENTRE, 0.04)
    whole = dino_loss(STUDENT, target, 0.1)
    np.testing.assert_allclose(whole[1:2], dino_loss(STUDENT[1:2], target[1:2], 0.1), rtol=1e-5)
