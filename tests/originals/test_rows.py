"""The protocols of the rows agree with the flagfiles that reproduce them, but for what the flagfiles say is different."""

import re
from pathlib import Path

import pytest

from wsss_tf.compare.comparison import compare
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment
from wsss_tf.originals.rows import MIOU, SUPERPIXELS, original_classes, originals
from wsss_tf.originals.tables import find_row, paper_tables

ROOT = Path(__file__).parents[2]
FILES = {str(path.relative_to(ROOT)): re.search(r"^--paper_row=(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
         for folder in ("flags/thesis", "flags/real") for path in sorted((ROOT / folder).rglob("*.cfg"))}
ROWS = {file: found[1] for file, found in FILES.items() if found}
SCORES = dict(zip(("count", "under_segmentation", "boundary_precision", "boundary_recall", "achievable_accuracy"),
                  (20.0, 0.1, 0.2, 0.3, 0.9)))
COCO = {"train_images": 82783, "val_images": 40504}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_every_table_file_names_its_row_and_the_row_its_number():
    """The numbers in the header are those of the table."""
    assert len(ROWS) == 131
    for file, name in ROWS.items():
        row = find_row(name)
        for line in re.findall(r"^# Original.*?: (.*)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE):
            if name.startswith("thesis_3.5"):
                numbers = re.findall(r"(\d+\.\d+)", line)
            else:
                line = re.split(r"Hours|started", re.sub(r"\(.*?\)", "", line))[0]
                numbers = re.findall(r"\d+\.\d", line)
            assert numbers, file
            values = [value for value in row.values.values() if isinstance(value, float)]
            assert {float(number) for number in numbers} <= set(values), (file, line)


def test_thesis_and_real_twins_name_the_same_row():
    for table in ("2_3", "2_5", "2_6", "2_7"):
        for path in (ROOT / f"flags/real/table_{table}").glob("*.cfg"):
            assert ROWS[f"flags/real/table_{table}/{path.name}"] == ROWS[f"flags/thesis/ch2/table_{table}/{path.name}"]


def expected_reasons(file: str) -> set[str]:
    """Where a thesis flagfile knowingly differs from its row."""
    if "resnet101" in file and "/ch2/" in file or re.search(r"table_2_3/(B\d|C3|C4)", file):
        return {"started from imagenet, the row coco"}  # A2-14
    if file.endswith("resnet38.cfg"):
        return {"started from file wide_resnet38.weights.h5, the row imagenet"}
    return set()


@pytest.mark.parametrize("file", [file for file in ROWS if file.startswith("flags/thesis")])
def test_a_run_of_a_thesis_flagfile_stands_beside_its_row(file, pretend):
    superpixels, coco = "/table_3_5/" in file, "/table_2_8/" in file or "/table_3_3/" in file
    flags = [f"--flagfile={file}"] + ["--untagged=keep"] * coco
    prepared = COCO if coco else {"train_images": 1464} if superpixels else {}
    folder = pretend(*flags, target="superpixel_scores" if superpixels else "scores", superpixels=SCORES, prepared=prepared)
    comparison = compare([str(folder)])
    with_original = [line for line in comparison.lines if line.original]
    numbers = originals(find_row(ROWS[file]))
    assert len(with_original) == len(numbers) >= 1
    for line in with_original:
        assert set(line.reasons) == expected_reasons(file), file
        assert line.paper_row == ROWS[file] and line.original in numbers
        if not line.reasons:
            assert line.difference == pytest.approx(line.mean - line.original.value)


@pytest.mark.parametrize("file", [file for file in ROWS if file.startswith("flags/real")])
def test_a_run_of_a_real_twin_is_refused(file, pretend):
    superpixels = "/table_3_5/" in file
    folder = pretend(f"--flagfile={file}", target="superpixel_scores" if superpixels else "scores", superpixels=SCORES,
                     prepared={"train_images": 231, "val_images": 46})
    lines = [line for line in compare([str(folder)]).lines if line.original]
    assert lines
    for line in lines:
        assert line.difference is None
        assert any(re.match(r"measured on (46|231) images of msrc_objects \w+, the row 1,4\d\d images of VOC 2012", reason)
                   for reason in line.reasons)


def test_rows_of_other_methods_and_documents_have_no_protocol():
    assert originals(find_row("thesis_2.1/SEC")) == () == originals(find_row("eps_1/CAM"))
    assert all(originals(row) == () for table in paper_tables().values() if table.document != "thesis"
               for row in table.rows.values())


def test_numbers_are_those_of_the_table():
    assert [(one.measure, one.value, one.protocol.crf) for one in originals(find_row("thesis_2.3/A4"))] == [
        (MIOU, 62.9, "none"), (MIOU, 64.7, "C1")]
    found = originals(find_row("thesis_3.5/Ours/0.3"))
    assert {one.measure: one.value for one in found} == dict(zip(SUPERPIXELS, (28.57, 0.083, 0.094, 0.615, 0.96)))
    assert originals(find_row("thesis_2.3/C1"))[0].protocol.supervision.startswith("image tags and mask supervision")


def test_classes_of_the_headline():
    printed = original_classes(find_row("thesis_3.2/Ours/ResNet101"))
    assert len(printed) == 21 and printed["background"] == 91.2 and printed["tvmonitor"] == 54.6 and MIOU not in printed
    assert original_classes(find_row("thesis_3.2/Ours/ResNet50")) == {}


def test_settings_that_rows_name_are_flags():
    known = Experiment().settings("run", "crops", "cls_backbone", "classifier", "cam", "saliency", "features", "superpixels",
                                  "seeds", "seg_train", "masking", "growing")
    for table in paper_tables().values():
        for row in table.rows.values():
            for one in originals(row):
                assert set(one.protocol.settings) <= set(known), row.name


def test_a_row_that_does_not_exist_stops_before_any_training(pretend):
    with pytest.raises(InputError, match="thesis_2.3/A9: no such row"):
        pretend("--flagfile=flags/demo/cam.cfg", "--paper_row=thesis_2.3/A9")
