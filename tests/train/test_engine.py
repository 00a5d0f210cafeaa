"""The training loop: resuming, damaged checkpoints, the log, the guard against NaN, one trace."""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.data.stream.pipeline import example_order
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.json_artefact import read_log
from wsss_tf.ops import colour
from wsss_tf.train.checkpointing import Checkpointer
from wsss_tf.train.fit import fit
from wsss_tf.train.logs import TrainingLog
from wsss_tf.train.optimizer import Groups, MomentumSGD
from wsss_tf.train.settings import TrainConfig
from wsss_tf.train.step import training_step

CROPS = AugmentConfig(crop=32, crop_scales=(1.0,))
STEPS = 8
CONFIG = TrainConfig(epochs=2, batch=2, lr=0.05, log_every=1, save_every=3)


class Killed(BaseException):
    """Stands for the power going out."""


class Toy:
    """Predicts two tags; has dropout, and noise drawn from the seeds of the examples, as the real methods have."""

    reads = {}

    def __init__(self, nan_at: int = -1):
        keras.utils.set_random_seed(0)
        image = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 5, strides=4, activation="relu", name="conv")(image / 100)
        x = keras.layers.Dropout(0.5, name="drop")(x)
        x = keras.layers.Conv2D(2, 1, name="fc8")(x)
        self.net = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x), name="toy")
        self.traces, self._nan_at = 0, nan_at

    def losses(self, batch):
        self.traces += 1  # Python runs while TensorFlow traces, and never again
        noise = tf.map_fn(lambda seed: tf.random.stateless_normal([2], seed), batch["seed"], fn_output_signature=tf.float32)
        logits = self.net(batch["image"], training=True) + noise
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(batch["tags"], logits), axis=-1)
        loss = tf.where(batch["seed"][:, 1] == self._nan_at, np.nan, loss)
        return {"loss": loss, "half": loss / 2}

    def preview(self, batch):
        return colour.uncentre(batch["image"])


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> tuple[Example, ...]:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    made = []
    for number in range(8):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 255, [40, 36, 3], np.uint8)).save(path)
        made.append(Example(str(number), path, tags=(1 + number % 2,)))
    return tuple(made)


@pytest.fixture
def train(examples):
    """The function (folder, settings) -> the trained method."""

    def run(folder: Path, nan_at: int = -1, **settings) -> Toy:
        method = Toy(nan_at)
        fit(method, examples, 2, {}, CROPS, dataclasses.replace(CONFIG, **settings), 0, folder)
        return method

    return run


@pytest.fixture(scope="module")
def uninterrupted(examples, tmp_path_factory) -> Path:
    """Folder of a training that ran through; its net is in toy.weights.h5."""
    folder, method = tmp_path_factory.mktemp("uninterrupted"), Toy()
    fit(method, examples, 2, {}, CROPS, CONFIG, 0, folder)
    method.net.save_weights(folder / "toy.weights.h5")
    return folder


def assert_trained_like(method: Toy, uninterrupted: Path) -> None:
    expected = Toy().net
    expected.load_weights(uninterrupted / "toy.weights.h5")
    for weight, wanted in zip(method.net.weights, expected.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-7, err_msg=weight.path)


def kill_at(monkeypatch, step: int) -> None:
    """Ends the training right after the log line of a step."""
    write = TrainingLog.scalars

    def scalars(self, at, values):
        write(self, at, values)
        if at == step:
            raise Killed

    monkeypatch.setattr(TrainingLog, "scalars", scalars)


def interrupted(train, monkeypatch, folder: Path, step: int) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, step)
        with pytest.raises(Killed):
            train(folder)


def logged_steps(folder: Path) -> list[int]:
    return [line["step"] for line in read_log(folder / "log.jsonl")]


def checkpoint_steps(folder: Path) -> list[int]:
    return sorted(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))


def truncate(folder: Path, step: int, part: str = "data-00000-of-00001", kept: int = 100) -> None:
    path = folder / "checkpoints" / f"ckpt-{step}.{part}"
    path.write_bytes(path.read_bytes()[:kept])


def test_log_has_every_step_and_all_numbers(uninterrupted):
    lines = read_log(uninterrupted / "log.jsonl")
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    for line in lines:
        assert line["half"] == pytest.approx(line["loss"] / 2)
        assert line["gradient_norm"] > 0 and line["images_per_second"] > 0
    rates = [line["learning_rate"] for line in lines]
    assert rates[0] < CONFIG.lr and rates == sorted(rates, reverse=True)
    for factor in (2, 10, 20):  # biases, the last layer, and its bias
        assert [line[f"learning_rate_x{factor}"] for line in lines] == pytest.approx([factor * rate for rate in rates])
    assert lines[-1]["minutes_left"] == 0 and all(line["minutes_left"] >= 0 for line in lines)
    assert list((uninterrupted / "tensorboard").iterdir())


def test_last_step_is_saved_and_two_checkpoints_are_kept(uninterrupted):
    assert checkpoint_steps(uninterrupted) == [6, STEPS]


def test_training_is_repeatable_whatever_is_logged_and_saved(train, uninterrupted, tmp_path):
    assert_trained_like(train(tmp_path, log_every=5, save_every=4), uninterrupted)
    assert logged_steps(tmp_path) == [5, STEPS]


@pytest.mark.parametrize("step", [1, 4, 6, 8])
def test_resumed_training_ends_as_an_uninterrupted_one(train, uninterrupted, tmp_path, monkeypatch, step):
    """With dropout: its random state is part of the checkpoint."""
    interrupted(train, monkeypatch, tmp_path, step)
    assert logged_steps(tmp_path)[-1] == step
    assert_trained_like(train(tmp_path), uninterrupted)
    assert logged_steps(tmp_path) == list(range(1, STEPS + 1))


def test_finished_training_is_not_continued(train, uninterrupted, tmp_path):
    train(tmp_path)
    log = (tmp_path / "log.jsonl").read_bytes()
    assert_trained_like(train(tmp_path), uninterrupted)
    assert (tmp_path / "log.jsonl").read_bytes() == log


@pytest.mark.parametrize("part, kept", [("data-00000-of-00001", 0), ("data-00000-of-00001", 100), ("index", 100)])
def test_truncated_newest_checkpoint_falls_back_to_the_one_before(train, uninterrupted, tmp_path, monkeypatch, capsys,
                                                                  part, kept):
    interrupted(train, monkeypatch, tmp_path, 7)
    truncate(tmp_path, 6, part, kept)
    assert_trained_like(train(tmp_path), uninterrupted)
    assert "ckpt-6: this checkpoint is damaged, falling back to the one before" in capsys.readouterr().out
    assert logged_steps(tmp_path) == list(range(1, STEPS + 1))


def test_without_any_intact_checkpoint_training_is_refused(train, uninterrupted, tmp_path, monkeypatch):
    """Days of training may be at stake, and a net that is half restored is worth nothing."""
    interrupted(train, monkeypatch, tmp_path, 7)
    truncate(tmp_path, 3)
    truncate(tmp_path, 6)
    with pytest.raises(InputError, match=f"^{tmp_path / 'checkpoints'}: .*remove the folder to train from the start$"):
        train(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    assert_trained_like(train(tmp_path), uninterrupted)
    assert logged_steps(tmp_path) == list(range(1, STEPS + 1))


def test_leftover_of_a_killed_save_is_removed(train, tmp_path):
    (tmp_path / "checkpoints" / "ckpt-3_temp").mkdir(parents=True)
    train(tmp_path, epochs=1)
    assert not (tmp_path / "checkpoints" / "ckpt-3_temp").exists()


def test_checkpoint_of_another_net_is_refused(tmp_path):
    optimizer = MomentumSGD(0.1, 0.9, 0.0, Groups(last_rate=1.0))
    Checkpointer(tmp_path, Toy().net, optimizer).save(1)
    image = keras.Input((None, None, 3))
    other = keras.Model(image, keras.layers.Conv2D(2, 1)(image))
    checkpointer = Checkpointer(tmp_path, other, MomentumSGD(0.1, 0.9, 0.0, Groups(last_rate=1.0)))
    with pytest.raises(InputError, match="another version of the program"):
        checkpointer.restore()


def test_log_line_cut_off_by_a_crash_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n{"step": 3, "lo')
    assert [line["step"] for line in read_log(path)] == [1, 2]
    with TrainingLog(tmp_path, 1) as log:
        log.scalars(2, {"loss": 3.0})
    assert read_log(path) == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 3.0}]


@pytest.mark.parametrize("log_every, save_every", [(1, 100), (100, 3), (100, 100)])
def test_loss_that_is_not_finite_ends_training_with_its_step(train, tmp_path, log_every, save_every):
    order = example_order(8, 10, 0)[-2:]  # of the two photos of step 5
    kept = f"the last good checkpoint is {tmp_path / 'checkpoints' / 'ckpt-3'}, and the same command goes on from it"
    says = (rf"^step 5: loss or gradient is not finite, with the images {order[0]}, {order[1]}: lower the learning rate, .*; "
            + (kept if save_every == 3 else "there is no checkpoint before it") + "$")
    with pytest.raises(InputError, match=says):
        train(tmp_path, nan_at=5 * CONFIG.batch - 1, log_every=log_every, save_every=save_every)
    if log_every == 1:
        assert logged_steps(tmp_path) == [1, 2, 3, 4]
    assert checkpoint_steps(tmp_path) == ([3] if save_every == 3 else [])


def test_step_is_traced_once(train, tmp_path):
    assert train(tmp_path).traces == 1


def test_training_step_means_over_the_batch():
    method = Toy()
    optimizer = MomentumSGD(0.0, 0.9, 0.0, Groups(last_rate=1.0))
    optimizer.build(method.net.trainable_variables)
    step = training_step(method, optimizer, 2)
    batch = {"image": tf.ones([2, 32, 32, 3]), "tags": tf.constant([[1.0, 0.0], [0.0, 1.0]])}
    numbers = step(batch | {"seed": tf.constant([[0, 0], [0, 1]])})
    assert float(numbers["half"]) == pytest.approx(float(numbers["loss"]) / 2) and numbers["loss"].shape == ()
    for number in range(2, 5):
        step(batch | {"seed": tf.constant([[0, 2 * number], [0, 2 * number + 1]])})
    assert method.traces == 1


def test_unreadable_photo_ends_training_with_its_name(examples, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(examples[0].image.read_bytes()[:200])
    changed = (*examples[:-1], dataclasses.replace(examples[-1], image=broken))
    with pytest.raises(InputError, match=f"^{broken}: truncated or damaged"):
        fit(Toy(), changed, 2, {}, CROPS, CONFIG, 0, tmp_path)


def test_more_images_per_batch_than_photos(examples, tmp_path):
    fit(Toy(), examples[:3], 2, {}, CROPS, dataclasses.replace(CONFIG, batch=5), 0, tmp_path)
    assert logged_steps(tmp_path) == [1, 2]
