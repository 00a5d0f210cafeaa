"""Comparing superpixels: every row is made and scored once, and table, curves and pictures show it."""

import math

import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.superpixel_table import pictures, shown, table
from wsss_tf.files.images import read_ids, read_labels
from wsss_tf.superpixels.metrics import mean_scores, superpixel_scores

SYSTEM = "--system=superpixels"
RGB = (SYSTEM, "--feature_net=rgb", "--feature_stride=8")


@pytest.fixture(scope="module")
def measure():
    """What imports the systems is imported here."""
    from wsss_tf.commands.superpixel_rows import measure
    return measure


@pytest.fixture(scope="module")
def experiments(tiny, tmp_path_factory):
    """Colours at two similarities, and SLIC."""
    runs = f"--runs={tmp_path_factory.mktemp('rows')}"
    return [tiny(runs, f"--experiment=rgb_{tau}", *RGB, f"--superpixel_tau={tau}", "--superpixel_crf_set=none",
                 "--reuse=rgb_0.5") for tau in (0.5, 0.9)] + [
        tiny(runs, "--experiment=slic", SYSTEM, "--superpixel_method=slic", "--superpixel_size=16", "--reuse=rgb_0.5")]


@pytest.fixture(scope="module")
def rows(measure, experiments):
    return measure(experiments)


def test_scores_are_the_mean_over_the_training_photos(rows, experiments):
    examples = experiments[0].dataset.train
    for row in rows:
        expected = mean_scores([superpixel_scores(read_ids(row.folder / f"{example.image_id}.png"),
                                                  read_labels(example.mask)) for example in examples])
        assert row.scores == expected
    assert rows[0].scores.count < rows[1].scores.count


def test_nothing_is_made_twice(rows, experiments, measure, capsys):
    before = {path: path.stat().st_mtime_ns for row in rows for path in row.folder.parent.rglob("*") if path.is_file()}
    again = measure(experiments)
    assert again == rows
    assert "->" not in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_the_table_has_the_columns_of_the_thesis(rows):
    lines = table(rows).splitlines()
    assert lines[0] == "| method | parameter | superpixels | UE | BP | BR | ASA |" and len(lines) == 5
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| discovery, rgb", "tau 0.5"], ["| discovery, rgb", "tau 0.9"], ["| slic", "size 16"]]
    score = rows[2].scores
    assert lines[4].endswith(f"| {score.count:.1f} | {score.under_segmentation:.3f} | {score.boundary_precision:.3f} | "
                             f"{score.boundary_recall:.3f} | {score.achievable_accuracy:.3f} |")


def test_pictures_tell_count_and_reach(rows, experiments):
    dataset = experiments[0].dataset
    example = dataset.train[0]
    page = pictures(rows, [example, example], dataset.class_names)
    assert len(page.rows) == 2 and [len(line) for line in page.rows] == [5, 5]
    truth = read_labels(example.mask)
    for row, panel in zip(rows, page.rows[0][2:]):
        score = superpixel_scores(read_ids(row.folder / f"{example.image_id}.png"), truth)
        assert panel.above == (row.method, row.parameter)
        assert panel.below == (f"{score.count} sp., ASA {score.achievable_accuracy:.3f}",)
    assert all(panel.above == () for panel in page.rows[1])


def test_two_rows_of_one_name_are_refused(measure, experiments):
    with pytest.raises(InputError, match="2 of the rows bear this name"):
        measure(experiments[:1] * 2)


@pytest.mark.parametrize("count, expected", [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (20, list(range(10)))])
def test_shown_photos_are_spread_evenly(count, expected):
    assert shown(range(10), count) == expected


def test_the_command_writes_table_and_figures(script, tiny_flags, tmp_path):
    data = [flag for flag in tiny_flags if flag.startswith(("--source", "--shapes", "--data", "--workers"))]
    flagfiles = []
    for method in ("slic", "lsc"):
        path = tmp_path / f"{method}.cfg"
        path.write_text(f"{SYSTEM}\n--experiment={method}\n--superpixel_method={method}\n--superpixel_size=40\n")
        flagfiles.append(str(path))
    ended = script("superpixels", *data, SYSTEM, f"--runs={tmp_path / 'runs'}", "--experiment=both",
                   f"--rows={','.join(flagfiles)}", "--superpixel_size=16", "--photos=2")
    assert ended.code == 0, ended.err
    folder = tmp_path / "runs" / "both" / "superpixel_table"
    assert sorted(path.name for path in folder.iterdir()) == [
        "curves.pdf", "curves.png", "pictures.pdf", "pictures.png", "table.md"]
    text = (folder / "table.md").read_text()
    assert "| slic | size 16 |" in text and "| lsc | size 16 |" in text and text in ended.out
    assert not any(math.isnan(float(cell)) for cell in text.splitlines()[2].split("|")[3:-1])
    assert {path.name for path in (tmp_path / "runs").iterdir()} >= {"both", "lsc", "slic"}


@pytest.mark.parametrize("words, says", [
    ((), "expected --rows=FLAGFILE"), (("--rows=nowhere.cfg",), "nowhere.cfg"), (("now",), "now: expected flags only")])
def test_the_command_says_what_it_wants(script, words, says):
    ended = script("superpixels", *words)
    assert ended.code == 2 and says in ended.error
