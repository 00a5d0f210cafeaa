"""Number formats: what stays float32, and an overflow on one replica of two."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.errors import InputError
from wsss_tf.files.json_artefact import read_log
from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.systems.dilated_classifier import DilatedClassifier, build_classifier
from wsss_tf.systems.dino.method import SelfDistillation
from wsss_tf.systems.dino.settings import DistillationConfig
from wsss_tf.systems.masking.method import ImageMasking
from wsss_tf.systems.masking.settings import MaskingConfig
from wsss_tf.systems.settings import ClassifierConfig, SegmenterConfig
from wsss_tf.train.engine import train
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.precision import LossScale, number_format
from wsss_tf.train.settings import FORMATS, LoopConfig
from wsss_tf.train.step import training_step

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
PHOTOS = RNG.uniform(-120, 120, [4, 32, 32, 3]).astype(np.float32)
BATCH = {"image": PHOTOS, "target": RNG.choice([0, 1, 255], [4, 32, 32]).astype(np.int32),
         "tags": np.eye(4, 3, dtype=np.float32), "seed": np.arange(8, dtype=np.int32).reshape(4, 2), "partner": PHOTOS[:, ::-1],
         "local": RNG.uniform(-120, 120, [4, 2, 16, 16, 3]).astype(np.float32)}
TRUNK = BackboneConfig("tiny", 8, "none")
SETTINGS = ClassifierConfig(rates=(2,), channels=8, init_std=0.3, dropout=0.0)


def masking():
    classifier = build_classifier(TRUNK, SETTINGS, 3, dilated=False)
    return ImageMasking(TRUNK, SegmenterConfig(rates=(1, 2), channels=8, init="he", dropout=0.0, scales=(1.0, 0.5)), MaskingConfig(), 3, classifier)


def classifier():
    return DilatedClassifier(TRUNK, SETTINGS, 3)


def distillation():
    return SelfDistillation(DistillationConfig("vit_tiny", outputs=12, hidden=16, bottleneck=8, teacher_warmup=0), 5, 0)


def made(make, name: str):
    keras.utils.set_random_seed(0)
    with number_format(name):
        return make()


def test_the_format_ends_with_its_nets():
    with pytest.raises(KeyError), number_format("mixed_float16"):
        assert keras.config.dtype_policy().name == "mixed_float16"
        raise KeyError
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("make", [masking, classifier, distillation])
@pytest.mark.parametrize("name", FORMATS[1:])
def test_losses_and_weights_are_float32_and_near_it(make, name):
    method, exact = made(make, name), made(make, "float32")
    batch = {key: tf.constant(values) for key, values in BATCH.items()}
    losses, expected = method.losses(batch), exact.losses(batch)
    assert {variable.dtype for variable in method.net.trainable_variables} == {"float32"}
    assert name.removeprefix("mixed_") in {layer.compute_dtype for layer in method.net.layers}
    for key, values in losses.items():
        assert values.dtype == tf.float32, key
        np.testing.assert_allclose(values, expected[key], rtol=0.05, atol=0.05, err_msg=key)


@pytest.mark.parametrize("name", FORMATS)
def test_training_reduces_the_loss(name, tmp_path):
    method = made(masking, name)
    stream = tf.data.Dataset.from_tensors({key: BATCH[key] for key in ("image", "target", "tags", "seed")}).repeat(30)
    config = LoopConfig(batch=4, log_every=1, precision=name)
    train(method, MomentumSGD(0.02, 0.9, 0.0), 30, stream.skip, config, tmp_path, lambda step: [])
    log = [line for line in read_log(tmp_path / "log.jsonl")]
    assert np.mean([line["loss"] for line in log[-5:]]) < 0.9 * log[0]["loss"]
    assert ("loss_scale" in log[0]) == (name == "mixed_float16")
    assert sum(line.get("skipped", 0) for line in log) < 10


def test_the_scale_grows_and_halves():
    scale, updates = LossScale(8.0, patience=3), tf.Variable(0)
    guard = tf.function(lambda finite: scale.guard(finite, lambda: updates.assign_add(1)))
    seen = []
    for finite in (True, True, True, True, True, False, True, True, True):
        guard(tf.constant(finite))
        seen.append(float(scale.factor))
    assert seen == [8, 8, 16, 16, 16, 8, 8, 8, 16]
    assert int(updates) == 8


def test_gradients_are_those_without_a_scale():
    """In float32 a scale, a power of 2, changes nothing at all."""
    ends = []
    for scale in (None, LossScale(1024.0)):
        method = made(masking, "float32")
        step = training_step(method, MomentumSGD(0.02, 0.9, 0.0), 4, clip_norm=0.1, loss_scale=scale)
        numbers = [float(step({key: tf.constant(values) for key, values in BATCH.items()})["gradient_norm"]) for _ in range(3)]
        ends.append([*method.net.get_weights(), numbers])
    for plain, scaled in zip(*ends):
        np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-6)


class Explosive:
    """One weight; the gradient of an example overflows where its tag says so, the loss does not."""

    def __init__(self):
        self.net = keras.Sequential([keras.Input([1]), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])

    def losses(self, batch):
        @tf.custom_gradient
        def explode(x):
            return x, lambda upstream: tf.where(batch["tags"] > 0, np.inf, upstream)

        return {"loss": explode(self.net(batch["image"]))[:, 0]}

    def preview(self, batch):
        return tf.zeros([1, 4, 4, 3], tf.uint8)


def test_an_overflow_that_no_scale_cures_ends_the_training(tmp_path):
    batch = {"image": tf.ones([2, 1]), "tags": tf.ones([2, 1])}
    config = LoopConfig(batch=2, log_every=1, precision="mixed_float16")
    with pytest.raises(InputError, match="^step 16: loss or gradient is not finite, with the images dog, cat"):  # 2 ** 15
        train(Explosive(), MomentumSGD(0.1, 0.9, 0.0), 30, lambda start: tf.data.Dataset.from_tensors(batch).repeat(30),
              config, tmp_path, lambda step: ["dog", "cat"])
    log = read_log(tmp_path / "log.jsonl")
    assert [line["loss_scale"] for line in log] == [2.0 ** power for power in range(15, 0, -1)]
    assert all(line["skipped"] == 1 and line["loss"] == 1 for line in log)


ON_TWO = """
import sys
import keras, numpy as np, tensorflow as tf
from wsss_tf.train.replicas import open_strategy, prepare_devices, shared_stream
prepare_devices(2)
sys.path.insert(0, sys.argv[1])
from test_precision import Explosive
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.precision import LossScale
from wsss_tf.train.step import training_step

tags = np.zeros([20, 1], np.float32)
tags[10] = 1  # of step 3, on the second replica if it takes the last two of four
tags[11] = 1
images = np.ones([20, 1], np.float32)
with open_strategy(2).scope():
    method, scale = Explosive(), LossScale(1024.0)
    step = training_step(method, MomentumSGD(0.1, 0.9, 0.0), 4, loss_scale=scale)
    stream = shared_stream(tf.data.Dataset.from_tensor_slices({"image": images, "tags": tags}).batch(4), 4)
    for batch in stream:
        bad = [float(tf.reduce_sum(part)) for part in batch["tags"].values]
        numbers = step(batch)
        weights = [float(tf.reduce_sum(part)) for part in method.net.trainable_variables[0].value.values]
        print("line", *bad, float(numbers["skipped"]), float(scale.factor.numpy()), *weights)
"""


def test_an_overflow_on_the_second_replica_alone():
    """Keras 3.15's LossScaleOptimizer looks at the first replica, and both weights would become infinite."""
    ended = subprocess.run([sys.executable, "-c", ON_TWO, Path(__file__).parent], cwd=ROOT, capture_output=True, text=True,
                           check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    lines = np.array([line.split()[1:] for line in ended.stdout.splitlines() if line.startswith("line")], float)
    first, second, skipped, scale, weight, other = lines.T
    assert first.sum() == 0 and second.tolist() == [0, 0, 2, 0, 0], "the overflow is the second replica's alone"
    np.testing.assert_array_equal(skipped, [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(scale, [1024, 1024, 512, 512, 512])
    np.testing.assert_array_equal(weight, other)
    # Gradient 1, rate 0.1, momentum 0.9: both weights stay in step 3, and go on as if it had not been.
    np.testing.assert_allclose(weight, [0.9, 0.71, 0.71, 0.439, 0.0951], rtol=1e-5)
