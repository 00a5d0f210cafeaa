"""What a training reads, how long it lasts, and what comes after its last step; each also if it is killed on the way."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from wsss_tf.data.stream.maps import LABELS, OBJECTS
from wsss_tf.data.stream.settings import AugmentConfig
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_photo
from wsss_tf.files.store import write_image, write_labels
from wsss_tf.nets.torch_layers import FixedNorm
from wsss_tf.ops import colour
from wsss_tf.train.checkpointing import load_net
from wsss_tf.train.fit import fit, stochastic_descent
from wsss_tf.train.length import training_length
from wsss_tf.train.logs import TrainingLog, read_log
from wsss_tf.train.settings import TrainConfig

CROPS = AugmentConfig(crop=32, crop_scales=(1.0,))
CONFIG = TrainConfig(epochs=3, batch=2, lr=0.05, log_every=1, save_every=3)
EPOCH = 4  # steps


class Killed(BaseException):
    """Stands for the power going out."""


class Plain:
    """Learns the row of an array from a photo, through a batch norm whose statistics follow the batches."""

    reads = {}

    def __init__(self):
        keras.utils.set_random_seed(0)
        image = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(4, 3, strides=4, use_bias=False, name="conv")(image / 100)
        x = FixedNorm(fixed=False, name="norm")(x)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
        self.net = keras.Model(image, keras.layers.Dense(3, name="fc8")(x), name="plain")
        self.sizes = []  # one for each trace

    def losses(self, batch):
        self.sizes.append(batch["image"].shape[1])
        return {"loss": tf.reduce_mean(tf.square(self.net(batch["image"], training=True) - batch["row"]), axis=-1)}

    def preview(self, batch):
        return colour.uncentre(batch["image"])


class Finishing(Plain):
    """Stores the mean colour of all photos in the end."""

    def __init__(self, killed_at: int = -1):
        super().__init__()
        self.mean = tf.Variable(tf.zeros(3), trainable=False)
        self.state = {"mean": self.mean}
        self.seen, self._killed_at = [], killed_at

    def after_step(self, means):
        """Nothing moves with the steps."""

    def finish(self, photos):
        for number, photo in enumerate(photos):
            if number == self._killed_at:
                raise Killed
            self.seen.append(photo.numpy())
            self.mean.assign_add(tf.reduce_mean(photo, axis=[0, 1, 2]) / 8)


class Reading(Plain):
    """Reads two maps and notes what came."""

    reads = {"target": LABELS, "objects": OBJECTS}

    def losses(self, batch):
        self.found = {name: (values.dtype, values.shape) for name, values in batch.items()}
        return super().losses(batch)


ROWS = {"row": np.random.default_rng(1).normal(size=[8, 3]).astype(np.float32)}


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> tuple[Example, ...]:
    """Eight photos without tags, as a data set for saliency has them, each with two maps."""
    folder, rng, made = tmp_path_factory.mktemp("photos"), np.random.default_rng(0), []
    for number in range(8):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 255, [40, 36 + number, 3], np.uint8)).save(path)
        write_labels(folder / f"{number}_target.png", rng.integers(0, 3, [40, 36 + number]))
        write_image(folder / f"{number}_objects.png", rng.choice([0, 255], [40, 36 + number]))
        made.append(Example(str(number), path, ()))
    return tuple(made)


def beside(name: str):
    return lambda example: example.image.with_name(f"{example.image_id}_{name}.png")


MAPS = {"target": beside("target"), "objects": beside("objects")}


def trained(method, examples, folder: Path, crops=CROPS, maps=None, classes=0, arrays=ROWS, **settings):
    fit(method, examples, classes, maps or {}, crops, dataclasses.replace(CONFIG, **settings), 0, folder, arrays)
    return method


def weights(method) -> list[np.ndarray]:
    return [weight.numpy() for weight in method.net.weights]


def assert_same(left, right) -> None:
    for ours, theirs in zip(weights(left), weights(right), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def logged(folder: Path) -> list[dict]:
    return read_log(folder / "log.jsonl")


def newest(folder: Path) -> int:
    return max(int(path.stem.split("-")[1]) for path in (folder / "checkpoints").glob("*.index"))


def killed(monkeypatch, step: int, run) -> None:
    """Runs a training that ends right after the log line of a step."""
    write = TrainingLog.scalars

    def scalars(self, at, values):
        write(self, at, values)
        if at == step:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLog, "scalars", scalars)
        with pytest.raises(Killed):
            run()


VARIANTS = {"steps": {"steps": 10}, "stop_after": {"stop_after": 2.5}, "nesterov": {"nesterov": True},
            "triangular": {"schedule": "triangular", "steps": 10}}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_resumed_training_ends_as_an_uninterrupted_one(examples, tmp_path, monkeypatch, settings):
    """Statistics of the batch norm included."""
    whole = trained(Plain(), examples, tmp_path / "whole", **settings)
    killed(monkeypatch, 7, lambda: trained(Plain(), examples, tmp_path / "killed", **settings))
    assert newest(tmp_path / "killed") == 6
    assert_same(trained(Plain(), examples, tmp_path / "killed", **settings), whole)
    last = 10 if {"steps", "stop_after"} & settings.keys() else 3 * EPOCH
    assert [line["step"] for line in logged(tmp_path / "killed")] == list(range(1, last + 1))


def test_length_in_steps_is_that_of_the_schedule(examples, tmp_path):
    trained(Plain(), examples, tmp_path, steps=10)
    rates = [line["learning_rate"] for line in logged(tmp_path)]
    np.testing.assert_allclose(rates, [0.05 * (1 - step / 10) ** 0.9 for step in [*range(1, 10), 9]], rtol=1e-5)
    assert logged(tmp_path)[-1]["minutes_left"] == 0


def test_early_end_leaves_the_schedule_as_it_is(examples, tmp_path, monkeypatch):
    """The same weights as a longer training has at that step, the log knows the real end, and it can be prolonged."""
    early = trained(Plain(), examples, tmp_path / "early", stop_after=1.5)
    killed(monkeypatch, 7, lambda: trained(Plain(), examples, tmp_path / "long"))
    at_6 = Plain()
    load_net(at_6.net, str(tmp_path / "long" / "checkpoints" / "ckpt-6"))
    assert_same(early, at_6)
    lines = logged(tmp_path / "early")
    assert len(lines) == 6 and lines[-1]["minutes_left"] == 0
    np.testing.assert_allclose([line["learning_rate"] for line in lines],
                               [0.05 * (1 - step / 12) ** 0.9 for step in range(1, 7)], rtol=1e-5)
    prolonged = trained(Plain(), examples, tmp_path / "early")
    assert_same(prolonged, trained(Plain(), examples, tmp_path / "whole"))


def test_triangle_over_a_length_in_steps():
    """10 steps of 4 per epoch are three epochs, whose rates are 1/2, 1 and 1/2 of the whole."""
    config = dataclasses.replace(CONFIG, schedule="triangular", steps=10)
    rate = stochastic_descent(config, training_length(config, 8))._learning_rate
    np.testing.assert_allclose([float(rate(step)) for step in range(10)], 0.05 * np.repeat([0.5, 1, 0.5], [4, 4, 2]), rtol=1e-6)


def test_maps_and_arrays_come_as_their_kinds_say(examples, tmp_path):
    method = trained(Reading(), examples, tmp_path, maps=MAPS, classes=2, epochs=1)
    assert method.found == {
        "image": (tf.float32, [2, 32, 32, 3]), "tags": (tf.float32, [2, 2]), "seed": (tf.int32, [2, 2]),
        "target": (tf.int32, [2, 32, 32]), "objects": (tf.float32, [2, 32, 32]), "row": (tf.float32, [2, 3])}


def test_labels_without_a_class_end_it_before_the_first_step(examples, tmp_path):
    with pytest.raises(InputError, match="_target.png: expected labels 0 to 1 or 255, found 2: "):
        trained(Reading(), examples, tmp_path, maps=MAPS, classes=1)
    assert not (tmp_path / "log.jsonl").exists()


def test_maps_that_the_method_does_not_read(examples, tmp_path):
    with pytest.raises(ValueError, match=r"expected \['objects', 'target'\], which Reading reads, found \['target'\]"):
        trained(Reading(), examples, tmp_path, maps={"target": MAPS["target"]})


BATCHWISE = AugmentConfig(batch_sizes=(24, 32, 40), cut=0.125)


def test_sizes_by_batch(examples, tmp_path, monkeypatch):
    """Each size is traced once, and a resumed training sees the sizes of the whole one."""
    whole = trained(Plain(), examples, tmp_path / "whole", BATCHWISE, epochs=5)
    assert sorted(whole.sizes) == [24, 32, 40]
    killed(monkeypatch, 8, lambda: trained(Plain(), examples, tmp_path / "killed", BATCHWISE, epochs=5))
    assert_same(trained(Plain(), examples, tmp_path / "killed", BATCHWISE, epochs=5), whole)


def mean_colour(examples) -> np.ndarray:
    return np.mean([np.mean(read_photo(example.image), axis=(0, 1)) - colour.MEAN_COLOUR for example in examples], axis=0)


def test_finishing_sees_the_whole_photos_in_order_once(examples, tmp_path):
    method = trained(Finishing(), examples, tmp_path)
    assert len(method.seen) == 8
    for photo, example in zip(method.seen, examples):
        np.testing.assert_array_equal(photo[0], colour.centre(read_photo(example.image)))
    np.testing.assert_allclose(method.mean.numpy(), mean_colour(examples), rtol=1e-4)
    again = trained(Finishing(), examples, tmp_path)
    assert again.seen == []
    np.testing.assert_array_equal(again.mean, method.mean)
    assert_same(again, method)


@pytest.mark.parametrize("killed_at", [0, 5])
def test_training_killed_while_it_finishes_only_finishes(examples, tmp_path, killed_at):
    with pytest.raises(Killed):
        trained(Finishing(killed_at), examples, tmp_path)
    assert newest(tmp_path) == 3 * EPOCH
    log = (tmp_path / "log.jsonl").read_bytes()
    method = trained(Finishing(), examples, tmp_path)
    assert len(method.seen) == 8 and (tmp_path / "log.jsonl").read_bytes() == log
    np.testing.assert_allclose(method.mean.numpy(), mean_colour(examples), rtol=1e-4)
    assert_same(method, trained(Plain(), examples, tmp_path / "plain"))


def test_prolonged_training_finishes_again(examples, tmp_path):
    trained(Finishing(), examples, tmp_path, stop_after=1.0)
    method = trained(Finishing(), examples, tmp_path)
    assert len(method.seen) == 8 and newest(tmp_path) == 3 * EPOCH + 1


def test_unreadable_photo_is_named_while_finishing(examples, tmp_path):
    method, finish = Finishing(), Finishing.finish
    broken = tmp_path / "broken.png"
    broken.write_bytes(examples[-1].image.read_bytes())
    changed = (*examples[:-1], dataclasses.replace(examples[-1], image=broken))

    def breaking(self, photos):
        broken.write_bytes(broken.read_bytes()[:200])
        finish(self, photos)

    method.finish = breaking.__get__(method)
    with pytest.raises(InputError, match=f"^{broken}: truncated or damaged"):
        trained(method, changed, tmp_path)
