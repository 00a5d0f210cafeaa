"""Self-distillation: its losses, the teacher and the centre by hand, and resuming to the bit."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.data.stream.multicrop import multicrop_stream
from wsss_tf.data.stream.settings import MulticropConfig
from wsss_tf.example import Example
from wsss_tf.files.json_artefact import read_log
from wsss_tf.systems.dino.loss import dino_loss, teacher_output
from wsss_tf.systems.dino.method import SelfDistillation
from wsss_tf.systems.dino.settings import DistillationConfig, DistillationTrainConfig
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.contract import StatefulMethod
from wsss_tf.train.engine import train
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.schedules import Cosine
from wsss_tf.train.step import training_step

CONFIG = DistillationConfig(vit="vit_tiny", outputs=12, hidden=10, bottleneck=6, momentum=0.9)
CROPS = MulticropConfig(global_crop=32, local_crop=16, local_views=2)
TRAIN = DistillationTrainConfig(batch=2, log_every=1, save_every=2)
STEPS = 6
MEANS = {"teacher": np.ones([CONFIG.outputs], np.float32)}


class Killed(BaseException):
    """Stands for the power going out."""


def method(warmup: int = 0, **changes) -> SelfDistillation:
    keras.utils.set_random_seed(0)
    return SelfDistillation(dataclasses.replace(CONFIG, **changes), STEPS, warmup)


def optimizer() -> AdamW:
    return AdamW(Cosine(0.01, 0.001, STEPS, 1), Cosine(0.04, 0.4, STEPS), 3.0, "directions", 2)


def batch(local: bool = True) -> dict[str, tf.Tensor]:
    rng = np.random.default_rng(0)
    views = {"image": rng.normal(0, 60, [3, 32, 32, 3]), "partner": rng.normal(0, 60, [3, 32, 32, 3])}
    if local:
        views["local"] = rng.normal(0, 60, [3, 2, 16, 16, 3])
    return {name: tf.constant(view, tf.float32) for name, view in views.items()}


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> tuple[Example, ...]:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(4)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, [40, 36, 3], np.uint8)).save(path)
    return tuple(Example(path.stem, path, ()) for path in paths)


def assert_same(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("local", [True, False])
def test_losses_are_those_of_all_views(local):
    made, views = method(), batch(local)
    made.centre.assign(tf.linspace(-0.1, 0.1, CONFIG.outputs))
    made.net.set_weights([weight + 0.01 for weight in made.net.get_weights()])  # no longer the teacher
    teacher = tf.stack([made.teacher(views[name]) for name in ("image", "partner")], axis=1)
    student = [made.net(views[name]) for name in ("image", "partner")]
    student += [made.net(views["local"][:, number]) for number in range(2)] if local else []
    target = teacher_output(teacher, made.centre, CONFIG.teacher_temperature)
    expected = dino_loss(tf.stack(student, axis=1), target, CONFIG.student_temperature)

    losses = made.losses(views)
    assert all(value.shape == [3] for name, value in losses.items() if name != "teacher")
    np.testing.assert_allclose(losses["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(losses["entropy"] + losses["divergence"], losses["loss"], rtol=1e-5)
    np.testing.assert_allclose(losses["teacher"], teacher.numpy().mean(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kept", [0.0, 0.9, 1.0])
def test_centre_is_a_running_mean(kept):
    made = method(centre_momentum=kept)
    made.centre.assign(tf.range(CONFIG.outputs, dtype=tf.float32))
    made.after_step(MEANS)
    np.testing.assert_allclose(made.centre, kept * np.arange(CONFIG.outputs) + (1 - kept) * MEANS["teacher"], rtol=1e-5)


def test_teacher_begins_as_the_student_and_has_no_gradient():
    made = method()
    assert isinstance(made, StatefulMethod)
    assert_same(made.teacher.get_weights(), made.net.get_weights())
    with tf.GradientTape() as tape:
        tape.watch([weight.value for weight in made.teacher.weights])
        loss = made.losses(batch())["loss"]
    variables = made.net.trainable_variables
    gradients = tape.gradient(loss, variables + [weight.value for weight in made.teacher.weights])
    assert all(gradient is not None for gradient in gradients[:len(variables)])
    assert all(gradient is None for gradient in gradients[len(variables):])


def test_teacher_follows_the_student_ever_more_slowly():
    made, momentum = method(), Cosine(0.9, 1.0, STEPS)
    made.net.set_weights([weight + 1 for weight in made.net.get_weights()])
    start, student = made.teacher.get_weights()[0], made.net.get_weights()[0]
    expected = start
    for step in range(STEPS):
        made.after_step(MEANS)
        expected = float(momentum(step)) * expected + (1 - float(momentum(step))) * student
        np.testing.assert_allclose(made.teacher.get_weights()[0], expected, rtol=1e-5, atol=1e-6)
    assert (expected > start).all() and (expected < student).all()
    made.after_step(MEANS)
    np.testing.assert_allclose(made.teacher.get_weights()[0], expected, rtol=1e-6, atol=1e-7)


def test_temperature_of_the_teacher_rises_during_its_warmup():
    made, entropies = method(warmup=4), []
    made.centre.assign(tf.zeros([CONFIG.outputs]))
    for step in (0, 2, 4, 5):
        made.step.assign(step)
        made.centre.assign(tf.zeros([CONFIG.outputs]))
        entropies.append(float(made.losses(batch())["entropy"][0]))
    assert entropies[0] < entropies[1] < entropies[2] == pytest.approx(entropies[3])


def test_a_step_trains_the_student_and_then_moves_the_teacher():
    made, stepper = method(), optimizer()
    stepper.build(made.net.trainable_variables)
    before = made.net.get_weights()
    step = training_step(made, stepper, 3)
    for number in (1, 2):  # the rate of the first is 0
        numbers = step(batch())
    assert int(made.step) == 2 and numbers["loss"].shape == ()
    share = 1 - float(Cosine(0.9, 1.0, STEPS)(1))
    changed = 0
    for old, new, teacher in zip(before, made.net.get_weights(), made.teacher.get_weights(), strict=True):
        np.testing.assert_allclose(teacher, old + share * (new - old), rtol=1e-4, atol=1e-6)
        changed += not np.array_equal(old, new)
    assert changed == len(before) - 1, "all but the last layer, which waits"


def test_student_learns_what_a_teacher_that_stays_says():
    made, stepper = method(momentum=1.0), AdamW(0.003, lambda step: 0.0)
    stepper.build(made.net.trainable_variables)
    before = made.teacher.get_weights()
    made.net.set_weights([weight + 0.05 * np.random.default_rng(0).normal(size=weight.shape) for weight in before])
    step = training_step(made, stepper, 3)
    divergence = [float(step(batch())["divergence"]) for number in range(1, 31)]
    assert divergence[-1] < 0.5 * divergence[0]
    assert_same(made.teacher.get_weights(), before)


def test_resumed_training_ends_as_an_uninterrupted_one_to_the_bit(examples, tmp_path, monkeypatch):
    def run(folder) -> SelfDistillation:
        made = method(warmup=4)
        train(made, optimizer(), STEPS, lambda start: multicrop_stream(examples, CROPS, 2, STEPS, start, 0), TRAIN, folder,
              lambda step: [])
        return made

    def kill(self, step, values, write=TrainingLog.scalars):
        write(self, step, values)
        if step == 5:
            raise Killed

    whole = run(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLog, "scalars", kill)
        with pytest.raises(Killed):
            run(tmp_path / "killed")
    resumed = run(tmp_path / "killed")
    assert_same(resumed.net.get_weights(), whole.net.get_weights())
    assert_same(resumed.teacher.get_weights(), whole.teacher.get_weights())
    np.testing.assert_array_equal(resumed.centre, whole.centre)
    assert int(resumed.step) == STEPS
    ours, expected = (read_log(tmp_path / name / "log.jsonl") for name in ("killed", "whole"))
    assert [line["loss"] for line in ours] == [line["loss"] for line in expected] and len(ours) == STEPS


def test_preview_is_a_view():
    preview = method().preview(batch())
    assert preview.shape == [3, 32, 32, 3] and preview.dtype == tf.uint8
