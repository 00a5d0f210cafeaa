"""The rows of the thesis's tables: each flagfile says what its row says, builds its nets and trains a step."""

import dataclasses
import functools
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from wsss_tf.commands.flagfiles import expand
from wsss_tf.commands.parsing import experiment_of, flag_names, system_of
from wsss_tf.config import groups
from wsss_tf.experiment import Experiment
from wsss_tf.nets.backbone import BACKBONES
from wsss_tf.stages.stage import united
from wsss_tf.superpixels.features import Features
from wsss_tf.superpixels.grouping import superpixels
from wsss_tf.superpixels.settings import uses_features
from wsss_tf.systems.cam_baseline.method import CamBaseline
from wsss_tf.systems.cam_classifier import CamClassifier
from wsss_tf.systems.dilated_classifier import DilatedClassifier, build_classifier
from wsss_tf.systems.masking.method import ImageMasking
from wsss_tf.systems.segmenter import build_segmenter
from wsss_tf.systems.superpixel_growing.method import SuperpixelGrowing
from wsss_tf.train.optimizer import MomentumSGD
from wsss_tf.train.step import training_step

ROOT = Path(__file__).parents[1]
ROWS = sorted(str(path.relative_to(ROOT)) for folder in ("flags/thesis", "flags/real")
              for path in (ROOT / folder).rglob("*.cfg") if "--experiment=" in path.read_text(encoding="utf-8"))
SUPERPIXELS = [file for file in ROWS if "/table_3_5/" in file or "/ch3/features/" in file]  # nothing is trained
TRAINED = [file for file in ROWS if file not in SUPERPIXELS]
CHAPTER_3 = [file for file in TRAINED if file.startswith("flags/thesis/ch3")]
CLASSES = 4
SMALL = ("--cls_backbone=tiny", "--cls_weights=none", "--cls_channels=4", "--seg_backbone=tiny", "--seg_weights=none",
         "--crop=64")

# Table 2.3: refinement of the maps, dilated blocks (None: no attention loss), paths, mask supervision.
D8 = (3, 6, 9, 12, 15, 18, 21, 24)
TABLE_2_3 = {
    "A1": ("none", None, 0, False), "A2": ("unlabeled", None, 0, False), "A3": ("none", (), 1, False),
    "A4": ("none", D8, 1, False), "A5": ("unlabeled", D8, 1, False), "A6": ("unlabeled", D8, 2, False),
    "A7": ("unlabeled", D8, 3, False), "B1": ("none", None, 0, False), "B2": ("unlabeled", None, 0, False),
    "B3": ("unlabeled", D8, 1, False), "B4": ("unlabeled", D8, 2, False), "B5": ("unlabeled", D8, 3, False),
    "C1": ("none", None, 0, True), "C2": ("none", D8, 2, True), "C3": ("none", None, 0, True),
    "C4": ("none", D8, 2, True),
}
RESNET = ("B1", "B2", "B3", "B4", "B5", "C3", "C4")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """The folder that nested flagfiles are written for."""
    monkeypatch.chdir(ROOT)


def parse(*arguments: str) -> Experiment:
    return experiment_of(arguments)


def row(name: str, chapter: int = 2) -> Experiment:
    return parse(f"--flagfile=flags/thesis/ch{chapter}/{name}.cfg")


@pytest.mark.parametrize("name", TABLE_2_3)
def test_table_2_3(name):
    e = row(f"table_2_3/{name}")
    refinement, rates, paths, masks = TABLE_2_3[name]
    assert e.settings.saliency.refinement == refinement
    assert (e.settings.saliency.source == "ground_truth") == e.run.allow_mask_supervision == masks
    assert e.settings.masking.attention_weight == (0 if rates is None else 2)
    if rates is not None:
        assert e.settings.classifier.rates == rates and e.settings.masking.paths == paths
    assert (e.settings.seg_backbone.backbone, e.settings.segmenter.head) == (
        ("resnet101", "aspp") if name in RESNET else ("vgg16", "aspp_fc"))
    assert e.settings.segmenter.channels == 1024


@pytest.mark.parametrize("ours, same", [("A1", "A1"), ("A2", "A2"), ("A3", "A3"), ("A4", "A4"), ("A5", "A6")])
def test_table_2_4_repeats_rows_of_table_2_3(ours, same):
    """A2-22: its A5 is A6 there."""
    assert without_name(row(f"table_2_4/{ours}")) == without_name(row(f"table_2_3/{same}"))


@pytest.mark.parametrize("name, refinement", [("1", "none"), ("2", "all_labeled"), ("3", "unlabeled")])
def test_table_2_5(name, refinement):
    assert row(f"table_2_5/{name}").settings.saliency.refinement == refinement


@pytest.mark.parametrize("name, scales", [
    ("S1", (0.5, 0.75, 1, 1.25, 1.5)), ("S2", (0.5, 0.75, 1, 1.25)), ("S3", (0.75, 1, 1.25, 1.5)), ("S4", (0.5, 0.75, 1)),
    ("S5", (0.75, 1, 1.25)), ("S6", (1, 1.25, 1.5)), ("S7", (0.5, 1, 1.5))])
def test_table_2_6(name, scales):
    assert row(f"table_2_6/{name}").settings.cam.scales == scales


@pytest.mark.parametrize("name, rates", [("D1", D8), ("D2", (6, 12, 18, 24)), ("D3", (3, 6, 9)), ("D4", (3, 6))])
def test_table_2_7(name, rates):
    assert row(f"table_2_7/{name}").settings.classifier.rates == rates


def test_headlines_and_coco():
    vgg, resnet, coco = row("headline_vgg16"), row("headline_resnet101"), row("table_2_8/ours")
    assert (vgg.settings.seg_backbone.backbone, vgg.settings.masking.paths) == ("vgg16", 2)
    assert (resnet.settings.seg_backbone.backbone, resnet.settings.masking.paths) == ("resnet101", 3)
    assert coco.settings.data.source == "coco" and coco.settings.seg_backbone.backbone == "vgg16"
    assert without_name(vgg) == without_name(row("table_2_3/A6"))
    assert without_name(resnet) == without_name(row("table_2_3/B5"))


@pytest.mark.parametrize("file", [file for file in ROWS if file.startswith("flags/thesis/ch2")])
def test_thesis_rows_keep_the_settings_of_section_2_4_3(file):
    """Whatever a row does not vary stands at the thesis's value, which is the default."""
    e, default = parse(f"--flagfile={file}"), parse()
    assert e.system.name == "masking"
    for group in ("crops", "cls_train", "seg_train", "test"):
        assert e.group(group) == default.group(group), group
    assert e.settings.seg_train.batch == 20 and e.settings.seg_train.epochs == 30 and e.settings.cls_train.epochs == 50
    assert e.settings.cls_backbone.backbone == "vgg16"  # A2-23
    assert e.settings.cls_backbone.output_stride == e.settings.seg_backbone.output_stride == 8


@pytest.mark.parametrize("file", ROWS)
def test_rows_say_their_command_and_the_original_number(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    command = "superpixels --rows" if file in SUPERPIXELS else "run --flagfile"
    assert re.search(rf"^# wsss {re.escape(command)}={re.escape(file)}( |$)", text, re.MULTILINE)
    if "/table_" in file and not file.startswith("flags/real/table_3_5"):
        assert re.search(r"^# Original.*\d\.\d", text, re.MULTILINE)


@pytest.mark.parametrize("file", ROWS)
def test_rows_give_only_flags_that_their_system_reads(file):
    """Whatever stands there counts: none is read by another system alone."""
    words = expand([f"--flagfile={ROOT / file}"])
    given = {word[2:].partition("=")[0].removeprefix("no") for word in words}
    own = {"system", "experiment", "reuse", "paper_row", "allow_mask_supervision", "workers", "seed", "runs"}
    assert given <= flag_names(system_of(words)) | own


def test_experiments_have_names_of_their_own():
    names = [parse(f"--flagfile={file}").run.experiment for file in ROWS]
    assert len(set(names)) == len(names) >= 150


@pytest.mark.parametrize("file", CHAPTER_3)
def test_rows_of_chapter_3_keep_its_settings(file):
    """Section 3.4.1, IRN's classifier, and A3-12, A3-15; a row varies one group, or the segmenter's backbone."""
    e, base = parse(f"--flagfile={file}"), row("table_3_2/resnet101", 3)
    assert e.system.name == "superpixel_growing" and united(e.chain.supervision("masks")) == "image tags"
    assert (e.settings.crops.crop, e.settings.crops.crop_scales) == (448, (0.5, 1, 1.5))
    train = e.settings.seg_train
    assert (train.epochs, train.warmup_epochs, train.warmup_lr, train.batch, train.lr) == (15, 3, 1e-6, 20, 1e-3)
    assert (train.power, train.momentum, train.weight_decay, train.last_multiplier) == (0.9, 0.9, 5e-4, 10)
    assert e.settings.segmenter.scales == e.settings.test.scales == (1, 0.75, 0.5)
    backbone = e.settings.cls_backbone
    assert (backbone.backbone, backbone.output_stride, e.settings.classifier.head) == ("resnet50_torch", 16, "cam")
    train = e.settings.cls_train
    assert (train.epochs, train.batch, train.lr, train.last_multiplier) == (5, 16, 0.1, 10)
    assert train.momentum == train.weight_decay == 1e-4 and train.decay_all
    crops = e.settings.cls_crops.applied_to(e.settings.crops)
    assert (crops.crop, crops.resize_long, crops.brightness, crops.hue) == (512, (320, 640), 0, 0)
    assert (e.settings.cam.scales, e.settings.cam.fusion, e.settings.cam.flip) == ((1, 0.5, 1.5, 2), "irn", True)
    varied = [name for name in groups(e.settings) if e.group(name) != base.group(name)]
    assert len(varied) <= 1


def test_table_3_2_and_coco():
    nets = {name: row(f"table_3_2/{name}", 3).settings.seg_backbone.backbone for name in ("resnet50", "resnet38", "resnet101")}
    assert nets == {"resnet50": "resnet50", "resnet38": "wrn38", "resnet101": "resnet101"}  # A3-21
    assert row("table_3_3/ours", 3).settings.data.source == "coco"


def test_table_3_5():
    """18 rows; sizes of the classic methods are inferred from the counts (section 3.4.3)."""
    folder, found = ROOT / "flags/thesis/ch3/table_3_5", {}
    for path in folder.glob("*.cfg"):
        e = row(f"table_3_5/{path.stem}", 3)
        assert e.settings.data.train_list == "train" and e.settings.superpixels.crf_set == "superpixels" and e.system.name == "superpixels"
        found[path.stem] = (e.settings.superpixels.method, e.settings.superpixels.tau if path.stem.startswith("ours") else e.settings.superpixels.size)
    expected = {f"ours_{tau:g}": ("discovery", tau) for tau in (0, 0.1, 0.2, 0.3, 0.4, 0.5)}
    expected |= {f"{name}_{size}": (name, size) for name in ("slic", "lsc") for size in (50, 80, 100, 130)}
    expected |= {f"seeds_{count}": ("seeds", count) for count in (30, 50, 80, 100)}
    assert found == expected
    e = row("table_3_5/ours_0.3", 3)
    assert (e.settings.features.net, e.settings.features.facet, e.settings.features.block, e.settings.features.positions) == ("vit_b8", "key", -1, "tf")


@pytest.mark.parametrize("table, values", [
    ("3_6", {f"tau_{tau:g}": tau for tau in (0, 0.1, 0.2, 0.3, 0.4, 0.5)}),
    ("3_7", {f"alpha_{alpha:g}": alpha for alpha in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)}),
    ("3_8", {f"fg_{fg:g}_bg_{bg:g}": (fg, bg) for fg in (0.5, 0.6, 0.7, 0.8) for bg in (0.5, 0.6, 0.7, 0.8)})])
def test_tables_3_6_to_3_8(table, values):
    folder = f"flags/thesis/ch3/table_{table}"
    assert {path.stem for path in (ROOT / folder).glob("*.cfg")} == set(values)
    for name, value in values.items():
        e = row(f"table_{table}/{name}", 3)
        found = {"3_6": e.settings.superpixels.tau, "3_7": e.settings.seed.alpha,
                 "3_8": (e.settings.growing.beta_foreground, e.settings.growing.beta_background)}
        assert found[table] == value


@pytest.mark.parametrize("file", SUPERPIXELS)
def test_superpixel_rows_group_features_or_a_photo(file):
    """Every row makes superpixels of a small photo, with a net of the test size where it has one."""
    e = parse(f"--flagfile={file}", "--feature_weights=none", "--superpixel_size=16")
    small = {True: "vit_tiny", e.settings.features.net == "rgb": "rgb", e.settings.features.net in BACKBONES: "tiny"}[True]
    photo = np.random.default_rng(0).integers(0, 256, [64, 96, 3], np.uint8)
    config = dataclasses.replace(e.settings.features, net=small, block=min(e.settings.features.block, 1))
    features = Features(config)(photo) if uses_features(e.settings.superpixels) else None
    ids = superpixels(photo, features, e.settings.superpixels)
    assert ids.shape == (64, 96) and np.unique(ids).tolist() == list(range(ids.max() + 1))


@pytest.mark.parametrize("table", ["2_3", "2_5", "2_6", "2_7"])
def test_real_twins_differ_only_as_their_rows_do(table):
    """All twins of a table share every setting that their thesis rows share."""
    folder = ROOT / "flags" / "real" / f"table_{table}"
    expected = {path.stem for path in (ROOT / f"flags/thesis/ch2/table_{table}").glob("*.cfg")} - {*RESNET}
    assert {path.stem for path in folder.glob("*.cfg")} == expected
    varied = {"2_3": {"saliency", "classifier", "masking"}, "2_5": {"saliency"}, "2_6": {"cam"}, "2_7": {"classifier"}}
    base = parse("--flagfile=flags/real/msrc_ch2.cfg")
    for path in folder.glob("*.cfg"):
        e = parse(f"--flagfile={path.relative_to(ROOT)}")
        assert e.system is base.system
        for name in groups(e.settings).keys() - varied[table]:
            assert e.group(name) == base.group(name), (path, name)
        if e.settings.masking.attention_weight:
            assert e.settings.masking.attention_weight == base.settings.masking.attention_weight


@functools.cache
def real_nets(cls_backbone, classifier, seg_backbone, segmenter) -> tuple[int, int]:
    nets = (build_classifier(dataclasses.replace(cls_backbone, weights="none"), classifier, 20, dilated=True),
            build_segmenter(dataclasses.replace(seg_backbone, weights="none"), segmenter, 20))
    return tuple(net.count_params() for net in nets)


@pytest.mark.parametrize("file", ["headline_vgg16", "headline_resnet101", "table_2_7/D2", "table_2_7/D3", "table_2_7/D4",
                                  "table_2_3/A3"])
def test_rows_build_their_nets(file):
    """Every backbone, head and set of blocks that occurs among the rows, at full size."""
    e = row(file)
    classifier, segmenter = real_nets(*map(e.group, ("cls_backbone", "classifier", "seg_backbone", "segmenter")))
    trunk, fc6, fc7, fc8 = 14_714_688, 9 * 512 * 1024 + 1024, 9 * 1024 * 1024 + 1024, 1024 * 20 + 20
    assert classifier == trunk + (1 + len(e.settings.classifier.rates)) * (fc6 + fc7 + fc8)
    if e.settings.seg_backbone.backbone == "vgg16":
        assert segmenter == trunk + 4 * (fc6 + 1024 * 1024 + 1024 + 1024 * 21 + 21)
    else:
        stock, biases = 42_658_176, 52_672  # keras.applications.ResNet101 without top has biases before its norms
        assert segmenter == stock - biases + 4 * (9 * 2048 * 21 + 21)


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@functools.cache
def first_step(make, *settings) -> dict[str, float]:
    """Losses of one optimiser step, which must have moved the net."""
    method = make(*settings)
    rng = np.random.default_rng(0)
    batch = {
        "image": tf.constant(rng.uniform(-120, 120, [2, 64, 64, 3]), tf.float32),
        "tags": tf.constant([[1, 0, 1, 0], [0, 1, 0, 0]], tf.float32),
        "target": tf.constant(rng.choice([0, 1, 255], [2, 64, 64]), tf.int32),
        "superpixels": tf.constant(rng.integers(0, 9, [2, 64, 64]), tf.int32),
        "seed": tf.constant([[0, 0], [0, 1]]),
    }
    before = [variable.numpy() for variable in method.net.trainable_variables]
    optimizer = MomentumSGD(1e-3, 0.9, 5e-4)
    optimizer.build(method.net.trainable_variables)
    numbers = training_step(method, optimizer, 2)(batch)
    assert any((old != new.numpy()).any() for old, new in zip(before, method.net.trainable_variables))
    return {name: float(value) for name, value in numbers.items()}


def masking(backbone, segmenter, config, cls_backbone, classifier) -> ImageMasking:
    net = build_classifier(cls_backbone, classifier, CLASSES, dilated=False) if config.attention_weight else None
    return ImageMasking(backbone, segmenter, config, CLASSES, net)


def classifier(backbone, config) -> DilatedClassifier | CamClassifier:
    if config.head == "cam":
        return CamClassifier(backbone, CLASSES)
    return DilatedClassifier(backbone, config, CLASSES)


def growing(backbone, segmenter, config) -> SuperpixelGrowing:
    return SuperpixelGrowing(backbone, segmenter, config, CLASSES)


def baseline(backbone, segmenter) -> CamBaseline:
    return CamBaseline(backbone, segmenter, CLASSES)


@pytest.mark.parametrize("file", TRAINED)
def test_rows_train_a_step_at_the_test_size(file, eagerly):
    e = parse(f"--flagfile={file}")
    e = parse(f"--flagfile={file}", *SMALL, *([] if e.settings.segmenter.head == "aspp" else ["--seg_channels=4"]))
    losses = first_step(classifier, e.settings.cls_backbone, e.settings.classifier)
    has_blocks = e.settings.classifier.head == "dilated" and bool(e.settings.classifier.rates)
    assert np.isfinite(list(losses.values())).all() and ("cam_loss" in losses) == has_blocks
    if e.system.name == "cam_baseline":
        losses = first_step(baseline, e.settings.seg_backbone, e.settings.segmenter)
    elif e.system.name == "superpixel_growing":
        losses = first_step(growing, e.settings.seg_backbone, e.settings.segmenter, e.settings.growing)
        assert 0 < losses["seed"] <= losses["labeled"] <= 1
    else:
        losses = first_step(masking, e.settings.seg_backbone, e.settings.segmenter, e.settings.masking, e.settings.cls_backbone, e.settings.classifier)
        assert ("attention_loss" in losses) == (e.settings.masking.attention_weight > 0)
    assert np.isfinite(list(losses.values())).all() and losses["loss"] > 0


def without_name(e: Experiment) -> Experiment:
    return dataclasses.replace(e, run=dataclasses.replace(e.run, experiment="", reuse="", paper_row=""))
