"""What manifests tell of a finished run, shared stages included."""

import json
import shutil
from pathlib import Path

import pytest

from wsss_tf.compare.run_record import RunRecord, known_stages, read_run
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import MANIFEST, read_manifest

A4 = "--flagfile=flags/thesis/ch2/table_2_3/A4.cfg"


def read(folder: Path) -> RunRecord:
    return read_run(folder, known_stages(folder.parent))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)


def test_record_of_a_real_run(masking_run):
    record = read(masking_run.folder)
    scores = json.loads((masking_run.folder / "scores/scores.json").read_text())
    assert (record.name, record.seed, record.paper_rows) == ("tiny_masking", 0, ())
    plain, crf = record.measured()
    assert plain[:2] == ("mIoU", 100 * scores["masks"]["plain"]["miou"]) and crf[:2] == ("mIoU", 100 * scores["masks"]["crf"]["miou"])
    protocol = crf[2]
    assert protocol.scored_on == "4 images of generated shapes val" and protocol.train_images == 12
    assert (protocol.crf, plain[2].crf, protocol.test_scales) == ("authors", "none", "1")
    assert (protocol.backbone, protocol.start) == ("tiny", "random")
    assert protocol.supervision == "image tags and saliency maps"
    assert protocol.settings["system"] == "masking" and protocol.settings["paths"] == 1
    assert record.class_names == masking_run.experiment.dataset.class_names


@pytest.mark.parametrize("fixture, system", [("cam_run", "cam_baseline"), ("growing_run", "superpixel_growing")])
def test_stages_of_other_runs_are_found(fixture, system, request, masking_run):
    run = request.getfixturevalue(fixture)
    record = read(run.folder)
    assert record.settings["system"] == record.system == system and record.supervision == "image tags"
    assert record.stages["masks"].parent == run.folder
    if system == "cam_baseline":
        assert record.stages["cams"].parent == record.stages["classifier"].parent == masking_run.folder
        assert record.settings["cls_epochs"] == 2


def test_seeds_share_an_identity_and_settings_do_not(pretend):
    records = [read(pretend(A4, f"--seed={seed}", f"--experiment=a_{seed}")) for seed in (0, 1)]
    assert [record.name for record in records] == ["a", "a"] and [record.seed for record in records] == [0, 1]
    assert records[0].identity == records[1].identity and records[0].fingerprint != records[1].fingerprint
    other = read(pretend(A4, "--paths=2", "--experiment=b"))
    assert other.identity != records[0].identity
    unimportant = read(pretend(A4, "--seg_log_every=7", "--paper_row=thesis_2.1/Ours", "--experiment=c"))
    assert unimportant.identity == records[0].identity and unimportant.paper_rows == ("thesis_2.1/Ours",)


def test_a_flag_that_was_added_later_has_its_default(pretend):
    folder = pretend(A4)
    record = read(folder)
    path = folder / "segmenter" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["settings"]["seg_batch"]
    path.write_text(json.dumps(manifest))
    assert read(folder).settings["seg_batch"] == 20 and read(folder).identity == record.identity


def test_a_manifest_may_name_no_row(pretend):
    folder = pretend(A4)
    path = folder / "scores" / MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["paper_row"]
    path.write_text(json.dumps(manifest))
    assert read(folder).paper_rows == ()


def test_outdated_stages_still_tell(pretend):
    """The scores were not made again after their segmenter was."""
    folder = pretend(A4)
    settings = read(folder).settings
    (folder / "segmenter").rename(folder / "segmenter.outdated-1")
    assert read(folder).settings == settings
    assert read(folder).stages["segmenter"].name == "segmenter.outdated-1"


def test_what_is_no_finished_run_is_told(pretend, masking_run, tmp_path):
    with pytest.raises(InputError, match="absent: expected the scores of a finished run"):
        read(tmp_path / "absent")
    alone = shutil.copytree(masking_run.folder / "scores", tmp_path / "alone" / "scores").parent
    with pytest.raises(InputError, match="alone: the stage .* is not among the runs in .*: put the run"):
        read(alone)
    folder = pretend(A4, runs=tmp_path / "without")
    shutil.rmtree(folder / "prepare")
    with pytest.raises(InputError, match="the stage prepare of its data is not among the runs"):
        read(folder)


def test_damaged_and_empty_scores_are_told(pretend):
    folder = pretend(A4)
    (folder / "scores/scores.json").write_text("{")
    with pytest.raises(InputError, match=r"scores.json: damaged .*: delete its folder"):
        read(folder)
    (folder / "scores/scores.json").write_text("{}")
    with pytest.raises(InputError, match="its evaluation images have no masks"):
        read(folder)


@pytest.mark.parametrize("flags, crf, backbone, start", [
    (["--superpixel_method=slic"], "none", "none", "none"),
    (["--feature_net=rgb"], "superpixels", "rgb", "none"),
    (["--feature_net=vit_shapes"], "superpixels", "vit_shapes", "self-distillation on shapes"),
    (["--feature_weights=dino_vit_b8.weights.h5", "--superpixel_crf_set=none"], "none", "vit_b8", "dino")])
def test_superpixels(pretend, flags, crf, backbone, start):
    scores = {"count": 9.5, "under_segmentation": 0.1, "boundary_precision": None, "boundary_recall": 0.3,
              "achievable_accuracy": 0.9}
    found = read(pretend("--system=superpixels", *flags, superpixels=scores)).measured()
    assert [one[:2] for one in found] == [("superpixels", 9.5), ("UE", 0.1), ("BR", 0.3), ("ASA", 0.9)]
    protocol = found[0][2]
    assert (protocol.crf, protocol.backbone, protocol.start, protocol.trained_on) == (crf, backbone, start, "no images")


def test_the_row_is_in_every_manifest_and_outdates_nothing(pretend):
    folder = pretend(A4)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob(MANIFEST)}
    assert read_manifest(folder / "scores")["paper_row"] == "thesis_2.3/A4"
    assert pretend(A4, "--paper_row=thesis_2.1/Ours") == folder
    assert {path: path.stat().st_mtime_ns for path in before} == before
