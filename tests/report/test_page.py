"""The report page: well-formed, self-contained, safe, and with every number in it."""

import base64
import configparser
import errno
import hashlib
import io
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_tf.errors import InputError
from wsss_tf.evaluate.confusion import confusion_matrix
from wsss_tf.evaluate.scores import scores_from_confusion, seed_scores_from_confusion
from wsss_tf.example import MASK_SUPERVISION, UNKNOWN
from wsss_tf.imaging.drawing import draw_grey, draw_labels
from wsss_tf.report.contract import ArtefactScores, PictureRow, ReportPage, ReportRow
from wsss_tf.report.page import document, write_report
from wsss_tf.report.render import render

ROOT = Path(__file__).parents[2]
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
        manifests={"cams": {"versions": {"numpy": "2.0 <1>"}, "seconds": 41.5}}, artefacts=artefacts(),
        supervision=f"image tags and {HOSTILE}", defaults={"lr": 0.5, "link": "https://example.org/weights", HOSTILE: "kind"})


def artefacts():
    """Maps, labels, superpixels, and what this page has never heard of."""
    labels = seed_scores_from_confusion(confusion(4), NAMES).as_dict()
    maps = scores_from_confusion(confusion(5), NAMES).as_dict()
    superpixels = {"achievable_accuracy": 0.91234, "count": 12.25, "under_segmentation": None}
    curve = {0.4: {"miou": 0.25}, 0.2: maps, 0.3: {"miou": 0.1}}
    return (ArtefactScores("maps_1", "cams", "train", curve=curve, threshold=0.2),
            ArtefactScores("seeds", "labels", "train", labels), ArtefactScores("more_seeds", "labels", "train", labels),
            ArtefactScores("regions", "superpixels", "train", superpixels),
            ArtefactScores(HOSTILE, "soft_edges", "val", {HOSTILE: 0.5, "names": [1]}))


@pytest.fixture(scope="module")
def page():
    return render(document(example_page()))


@pytest.fixture(scope="module")
def parsed(page):
    return Parsed(page)


def test_page_is_well_formed(parsed):
    assert [len(parsed.all(tag)) for tag in ("html", "head", "body", "style", "h1", "script")] == [1] * 6
    assert len(parsed.all("section")) == 6
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
    assert HOSTILE not in page and "<b>made-up" not in page
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
    assert len(bars) == 4 + 3 * len(NAMES) + 1
    for full, length, number in bars:
        assert float(length) / float(full) == pytest.approx(0 if number == "-" else float(number) / 100, abs=2e-3)


def test_best_result_of_each_split_is_marked(page):
    rows = example_page().rows
    best = max((rows[0], rows[2]), key=lambda row: row.scores["miou"])  # rows of the split "train"
    marked = re.findall(r'class="best"[^<]*<svg.*?<span>([^<]+)</span>', page)
    assert sorted(marked) == sorted(f"{100 * row.scores['miou']:.1f}" for row in (best, rows[1]))


def test_pictures_decode(parsed):
    images = [attributes["src"] for attributes in parsed.all("img")]
    assert len(images) == 4
    for source in images:
        image = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))))
        image.load()
        assert image.size == (320, 48)  # reduced, with the shape kept


def chart(log):
    page = render(document(ReportPage("t", {}, (), NAMES, curves={"stage": log})))
    Parsed(page)
    lines = [[tuple(map(float, point.split(","))) for point in points.split()]
             for points in re.findall(r'<polyline class="\w+" stroke-dasharray="none" points="([^"]*)"', page)]
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
    page = render(document(ReportPage("Nothing yet", {}, (), NAMES)))
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


def part(page, heading):
    """The card with this heading."""
    (found,) = [section for section in page.split("<section>") if section.startswith(f"\n<h2>{heading}</h2>")]
    return found


def bodies(text):
    """The texts of each table's body."""
    return [Parsed(body).texts for body in re.findall("<tbody>.*?</tbody>", text, re.DOTALL)]


def test_every_kind_of_artefact_has_a_table_with_its_scores(page):
    shown = part(page, "What the stages made")
    assert re.findall("<h3>(.*?)</h3>", shown)[:3] == ["Class activation maps", "Labels", "Superpixels"]
    assert re.findall("<h3>(.*?)</h3>", shown)[3:] == ["Soft edges"], "a kind that nobody told the page of"
    maps, labels, superpixels, other = bodies(shown)
    found = artefacts()
    numbers = [f"{100 * found[0].curve[0.2][name]:.1f}" for name in
               ("miou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou")]
    assert maps == ["maps_1", "train", "0.2", *numbers], "what is no number is left out, the rest in a fixed order"
    numbers = [f"{100 * found[1].scores[name]:.1f}" for name in ("coverage", "foreground_precision", "foreground_recall")]
    assert labels == ["seeds", "train", *numbers, "more_seeds", "train", *numbers]
    assert superpixels == ["regions", "train", "12.2", "-", "0.912"] and other == [HOSTILE, "val", "0.500"]


def test_maps_have_a_curve_over_the_threshold(page):
    shown = part(page, "What the stages made")
    best = artefacts()[0].curve[0.2]["miou"]
    assert best > 0.25 and f"maps_1 (train): best {100 * best:.1f} at 0.2" in shown
    (points,) = re.findall(r'<polyline class="line s0" stroke-dasharray="none" points="([^"]*)"><title>', shown)
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()))
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2) and ys[0] < ys[2] < ys[1], "in the order of the thresholds"


def test_maps_whose_run_uses_no_threshold_have_their_curve_alone():
    maps = ArtefactScores("maps", "cams", "train", curve={0.2: {"miou": 0.3}, 0.4: {"miou": 0.5}})
    shown = part(render(document(ReportPage("t", {}, (), NAMES, artefacts=(maps,)))), "What the stages made")
    assert "<h3>Class activation maps</h3>" in shown and "best 50.0 at 0.4" in shown and "<table" not in shown


def test_settings_of_ones_own_come_before_all_flags(page):
    shown = part(page, "How it was made")
    own, every = bodies(shown)[:2]
    assert own == ["lr", "0.1", "0.5", HOSTILE, HOSTILE, "kind"] and "Differs from the defaults of the system" in shown
    assert every == ["lr", "0.1", HOSTILE, HOSTILE, "link", "https://example.org/weights"]
    same = ReportPage("t", {}, (), NAMES, flags={"scales": (1, 0.5)}, defaults={"scales": [1.0, 0.5]})
    assert "Every flag has the default of the system." in render(document(same)), "as JSON or as Python, 1 or 1.0"
    alone = ReportPage("t", {}, (), NAMES, flags={"a": None, "b": True, "c": (1.5, 2)})
    unknown = part(render(document(alone)), "How it was made")
    assert bodies(unknown) == [["a", "none", "b", "true", "c", "1.5,2"]] and "default" not in unknown


@pytest.mark.parametrize("supervision, alarming", [
    ("image tags", False), (f"image tags; {MASK_SUPERVISION}: segmenter started from resnet101_coco", True)])
def test_what_was_learned_from_stands_below_the_title(supervision, alarming):
    page = render(document(ReportPage("t", {"Seed": "0"}, (), NAMES, supervision=supervision)))
    assert Parsed(page).texts[1:4] == ["t", "Learned from", supervision]
    assert ('class="supervision alarming"' in page) == alarming


def test_losses_are_in_sight_and_other_numbers_folded():
    log = [{"step": step, "tag_loss": 1.0, "loss": 2.0, "learning_rate": 0.1} for step in (0, 1)]
    shown = render(document(ReportPage("t", {}, (), NAMES, curves={"classifier": log})))
    open_part, folded = shown.split("<details>")
    assert "<b>tag_loss</b>" in open_part and "<b>loss</b>" in open_part and "learning_rate" not in open_part
    assert "classifier: rates, speed and other numbers" in folded and "<b>learning_rate</b>" in folded


def test_every_file_that_a_page_is_made_of_is_installed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    patterns = config["options.package_data"]["wsss_tf"].replace(",", " ").split()
    files = [path for path in (ROOT / "wsss_tf/report/templates").iterdir() if path.is_file()]
    assert len(files) >= 8
    for path in files:
        assert any(path.relative_to(ROOT / "wsss_tf").match(pattern) for pattern in patterns), path


def test_neither_scores_nor_report_need_tensorflow():
    code = "import sys, wsss_tf.evaluate.artefacts, wsss_tf.report.page; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
