"""The doctor: what it says of cards, number formats, memory, data and weights, and that a remedy stands beside each fault."""

import dataclasses

import pytest

from wsss_tf.commands import doctor
from wsss_tf.commands.doctor import BAD, GOOD, NOTE, gpu_finding, memory_finding, precision_finding
from wsss_tf.commands.memory import StepMemory, step_memory

GIB = 2**30


def estimate(experiment, stage: str = "segmenter", classes: int = 6) -> StepMemory:
    return step_memory(experiment.chain.stage(stage), classes, experiment.run)


@pytest.mark.parametrize("name, capability, cudnn, level, words", [
    ("GTX TITAN X", (5, 2), (9, 3), BAD, "6.0 or above"),
    ("TITAN Xp", (6, 1), (9, 10), GOOD, "float32 is the fastest"),
    ("TITAN Xp", (6, 1), (9, 11), BAD, "nvidia-cudnn-cu12>=9.3,<9.11"),
    ("TITAN V", (7, 0), (9, 12), BAD, "nvidia-cudnn-cu12>=9.3,<9.11"),
    ("TITAN V", (7, 0), (9, 10), GOOD, "mixed_float16 is faster"),
    ("TITAN RTX", (7, 5), (9, 12), GOOD, "mixed_float16 is faster"),
    ("A100", (8, 0), None, GOOD, "mixed_bfloat16 and mixed_float16 are faster"),
    ("new", None, None, NOTE, "unknown")])
def test_cards(name, capability, cudnn, level, words):
    found = gpu_finding(name, capability, cudnn)
    assert found.level == level and found.what == name and words in found.text


@pytest.mark.parametrize("precision, capabilities, level", [
    ("float32", [], GOOD), ("float32", [(6, 1)], GOOD), ("mixed_float16", [], NOTE), ("mixed_float16", [(6, 1)], NOTE),
    ("mixed_float16", [(7, 0)], GOOD), ("mixed_bfloat16", [(7, 5)], NOTE), ("mixed_bfloat16", [(8, 0), (9, 0)], GOOD),
    ("mixed_bfloat16", [(8, 0), (7, 0)], NOTE), ("mixed_float16", [None], GOOD)])
def test_number_formats(precision, capabilities, level):
    assert precision_finding("--seg_precision", precision, capabilities).level == level


@pytest.mark.parametrize("there, level, words", [
    (40, GOOD, "there are 40 GiB"), (24, NOTE, "take --seg_parts=4 or more devices"),
    (12, BAD, "take --seg_parts=6 or more devices"), (2, BAD, "smaller crops or nets")])
def test_memory_that_is_there_or_not(there, level, words):
    """2 GiB of variables and 18 images of 1 GiB; the batch is already computed in 2 parts."""
    found = memory_finding("segmenter", "--seg_parts", 2, StepMemory(2 * GIB, GIB, 18), there * GIB)
    assert found.level == level and words in found.text, found


def test_the_estimate_counts_scales_paths_parts_replicas_and_formats(tiny):
    def need(*flags):
        return estimate(tiny("--experiment=doctor", *flags))

    plain = need("--attention_weight=0", "--seg_scales=1")
    assert plain.images == 4 and plain.total == plain.variables + 4 * plain.image
    assert need("--attention_weight=0", "--seg_scales=1,1").image == 2 * plain.image
    once, twice = need("--seg_scales=1", "--paths=1"), need("--seg_scales=1", "--paths=2")
    assert twice.image - once.image == once.image - plain.image > 0
    assert need("--seg_parts=2").images == 2 and need("--replicas=2", "--seg_parts=2").images == 1
    assert need("--replicas=all").images == need("--replicas=1").images == 4, "no GPU here"
    assert 2 * need("--seg_precision=mixed_float16").image == need().image
    assert estimate(tiny("--cls_batch=4"), "classifier").images == 4


def test_the_estimate_by_hand(tiny):
    """The tiny trunk: 64 x 64 pixels, five convolutions with a rectifier each, padding before the third, and the head."""
    need = estimate(tiny("--attention_weight=0", "--seg_scales=1", "--seg_rates=1"))
    cells = {2: 32 * 32, 4: 16 * 16, 8: 8 * 8}
    trunk = 2 * (16 * cells[2] + 24 * cells[4] + (32 + 48 + 48) * cells[8]) + 24 * 17 * 17
    colours = need.image // 4 - trunk - (8 + 8 + 7) * cells[8]
    assert colours % (64 * 64 * 3) == 0, "the rest is the photo, converted to what the trunk expects"


def test_a_sound_machine(script, tiny_flags, tiny_data):
    ended = script("doctor", *tiny_flags)
    assert ended.code == 0 and ended.out.splitlines()[-1] == "no faults found"
    for words in ("ok    data: shapes: 6 classes, 12 training and 4 evaluation images", "ok    --cls_weights=none: fits",
                  "memory of the segmenter: about", "GiB free"):
        assert words in ended.out


def test_every_fault_is_told_at_once_with_its_remedy(script, tiny_flags, tmp_path):
    flags = [flag for flag in tiny_flags if not flag.startswith("--paths=")]  # that is the masking's
    ended = script("doctor", *flags, "--source=folder", f"--data={tmp_path / 'none'}", "--seg_weights=absent.h5",
                   "--seg_backbone=vgg16", "--seg_precision=mixed_float16", "--system=superpixel_growing", "--feature_net=vit_s16")
    faults = [line for line in ended.out.splitlines() if line.startswith("FAULT")]
    assert ended.code == 1 and ended.out.splitlines()[-1] == "3 faults found"
    for words in (f"{tmp_path / 'none'}: no such folder", "absent.h5: no such weights file: check the path",
                  "--feature_weights=: expected the .weights.h5 file of a vit_s16"):
        assert len([fault for fault in faults if words in fault]) == 1, faults


def test_a_driver_without_a_device(monkeypatch, tiny):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(doctor.tf.config, "list_physical_devices", lambda kind: [])
    found = [finding for finding in doctor._devices(tiny()) if finding.what == "GPU"]
    assert [finding.level for finding in found] == [BAD] and "pip install -e '.[gpu]'" in found[0].text


def test_a_damaged_photo_is_a_fault(tiny, tiny_data, tmp_path):
    import shutil

    data = shutil.copytree(tiny_data, tmp_path / "copied")
    (data / "JPEGImages/shapes_train_0003.jpg").write_bytes(b"no photo")
    experiment = tiny("--source=folder", f"--data={data}")
    found, = doctor._data(experiment)
    assert found.level == BAD and "shapes_train_0003.jpg" in found.text


def test_findings_are_lines():
    assert [field.name for field in dataclasses.fields(doctor.Finding)] == ["level", "what", "text"]
    assert str(doctor.Finding(NOTE, "GPU", "none")) == "note  GPU: none"
