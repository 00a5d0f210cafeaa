"""The figures of chapter 2: what they show, how they look, and what is wrong when they cannot be drawn."""

import dataclasses
import itertools
import json
import re
import shutil

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from wsss_tf.data.example import UNKNOWN, Example
from wsss_tf.errors import InputError
from wsss_tf.figure_masks import masks_page
from wsss_tf.figure_page import Page, Panel, draw_page, save_page
from wsss_tf.figure_style import class_look

VOC = ("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
       "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor")


@pytest.fixture(scope="module")
def figures():
    """What imports TensorFlow is imported here."""
    from wsss_tf import figures
    return figures


@pytest.fixture(scope="module")
def erasing():
    from wsss_tf import figure_erasing
    return figure_erasing


@pytest.fixture(scope="module")
def draw(figures, tiny, masking_run, cam_run):
    """The function (flags, settings) -> paths; draws into a run of its own that reuses the masking run."""
    from wsss_tf.stages import open_chain

    def run(*more: str, **settings):
        experiment = tiny("--experiment=drawn", "--reuse=tiny_masking", *more)
        return figures.draw_figures(open_chain(experiment), experiment, figures.FigureConfig(**settings))

    return run


@pytest.fixture(scope="module")
def eraser(erasing, masking_run):
    """The nets of the tiny run with lively heads: after so short a training all scores are alike."""
    from wsss_tf.nets.backbone import backbone_grid
    from wsss_tf.stages import trained_classifier, trained_segmenter
    e, rng = masking_run.experiment, np.random.default_rng(0)
    segmenter = trained_segmenter(e, masking_run.folder / "segmenter")
    classifier = trained_classifier(e, masking_run.folder / "classifier")
    for layer in segmenter.layers + classifier.layers:
        if layer.name.startswith("fc"):
            shape = layer.kernel.shape
            gain = 12.0 if layer.name.startswith("fc8") else 2.0
            layer.set_weights([gain * rng.standard_normal(shape) / np.sqrt(np.prod(shape[:3])), np.zeros(shape[-1])])
    return erasing.Eraser(segmenter, backbone_grid(e.seg_backbone), classifier)


def tagged(experiment, count: int) -> Example:
    """An evaluation photo said to have so many tags."""
    return dataclasses.replace(experiment.dataset.val[0], tags=tuple(range(1, count + 1)))


def texts(figure) -> list:
    axes = [text for ax in figure.axes for text in (ax.title, ax.xaxis.label)]
    return [text for text in axes + figure.texts if text.get_text()]


def check_nothing_overlaps(figure) -> None:
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    words = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    boxes = words + [("panel", axes.get_window_extent(renderer)) for axes in figure.axes]
    for (name, box), (other, another) in itertools.combinations(boxes, 2):
        apart = (box.x1 <= another.x0 + 0.5 or another.x1 <= box.x0 + 0.5 or
                 box.y1 <= another.y0 + 0.5 or another.y1 <= box.y0 + 0.5)
        assert apart, (name, other)
    for name, box in words:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, name


def check_files(paths, names) -> None:
    assert [path.name for path in paths] == [f"{name}{suffix}" for name in names for suffix in (".png", ".pdf")]
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
                assert image.width == 2100 and image.format == "PNG"
        else:
            content = path.read_bytes()
            assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
            assert b"/Subtype /Type0" in content or b"/FontFile2" in content, "letters stay letters"
    assert not list(paths[0].parent.glob(".*")), "no temporary file is left"


# Figure 2.5

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
def test_panels_of_a_photo(count, panels, erasing, eraser, masking_run):
    page = erasing.erasing_page(tagged(masking_run.experiment, count), VOC, eraser)
    figure = draw_page(page)
    assert len(figure.axes) == panels and figure.get_size_inches()[0] == 7
    assert figure.axes[0].get_title() == "shapes_val_0000" and figure.axes[1].get_title() == "erased: nothing"
    check_nothing_overlaps(figure)
    if count == 6:
        assert page.rows[-2][-1].above == ("erased: all 6",)


def test_photo_of_any_size(erasing, eraser, masking_run, tmp_path):
    """65 x 50 pixels are no whole number of cells."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, [65, 50, 3], np.uint8)).save(tmp_path / "odd.png")
    page = erasing.erasing_page(Example("odd", tmp_path / "odd.png", (1,)), VOC, eraser)
    assert {panel.image.shape[:2] for row in page.rows for panel in row} == {(65, 50)}


def test_figure_2_5_of_the_photos_with_the_most_tags(draw, masking_run):
    paths = draw(figure="2.5", photos=2)
    val = masking_run.experiment.dataset.val
    ids = sorted((-len(example.tags), index) for index, example in enumerate(val))
    check_files(paths, [f"fig_2_5_{val[index].image_id}" for _, index in ids[:2]])
    assert paths[0].parent == masking_run.folder.parent / "drawn" / "figures"


def test_same_run_same_bytes_and_no_setting_of_matplotlib_changed(draw):
    before = dict(rcParams)
    first = [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert first == [path.read_bytes() for path in draw(figure="2.5", images="shapes_val_0002")]
    assert dict(rcParams) == before


def test_run_without_attention_takes_a_classifier_that_exists(tiny, figures, masking_run):
    from wsss_tf.stages import open_chain
    experiment = tiny("--experiment=row_a2", "--attention_weight=0", "--reuse=tiny_masking", "--seg_epochs=1")
    chain = open_chain(experiment)
    assert "classifier" not in chain._stages["segmenter"].needs(experiment)
    chain.run("segmenter")
    check_files(figures.draw_figures(chain, experiment, figures.FigureConfig(images="shapes_val_0001")),
                ["fig_2_5_shapes_val_0001"])


@pytest.mark.parametrize("stage, script", [("classifier", "train_classifier"), ("segmenter", "train_segmenter")])
def test_missing_stage_is_named(stage, script, tiny, figures, masking_run, tmp_path):
    from wsss_tf.stages import open_chain
    shutil.copytree(masking_run.folder, tmp_path / "runs" / "tiny_masking", ignore=shutil.ignore_patterns(stage))
    experiment = tiny("--experiment=tiny_masking", f"--runs={tmp_path / 'runs'}")
    with pytest.raises(InputError, match=f"tiny_masking/{stage}: stage {stage} is missing .* run scripts/{script}.py"):
        figures.draw_figures(open_chain(experiment), experiment, figures.FigureConfig())


@pytest.mark.parametrize("settings, words", [
    ({"images": "shapes_val_0000,absent"}, "--images: 'absent' is not among the 4 evaluation images .*shapes_val_0000"),
    ({"compare": "tiny_cam"}, "--compare=tiny_cam: figure 2.5 shows one run")])
def test_wrong_settings_of_figure_2_5(settings, words, draw):
    with pytest.raises(InputError, match=words):
        draw(figure="2.5", **settings)


@pytest.mark.parametrize("count", [0, 7])
def test_photo_with_too_many_or_no_tags(count, figures, masking_run, monkeypatch):
    from wsss_tf.stages import open_chain
    e = dataclasses.replace(masking_run.experiment)
    chain = open_chain(e)
    changed = dataclasses.replace(e.dataset, val=(tagged(e, count), *e.dataset.val[1:]))
    e.__dict__["dataset"] = changed
    with pytest.raises(InputError, match=f"shapes_val_0000.jpg: expected 1 to 6 tags, found {count}: choose another"):
        figures.draw_figures(chain, e, figures.FigureConfig(images="shapes_val_0000"))
    chosen = figures._chosen(e, figures.FigureConfig(), max_tags=6)
    assert "shapes_val_0000" not in [example.image_id for example in chosen] and len(chosen) == 3


# Figure 2.7

def test_masks_of_several_runs(masking_run, cam_run):
    e = masking_run.experiment
    folders = tuple((f"{run.folder.name}, {kind}", run.folder / "masks" / kind)
                    for run in (masking_run, cam_run) for kind in ("plain", "crf"))
    page = masks_page(e.dataset.val, e.dataset.class_names, folders)
    assert [panel.above[0] for panel in page.rows[0]] == ["photo", "ground truth", *dict(folders)]
    for row, example in zip(page.rows, e.dataset.val, strict=True):
        truth = np.asarray(Image.open(example.mask))
        np.testing.assert_array_equal(row[1].image, truth)
        for panel, (_, folder) in zip(row[2:], folders, strict=True):
            mask = np.asarray(Image.open(folder / f"{example.image_id}.png"))
            np.testing.assert_array_equal(panel.image, mask)
            mask, true = mask[truth != UNKNOWN], truth[truth != UNKNOWN]
            ious = [np.sum((mask == label) & (true == label)) / np.sum((mask == label) | (true == label))
                    for label in np.union1d(mask, true)]
            assert panel.below == (f"mIoU {100 * np.mean(ious):.1f}",)
    figure = draw_page(page)
    assert len(figure.axes) == 4 * 6
    check_nothing_overlaps(figure)


@pytest.mark.parametrize("crf, columns", [("with", 4), ("without", 4), ("both", 6)])
def test_crf_is_selectable(crf, columns, draw, figures, monkeypatch):
    pages = []

    def spy(page, *place):
        pages.append(page)
        return save_page(page, *place)

    monkeypatch.setattr(figures, "save_page", spy)
    check_files(draw(figure="2.7", compare="tiny_masking,tiny_cam", crf=crf, images="shapes_val_0003"), ["fig_2_7"])
    heads = [panel.above[0] for panel in pages[0].rows[0][2:]]
    assert len(pages[0].rows) == 1 and len(heads) + 2 == columns
    assert [head.endswith(" + CRF") for head in heads] == {"with": [True] * 2, "without": [False] * 2,
                                                           "both": [False, True] * 2}[crf]


def test_photos_without_ground_truth(masking_run, tmp_path):
    e = masking_run.experiment
    folders = (("mine", masking_run.folder / "masks" / "plain"),)
    bare = tuple(dataclasses.replace(example, mask=None) for example in e.dataset.val)
    assert [[panel.above + panel.below for panel in row] for row in masks_page(bare[:2], VOC, folders).rows] == [
        [("photo", "shapes_val_0000"), ("mine",)], [("shapes_val_0001",), ()]]
    some = masks_page((bare[0], e.dataset.val[1]), VOC, folders)
    assert some.rows[0][1].below == ("none",) and some.rows[0][2].below == () and len(some.rows[1][2].below) == 1
    with pytest.raises(InputError, match="shapes_val_0000.png: no such file"):
        masks_page(bare, VOC, (("mine", tmp_path),))
    with pytest.raises(InputError, match="shapes_val_0000.png: expected labels 0 to 0 or 255"):
        masks_page((e.dataset.val[0],), VOC[:1], folders)
    Image.fromarray(np.zeros([64, 63], np.uint8)).save(tmp_path / "shapes_val_0000.png")
    with pytest.raises(InputError, match="shapes_val_0000.png: expected 64x64 .*shapes_val_0000.jpg, found 63x64"):
        masks_page(bare, VOC, (("mine", tmp_path),))


def test_compared_runs_must_exist_and_be_of_these_photos(draw, masking_run, tiny, tmp_path):
    with pytest.raises(InputError, match="absent/masks/manifest.json: no such manifest"):
        draw(figure="2.7", compare="tiny_masking,absent")
    runs = shutil.copytree(masking_run.folder.parent / "tiny_cam", tmp_path / "runs" / "other").parent
    manifest = runs / "other/masks/manifest.json"
    content = json.loads(manifest.read_text())
    content["inputs"]["prepare.val"] = "of another data set"
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match="other/masks: its masks are of other evaluation images"):
        draw(f"--runs={runs}", figure="2.7", compare="other")


def test_too_many_columns():
    panel = Panel(np.zeros([20, 20], np.uint8))
    with pytest.raises(InputError, match="10 columns: expected at most 9"):
        draw_page(Page(((panel,) * 10,), VOC))


# The look

def test_eighty_classes_look_different():
    looks = [class_look(label) for label in (*range(81), UNKNOWN)]
    assert len({(look.colour, look.hatch) for look in looks}) == 82
    assert len({look.colour for look in looks[1:9]}) == 8 and not any(look.hatch for look in looks[:9])


def crowded() -> Page:
    """Twenty classes with long names, strange ones among them, nine columns, and photos of different shapes."""
    names = (*VOC[:19], "a_class_with_a_very_long_name_that_does_not_fit_anywhere", "$x$ & _y_ {z}")
    rows = []
    for height, width in ((60, 90), (90, 60), (20, 200)):
        count = width * height
        labels = (np.arange(count) * 21 // count).reshape(height, width).astype(np.uint8)
        labels[-3:, -3:] = UNKNOWN
        heat = np.linspace(0, 1, count).reshape(height, width)
        rows.append((Panel(np.zeros([height, width, 3], np.uint8), ("photo",), ("2007_000033_with_a_long.id",)),
                     Panel(heat, ("erased: " + ", ".join(names[-3:]),)),
                     *[Panel(labels, ("experiment_with_a_name + CRF",), ("mIoU 100.0", names[-2]))] * 7))
    return Page(tuple(rows), names, "A note. " * 40)


def test_crowded_page_has_no_overlapping_text(tmp_path):
    figure = draw_page(crowded())
    assert len(figure.axes) == 27
    check_nothing_overlaps(figure)
    shown = {text.get_text() for text in figure.texts}
    assert {*crowded().class_names, "unknown"} <= shown, "the legend has the names as they are"
    check_files(save_page(crowded(), tmp_path, "2007.000033"), ["2007.000033"])


def test_legend_names_only_what_is_shown():
    labels = np.array([[0, 3], [3, 7]], np.uint8)
    figure = draw_page(Page(((Panel(labels),),), VOC))
    assert [text.get_text() for text in figure.texts] == ["background", "bird", "car"]


# The script

def test_script_draws_both_figures(script, tiny_flags, masking_run, cam_run):
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--reuse=tiny_masking", "--images=shapes_val_0001")
    folder = masking_run.folder.parent / "by_script" / "figures"
    assert ended.code == 0 and ended.out.splitlines() == [str(folder / f"fig_2_5_shapes_val_0001.{end}")
                                                          for end in ("png", "pdf")]
    ended = script("figures", *tiny_flags, "--experiment=by_script", "--figure=2.7", "--compare=tiny_masking,tiny_cam")
    assert ended.code == 0 and sorted(path.name for path in folder.glob("fig_2_7.*")) == ["fig_2_7.pdf", "fig_2_7.png"]
    ended = script("figures", *tiny_flags, "--experiment=nothing", "--images=shapes_val_0001")
    assert ended.code == 2 and ended.error.endswith("run scripts/train_segmenter.py with the same flags first")
