"""Where saliency comes from: each source by itself and in the chain, and the mark of mask supervision."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.example import Example
from wsss_tf.files.images import read_labels
from wsss_tf.files.manifest import read_manifest
from wsss_tf.pseudo_labels.saliency_sources import MASK_SUPERVISION, object_mask, require_source, saliency_scores
from wsss_tf.pseudo_labels.settings import SaliencyConfig
from wsss_tf.stages.run_report import compare_runs

DETECTORS = ("spectral_residual", "fine_grained")
ALONE = ("--saliency_refinement=none", "--attention_weight=0")  # needs neither classifier nor CAMs
GROUND_TRUTH = ("--saliency_source=ground_truth", "--allow_mask_supervision", "--saliency_refinement=none")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.fixture
def example(tmp_path) -> Example:
    """A bright ball on a meadow (the detectors see no colours), its map and its mask with a void border."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:120, :160]
    distance = np.hypot(y - 60, x - 70)
    meadow = np.array([70, 120, 60]) + rng.normal(0, 12, [120, 160, 1]) + 10 * np.sin(x / 9)[..., None]
    ball = np.array([250, 235, 200]) - distance[..., None]
    photo = cv2.GaussianBlur(np.where(distance[..., None] < 22, ball, meadow).clip(0, 255).astype(np.uint8), (5, 5), 1)
    files = [tmp_path / name for name in ("ball.jpg", "map.png", "mask.png")]
    Image.fromarray(photo).save(files[0])
    Image.fromarray((255 * np.exp(-distance / 30)).astype(np.uint8)).save(files[1])
    mask = np.where(distance < 20, 3, 0)
    Image.fromarray(np.where(abs(distance - 21) < 2, 255, mask).astype(np.uint8)).save(files[2])
    return Example("ball", files[0], (3,), mask=files[2], saliency=files[1])


def test_maps_are_shares_of_the_maximum(example):
    values = np.asarray(Image.open(example.saliency))
    np.testing.assert_allclose(saliency_scores(example, "maps", 255), values / 255, rtol=1e-6)
    mask = object_mask(example, SaliencyConfig(threshold=0.4), 255)
    np.testing.assert_array_equal(mask, values > 102)


def test_maps_of_16_bits_give_the_same_object_mask(example, tmp_path):
    wide = np.uint16(257) * np.asarray(Image.open(example.saliency))
    Image.fromarray(wide).save(tmp_path / "wide.png")
    other = dataclasses.replace(example, saliency=tmp_path / "wide.png")
    for config in (SaliencyConfig(), SaliencyConfig(binarisation="twice_mean")):
        np.testing.assert_array_equal(object_mask(other, config, 65535), object_mask(example, config, 255))


def test_map_above_the_range_is_named(example):
    with pytest.raises(InputError, match=f"^{example.saliency}: expected values up to 100, found 25"):
        object_mask(example, SaliencyConfig(), 100)


@pytest.mark.parametrize("source", DETECTORS)
def test_detectors_find_the_ball(source, example):
    scores = saliency_scores(example, source, 255)
    assert scores.dtype == np.float32 and scores.shape == (120, 160) and (scores.min(), scores.max()) == (0, 1)
    truth = read_labels(example.mask)
    assert scores[truth == 3].mean() > 2 * scores[truth == 0].mean()
    mask = object_mask(example, SaliencyConfig(source=source, binarisation="twice_mean"), 255)
    assert set(np.unique(mask)) == {0, 1}
    np.testing.assert_array_equal(mask, scores > 2 * scores.mean())
    fixed = object_mask(example, SaliencyConfig(source=source, threshold=0.25), 255)
    np.testing.assert_array_equal(fixed, scores > 0.25)


@pytest.mark.parametrize("source, name", zip(DETECTORS, ("SpectralResidual", "FineGrained")))
def test_detectors_get_the_photo_as_opencv_reads_it(source, name, tmp_path):
    noise = np.random.default_rng(2).integers(0, 256, [60, 80, 3]).astype(np.float32)
    Image.fromarray((cv2.GaussianBlur(noise, (0, 0), 4) * [1.5, 1, 0.5]).astype(np.uint8)).save(tmp_path / "x.png")
    photo = cv2.imread(str(tmp_path / "x.png"))
    _, raw = getattr(cv2.saliency, f"StaticSaliency{name}_create")().computeSaliency(photo)
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    scores = saliency_scores(Example("x", tmp_path / "x.png", (1,)), source, 255)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("source", DETECTORS)
def test_detectors_need_neither_map_nor_mask(source, example):
    bare = dataclasses.replace(example, saliency=None, mask=None)
    require_source(SaliencyConfig(source=source), [bare])
    np.testing.assert_array_equal(saliency_scores(bare, source, 1), saliency_scores(example, source, 255))


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (300, 17)])
@pytest.mark.parametrize("source", DETECTORS)
def test_detectors_bear_photos_of_any_shape_and_of_one_colour(source, size, tmp_path):
    rng = np.random.default_rng(1)
    for photo in (np.full([*size, 3], 80, np.uint8), np.zeros([*size, 3], np.uint8),
                  rng.integers(0, 256, [*size, 3], np.uint8)):
        Image.fromarray(photo).save(tmp_path / "x.png")
        scores = saliency_scores(Example("x", tmp_path / "x.png", (1,)), source, 255)
        assert scores.shape == size and np.isfinite(scores).all() and scores.min() >= 0 and scores.max() <= 1


def test_ground_truth_is_the_binarised_mask(example):
    labels = read_labels(example.mask)
    mask = object_mask(example, SaliencyConfig(source="ground_truth"), 255)
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1, 255}
    np.testing.assert_array_equal(mask == 255, labels == 255)
    np.testing.assert_array_equal(mask == 1, labels == 3)


@pytest.mark.parametrize("refinement", ["unlabeled", "all_labeled"])
def test_masks_are_not_refined(refinement, example):
    with pytest.raises(InputError, match=f"^--saliency_refinement={refinement}: expected none .*add --saliency_refinement=none"):
        require_source(SaliencyConfig(source="ground_truth", refinement=refinement), [example])


def test_what_the_source_reads_must_be_there(example):
    maps, masks = SaliencyConfig(), SaliencyConfig("ground_truth", refinement="none")
    for config, field in ((maps, "saliency"), (masks, "mask")):
        require_source(config, [example])
        with pytest.raises(InputError, match=f"^{example.image}: no {field}"):
            require_source(config, [example, dataclasses.replace(example, **{field: None})])


def test_opencv_without_its_contributions(example, monkeypatch):
    monkeypatch.delattr(cv2, "saliency")
    require_source(SaliencyConfig(), [example])
    with pytest.raises(InputError, match="pip install opencv-contrib-python-headless"):
        require_source(SaliencyConfig(source="fine_grained"), [example])


# From here on through the stages.


@pytest.fixture(scope="module")
def ground_truth_run(tiny, finish):
    """Row C1 of Table 2.3."""
    return finish(tiny("--experiment=tiny_c1", "--attention_weight=0", *GROUND_TRUTH))


@pytest.mark.parametrize("source, more, stages", [
    ("maps", ("--saliency_refinement=none",), ["prepare", "saliency", "classifier"]),
    ("maps", ("--saliency_refinement=all_labeled",), ["prepare", "classifier", "cams", "saliency"]),
    ("fine_grained", (), ["prepare", "classifier", "cams", "saliency"]),
    ("ground_truth", GROUND_TRUTH, ["prepare", "saliency", "classifier"]),
    ("ground_truth", (*GROUND_TRUTH, "--attention_weight=0"), ["prepare", "saliency"]),
])
def test_stages_before_the_segmenter(source, more, stages, tiny):
    assert tiny(f"--saliency_source={source}", *more).chain.required("segmenter") == [*stages, "segmenter"]


@pytest.mark.parametrize("source", DETECTORS)
def test_chain_with_a_detector_needs_no_maps(source, tiny, finish, tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "bare")
    shutil.rmtree(data / "saliency")
    run = finish(tiny("--source=folder", f"--data={data}", f"--runs={tmp_path}", f"--saliency_source={source}",
                      "--saliency_binarisation=twice_mean", *ALONE))
    values = {int(value) for path in (run.folder / "saliency").glob("*.png")
              for value in np.unique(np.asarray(Image.open(path)))}
    assert values == {0, 1}
    manifest = read_manifest(run.folder / "saliency")
    assert manifest["results"]["images"] == 12 and "untrained detector" in manifest["learned_from"]
    page = (run.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "<figcaption>saliency<" in page and "untrained detector" in page and MASK_SUPERVISION not in page
    for stage in ("saliency", "segmenter"):
        assert not [path for path in run.opened[stage] if "SegmentationClass" in path]


def test_refinement_without_unlabeled_pixels_reuses_the_cams(tiny, masking_run):
    experiment = tiny("--experiment=tiny_all_labeled", "--saliency_refinement=all_labeled", "--reuse=tiny_masking")
    chain = experiment.chain
    assert chain.folder("cams") == masking_run.folder / "cams" and chain.folder("saliency") is None
    ours = content(chain.run("saliency"))
    for name in ours:
        all_labeled, unlabeled = (np.asarray(Image.open(folder / "saliency" / name))
                                  for folder in (experiment.folder("saliency").parent, masking_run.folder))
        np.testing.assert_array_equal(all_labeled, np.where(unlabeled == 255, 0, unlabeled))


def test_maps_of_16_bits_in_the_chain(tiny, tiny_data, tmp_path):
    """The range is checked by the first stage, and another range makes other targets."""
    data = shutil.copytree(tiny_data, tmp_path / "wide")
    flags = ("--source=folder", f"--data={data}", f"--runs={tmp_path / 'runs'}", *ALONE)
    narrow = tiny(*flags, "--experiment=narrow").chain
    narrow.run("prepare")
    expected = content(narrow.run("saliency"))
    other = tiny(*flags, "--experiment=other", "--maps_max=65535", "--reuse=narrow").chain
    assert other.folder("prepare") is None and other.folder("saliency") is None
    for path in (data / "saliency").glob("*.png"):
        Image.fromarray(np.uint16(257) * np.asarray(Image.open(path))).save(path)
    with pytest.raises(InputError, match="problems found"):
        tiny(*flags, "--experiment=wide").chain.run("prepare")
    wide = tiny(*flags, "--experiment=wide", "--maps_max=65535").chain
    wide.run("prepare")
    assert content(wide.run("saliency")) == expected and len(expected) == 12


def test_ground_truth_targets_are_the_binarised_masks(ground_truth_run):
    for example in ground_truth_run.experiment.dataset.train:
        target = np.asarray(Image.open(ground_truth_run.folder / "saliency" / f"{example.image_id}.png"))
        labels = read_labels(example.mask)
        np.testing.assert_array_equal(target, np.where(labels == 255, 255, labels > 0))


def test_mask_supervision_is_in_the_manifests(ground_truth_run, masking_run, cam_run):
    for stage in ("saliency", "segmenter", "scores"):
        assert MASK_SUPERVISION in read_manifest(ground_truth_run.folder / stage)["learned_from"], stage
        assert MASK_SUPERVISION not in json.dumps(read_manifest(masking_run.folder / stage))
    assert read_manifest(ground_truth_run.folder / "saliency")["settings"]["saliency_source"] == "ground_truth"
    assert read_manifest(cam_run.folder / "scores")["learned_from"] == "image tags"


def test_mask_supervision_is_in_the_report(ground_truth_run, masking_run):
    page, other = ((run.folder / "report" / "report.html").read_text(encoding="utf-8")
                   for run in (ground_truth_run, masking_run))
    told = re.search("Learned from <b>([^<]*)</b>", page)[1]
    assert told == f"image tags and {MASK_SUPERVISION}: the training masks as saliency"
    table = re.search("<tbody>.*?</tbody>", page, re.DOTALL).group()
    assert table.count(f">tiny_c1 [{MASK_SUPERVISION}]") == 2, "with and without CRF"
    assert MASK_SUPERVISION in page and MASK_SUPERVISION not in other
    assert "saliency maps" in re.search("Learned from <b>([^<]*)</b>", other)[1]


def test_mask_supervision_is_in_the_comparison(ground_truth_run, masking_run):
    table = compare_runs([masking_run.folder.parent / name for name in ("tiny_c1", "tiny_masking")])
    titles = [re.split("  +", line)[0] for line in table.splitlines()]
    assert titles == ["result", f"tiny_c1 [{MASK_SUPERVISION}]", "tiny_masking"]


def test_ground_truth_runs_open_training_masks_for_their_targets_alone(ground_truth_run):
    opened = {stage: [path for path in paths if "SegmentationClass" in path]
              for stage, paths in ground_truth_run.opened.items()}
    assert len(opened["saliency"]) == 12 and not opened["segmenter"]


def test_targets_depend_on_the_training_masks_in_ground_truth_runs_only(ground_truth_run, masking_run):
    inputs = [{told["from"] for told in read_manifest(run.folder / "saliency")["inputs"].values()}
              for run in (ground_truth_run, masking_run)]
    assert inputs == [{"prepare.train", "prepare.train_masks"}, {"prepare.train", "cams"}]


@pytest.mark.parametrize("missing, flags, words", [
    (None, GROUND_TRUTH[:1], "add --allow_mask_supervision"),
    (None, GROUND_TRUTH[:2], "add --saliency_refinement=none"),
    ("SegmentationClass/shapes_train_0007.png", GROUND_TRUTH, "shapes_train_0007.jpg: no mask for it"),
])
def test_ground_truth_is_refused_before_any_stage(missing, flags, words, script, tiny_flags, tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "copied")
    if missing:
        (data / missing).unlink()
    ended = script("run", *tiny_flags, "--source=folder", f"--data={data}", f"--runs={tmp_path / 'runs'}", *flags)
    assert ended.code == 2 and words in ended.error
    assert not (tmp_path / "runs").exists()


def test_ground_truth_is_refused_by_the_stage_alone(tiny, tmp_path):
    chain = tiny(f"--runs={tmp_path}", *GROUND_TRUTH[:1], *ALONE).chain
    chain.run("prepare")
    with pytest.raises(InputError, match="add --allow_mask_supervision"):
        chain.run("saliency")
    assert not list(tmp_path.rglob("saliency/*.png"))
