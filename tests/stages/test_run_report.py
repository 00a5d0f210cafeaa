"""The report of a run and the comparison of several."""

import json
import shutil

import pytest

from wsss_tf.errors import InputError
from wsss_tf.example import MASK_SUPERVISION
from wsss_tf.files.manifest import read_manifest
from wsss_tf.stages.run_report import _artefacts, compare_runs, score_rows
from wsss_tf.stages.stage import Makes


@pytest.fixture(scope="module")
def masking_page(masking_run) -> str:
    return (masking_run.folder / "report" / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def scores(masking_run) -> dict:
    return json.loads((masking_run.folder / "scores" / "scores.json").read_text())


def test_page_shows_every_step_from_photo_to_mask(masking_page):
    for caption in ("photo", "ground truth", "CAM", "saliency", "refined saliency", "prediction", "prediction + CRF"):
        assert caption in masking_page, caption
    for image_id in ("shapes_train_0000", "shapes_train_0011", "shapes_val_0003"):
        assert image_id in masking_page


def test_page_of_the_baseline_shows_pseudo_labels_and_no_saliency(cam_run):
    page = (cam_run.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "pseudo-label" in page and "refined saliency" not in page


def test_page_holds_curves_of_both_trainings_flags_and_manifests(masking_page, masking_run):
    for text in ("attention_loss", "tag_loss", "seg_last_multiplier", "crop_scales"):
        assert text in masking_page, text
    for stage in ("classifier", "segmenter", "masks"):
        assert read_manifest(masking_run.folder / stage)["fingerprint"] in masking_page, stage


def test_score_rows_of_masks_without_and_with_crf(masking_run, scores):
    manifests = {"masks": read_manifest(masking_run.folder / "masks")}
    rows = score_rows("mine", scores, {"cams": Makes.CAMS, "masks": Makes.MASKS}, manifests)
    assert [(row.title, row.split, row.crf, row.scales) for row in rows] == [
        ("mine", "val", False, "1"), ("mine + CRF", "val", True, "1")]
    assert [row.scores for row in rows] == [scores["masks"]["plain"], scores["masks"]["crf"]]


def test_scores_of_what_training_sees_are_told_with_the_threshold_in_use(masking_run, cam_run, scores):
    """Of the maps at the threshold of the pseudo-labels, where the system has one."""
    def artefacts(run):
        makes = {name: stage.makes for name, stage in run.experiment.chain.stages.items()}
        manifests = {name: read_manifest(run.experiment.chain.require(name)) for name in makes if name != "export"}
        told = json.loads((run.folder / "scores" / "scores.json").read_text())
        return told, _artefacts(told, makes, manifests)

    told, found = artefacts(cam_run)
    assert [(one.stage, one.kind, one.split, one.threshold) for one in found] == [
        ("cams", "cams", "train", 0.2), ("labels", "labels", "train", None)]
    assert found[0].curve[0.2] == told["cams"]["0.2"] and found[1].scores == told["labels"]
    _, found = artefacts(masking_run)
    assert {one.stage: one.threshold for one in found} == {"cams": None, "saliency": None}
    assert {one.stage: one.scores for one in found}["saliency"] == scores["saliency"]


def test_scales_of_the_test_are_told(scores):
    manifest = {"supervision": ["image tags"], "settings": {"test_scales": [1.0, 0.75], "test_flip": True}}
    rows = score_rows("mine", scores, {"masks": Makes.MASKS}, {"masks": manifest})
    assert [row.scales for row in rows] == ["1, 0.75, flip"] * 2


def test_masks_learned_from_masks_are_marked(scores):
    manifest = {"supervision": ["image tags", f"{MASK_SUPERVISION}: of some kind"], "settings": {}}
    rows = score_rows("mine", scores, {"masks": Makes.MASKS}, {"masks": manifest})
    assert [row.title for row in rows] == [f"mine [{MASK_SUPERVISION}]", f"mine [{MASK_SUPERVISION}] + CRF"]


def test_compare_prints_both_runs(masking_run, cam_run, scores):
    table = compare_runs([str(masking_run.folder), str(cam_run.folder)])
    header, *lines = table.splitlines()
    assert "mIoU + CRF" in header and [line.split()[0] for line in lines] == ["tiny_masking", "tiny_cam"]
    for name in ("plain", "crf"):
        assert f"{100 * scores['masks'][name]['miou']:.1f}" in lines[0]


def test_compare_names_a_run_without_scores(masking_run):
    path = masking_run.folder.parent / "absent" / "scores" / "scores.json"
    with pytest.raises(InputError, match=f"^{path}: no such scores: run `wsss run --until=scores`"):
        compare_runs([str(masking_run.folder), str(masking_run.folder.parent / "absent")])


def test_compare_names_damaged_scores(masking_run, tmp_path):
    shutil.copytree(masking_run.folder / "scores", tmp_path / "mine" / "scores")
    path = tmp_path / "mine" / "scores" / "scores.json"
    path.write_text(path.read_text()[:50])
    with pytest.raises(InputError, match=f"^{path}: damaged .*run `wsss run --until=scores` again$"):
        compare_runs([str(tmp_path / "mine")])


def test_photos_and_tags_alone_end_in_masks_of_all_photos(script, tiny_flags, masking_run, tmp_path):
    """Neither masks nor a list of evaluation images: they are what is wanted."""
    data, runs = shutil.copytree(masking_run.experiment.settings.data.data, tmp_path / "no_masks"), masking_run.folder.parent
    shutil.rmtree(data / "SegmentationClass")
    (data / "ImageSets/Segmentation/val.txt").unlink()
    ended = script("run", *tiny_flags, f"--data={data}", "--source=folder", "--experiment=no_masks", "--reuse=tiny_masking")
    assert ended.code == 0, ended.err
    made = {path.name for path in (runs / "no_masks").iterdir() if path.is_dir()}
    assert made == {"prepare", "masks", "scores", "report"}, "the rest is reused"
    assert "warning: 4 of 16 photos are not trained on, e.g. 'shapes_val_0000'" in ended.out
    assert f"masks of 16 photos: {runs / 'no_masks/masks'}" in ended.out
    for folder in ("plain", "crf"):
        photos = {path.stem for path in (data / "JPEGImages").iterdir()}
        assert {path.stem for path in (runs / "no_masks/masks" / folder).iterdir()} == photos
    assert json.loads((runs / "no_masks/scores/scores.json").read_text()) == {}
    page = (runs / "no_masks/report/report.html").read_text(encoding="utf-8")
    assert "12 training images, 16 photos with masks made" in page
    assert "prediction + CRF" in page and "masks: shapes_train_0000" in page and "ground truth" not in page
    with pytest.raises(InputError, match="its evaluation images have no masks"):
        compare_runs([str(runs / "no_masks")])


def test_one_missing_mask_among_others_is_a_mistake(tiny, finish, masking_run, tmp_path):
    data = shutil.copytree(masking_run.experiment.settings.data.data, tmp_path / "one_missing")
    (data / "SegmentationClass" / "shapes_val_0002.png").unlink()
    with pytest.raises(InputError, match="^shapes_val_0002: it has no mask to score against"):
        finish(tiny(f"--data={data}", "--source=folder", "--experiment=one_missing", "--reuse=tiny_masking"))
