"""The scores of several runs on a terminal."""

import re

from wsss_tf.report.contract import ReportRow
from wsss_tf.report.text import print_table

ROWS = (ReportRow("CAM", "train", False, {"miou": 0.4821, "pixel_accuracy": 0.8}),
        ReportRow("net", "val", False, {"miou": 0.5, "pixel_accuracy": 0.85}, "1, flip"),
        ReportRow("net + CRF", "val", True, {"miou": 0.0551, "pixel_accuracy": None}, "1, flip"))


def test_masks_with_and_without_crf_share_a_line():
    lines = print_table(ROWS).splitlines()
    assert [re.split("  +", line) for line in lines] == [
        ["result", "split", "scales", "mIoU", "mIoU + CRF", "pixel accuracy", "pixel accuracy + CRF"],
        ["CAM", "train", "48.2", "-", "80.0", "-"],
        ["net", "val", "1, flip", "50.0", "5.5", "85.0", "-"]]
    assert lines[0].index("mIoU") == lines[1].index("48.2") == lines[2].index("50.0")


def test_a_second_run_of_the_same_name_stays_apart():
    assert len(print_table((*ROWS, ROWS[1])).splitlines()) == 4


def test_columns_without_anything_are_left_out():
    assert "CRF" not in print_table(ROWS[:1]) and "scales" not in print_table(ROWS[:1])
    assert print_table(()) == ""


def test_names_that_look_like_numbers_stay_as_they_are():
    assert print_table((ReportRow("1e5", "val", False, {"miou": 0.5}),)).splitlines()[1].split() == ["1e5", "val", "50.0"]
