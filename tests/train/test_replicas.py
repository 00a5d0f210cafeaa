"""One replica, two that share every batch, two processes, and batches computed in parts: the same nets, to rounding.

TensorFlow can split the CPU only before it has computed anything, so that these trainings run in processes of their own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.train.replicas import open_strategy, prepare_devices, shared_stream
from wsss_tf.train.workers import any_worker, is_chief

ROOT = Path(__file__).parents[2]
STEPS = 5
PATIENCE = 600  # seconds

TRAINING = f"""
import os, sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from wsss_tf.train.replicas import open_strategy, prepare_devices
workers = "TF_CONFIG" in os.environ
prepare_devices(1 if workers else 2)
from wsss_tf.systems.dilated_classifier import ClassifierConfig, build_classifier
from wsss_tf.systems.masking.method import ImageMasking, MaskingConfig
from wsss_tf.systems.segmenter import SegmenterConfig
from wsss_tf.systems.dino.method import DistillationConfig, SelfDistillation
from wsss_tf.nets.backbone import BackboneConfig
from wsss_tf.nets.batch_norm import settle
from wsss_tf.nets.torch_layers import FixedNorm
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.engine import train
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.schedules import Cosine, Poly
from wsss_tf.train.settings import LoopConfig

RNG = np.random.default_rng(0)
TRUNK = BackboneConfig("tiny", 8, "none")
PHOTOS = RNG.uniform(-120, 120, [{STEPS} * 4, 32, 32, 3]).astype(np.float32)

def masking(average="image"):
    head = SegmenterConfig(rates=(1, 2), channels=8, init="he", dropout=0.0, scales=(1.0, 0.5), average=average)
    target = RNG.choice([0, 1, 255], [len(PHOTOS), 32, 32]).astype(np.int32)
    target[::4, 4:] = 255  # the first replica has far fewer pixels that count
    target[1::4, 9:] = 255
    classifier = build_classifier(TRUNK, ClassifierConfig(rates=(2,), channels=8, init_std=0.3), 3, dilated=False)
    batch = {{"image": PHOTOS, "target": target, "tags": RNG.integers(0, 2, [len(PHOTOS), 3]).astype(np.float32),
              "seed": np.stack([np.zeros(len(PHOTOS)), np.arange(len(PHOTOS))], 1).astype(np.int32)}}
    return (ImageMasking(TRUNK, head, MaskingConfig(), 3, classifier),
            MomentumSGD(Poly(0.05, {STEPS}, 0.9), 0.9, 5e-4), batch)

def distillation():  # with a large epsilon, as a small one makes much of the rounding of gradients that are nearly 0
    config = DistillationConfig("vit_tiny", outputs=12, hidden=16, bottleneck=8, teacher_warmup=0, momentum=0.9)
    batch = {{"image": PHOTOS, "partner": PHOTOS[:, ::-1],
              "local": RNG.uniform(-120, 120, [len(PHOTOS), 2, 16, 16, 3]).astype(np.float32)}}
    return (SelfDistillation(config, {STEPS}, 0),
            AdamW(Cosine(1e-2, 1e-3, {STEPS}), Cosine(0.04, 0.4, {STEPS}), 0.05, epsilon=1e-3), batch)

def batch_means():  # over the pixels and classes of all replicas
    return masking("batch")

def frozen_norms():  # no batch norm that learns, whose statistics are those of a part
    method, optimizer, batch = masking()
    for layer in method.net.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    return method, optimizer, batch

class Normed:
    # Has PyTorch's batch norms, which train, and stores in the end what the net makes of each photo.

    reads = {{}}

    def __init__(self):
        image = keras.Input((None, None, 3))
        x = FixedNorm(name="norm_a")(keras.layers.Conv2D(6, 3, strides=2, name="conv_a")(image / 100))
        x = FixedNorm(name="norm_b")(keras.layers.Conv2D(4, 3, name="conv_b")(keras.layers.ReLU()(x)))
        self.net = keras.Model(image, keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x)), name="normed")
        settle(self.net, "trained", ("norm_a",))
        self.features = tf.Variable(tf.zeros([len(PHOTOS), 4]), trainable=False)
        self.state = {{"features": self.features}}

    def losses(self, batch):
        return {{"loss": tf.reduce_sum(tf.square(self.net(batch["image"], training=True) - batch["aim"]), axis=-1)}}

    def after_step(self, means):
        pass

    def finish(self, photos):
        self.features.assign(tf.concat([self.net(photo, training=False) for photo in photos], axis=0))

    def preview(self, batch):
        return tf.cast(batch["image"], tf.uint8)

def trained_norms():
    return Normed(), MomentumSGD(Poly(0.02, {STEPS}, 0.9), 0.9, 5e-4, nesterov=True), {{
        "image": PHOTOS + 60 * RNG.normal(size=[len(PHOTOS), 1, 1, 3]).astype(np.float32), "aim": RNG.normal(size=[len(PHOTOS), 4]).astype(np.float32)}}

def resized(step, batch):  # as in a stream whose batches have sizes of their own
    side = 16 + 8 * tf.cast(step % 2, tf.int32)
    return batch | {{"image": tf.image.resize(batch["image"], tf.stack([side, side]))}}

# Name -> (replicas, parts, last step), one after the other from each other's checkpoints.
PLANS = {{"one": [(1, 1, {STEPS})], "two": [(2, 1, {STEPS})], "both": [(2, 1, 2), (1, 1, {STEPS})],
          "parts": [(1, 2, {STEPS})], "two_parts": [(2, 2, {STEPS})]}}
if workers:
    PLANS = {{"workers": [(1, 1, {STEPS})], "worker_parts": [(1, 2, 3), (1, 1, {STEPS})]}}
RUNS = {{masking: ("one", "two", "both"), distillation: ("one", "two", "parts", "two_parts", "worker_parts"),
         batch_means: ("one", "two", "workers"), frozen_norms: ("one", "parts", "two_parts"),
         trained_norms: ("one", "two", "both", "workers")}}
folder = Path(sys.argv[1])
for make, names in RUNS.items():
    for name in filter(PLANS.__contains__, names):
        for replicas, parts, steps in PLANS[name]:
            keras.utils.set_random_seed(0)
            RNG = np.random.default_rng(1)
            with open_strategy(replicas).scope():
                method, optimizer, examples = make()
                whole = tf.data.Dataset.from_tensor_slices(examples).batch(4, drop_remainder=True)
                if make is trained_norms:
                    whole = whole.enumerate().map(resized)
                stream = lambda start: whole.take(steps).skip(start)
                numbers = train(method, optimizer, steps, stream, LoopConfig(batch=4, parts=parts, clip_norm=0.5, log_every=1),
                                folder / name / make.__name__, lambda step: [], tf.data.Dataset.from_tensor_slices(PHOTOS[:, None]))
        weights = method.net.get_weights()
        if make is distillation:
            weights += [method.centre.numpy(), *method.teacher.get_weights()]
        if make is trained_norms:
            weights += [method.features.numpy()]
            for layer in method.net.layers:  # each replica holds the same statistics
                if isinstance(layer, FixedNorm):
                    for values in (layer.moving_mean.value, layer.moving_variance.value):
                        copies = [copy.numpy() for copy in getattr(values, "values", [values])]
                        assert len(copies) == (replicas if not workers else 1), copies
                        assert all((copy == copies[0]).all() for copy in copies) and (copies[0] % 1 != 0).all(), copies
        np.savez(folder / f"{{make.__name__}}_{{name}}{{sys.argv[2]}}.npz", *weights, **numbers)
"""


def start(folder: Path, suffix: str = "", **environment: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", TRAINING, folder, suffix], cwd=ROOT, env=os.environ | environment, text=True,
                            stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Trainings by one replica, by two, in parts, and by two for 2 steps and then one that goes on from their checkpoint."""
    folder = tmp_path_factory.mktemp("replicas")
    ended = start(folder)
    _, errors = ended.communicate(timeout=PATIENCE)
    assert ended.returncode == 0, errors
    return folder


@pytest.fixture(scope="module")
def of_workers(results, cluster) -> Path:
    """The same by two processes."""
    both = [start(results, str(index), **environment) for index, environment in enumerate(cluster(2))]
    for process in both:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    return results


def assert_same_end(one: Path, other: Path) -> None:
    with np.load(one) as one, np.load(other) as many:
        assert one.files == many.files and "loss" in one.files
        # The first two are times; the last is that of what a replica computes at once.
        for name in set(one.files) - {"images_per_second", "minutes_left", "information"}:
            np.testing.assert_allclose(many[name], one[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("method, other", [
    ("masking", "two"), ("masking", "both"), ("batch_means", "two"), ("distillation", "two"), ("distillation", "parts"),
    ("distillation", "two_parts"), ("frozen_norms", "parts"), ("frozen_norms", "two_parts"), ("trained_norms", "two"),
    ("trained_norms", "both")])
def test_replicas_and_parts_end_as_one(results, method, other):
    """After 5 steps with clipped gradients, random masks, momentum, a moving teacher and centre, moving statistics and sizes."""
    assert_same_end(results / f"{method}_one.npz", results / f"{method}_{other}.npz")


@pytest.mark.parametrize("method, other", [("batch_means", "workers"), ("distillation", "worker_parts"), ("trained_norms", "workers")])
def test_two_processes_end_as_one(of_workers, method, other):
    """Both of them; the last changes the number of parts on the way, from the chief's checkpoint."""
    for index in (0, 1):
        assert_same_end(of_workers / f"{method}_one.npz", of_workers / f"{method}_{other}{index}.npz")
    log = (of_workers / other / method / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == list(range(1, STEPS + 1)), "one process writes it"


def test_one_replica_is_no_strategy_at_all():
    prepare_devices(1)
    assert open_strategy(1) is tf.distribute.get_strategy()
    stream = tf.data.Dataset.range(4)
    assert shared_stream(stream, 3) is stream
    assert is_chief() and any_worker(True) and not any_worker(False)


@pytest.mark.parametrize("gpus, expected", [(0, None), (1, None), (3, ("gpu:0", "gpu:1", "gpu:2"))])
def test_all_replicas_are_every_gpu_or_the_one_processor(monkeypatch, gpus, expected):
    found = [tf.config.LogicalDevice(f"gpu:{index}", "GPU") for index in range(gpus)]
    for listing in ("list_physical_devices", "list_logical_devices"):
        processors = getattr(tf.config, listing)("CPU")
        monkeypatch.setattr(tf.config, listing, {"GPU": found, "CPU": processors}.get)
    monkeypatch.setattr("wsss_tf.train.replicas._mirrored", lambda names: names)
    prepare_devices("all")
    assert open_strategy("all") == (expected or tf.distribute.get_strategy())


def test_more_replicas_than_devices():
    with pytest.raises(InputError, match="--replicas=64: expected at most 1, the number of CPUs here"):
        open_strategy(64)
