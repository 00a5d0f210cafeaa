"""The page of a comparison, its numbers and pictures; tests/test_report_browser.py opens it."""

import re
import shutil

import numpy as np
import pytest

from wsss_tf.compare.comparison import compare
from wsss_tf.compare.page import document
from wsss_tf.originals.rows import original_classes
from wsss_tf.originals.tables import find_row
from wsss_tf.report import render as report

CHAPTER_3 = "--flagfile=flags/thesis/ch3/table_3_2/resnet101.cfg"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)


def render(comparison, photos: int) -> str:
    """The whole page as HTML."""
    return report.render(document(comparison, photos))


def bodies(page: str) -> list[list[list[str]]]:
    """The cells of every table, tags taken out."""
    return [[[re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", row)] for row in body.split("</tr>")[:-1]]
            for body in re.findall("<tbody>.*?</tbody>", page, re.DOTALL)]


def section(page: str, heading: str) -> str:
    found = [part for part in page.split("<section>") if part.lstrip().startswith(f"<h2>{heading}")]
    assert len(found) == 1, heading
    return found[0]


def test_scores_as_in_the_lines_and_sorted_by_numbers(pretend):
    page = render(compare([str(pretend("--flagfile=flags/thesis/ch2/table_2_3/A4.cfg", crf=0.65))]), 0)
    lines = bodies(page)[0]
    assert lines[1][:7] == ["thesis_2.3/A4", "table_2_3_A4", "mIoU", "65.0", "64.7", "+0.3", "1"]
    assert re.findall('data-key="([^"]*)"', page)[16:19] == ["65.0", "64.7", str(0.65 * 100 - 64.7)]


def test_classes_are_means_of_the_seeds_and_stand_beside_the_originals_where_comparable(pretend):
    ious = [0.25] * 20, [0.75] * 20
    folders = [str(pretend(CHAPTER_3, f"--seed={seed}", f"--experiment=mine_{seed}", iou=[*iou, None if seed else 0.5]))
               for seed, iou in enumerate(ious)]
    printed = original_classes(find_row("thesis_3.2/Ours/ResNet101"))
    classes = bodies(render(compare(folders), 0))[1]
    assert [row[1] for row in classes] == ["50.0"] * 21, "what is undefined in one seed is left out of the mean"
    assert [row[2] for row in classes] == [f"{value:.1f}" for value in printed.values()]
    other = [str(pretend(CHAPTER_3, "--test_scales=1", "--experiment=other"))]
    assert {len(row) for row in bodies(render(compare(other), 0))[1]} == {2}, "no original beside another protocol"


def test_cam_curves_are_merged_and_named_with_their_best(pretend):
    curve = {f"{threshold:g}": {"miou": 0.5 - abs(threshold - 0.3)} for threshold in (0.1, 0.2, 0.3, 0.4)}
    lower = {threshold: {"miou": score["miou"] / 2} for threshold, score in curve.items()}
    flags = "--flagfile=flags/thesis/ch2/table_2_3/A6.cfg"
    folders = [str(pretend(flags, f"--paths={paths}", f"--experiment=p{paths}", cams=cams))
               for paths, cams in ((1, curve), (2, curve), (3, lower), (4, None))]
    part = section(render(compare(folders), 0), "CAMs over their threshold: 10,582 images of VOC 2012 train_aug")
    assert "p1, p2: best 50.0 at 0.3" in part and "p3: best 25.0 at 0.3" in part and "p4" not in part
    drawn = re.findall(r'<polyline class="line s\d" stroke-dasharray="[^"]*" points="([^"]*)"><title>', part)
    points = [np.array([list(map(float, point.split(","))) for point in line.split()]) for line in drawn]
    assert len(points) == 2 and all(len(line) == 4 for line in points)
    assert points[0][:, 1].argmin() == 2 and (points[1][:, 1] > points[0][:, 1]).all(), "down is up in SVG"


def test_without_any_cams_there_is_no_chart(pretend):
    page = render(compare([str(pretend("--flagfile=flags/thesis/ch2/table_2_3/A1.cfg"))]), 0)
    assert "CAMs over" not in page and "IoU per class" in page


def test_pictures_of_every_run(masking_run, cam_run):
    comparison = compare([str(masking_run.folder), str(cam_run.folder)])
    part = section(render(comparison, 2), "Pictures: 4 images of generated shapes val")
    captions = ["photo", "ground truth", "tiny_masking", "tiny_masking + CRF", "tiny_cam", "tiny_cam + CRF"]
    assert re.findall("<figcaption>(.*?)</figcaption>", part) == captions * 2
    assert re.findall("<h3>(shapes_val_\\d+)", part) == ["shapes_val_0000", "shapes_val_0002"]
    assert len(set(re.findall('src="(data:image/jpeg;base64,[^"]*)"', part))) > 6
    assert "<h2>Pictures" not in render(comparison, 0)


def test_photos_that_changed_or_are_gone_are_told(masking_run, tiny, finish, tmp_path):
    data = shutil.copytree(masking_run.experiment.settings.data.data, tmp_path / "data")
    run = finish(tiny(f"--data={data}", "--source=folder", "--experiment=photos_gone", "--reuse=tiny_masking"))
    comparison = compare([str(run.folder)])
    assert "No pictures" not in render(comparison, 1)
    photo = data / "JPEGImages/shapes_val_0001.jpg"
    photo.write_bytes((data / "JPEGImages/shapes_val_0000.jpg").read_bytes())
    assert f"No pictures: {data}: its evaluation images have changed since the runs" in render(comparison, 1)
    shutil.rmtree(data)
    assert re.search("No pictures: .*data", render(comparison, 1))


def test_what_was_left_out_is_told(pretend, tmp_path):
    folder = pretend("--flagfile=flags/thesis/ch2/table_2_3/A4.cfg")
    (folder.parent / "<b>unfinished").mkdir()
    page = render(compare([f"{folder.parent}/*"]), 0)
    assert "&lt;b&gt;unfinished: expected the scores of a finished run" in page and "<b>unfinished" not in page
