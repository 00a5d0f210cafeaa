"""The whole chain of chapter 2 and of its baseline on generated data."""

import json
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.files.cams import read_cam
from wsss_tf.files.images import read_ids, read_labels
from wsss_tf.files.manifest import MANIFEST, read_manifest
from wsss_tf.stages.place import NET
from wsss_tf.systems.segmenter import build_segmenter

MASKING = ["prepare", "classifier", "cams", "saliency", "segmenter", "masks", "scores", "report"]
TRAINING = ("classifier", "cams", "saliency", "labels", "seeds", "segmenter")
TRAIN_IDS = [f"shapes_train_{number:04d}" for number in range(12)]
VAL_IDS = [f"shapes_val_{number:04d}" for number in range(4)]


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in folder.rglob("*") if path.is_file()}


def ids(folder: Path, suffix: str) -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{suffix}"))


def assert_same_weights(file: Path, other: Path, experiment) -> None:
    nets = []
    for path in (file, other):
        net = build_segmenter(experiment.group("seg_backbone"), experiment.group("segmenter"), experiment.dataset.num_classes)
        net.load_weights(path)
        nets.append(net)
    for ours, theirs in zip(nets[0].weights, nets[1].weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7, err_msg=ours.path)


@pytest.fixture
def copied_data(tiny_data, tmp_path) -> Path:
    """The generated data as a folder of somebody's own, to be changed."""
    return shutil.copytree(tiny_data, tmp_path / "copied")


@pytest.fixture
def own(tiny, copied_data, tmp_path):
    """The function (more flags) -> experiment on the copied data."""
    return lambda *more: tiny("--source=folder", f"--data={copied_data}", f"--runs={tmp_path / 'runs'}", *more)


def test_masking_needs_its_stages_in_order(tiny):
    assert tiny().chain.required() == MASKING


def test_every_stage_is_finished(masking_run):
    assert sorted(path.name for path in masking_run.folder.iterdir() if path.is_dir()) == sorted(MASKING)
    for stage in MASKING:
        assert read_manifest(masking_run.folder / stage)["stage"] == stage
        assert not (masking_run.folder / stage / "unfinished.json").exists()


def test_prepare_describes_the_data(masking_run):
    results = read_manifest(masking_run.folder / "prepare")["results"]
    assert results["train_images"] == 12 and results["val_images"] == 4
    assert results["classes"] == list(masking_run.experiment.dataset.class_names)


def test_cams_of_the_tagged_classes_at_photo_size(masking_run):
    assert ids(masking_run.folder / "cams", ".npz") == TRAIN_IDS
    for example in masking_run.experiment.dataset.train:
        keys, cam = read_cam(masking_run.folder / "cams", example.image_id, masking_run.experiment.dataset.num_classes)
        assert tuple(keys) == example.tags and cam.shape == (len(keys), 64, 64) and cam.min() >= 0


def test_refined_saliency_has_three_values(masking_run):
    assert ids(masking_run.folder / "saliency", ".png") == TRAIN_IDS
    values = {int(value) for image_id in TRAIN_IDS
              for value in np.unique(np.asarray(Image.open(masking_run.folder / "saliency" / f"{image_id}.png")))}
    assert values <= {0, 1, 255} and {0, 1} <= values


def test_superpixels_cover_the_photo_without_gaps(growing_run):
    assert ids(growing_run.folder / "superpixels", ".png") == TRAIN_IDS
    for image_id in TRAIN_IDS:
        found = read_ids(growing_run.folder / "superpixels" / f"{image_id}.png")
        assert found.shape == (64, 64) and np.unique(found).tolist() == list(range(found.max() + 1))
        assert found.max() > 0


def test_initial_seeds_are_sparse_and_hold_tagged_classes_only(growing_run):
    assert ids(growing_run.folder / "seeds", ".png") == TRAIN_IDS
    found = set()
    for example in growing_run.experiment.dataset.train:
        values = set(np.unique(read_labels(growing_run.folder / "seeds" / f"{example.image_id}.png")).tolist())
        assert values <= {0, 255, *example.tags}
        found |= values
    assert {0, 255} < found
    assert read_manifest(growing_run.folder / "seeds")["inputs"].keys() == {"cams", "superpixels"}


def test_the_log_tells_how_much_has_grown(growing_run):
    for line in (growing_run.folder / "segmenter" / "log.jsonl").read_text().splitlines():
        numbers = json.loads(line)
        assert 0 < numbers["seed"] <= numbers["labeled"] <= 1


def test_superpixels_are_scored_with_the_training_masks(growing_run):
    scores = json.loads((growing_run.folder / "scores" / "scores.json").read_text())
    assert set(scores) == {"masks", "cams", "seeds", "superpixels"}
    found = scores["superpixels"]
    assert found["count"] > 1 and 0 <= found["under_segmentation"] and 0 < found["achievable_accuracy"] <= 1
    page = (growing_run.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "Superpixel quality" in page and f"ASA {found['achievable_accuracy']:.3f}" in page and "initial seed" in page


def test_training_leaves_weights_checkpoint_and_log(masking_run):
    for stage, losses in (("classifier", {"loss", "tag_loss", "cam_loss"}),
                          ("segmenter", {"loss", "saliency_loss", "attention_loss"})):
        folder = masking_run.folder / stage
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
        assert all(losses <= line.keys() and math.isfinite(line["loss"]) for line in lines)
        assert (folder / NET).stat().st_size > 1000
        assert (folder / "checkpoints" / "ckpt-6.index").exists()
        assert read_manifest(folder)["results"]["loss"] == lines[-1]["loss"]


def test_masks_of_the_evaluation_images(masking_run):
    for name in ("plain", "crf"):
        folder = masking_run.folder / "masks" / name
        assert ids(folder, ".png") == VAL_IDS
        for image_id in VAL_IDS:
            labels = read_labels(folder / f"{image_id}.png")
            assert labels.shape == (64, 64) and labels.max() <= 6


@pytest.mark.parametrize("run, targets", [("masking_run", "saliency"), ("cam_run", "labels"), ("growing_run", "seeds")])
def test_scores_are_sane(run, targets, request):
    folder = request.getfixturevalue(run).folder
    scores = json.loads((folder / "scores" / "scores.json").read_text())
    assert {"masks", "cams", targets} <= set(scores) <= {"masks", "cams", targets, "superpixels"}
    plain, crf = scores["masks"]["plain"], scores["masks"]["crf"]
    assert 0 < scores[targets]["coverage"] <= 1 and 0 < scores[targets]["precision"][0] <= 1
    assert list(map(float, scores["cams"])) == sorted(map(float, scores["cams"])) and "0.2" in scores["cams"]
    for score in (plain, crf, *scores["cams"].values()):
        assert 0 <= score["miou"] <= 1 and 0 < score["pixel_accuracy"] <= 1
    assert read_manifest(folder / "scores")["results"] == {"plain": plain["miou"], "crf": crf["miou"]}


@pytest.mark.parametrize("run, name", [("masking_run", "tiny_masking"), ("cam_run", "tiny_cam"),
                                       ("growing_run", "tiny_growing")])
def test_report_bears_the_name_of_the_experiment(run, name, request):
    folder = request.getfixturevalue(run).folder
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert f"<title>{name}" in page and f"<h1>{name}</h1>" in page


@pytest.mark.parametrize("run", ["masking_run", "cam_run", "growing_run"])
def test_second_call_changes_no_file(run, request, finish, capsys):
    done = request.getfixturevalue(run)
    before = content(done.folder.parent)
    again = finish(done.experiment)
    assert content(done.folder.parent) == before
    assert capsys.readouterr().out.count("up to date") == len(again.opened)


def test_cam_baseline_takes_what_agrees_and_makes_the_rest(cam_run, masking_run):
    assert sorted(path.name for path in cam_run.folder.iterdir() if path.is_dir()) == ["labels", "masks", "report", "scores", "segmenter"]
    assert read_manifest(cam_run.folder / "labels")["inputs"] == {
        "cams": {"from": "cams", "fingerprint": read_manifest(masking_run.folder / "cams")["fingerprint"]}}
    assert read_manifest(cam_run.folder / "segmenter")["fingerprint"] != read_manifest(
        masking_run.folder / "segmenter")["fingerprint"]


def test_labels_hold_only_tagged_classes(cam_run):
    assert ids(cam_run.folder / "labels", ".png") == TRAIN_IDS
    for example in cam_run.experiment.dataset.train:
        labels = set(np.unique(read_labels(cam_run.folder / "labels" / f"{example.image_id}.png")))
        assert labels <= {0, *example.tags}


def test_saliency_alone_needs_neither_classifier_nor_cams(tiny, finish):
    run = finish(tiny("--experiment=tiny_saliency", "--saliency_refinement=none", "--attention_weight=0"))
    assert sorted(path.name for path in run.folder.iterdir() if path.is_dir()) == sorted(set(MASKING) - {"classifier", "cams"})
    assert "cams" not in json.loads((run.folder / "scores" / "scores.json").read_text())
    assert "tiny_saliency" in (run.folder / "report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("more, stages", [
    (("--saliency_refinement=none",), ["prepare", "classifier", "saliency", *MASKING[4:]]),
    (("--attention_weight=0",), MASKING),
    (("--system=cam_baseline",), ["prepare", "classifier", "cams", "labels", *MASKING[4:]]),
    (("--system=superpixel_growing",), ["prepare", "classifier", "cams", "superpixels", "seeds", *MASKING[4:]]),
    (("--system=superpixel_growing", "--feature_weights=dino"),
     ["prepare", "classifier", "cams", "photos", "dino", "superpixels", "seeds", *MASKING[4:]]),
    (("--system=superpixels",), ["prepare", "superpixels", "scores", "report"]),
])
def test_which_stages_a_variant_needs(tiny, more, stages):
    assert tiny(*more).chain.required() == stages


@pytest.mark.parametrize("run", ["masking_run", "cam_run"])
def test_training_opens_no_mask(run, request):
    """The audit hook hears every file that Python opens, in all threads; TensorFlow opens no image itself."""
    done = request.getfixturevalue(run)
    trained = [stage for stage in TRAINING if stage in done.opened]
    assert "segmenter" in trained
    for stage in trained:
        assert not [path for path in done.opened[stage] if "SegmentationClass" in path], stage


def test_the_recorder_of_opened_files_is_not_deaf(masking_run):
    for stage, folder in (("prepare", "SegmentationClass"), ("scores", "SegmentationClass"),
                          ("cams", "JPEGImages"), ("masks", "JPEGImages")):
        assert [path for path in masking_run.opened[stage] if folder in path], (stage, folder)


def test_training_masks_do_not_matter(masking_run, own, copied_data, capsys):
    """With prepare done on them, deleted afterwards: the same weights, and nothing but prepare runs again."""
    experiment = own("--experiment=without_masks")
    chain = experiment.chain
    for stage in ("prepare", "classifier"):
        chain.run(stage)
    for image_id in TRAIN_IDS:
        (copied_data / "SegmentationClass" / f"{image_id}.png").unlink()

    experiment = own("--experiment=without_masks")
    assert not any(example.mask for example in experiment.dataset.train)
    chain = experiment.chain
    for stage in chain.required("scores"):
        keras.utils.set_random_seed(99)  # a stage sets its own, whatever ran before it
        chain.run(stage)
    assert "[classifier] up to date" in capsys.readouterr().out
    folder = experiment.folder("segmenter")
    assert_same_weights(masking_run.folder / "segmenter" / NET,
                        folder / NET, experiment)
    assert list(json.loads((experiment.folder("scores") / "scores.json").read_text())) == ["masks"]


def test_fingerprints_do_not_depend_on_where_the_data_is(masking_run, own):
    """The masking run is on the same images in another folder, and its results can be reused."""
    experiment = own(f"--runs={masking_run.folder.parent}", "--experiment=moved", "--reuse=tiny_masking")
    chain = experiment.chain
    assert chain.run("prepare") == experiment.folder("prepare")
    assert chain.folder("segmenter") == masking_run.folder / "segmenter"


def test_training_is_interrupted_and_continued(masking_run, tiny, tmp_path, monkeypatch):
    """A segmenter that dies after its third step ends with the weights of one that did not."""
    shutil.copytree(masking_run.folder, tmp_path / "tiny_masking")
    shutil.rmtree(tmp_path / "tiny_masking" / "segmenter")
    experiment = tiny("--experiment=tiny_masking", f"--runs={tmp_path}", "--seg_save_every=3")
    with monkeypatch.context() as patch:
        patch.setattr("wsss_tf.systems.masking.method.ImageMasking.preview", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            experiment.chain.run("segmenter")
    folder = experiment.folder("segmenter")
    assert (folder / "checkpoints" / "ckpt-3.index").exists() and not (folder / MANIFEST).exists()
    keras.utils.set_random_seed(99)  # whatever went on before
    assert experiment.chain.run("segmenter") == folder
    assert_same_weights(masking_run.folder / "segmenter" / NET,
                        folder / NET, experiment)


def _power_cut(method, batch):
    raise KeyboardInterrupt


def test_cams_continue_with_the_images_that_lack_one(masking_run, tiny, tmp_path):
    shutil.copytree(masking_run.folder, tmp_path / "tiny_masking")
    experiment = tiny("--experiment=tiny_masking", f"--runs={tmp_path}")
    cams = experiment.folder("cams")
    manifest = read_manifest(cams)
    (cams / MANIFEST).unlink()
    (cams / "unfinished.json").write_text(json.dumps({"fingerprint": manifest["fingerprint"]}))
    (cams / f"{TRAIN_IDS[3]}.npz").unlink()
    before = content(cams)
    experiment.chain.run("cams")
    after = content(cams)
    assert {name for name in after if after[name] != before.get(name)} == {f"{TRAIN_IDS[3]}.npz", MANIFEST}
    expected, found = (read_cam(folder, TRAIN_IDS[3], experiment.dataset.num_classes) for folder in (masking_run.folder / "cams", cams))
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("classes", ["bird boat train cat car rose", "bird boat train cat car flower sun"])
def test_other_class_names_are_other_data(masking_run, own, copied_data, classes):
    """Names stand in the scores, and their number is the size of the nets."""
    experiment = own(f"--runs={masking_run.folder.parent}", "--experiment=renamed", "--reuse=tiny_masking")
    (copied_data / "classes.txt").write_text(classes.replace(" ", "\n"))
    labels = copied_data / "labels.csv"
    labels.write_text(labels.read_text().replace("flower", classes.split()[5]))
    chain = experiment.chain
    assert chain.folder("prepare") is None
    chain.run("prepare")
    assert chain.folder("classifier") is None and chain.folder("scores") is None


def test_report_is_made_again_when_it_would_show_something_else(masking_run, tiny):
    """No stage of the chain but the report reads what only the export is handed."""
    chain = tiny("--experiment=tiny_masking", "--export_max_bytes=5").chain
    assert chain.folder("scores") == masking_run.folder / "scores"
    assert chain.folder("report") is None


def test_scores_and_report_are_never_those_of_another_experiment(masking_run, tiny):
    """They bear its name, and comparisons look for them in its own folder."""
    chain = tiny("--experiment=renamed", "--reuse=tiny_masking").chain
    assert chain.folder("masks") == masking_run.folder / "masks"
    assert chain.folder("scores") is None and chain.folder("report") is None


def test_weights_of_another_net_are_refused(masking_run, tiny, tmp_path):
    shutil.copytree(masking_run.folder, tmp_path / "tiny_masking")
    classifier = tmp_path / "tiny_masking" / "classifier" / NET
    shutil.copy(tmp_path / "tiny_masking" / "segmenter" / NET, classifier)
    shutil.rmtree(tmp_path / "tiny_masking" / "cams")
    with pytest.raises(InputError, match=f"^{classifier}: these weights do not fit the net classifier"):
        tiny("--experiment=tiny_masking", f"--runs={tmp_path}").chain.run("cams")


def test_the_manifest_of_a_stage_has_exactly_the_flags_that_it_is_handed(masking_run, growing_run):
    for run in (masking_run, growing_run):
        known = run.experiment.flags()
        for stage in run.experiment.chain.required():
            folder = run.experiment.chain.folder(stage)
            handed = run.experiment.chain.settings(stage)
            assert read_manifest(folder)["settings"].keys() == handed.keys() <= known.keys(), stage


@pytest.mark.parametrize("flag", ["--saliency_tau_high=0.9", "--paths=2", "--seg_epochs=3"])
def test_a_setting_outdates_only_what_is_handed_it(masking_run, tiny, flag):
    chain, name = tiny("--experiment=tiny_masking", flag).chain, flag[2:].partition("=")[0]
    reads = {stage for stage in chain.stages if name in chain.settings(stage)} - {"report"}
    outdated = [stage for stage in MASKING if chain.folder(stage) is None]
    assert reads and set(outdated) - {"scores", "report"} == {
        stage for stage in set(MASKING) - {"scores", "report"} if reads & set(chain.required(stage))}


def test_settings_that_count_for_nothing_outdate_nothing(masking_run, tiny):
    chain = tiny("--experiment=tiny_masking", "--cls_log_every=7", "--seg_save_every=9", "--test_crf_backend=lattice",
                 "--workers=2", "--paper_row=").chain
    assert all(chain.folder(stage) for stage in MASKING)


def test_two_systems_on_the_same_maps_never_share_a_segmenter(masking_run, cam_run, tiny):
    """They would even with the very same settings and maps: their works differ."""
    from wsss_tf.stages.fingerprint import fingerprint

    stages = {name: tiny(f"--system={name}").chain.stage("segmenter")
              for name in ("cam_baseline", "masking", "superpixel_growing")}
    assert len({fingerprint(stage, {}, 0, {"target": "the same"}) for stage in stages.values()}) == 3
    chain = tiny("--experiment=fresh", "--system=cam_baseline", "--reuse=tiny_masking").chain
    assert chain.folder("cams") == masking_run.folder / "cams" and chain.folder("segmenter") is None
