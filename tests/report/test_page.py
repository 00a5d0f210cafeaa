"""The report page: well-formed, self-contained, safe, and with every number in it."""

import base64
import errno
import hashlib
import io
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.evaluate.confusion import confusion_matrix
from wsss_tf.evaluate.scores import scores_from_confusion, seed_scores_from_confusion
from wsss_tf.example import UNKNOWN
from wsss_tf.files.store import voc_palette
from wsss_tf.report.page import (
    PictureRow,
    ReportPage,
    ReportRow,
    draw_grey,
    draw_heat,
    draw_labels,
    print_table,
    render,
    write_report,
)

HOSTILE = '<script>alert("1")</script> & \'quoted\''
NAMES = ("background", "cat", HOSTILE, "never seen")
VOID_TAGS = {"meta", "img", "br", "hr", "link", "input"}


class Parsed(HTMLParser):
    """Elements and texts of a page; fails on tags that are not balanced."""

    def __init__(self, page):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"

    def handle_data(self, data):
        if data.strip() and self.open[-1:] not in (["style"], ["script"]):
            self.texts.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def confusion(seed):
    random = np.random.default_rng(seed)
    truth = random.choice([0, 1, 2, UNKNOWN], [40, 50]).astype(np.uint8)
    found = np.where(random.random(truth.shape) < 0.7, truth, random.integers(0, 3, truth.shape)).astype(np.uint8)
    return confusion_matrix(truth, found, len(NAMES))


def example_page():
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, [60, 400, 3]).astype(np.uint8)
    labels = random.choice([0, 1, 2, UNKNOWN], [60, 400]).astype(np.uint8)
    pictures = (("photo", photo), ("ground truth", draw_labels(photo, labels)), (HOSTILE, draw_grey(labels)))
    rows = [ReportRow(f"result {seed}", ("train", "val")[seed % 2], seed == 2, scores_from_confusion(
        confusion(seed), NAMES).as_dict(), "0.5, 1, flip") for seed in range(3)]
    rows.append(ReportRow("seeds", "train", False, seed_scores_from_confusion(confusion(4), NAMES).as_dict()))
    log = [{"step": step, "loss": 1 / (1 + step), "stage": "warm-up", HOSTILE: 0.25 * step} for step in range(400)]
    return ReportPage(
        title=f"Run {HOSTILE}", summary={"Data set": "three <b>made-up</b> images", HOSTILE: HOSTILE},
        rows=tuple(rows), class_names=NAMES,
        pictures=(PictureRow("im<0>", pictures, tags=(1, 2)), PictureRow("im1", pictures[:1])),
        curves={"classifier": log, HOSTILE: [{"step": 1, "loss": 0.5}]},
        flags={"lr": 0.1, HOSTILE: HOSTILE, "link": "https://example.org/weights"},
        manifests={"cams": {"versions": {"numpy": "2.0 <1>"}, "seconds": 41.5}})


@pytest.fixture(scope="module")
def page():
    return render(example_page())


@pytest.fixture(scope="module")
def parsed(page):
    return Parsed(page)


def test_page_is_well_formed(parsed):
    assert [len(parsed.all(tag)) for tag in ("html", "head", "body", "title", "style", "h1", "script")] == [1] * 7
    assert len(parsed.all("section")) == 5
    for attributes in parsed.all("td"):
        assert "<" not in attributes.get("class", "")


def test_page_loads_nothing_from_elsewhere(page, parsed):
    for tag, attributes in parsed.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "a")
        for name in ("href", "action", "srcset", "data", "poster", "xlink:href"):
            assert name not in attributes
        assert attributes.get("src", "data:").startswith("data:")
    style = page[page.index("<style>"):page.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert not re.search("https?:", page.replace("https://example.org/weights", "", 1))  # the flag's text only


def test_policy_allows_the_page_its_own_script_only(page, parsed):
    script = re.search("<script>(.*)</script>", page, re.DOTALL).group(1)
    policy = parsed.all("meta")[1]["content"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


def test_hostile_text_stays_text(page, parsed):
    assert HOSTILE not in page and "<b>" not in page.replace("<figcaption><b>", "")
    shown = parsed.texts
    for expected in (f"Run {HOSTILE}", HOSTILE, "im<0>", "three <b>made-up</b> images"):
        assert expected in shown
    assert any("2.0 <1>" in one for one in shown) and "https://example.org/weights" in shown
    assert HOSTILE in [attributes["alt"] for attributes in parsed.all("img")]


def test_every_number_is_in_its_table(page):
    scores, classes = (Parsed(part).texts for part in re.findall("<tbody>.*?</tbody>", page, re.DOTALL)[:2])
    at = scores.index("seeds")
    for row in example_page().rows[:3]:
        start = scores.index(row.title)
        assert scores[start + 1:start + 4] == [row.split, "yes" if row.crf else "no", row.scales]
        numbers = [row.scores[name] for name in
                   ("miou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou")]
        assert scores[start + 4:start + 8] == [f"{100 * number:.1f}" for number in numbers]
    seeds = example_page().rows[3].scores
    expected = [seeds[name] for name in ("coverage", "foreground_precision", "foreground_recall")]
    assert scores[at:] == ["seeds", "train", "no", *"----", *(f"{100 * number:.1f}" for number in expected)]
    ious = [row.scores["iou"] for row in example_page().rows[:3]]
    lines = [[name, *(f"{100 * iou[label]:.1f}" if iou[label] is not None else "-" for iou in ious)]
             for label, name in enumerate(NAMES)]
    assert classes == [item for line in lines for item in line] and lines[3][1:] == ["-"] * 3


def test_bars_are_as_long_as_their_numbers(page):
    bars = re.findall(r'class="track" width="(\d+)".*?class="value" width="([\d.]+)".*?<span>([^<]+)</span>', page)
    assert len(bars) == 4 + 3 * len(NAMES)
    for full, length, number in bars:
        assert float(length) / float(full) == pytest.approx(0 if number == "-" else float(number) / 100, abs=2e-3)


def test_best_result_of_each_split_is_marked(page):
    rows = example_page().rows
    best = max((rows[0], rows[2]), key=lambda row: row.scores["miou"])  # rows of the split "train"
    marked = re.findall(r'class="best".*?<span>([^<]+)</span>', page)
    assert sorted(marked) == sorted(f"{100 * row.scores['miou']:.1f}" for row in (best, rows[1]))


def test_pictures_decode(parsed):
    images = [attributes["src"] for attributes in parsed.all("img")]
    assert len(images) == 4
    for source in images:
        image = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))))
        image.load()
        assert image.size == (320, 48)  # reduced, with the shape kept


def chart(log):
    page = render(ReportPage("t", {}, (), NAMES, curves={"stage": log}))
    Parsed(page)
    lines = [[tuple(map(float, point.split(","))) for point in points.split()]
             for points in re.findall(r'<polyline class="\w+" points="([^"]*)"', page)]
    return page, lines


def test_curves_follow_the_log():
    page, (raw, smooth) = chart([{"step": step, "loss": 10 - step} for step in range(10)])
    xs, ys = zip(*raw)
    assert len(raw) == 10 and np.allclose(np.diff(xs), np.diff(xs)[0], atol=0.2) and np.all(np.diff(xs) > 0)
    assert np.allclose(np.diff(ys), np.diff(ys)[0], atol=0.2) and np.all(np.diff(ys) > 0)  # down is up in SVG
    assert "last 1<" in page and raw == smooth


def test_curves_are_thinned_and_smoothed():
    noise = np.random.default_rng(0).normal(size=5000)
    _, (raw, smooth) = chart([{"step": step, "loss": value} for step, value in enumerate(noise.tolist())])
    assert len(raw) == len(smooth) == 300
    assert np.std([y for _, y in smooth]) < 0.3 * np.std([y for _, y in raw])


def test_curves_with_gaps_repeats_and_single_points():
    log = [{"step": 0, "loss": 1.0}, {"step": 1, "loss": math.nan}, {"step": 2, "loss": math.inf}, {"step": 3}]
    page, (raw, _) = chart([*log, {"step": 4, "loss": 3.0}, {"step": 4, "loss": 2.0}])  # resumed: the later counts
    assert len(raw) == 2 and "last 2<" in page
    assert "<circle" in chart([{"step": 7, "loss": 0.0}])[0]
    assert "no finite value" in chart([{"step": 7, "loss": math.nan}])[0]


def test_empty_page_has_no_empty_cards():
    page = render(ReportPage("Nothing yet", {}, (), NAMES))
    assert Parsed(page).texts == ["Nothing yet", "Nothing yet"] and "<section" not in page


def test_report_is_written_whole_or_not_at_all(tmp_path, page, monkeypatch):
    path = tmp_path / "run" / "report.html"
    write_report(path, example_page())
    assert path.read_text(encoding="utf-8") == page
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    broken = ReportPage("broken", {}, (), NAMES, pictures=(PictureRow("im", (("photo", None),)),))
    with pytest.raises(AttributeError):
        write_report(path, broken)
    assert path.read_text(encoding="utf-8") == page

    def full_disk(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(InputError, match="report.html.*disk is full"):
        write_report(path, ReportPage("Another", {}, (), NAMES))
    assert path.read_text(encoding="utf-8") == page
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_drawn_labels():
    photo = np.full([90, 90, 3], 100, np.uint8)
    labels = np.zeros([90, 90], np.uint8)
    labels[:, 30:60], labels[:, 60:] = 2, UNKNOWN
    drawn = draw_labels(photo, labels)
    assert drawn.dtype == np.uint8 and drawn.shape == photo.shape
    assert np.all(drawn[:, 5:25] == 75)  # a dim photo
    np.testing.assert_allclose(drawn[45, 45], 35 + 0.65 * voc_palette()[2].astype(float), atol=1)
    assert np.all(drawn[:, 30] == 255)  # the border of the object
    hatch = drawn[:, 62:]
    assert {tuple(colour) for colour in hatch.reshape(-1, 3).tolist()} == {(216,) * 3, (164,) * 3}
    np.testing.assert_array_equal(hatch[1:, :-1], hatch[:-1, 1:])  # stripes run diagonally
    assert np.any(hatch[0, 1:] != hatch[0, :-1])


def test_drawn_maps():
    photo = np.zeros([2, 3, 3], np.uint8)
    heat = np.array([[0, 0.5, 1], [-1, 2, 0.5]])
    drawn = draw_heat(photo, heat)
    expected = np.array(matplotlib.colormaps["inferno"](0.5)[:3]) * 255 * 0.65
    np.testing.assert_allclose(drawn[0, 1], expected, atol=1)
    np.testing.assert_array_equal(drawn[1, :2], drawn[0, [0, 2]])  # clipped to 0..1
    assert draw_grey(heat)[:, :, 1].tolist() == [[0, 128, 255], [0, 255, 128]]
    assert draw_grey(np.array([[7]], np.uint8)).tolist() == [[[7, 7, 7]]]


def test_printed_table():
    rows = (ReportRow("CAM", "train", False, {"miou": 0.4821, "pixel_accuracy": 0.8}),
            ReportRow("net", "val", False, {"miou": 0.5, "pixel_accuracy": 0.85}, "1, flip"),
            ReportRow("net + CRF", "val", True, {"miou": 0.0551, "pixel_accuracy": None}, "1, flip"))
    lines = print_table(rows).splitlines()
    assert [re.split("  +", line) for line in lines] == [
        ["result", "split", "scales", "mIoU", "mIoU + CRF", "Pixel accuracy", "Pixel accuracy + CRF"],
        ["CAM", "train", "48.2", "-", "80.0", "-"],
        ["net", "val", "1, flip", "50.0", "5.5", "85.0", "-"]]
    assert lines[0].index("mIoU") == lines[1].index("48.2") == lines[2].index("50.0")
    assert len(print_table((*rows, rows[1])).splitlines()) == 4  # a second run of the same name stays apart
    assert "CRF" not in print_table(rows[:1]) and "scales" not in print_table(rows[:1])


def test_neither_scores_nor_report_need_tensorflow():
    code = "import sys, wsss_tf.evaluate.artefacts, wsss_tf.report.page; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
