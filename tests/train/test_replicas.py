"""One replica, or two that share every batch: the same nets, to rounding.

TensorFlow can split the CPU only before it has computed anything, so that these trainings run in a process of their own.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.errors import InputError
from wsss_tf.train.replicas import open_strategy, prepare_devices, shared_stream

ROOT = Path(__file__).parents[2]
STEPS = 5

TRAINING = f"""
import sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from wsss_tf.train.replicas import open_strategy, prepare_devices
prepare_devices(2)
from wsss_tf.methods.dilated_classifier import ClassifierConfig, build_classifier
from wsss_tf.methods.masking import ImageMasking, MaskingConfig
from wsss_tf.methods.segmenter import SegmenterConfig
from wsss_tf.methods.self_distillation import DistillationConfig, SelfDistillation
from wsss_tf.nets.backbone import BackboneConfig
from wsss_tf.train.adamw import AdamW
from wsss_tf.train.schedules import Cosine
from wsss_tf.train.loop import LoopConfig, train
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.schedules import Poly

RNG = np.random.default_rng(0)
TRUNK, HEAD = BackboneConfig("test", 8, "none"), SegmenterConfig((1, 2), 8, 0.0, 0.0, (1.0, 0.5))
PHOTOS = RNG.uniform(-120, 120, [{STEPS} * 4, 32, 32, 3]).astype(np.float32)

def masking():
    target = RNG.choice([0, 1, 255], [len(PHOTOS), 32, 32]).astype(np.int32)
    target[::4, 4:] = 255  # the first replica has far fewer pixels that count
    target[1::4, 9:] = 255
    classifier = build_classifier(TRUNK, ClassifierConfig(rates=(2,), channels=8, init_std=0.3), 3, dilated=False)
    batch = {{"image": PHOTOS, "target": target, "tags": RNG.integers(0, 2, [len(PHOTOS), 3]).astype(np.float32),
              "seed": np.stack([np.zeros(len(PHOTOS)), np.arange(len(PHOTOS))], 1).astype(np.int32)}}
    return (ImageMasking(TRUNK, HEAD, MaskingConfig(), 3, classifier),
            MomentumSGD(Poly(0.05, {STEPS}, 0.9), 0.9, 5e-4), batch)

def distillation():  # with a large epsilon, as a small one makes much of the rounding of gradients that are nearly 0
    config = DistillationConfig("vit_test", outputs=12, hidden=16, bottleneck=8, teacher_warmup=0, momentum=0.9)
    batch = {{"image": PHOTOS, "partner": PHOTOS[:, ::-1],
              "local": RNG.uniform(-120, 120, [len(PHOTOS), 2, 16, 16, 3]).astype(np.float32)}}
    return (SelfDistillation(config, {STEPS}, 0),
            AdamW(Cosine(1e-2, 1e-3, {STEPS}), Cosine(0.04, 0.4, {STEPS}), 0.05, epsilon=1e-3), batch)

# Name -> (replicas, last step), one after the other from each other's checkpoints.
PLANS = {{"one": [(1, {STEPS})], "two": [(2, {STEPS})], "both": [(2, 2), (1, {STEPS})]}}
folder = Path(sys.argv[1])
for make, names in ((masking, PLANS), (distillation, ["one", "two"])):
    for name in names:
        for replicas, steps in PLANS[name]:
            keras.utils.set_random_seed(0)
            RNG = np.random.default_rng(1)
            with open_strategy(replicas).scope():
                method, optimizer, examples = make()
                stream = lambda start: tf.data.Dataset.from_tensor_slices(examples).batch(4, drop_remainder=True).skip(start)
                numbers = train(method, optimizer, steps, stream, LoopConfig(batch=4, clip_norm=0.5, log_every=1),
                                folder / name / make.__name__, lambda step: [])
        weights = method.net.get_weights()
        if make is distillation:
            weights += [method.centre.numpy(), *method.teacher.get_weights()]
        np.savez(folder / f"{{make.__name__}}_{{name}}.npz", *weights, **numbers)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Trainings by one replica, by two, and by two for 2 steps and then one that goes on from their checkpoint."""
    folder = tmp_path_factory.mktemp("replicas")
    ended = subprocess.run([sys.executable, "-c", TRAINING, folder], cwd=ROOT, capture_output=True, text=True, timeout=600,
                           check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.parametrize("method, other", [("masking", "two"), ("masking", "both"), ("distillation", "two")])
def test_two_replicas_end_as_one(results, method, other):
    """After 5 steps with clipped gradients, random masks, momentum, a moving teacher and centre."""
    with np.load(results / f"{method}_one.npz") as one, np.load(results / f"{method}_{other}.npz") as many:
        assert one.files == many.files and "loss" in one.files
        for name in set(one.files) - {"images_per_second", "information"}:  # which is that of a replica's own batch
            np.testing.assert_allclose(many[name], one[name], rtol=1e-5, atol=1e-5, err_msg=name)


def test_one_replica_is_no_strategy_at_all():
    import tensorflow as tf

    prepare_devices(1)
    assert open_strategy(1) is tf.distribute.get_strategy()
    stream = tf.data.Dataset.range(4)
    assert shared_stream(stream, 3) is stream


def test_more_replicas_than_devices():
    with pytest.raises(InputError, match="--replicas=64: expected at most 1, the number of CPUs here"):
        open_strategy(64)
