"""Figure 2.5: its numbers and panels."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from wsss_tf.data.voc import CLASS_NAMES
from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.figures.page import draw_page
from wsss_tf.files.images import read_photo


@pytest.fixture(scope="module")
def erasing():
    """What imports TensorFlow is imported here."""
    from wsss_tf.systems.masking import figures
    return figures


@pytest.fixture(scope="module")
def eraser(erasing, masking_run, sources_of):
    """The nets of the tiny run with lively heads: after so short a training all scores are alike."""
    from wsss_tf.nets.backbone import backbone_grid
    sources, rng = sources_of(masking_run.experiment), np.random.default_rng(0)
    segmenter, classifier = sources.run.segmenter(), sources.run.classifier()
    for layer in segmenter.layers + classifier.layers:
        if layer.name.startswith("fc"):
            shape = layer.kernel.shape
            gain = 12.0 if layer.name.startswith("fc8") else 2.0
            layer.set_weights([gain * rng.standard_normal(shape) / np.sqrt(np.prod(shape[:3])), np.zeros(shape[-1])])
    return erasing.Eraser(segmenter, backbone_grid(sources.settings("seg_backbone")), classifier)


def tagged(experiment, count: int) -> Example:
    """An evaluation photo said to have so many tags."""
    return dataclasses.replace(experiment.dataset.val[0], tags=tuple(range(1, count + 1)))


@pytest.mark.parametrize("tags, sets", [
    ((4,), ((), (4,))), ((2, 5), ((), (2,), (5,), (2, 5))),
    ((1, 2, 3), ((), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3))),
    ((1, 2, 3, 4), ((), (1,), (2,), (3,), (4,), (1, 2, 3, 4)))])
def test_binary_vectors(tags, sets, erasing):
    assert erasing.erased_sets(tags) == sets


def upsampled(maps: np.ndarray, size: int) -> np.ndarray:
    """Half-pixel bilinear: [h, w, K] -> [size, size, K]."""
    for axis in (0, 1):
        count = maps.shape[axis]
        place = np.maximum((np.arange(size) + 0.5) * count / size - 0.5, 0)
        low = np.minimum(np.floor(place).astype(int), count - 1)
        share = (place - low)[:, None, None] if axis == 0 else (place - low)[None, :, None]
        maps = (np.take(maps, low, axis) * (1 - share) + np.take(maps, np.minimum(low + 1, count - 1), axis) * share)
    return maps


@pytest.mark.parametrize("count", [1, 2, 3])
def test_numbers_equal_those_computed_by_hand(count, erasing, eraser, masking_run):
    """The segmenter's logits and the classifier's maps are given; all between and after is NumPy."""
    example = tagged(masking_run.experiment, count)
    names = masking_run.experiment.dataset.class_names
    page = erasing.erasing_page(example, names, eraser)
    with Image.open(example.image) as image:
        photo = np.asarray(image.convert("RGB"))
    centred = photo.astype(np.float64) - (122.675, 116.669, 104.008)
    logits = upsampled(eraser._segmenter(centred[None].astype(np.float32), training=False)["logits"][0].numpy(), 64)
    power = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probability = power / power.sum(axis=-1, keepdims=True)
    np.testing.assert_array_equal(page.rows[1][0].image, probability.argmax(-1))

    shown = [(top, bottom) for at in range(0, len(page.rows), 2)
             for top, bottom in zip(page.rows[at][1:], page.rows[at + 1][1:])]
    vectors = sorted(itertools.product((0, 1), repeat=count), key=lambda b: (sum(b), [-bit for bit in b]))
    assert len(shown) == len(vectors) == 2 ** count
    if count == 3:
        for lines in zip(*(bottom.below for _, bottom in shown)):
            assert len({line.removesuffix(", erased") for line in lines}) > 1, "else the comparison below is idle"
    for b, (top, bottom) in zip(vectors, shown):
        attention = np.ones([64, 64])
        for bit, tag in zip(b, example.tags):
            attention -= bit * probability[..., tag]
        np.testing.assert_allclose(top.image, attention, atol=1e-5)
        masked = attention[..., None] * centred
        cam = eraser._classifier(masked[None].astype(np.float32), training=False)["cam"].numpy()[0]
        scores = 1 / (1 + np.exp(-cam.mean(axis=(0, 1))))
        assert np.abs(bottom.image - (masked + (122.675, 116.669, 104.008))).max() <= 0.51
        erased = [names[tag] for bit, tag in zip(b, example.tags) if bit]
        assert top.above == ("erased: " + (", ".join(erased) or "nothing"),)
        ends = tuple(map(float, re.fullmatch(r"F (\d\.\d\d) to (\d\.\d\d)", *top.below).groups()))
        assert ends == pytest.approx((attention.min(), attention.max()), abs=0.00501)
        for bit, tag, line in zip(b, example.tags, bottom.below, strict=True):
            name, score, mark = re.fullmatch(r"p\((\w+)\) (\d\.\d\d)(, erased)?", line).groups()
            assert name == names[tag] and bool(mark) == bool(bit)
            assert float(score) == pytest.approx(scores[tag - 1], abs=0.00501)


@pytest.mark.parametrize("count, panels", [(1, 6), (2, 10), (3, 18), (4, 14), (6, 18)])
def test_panels_of_a_photo(count, panels, erasing, eraser, masking_run, nothing_overlaps):
    page = erasing.erasing_page(tagged(masking_run.experiment, count), CLASS_NAMES, eraser)
    figure = draw_page(page)
    assert len(figure.axes) == panels and figure.get_size_inches()[0] == 7
    assert figure.axes[0].get_title() == "shapes_val_0000" and figure.axes[1].get_title() == "erased: nothing"
    nothing_overlaps(figure)
    if count == 6:
        assert page.rows[-2][-1].above == ("erased: all 6",)


def test_what_is_erased_takes_the_colour_that_the_run_trained_with(erasing, eraser, masking_run):
    own = erasing.Eraser(eraser._segmenter, eraser._grid, eraser._classifier, mean=(10.0, 200.0, 30.0))
    example = tagged(masking_run.experiment, 1)
    photo = read_photo(example.image)
    erased = own.erase(photo, own.logits(photo), (1,))
    attention = erased.attention[..., None].astype(np.float64)
    expected = attention * photo + (1 - attention) * (10.0, 200.0, 30.0)
    assert attention.min() < 0.9 and np.abs(erased.masked - expected).max() <= 0.51
    assert not np.array_equal(erased.masked, eraser.erase(photo, eraser.logits(photo), (1,)).masked)


def test_figures_of_the_photos_with_the_most_tags(erasing, sources_of, masking_run):
    val = masking_run.experiment.dataset.val
    ids = sorted((-len(example.tags), index) for index, example in enumerate(val))
    figures = erasing.erasing_figures(sources_of(masking_run.experiment, photos=2))
    assert list(figures) == [f"_{val[index].image_id}" for _, index in ids[:2]]


def test_a_run_without_attention_needs_a_classifier(tiny, erasing, sources_of, masking_run):
    """Its own chain has one, as saliency is refined by its maps; without that, the figure cannot be drawn."""
    experiment = tiny("--experiment=row_a2", "--attention_weight=0", "--reuse=tiny_masking", "--seg_epochs=1")
    experiment.chain.run("segmenter")
    assert list(erasing.erasing_figures(sources_of(experiment, images="shapes_val_0001"))) == ["_shapes_val_0001"]
    bare = tiny("--experiment=row_a1", "--attention_weight=0", "--saliency_refinement=none")
    with pytest.raises(InputError, match="classifier: --system=masking has no such stage"):
        erasing.erasing_figures(sources_of(bare, images="shapes_val_0001"))


@pytest.mark.parametrize("count", [0, 7])
def test_photo_with_too_many_or_no_tags(count, erasing, sources_of, masking_run):
    e = dataclasses.replace(masking_run.experiment)
    photo = dataclasses.replace(e.dataset.val[0], tags=tuple(range(1, count + 1)))
    e.__dict__["dataset"] = dataclasses.replace(e.dataset, val=(photo, *e.dataset.val[1:]))
    with pytest.raises(InputError, match=f"shapes_val_0000.jpg: expected 1 to 6 tags, found {count}: choose another"):
        erasing.erasing_figures(sources_of(e, images="shapes_val_0000"))
    chosen = sources_of(e).val(max_tags=6)
    assert "shapes_val_0000" not in [example.image_id for example in chosen] and len(chosen) == 3


def test_photo_of_any_size(erasing, eraser, masking_run, tmp_path):
    """65 x 50 pixels are no whole number of cells."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, [65, 50, 3], np.uint8)).save(tmp_path / "odd.png")
    page = erasing.erasing_page(Example("odd", tmp_path / "odd.png", (1,)), CLASS_NAMES, eraser)
    assert {panel.image.shape[:2] for row in page.rows for panel in row} == {(65, 50)}
