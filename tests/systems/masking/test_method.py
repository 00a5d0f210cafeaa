import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from wsss_tf.nets.settings import BackboneConfig
from wsss_tf.ops import colour, resize
from wsss_tf.systems import losses, segmenter
from wsss_tf.systems.dilated_classifier import DilatedClassifier, build_classifier
from wsss_tf.systems.masking import method as masking
from wsss_tf.systems.masking.method import ImageMasking, attention_map, masked, random_erasure
from wsss_tf.systems.masking.settings import MaskingConfig
from wsss_tf.systems.settings import ClassifierConfig, SegmenterConfig
from wsss_tf.train.optimizer import Groups, MomentumSGD
from wsss_tf.train.step import training_step

TRUNK = BackboneConfig("tiny", 8, "none")
HEAD = SegmenterConfig(rates=(1, 2), head="aspp", init_std=0.1, scales=(1.0, 0.5))
CLASSES = 3
RNG = np.random.default_rng(0)


def seeds(step: int) -> tf.Tensor:
    """Of the four examples of a step."""
    return tf.constant([[3, 4 * step + number] for number in range(4)])


BATCH = {
    "image": tf.constant(RNG.uniform(-120, 120, [4, 64, 64, 3]), tf.float32),
    "tags": tf.constant([[1.0, 1, 1], [1, 1, 0], [0, 1, 1], [0, 0, 1]]),
    "target": tf.constant(RNG.choice([0, 1, 255], [4, 64, 64]), tf.int32),
    "seed": seeds(0),
}


@pytest.fixture(autouse=True)
def same_weights():
    keras.utils.set_random_seed(0)


@pytest.fixture
def classifier():
    return build_classifier(TRUNK, ClassifierConfig(rates=(), channels=16, init_std=0.3), CLASSES, dilated=False)


@pytest.fixture
def method(classifier):
    return ImageMasking(TRUNK, HEAD, MaskingConfig(), CLASSES, classifier)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 3, 1000]))
def test_attention_map_is_one_minus_the_erased_probability(seed, spread):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, [2, 4, 5, CLASSES + 1]).astype(np.float32)
    erased = rng.integers(0, 2, [2, CLASSES]).astype(np.float32)
    attention = attention_map(logits, erased, (12, 10)).numpy()
    assert attention.shape == (2, 12, 10, 1)
    assert attention.min() >= -1e-6 and attention.max() <= 1
    upsampled = np.float64(resize.bilinear(logits, (12, 10)))
    probability = np.exp(upsampled - upsampled.max(-1, keepdims=True))
    probability /= probability.sum(-1, keepdims=True)
    for b, y, x in np.ndindex(2, 12, 10):
        expected = 1 - sum(probability[b, y, x, 1 + c] for c in range(CLASSES) if erased[b, c])
        assert abs(attention[b, y, x, 0] - expected) < 1e-5


def test_nothing_erased_is_the_plain_photo():
    logits = tf.constant(RNG.normal(size=[4, 8, 8, CLASSES + 1]), tf.float32)
    attention = attention_map(logits, tf.zeros([4, CLASSES]), (64, 64))
    for mean, tolerance in ((colour.MEAN_COLOUR, 0), ((90.0, 120.0, 110.0), 1e-4)):
        np.testing.assert_allclose(masked(BATCH["image"], attention, mean), BATCH["image"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("mean", [colour.MEAN_COLOUR, (90.0, 120.0, 110.0)])
def test_an_erased_object_becomes_the_mean_colour(mean):
    label = np.repeat(np.arange(CLASSES + 1), 16).reshape(1, 8, 8)
    logits = tf.one_hot(label, CLASSES + 1) * 1000
    erased = tf.constant([[0.0, 1, 0]])
    shown = masked(tf.fill([1, 8, 8, 3], 50.0), attention_map(logits, erased, (8, 8)), mean)
    outside = np.broadcast_to(np.round(np.float32(colour.MEAN_COLOUR) + 50), [8, 8, 3])
    np.testing.assert_array_equal(colour.uncentre(shown)[0], np.where(label[0, ..., None] == 2, np.round(mean), outside))


def test_the_masked_image_is_that_of_the_photo_itself():
    """F (I - mu) + mu on RGB of 0..255, pixel by pixel (eq. 2.9)."""
    rng, mean = np.random.default_rng(1), (90.0, 120.0, 110.0)
    photo, attention = rng.uniform(0, 255, [1, 3, 4, 3]), rng.uniform(size=[1, 3, 4, 1])
    centred = tf.constant(photo - colour.MEAN_COLOUR, tf.float32)
    for mu in (mean, colour.MEAN_COLOUR):
        shown = masked(centred, tf.constant(attention, tf.float32), mu) + tf.constant(colour.MEAN_COLOUR)
        for y, x, channel in np.ndindex(3, 4, 3):
            expected = attention[0, y, x, 0] * (photo[0, y, x, channel] - mu[channel]) + mu[channel]
            assert abs(float(shown[0, y, x, channel]) - expected) < 1e-3


def test_the_gradient_through_the_mask_equals_the_one_on_paper():
    """d I' / d logits of eqs 2.8 and 2.9, where no resizing mixes the cells."""
    rng = np.random.default_rng(2)
    logits, image = rng.normal(0, 2, [2, 4, 5, CLASSES + 1]), rng.uniform(-120, 120, [2, 4, 5, 3])
    wanted, erased = rng.normal(size=[2, 4, 5, 3]), rng.integers(0, 2, [2, CLASSES])
    for mean in (colour.MEAN_COLOUR, (90.0, 120.0, 110.0)):
        variable = tf.Variable(logits, dtype=tf.float32)
        with tf.GradientTape() as tape:
            attention = attention_map(variable, tf.constant(erased, tf.float32), (4, 5))
            total = tf.reduce_sum(masked(tf.constant(image, tf.float32), attention, mean) * wanted)
        probability = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        gone = np.concatenate([np.zeros([2, 1]), erased], 1)[:, None, None]  # b of each label
        photo = image + np.float64(colour.MEAN_COLOUR) - np.float64(mean)  # I - mu
        to_attention = (wanted * photo).sum(-1, keepdims=True)
        expected = -to_attention * probability * (gone - (gone * probability).sum(-1, keepdims=True))
        np.testing.assert_allclose(tape.gradient(total, variable), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["attention_loss", "saliency_loss", "loss"])
def test_gradients_are_slopes(method, name):
    """A small step along the gradient changes the loss by its length times that of the step."""
    variables = method.net.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(method.losses(BATCH)[name])
    gradients = tape.gradient(loss, variables)
    norm, step = tf.linalg.global_norm(gradients), 2e-3
    values = []
    for sign in (1, -2):
        for variable, gradient in zip(variables, gradients):
            variable.assign_add(sign * step * gradient / norm)
        values.append(float(tf.reduce_mean(method.losses(BATCH)[name])))
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(float(norm), rel=0.05)


def test_the_method_erases_with_the_colour_it_is_given(classifier):
    results = []
    for mean in (colour.MEAN_COLOUR, (200.0, 30.0, 30.0)):
        keras.utils.set_random_seed(0)
        method = ImageMasking(TRUNK, HEAD, MaskingConfig(), CLASSES, classifier, mean)
        results.append(method.losses(BATCH))
    np.testing.assert_array_equal(results[0]["saliency_loss"], results[1]["saliency_loss"])
    assert np.abs(results[0]["attention_loss"] - results[1]["attention_loss"]).max() > 1e-3


def test_erasure_is_a_fair_coin_for_present_classes():
    tags = tf.constant([[1.0, 0, 1], [1, 1, 0]])
    draws = np.stack([random_erasure(tags, tf.constant([[7, 2 * step], [7, 2 * step + 1]]), 0) for step in range(400)])
    assert set(np.unique(draws)) == {0, 1}
    assert np.abs(draws.mean(0)[tags == 1] - 0.5).max() < 0.1  # 4 standard deviations
    np.testing.assert_array_equal(draws.mean(0)[tags == 0], 0)
    together = np.corrcoef(draws[:, tags == 1].T)  # the entries are independent
    assert np.abs(together - np.eye(4)).max() < 0.2
    np.testing.assert_array_equal(draws[5][1:], random_erasure(tags[1:], tf.constant([[7, 11]]), 0), "alone as in a batch")


@pytest.fixture
def erasures(monkeypatch):
    """What the method erased, path by path."""
    seen = []

    def spy(tags, seeds, path):
        seen.append(random_erasure(tags, seeds, path).numpy())
        return seen[-1]

    monkeypatch.setattr(masking, "random_erasure", spy)
    return seen


def test_paths_erase_differently_and_steps_too(method, erasures):
    for step in range(8):
        method.losses(BATCH | {"seed": seeds(step)})
    assert len(erasures) == 8 * MaskingConfig().paths
    assert any((first != second).any() for first, second in zip(erasures[::2], erasures[1::2]))
    assert len({erased.tobytes() for erased in erasures}) > 10
    again = len(erasures)
    method.losses(BATCH | {"seed": seeds(7)})
    np.testing.assert_array_equal(erasures[again:], erasures[again - 2 : again])


def test_losses_equal_the_formulas_on_its_own_outputs(method, classifier, erasures):
    result = method.losses(BATCH)
    outputs = segmenter.logits_at_scales(method.net, BATCH["image"], HEAD)
    saliency = sum(losses.saliency_loss(logits, BATCH["target"][:, :: 64 // side, :: 64 // side], BATCH["tags"])
                   for logits, side in zip(outputs, (8, 4)))
    attention = np.zeros(4)
    probability = tf.nn.softmax(resize.bilinear(outputs[0], (64, 64))).numpy()
    for erased in erasures:
        for b in range(4):
            gone = sum(erased[b, c] * probability[b, ..., c + 1, None] for c in range(CLASSES))
            image = BATCH["image"][b] * (1 - gone)
            z = np.float64(classifier(image[None], training=False)["cam"]).mean(axis=(1, 2))[0]
            present = np.flatnonzero(BATCH["tags"][b])
            attention[b] += np.mean([np.logaddexp(0, z[c] if erased[b, c] else -z[c]) for c in present]) / 2
    np.testing.assert_allclose(result["saliency_loss"], saliency, rtol=1e-5)
    np.testing.assert_allclose(result["attention_loss"], attention, rtol=1e-4)
    np.testing.assert_allclose(result["loss"], saliency + 2 * attention, rtol=1e-4)


def test_without_attention_no_classifier_is_needed():
    method = ImageMasking(TRUNK, HEAD, MaskingConfig(attention_weight=0), CLASSES, None)
    result = method.losses(BATCH)
    assert result.keys() == {"saliency_loss", "loss"}
    np.testing.assert_array_equal(result["loss"], result["saliency_loss"])


def test_the_attention_loss_reaches_the_segmenter_through_the_masked_image(method):
    with tf.GradientTape() as tape:
        loss = method.losses(BATCH)["attention_loss"]
    for variable, gradient in zip(method.net.trainable_variables, tape.gradient(loss, method.net.trainable_variables)):
        assert np.abs(gradient).max() > 0, variable.path


def test_nothing_erased_teaches_nothing(method, monkeypatch):
    monkeypatch.setattr(masking, "random_erasure", lambda tags, seeds, path: tf.zeros_like(tags))
    with tf.GradientTape() as tape:
        loss = method.losses(BATCH)["attention_loss"]
    for gradient in tape.gradient(loss, method.net.trainable_variables):
        assert gradient is None or not np.any(gradient)


def test_a_training_step_leaves_the_classifier_alone(method, classifier):
    frozen, learning = classifier.get_weights(), method.net.get_weights()
    optimizer = MomentumSGD(0.1, 0.9, 0.1, Groups(last_rate=1.0))
    numbers = training_step(method, optimizer, 4)(BATCH)
    assert numbers["attention_loss"] > 0 and np.isfinite(numbers["gradient_norm"])
    assert not classifier.trainable_variables
    for before, after in zip(frozen, classifier.get_weights()):
        np.testing.assert_array_equal(before, after)
    assert any(np.abs(before - after).max() > 0 for before, after in zip(learning, method.net.get_weights()))


def squares() -> dict[str, tf.Tensor]:
    """Four grey photos with a red square, a blue one, both and none; their tags and saliency."""
    image, label = np.full([4, 64, 64, 3], 120, np.float32), np.zeros([4, 64, 64], np.int32)
    for b, left, kind in ((0, 8, 1), (1, 32, 2), (2, 32, 1), (2, 4, 2)):
        image[b, 16:40, left : left + 24] = [[220, 40, 40], [40, 40, 220]][kind - 1]
        label[b, 16:40, left : left + 24] = kind
    return {"image": colour.centre(image), "target": tf.constant(np.minimum(label, 1)), "label": label,
            "tags": tf.constant([[1.0, 0], [0, 1], [1, 1], [0, 0]])}


def train(method, batch, steps: int, rate: float) -> list[dict[str, float]]:
    step = training_step(method, MomentumSGD(rate, 0.9, 1e-4, Groups(last_rate=1.0)), 4)
    return [{name: float(value) for name, value in step(batch | {"seed": seeds(number)}).items()}
            for number in range(steps)]


def test_four_photos_are_learned_by_heart():
    keras.utils.set_random_seed(0)
    batch = squares()
    classifier = DilatedClassifier(TRUNK, ClassifierConfig(rates=(2,), channels=16, dropout=0.0, init_std=0.1), 2)
    numbers = train(classifier, batch, 160, 0.005)
    assert numbers[-1]["tag_loss"] < 0.5 * numbers[0]["tag_loss"]
    method = ImageMasking(TRUNK, HEAD, MaskingConfig(), 2, classifier.net)
    numbers = train(method, batch, 60, 0.01)
    early, late = ({name: np.mean([item[name] for item in part]) for name in part[0]}
                   for part in (numbers[:10], numbers[-10:]))
    assert late["saliency_loss"] < 0.5 * early["saliency_loss"]
    assert late["attention_loss"] < 0.7 * early["attention_loss"]
    labels = resize.bilinear(method.net(batch["image"])["logits"], (64, 64)).numpy().argmax(-1)
    for b in (0, 1):  # the photos of one object
        objects = batch["label"][b] > 0
        assert np.mean(labels[b][objects] == b + 1) > 0.7
