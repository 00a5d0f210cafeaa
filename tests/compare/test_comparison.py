"""Runs beside original rows: means by hand, seeds, duplicates, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from wsss_tf.compare.comparison import compare
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST

A4 = "--flagfile=flags/thesis/ch2/table_2_3/A4.cfg"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)


def three_seeds(pretend) -> list[str]:
    return [str(pretend(A4, f"--seed={seed}", f"--experiment=a_{seed}", plain=plain, crf=plain + 0.02))
            for seed, plain in enumerate((0.61, 0.62, 0.66))]


def test_mean_spread_and_difference(pretend):
    comparison = compare(three_seeds(pretend))
    plain, crf = comparison.lines
    assert (plain.paper_row, plain.group.name, plain.values) == ("thesis_2.3/A4", "a", (61.0, 62.0, 66.0))
    assert plain.mean == pytest.approx(63) and plain.spread == pytest.approx(np.std([61, 62, 66], ddof=1))
    assert plain.difference == pytest.approx(63 - 62.9) and crf.difference == pytest.approx(65 - 64.7)
    assert plain.original.value == 62.9 and crf.original.value == 64.7 and comparison.left_out == {}


def test_one_seed_has_no_spread(pretend):
    line = compare([str(pretend(A4, plain=0.6))]).lines[0]
    assert line.spread is None and line.values == (60,) and line.difference == pytest.approx(-2.9)


@pytest.mark.parametrize("flags, prepared, reason", [
    (["--source=folder", "--data=x/mine"], {}, "measured on 1,449 images of mine val"),
    ([], {"val_images": 100}, "measured on 100 images of VOC 2012 val"),
    (["--val_list=other/half.txt"], {}, "measured on 1,449 images of VOC 2012 half"),
    (["--train_list=train"], {"train_images": 1464}, "trained on 1,464 images of VOC 2012 train, the row 10,582"),
    (["--test_crf_set=deeplab"], {}, "CRF deeplab, the row authors"),
    (["--test_scales=1"], {}, "test scales 1, the row 1, 0.75, 0.5"),
    (["--test_flip"], {}, "test scales 1, 0.75, 0.5, flip, the row"),
    (["--saliency_source=ground_truth", "--allow_mask_supervision"], {},
     "learned from image tags and mask supervision: the training masks as saliency, the row image tags and saliency maps"),
    (["--saliency_source=spectral_residual"], {}, "learned from image tags and saliency of an untrained detector"),
    (["--seg_backbone=resnet101"], {}, "backbone resnet101, the row vgg16"),
    (["--cls_backbone=resnet50"], {}, "--cls_backbone resnet50, the row vgg16"),
    (["--seg_weights=x/vgg16_coco.h5"], {}, "started from coco, the row imagenet"),
    (["--seg_weights=none"], {}, "started from random, the row imagenet"),
    (["--seg_epochs=1"], {}, "--seg_epochs 1, the row 30"),
    (["--paths=2"], {}, "--paths 2, the row 1"),
    (["--saliency_refinement=unlabeled"], {}, "--saliency_refinement unlabeled, the row none"),
    (["--attention_weight=0.3"], {}, "--attention_weight 0.3, the row 2"),
    (["--cls_rates=3,6"], {}, "--cls_rates 3,6, the row 3,6,9,12,15,18,21,24"),
])
def test_another_protocol_is_refused_with_the_reason(pretend, flags, prepared, reason):
    lines = compare([str(pretend(A4, *flags, prepared=prepared))]).lines
    refined = lines[1]
    assert refined.original.value == 64.7, "both numbers are listed"
    assert refined.difference is None and any(one.startswith(reason) for one in refined.reasons), refined.reasons
    if "CRF" in reason:
        assert lines[0].difference is not None, "the masks without CRF do not depend on it"
    else:
        assert lines[0].difference is None


def test_another_system_is_refused(pretend):
    flags = ("--flagfile=flags/thesis/ch2/vgg16.cfg", "--system=cam_baseline", "--paper_row=thesis_2.3/A4")
    for line in compare([str(pretend(*flags))]).lines:
        assert line.difference is None and {"learned from image tags, the row image tags and saliency maps",
                                            "--system cam_baseline, the row masking"} <= set(line.reasons)


def test_a_column_that_the_table_lacks_is_no_original(pretend):
    plain, crf = compare([str(pretend("--flagfile=flags/thesis/ch2/table_2_6/S4.cfg", crf=0.7))]).lines
    assert plain.original is None and plain.reasons == ("the row has no mIoU without CRF",)
    assert crf.difference == pytest.approx(70 - 66.5)


def test_one_run_for_several_rows(pretend):
    folder = pretend("--flagfile=flags/thesis/ch2/headline_vgg16.cfg", "--paper_row=thesis_2.3/A6; thesis_2.1/Ours", crf=0.67)
    lines = [line for line in compare([str(folder)]).lines if line.original]
    assert [(line.paper_row, line.original.value) for line in lines] == [
        ("thesis_2.1/Ours", 66.5), ("thesis_2.3/A6", 62.0), ("thesis_2.3/A6", 66.5)], "as the tables stand in the document"


def test_rows_for_runs_that_name_none(pretend, tmp_path):
    folder = pretend(A4, "--paper_row=", "--seed=4", "--experiment=old_4")
    assert {line.reasons for line in compare([str(folder)]).lines} == {("it names no row of an original table",)}
    for name in ("old", "old_4"):
        assert compare([str(folder)], [f"{name}=thesis_2.3/A4"]).lines[0].difference is not None
    for wrong, message in ((["old"], "--row=old: expected NAME=ROW"), (["old=thesis_9/A"], "no such table"),
                           (["absent=thesis_2.3/A4"], "--row=absent=...: no run of this name was given: name one of old")):
        with pytest.raises(InputError, match=message):
            compare([str(folder)], wrong)


def test_a_row_of_another_document_is_listed_without_difference(pretend):
    lines = compare([str(pretend(A4, "--paper_row=eps_5/EPS (ours)/V2/I.+S."))]).lines
    assert {line.reasons for line in lines} == {("how the row was measured is not recorded here",)}


def test_the_same_run_twice_counts_once(pretend, tmp_path):
    folders = three_seeds(pretend)
    again = str(pretend(A4, "--seed=1", "--experiment=again_1", plain=0.9))
    comparison = compare([*folders, folders[0], again])
    assert comparison.lines[0].values == (61.0, 62.0, 66.0)
    assert comparison.left_out == {again: f"it measures the same as {folders[1]}"}


def test_superpixels_draw_nothing_and_so_have_no_spread_over_seeds(pretend):
    scores = dict.fromkeys(("count", "under_segmentation", "boundary_precision", "boundary_recall", "achievable_accuracy"), 0.5)
    folders = [str(pretend("--flagfile=flags/thesis/ch3/table_3_5/slic_80.cfg", f"--seed={seed}", f"--experiment=s_{seed}",
                           superpixels=scores)) for seed in (0, 1)]
    comparison = compare(folders)
    assert {line.values for line in comparison.lines} == {(0.5,)}
    assert comparison.left_out == {folders[1]: f"it measures the same as {folders[0]}"}


def test_globs_files_and_unfinished_runs(pretend, tmp_path):
    three_seeds(pretend)
    (tmp_path / "runs/started").mkdir()
    (tmp_path / "runs/note.txt").write_text("")
    comparison = compare([f"{tmp_path}/runs/*"])
    assert len(comparison.groups) == 1 and len(comparison.groups[0].runs) == 3
    assert list(comparison.left_out) == [f"{tmp_path}/runs/started"]
    with pytest.raises(InputError, match="absent: no such folder"):
        compare([f"{tmp_path}/absent"])
    with pytest.raises(InputError, match="none of the folders is a finished run .*started: expected the scores"):
        compare([f"{tmp_path}/runs/started"])
    with pytest.raises(InputError, match="none of the paths is a folder"):
        compare([f"{tmp_path}/runs/*.txt"])
    with pytest.raises(InputError, match="write wsss compare runs/NAME"):
        compare([])


def test_remarks_are_those_of_the_tables_that_occur(pretend):
    comparison = compare([str(pretend("--flagfile=flags/thesis/ch2/table_2_5/1.cfg"))])
    ((about, remark),) = comparison.remarks
    assert about == "thesis Table 2.5" and "earlier configuration" in remark


def test_runs_of_several_versions_are_told(pretend):
    folders = three_seeds(pretend)
    path = Path(folders[1]) / "segmenter" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["machine"]["revision"] = "0123456789"
    path.write_text(json.dumps(manifest))
    about, remark = compare(folders).remarks[-1]
    assert about == "a" and remark.startswith("its runs are of several versions of this project: ") and "0123456" in remark


def test_experiments_of_one_name_are_told_apart(pretend, tmp_path):
    first = pretend(A4, plain=0.6)
    second = pretend(A4, "--paths=2", plain=0.7, runs=tmp_path / "others")
    comparison = compare([str(first), str(second)])
    assert [(line.group.name, line.mean) for line in comparison.lines if line.protocol.crf == "none"] == [
        (str(second), 70), (str(first), 60)]


def test_manifests_that_name_a_row_that_is_gone(pretend):
    folder = pretend(A4)
    path = folder / "scores" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"paper_row": "thesis_2.3/Z"}))
    with pytest.raises(InputError, match="thesis_2.3/Z: no such row"):
        compare([str(folder)])


def test_script_prints_markdown_and_writes_three_files(script, masking_run, cam_run, tmp_path):
    ended = script("compare", str(masking_run.folder), "--photos=1", f"--out={tmp_path}", str(cam_run.folder),
                   "--row=tiny_masking=thesis_2.3/A6")
    assert ended.code == 0, ended.err
    names = ["comparison.md", "comparison.tex", "comparison.html"]
    text = (tmp_path / names[0]).read_text(encoding="utf-8")
    assert ended.out.endswith("\n".join([text, *(str(tmp_path / name) for name in names), ""]))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        content = (tmp_path / name).read_text(encoding="utf-8")
        assert "66.5" in content and "test scales 1, the row 1, 0.75, 0.5" in content, name


def test_script_writes_beside_the_runs_and_refuses_nonsense(script, pretend, tmp_path):
    folder = pretend(A4)
    assert script("compare", str(folder), f"--runs={tmp_path}/mine", "--photos=0").code == 0
    assert (tmp_path / "mine/comparison/comparison.html").exists()
    assert "write wsss compare runs/NAME" in script("compare").error
    assert "absent: no such folder" in script("compare", str(folder), str(tmp_path / "absent")).error
    assert "no such row" in script("compare", str(folder), "--row=a=thesis_2.3/Z").error
