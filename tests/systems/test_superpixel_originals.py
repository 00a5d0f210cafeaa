"""The protocols of Table 3.5 agree with the flagfiles that reproduce them, but for what the flagfiles say is different."""

import re
from pathlib import Path

import pytest

from wsss_tf.compare.comparison import compare
from wsss_tf.compare.printed import printed

ROOT = Path(__file__).parents[2]
FILES = {str(path.relative_to(ROOT)): re.search(r"^--paper_row=(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
         for pattern in ("thesis/ch3/table_3_5/*.cfg", "real/table_3_5/*.cfg") for path in sorted((ROOT / "flags").glob(pattern))}
ROWS = {file: found[1] for file, found in FILES.items() if found}
SCORES = dict(zip(("count", "under_segmentation", "boundary_precision", "boundary_recall", "achievable_accuracy"),
                  (20.0, 0.1, 0.2, 0.3, 0.9)))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("file", [file for file in ROWS if file.startswith("flags/thesis")])
def test_a_run_of_a_thesis_flagfile_stands_beside_its_row(file, pretend):
    prepared = {"train_images": 1464}
    folder = pretend(f"--flagfile={file}", prepared=prepared, superpixels=SCORES)
    with_original = [line for line in compare([str(folder)]).lines if line.original]
    numbers = printed(ROWS[file])
    assert len(with_original) == len(numbers) >= 1
    for line in with_original:
        assert set(line.reasons) == set(), file
        assert line.paper_row == ROWS[file] and line.original in numbers
        if not line.reasons:
            assert line.difference == pytest.approx(line.mean - line.original.value)


@pytest.mark.parametrize("file", [file for file in ROWS if file.startswith("flags/real")])
def test_a_run_of_a_real_twin_is_refused(file, pretend):
    folder = pretend(f"--flagfile={file}", prepared={"train_images": 231, "val_images": 46}, superpixels=SCORES)
    lines = [line for line in compare([str(folder)]).lines if line.original]
    assert lines
    for line in lines:
        assert line.difference is None
        assert any(re.match(r"measured on 231 images of msrc_objects train, the row 1,464 images of VOC 2012", reason) for reason in line.reasons)
