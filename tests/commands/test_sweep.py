"""Sweeps: the table against numbers by hand, and two real rows with two seeds."""

import json

import numpy as np
import pytest

from wsss_tf.commands.sweep import row_name, run_sweep, sweep_scores, sweep_table
from wsss_tf.errors import InputError
from wsss_tf.stages.stage import read_manifest


def write_scores(runs, name: str, seed: int, plain: float, crf: float) -> None:
    folder = runs / f"{name}_{seed}" / "scores"
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps({"plain": {"miou": plain}, "crf": {"miou": crf}}))


def test_table_has_means_spreads_and_paired_differences(tmp_path):
    for seed, base in enumerate((0.5, 0.6, 0.4)):
        write_scores(tmp_path, "a", seed, base, base + 0.1)
        write_scores(tmp_path, "b", seed, base + 0.02, base + 0.1 - 0.01 * seed)
    table = sweep_table(sweep_scores(tmp_path, ["a", "b"], [0, 1, 2])).splitlines()
    assert table[2] == "| a | 50.0 ± 10.0 | 60.0 ± 10.0 |  |  |"
    assert table[3] == "| b | 52.0 ± 10.0 | 59.0 ± 10.5 | +2.0 ± 0.0 | -1.0 ± 1.0 |"
    assert "3 seeds" in table[-1]


def test_one_seed_has_no_spread(tmp_path):
    write_scores(tmp_path, "a", 7, 0.5, 0.25)
    lines = sweep_table(sweep_scores(tmp_path, ["a"], [7])).splitlines()
    assert lines[2] == "| a | 50.0 | 25.0 |  |  |" and "no spread" in lines[-1]


def test_scores_are_in_percent_seed_by_seed(tmp_path):
    write_scores(tmp_path, "a", 0, 0.5, 0.25)
    write_scores(tmp_path, "a", 3, 0.75, 1.0)
    np.testing.assert_array_equal(sweep_scores(tmp_path, ["a"], [0, 3])["a"], [[50, 25], [75, 100]])


@pytest.mark.parametrize("content", [None, "{", "{}", '{"plain": {"miou": 0.1}}'])
def test_missing_scores_are_named(tmp_path, content):
    if content is not None:
        write_scores(tmp_path, "a", 0, 0, 0)
        (tmp_path / "a_0" / "scores" / "scores.json").write_text(content)
    with pytest.raises(InputError, match="a_0.*expected the scores of a finished run"):
        sweep_scores(tmp_path, ["a"], [0])


def test_the_last_name_in_nested_flagfiles_counts(tmp_path):
    (tmp_path / "base.cfg").write_text("--experiment=base\n--paths=2\n")
    (tmp_path / "row.cfg").write_text(f"# a row\n--flagfile={tmp_path / 'base.cfg'}\n--experiment=row\n")
    assert row_name(str(tmp_path / "base.cfg")) == "base"
    assert row_name(str(tmp_path / "row.cfg")) == "row"


def test_unusable_rows_are_refused(tmp_path):
    (tmp_path / "empty.cfg").write_text("--paths=2\n")
    (tmp_path / "a.cfg").write_text("--experiment=same\n")
    (tmp_path / "b.cfg").write_text("--experiment=same\n")
    with pytest.raises(InputError, match="no such flagfile"):
        row_name(str(tmp_path / "absent.cfg"))
    with pytest.raises(InputError, match="expected a line --experiment=NAME"):
        row_name(str(tmp_path / "empty.cfg"))
    with pytest.raises(InputError, match="several of them have --experiment=same"):
        run_sweep([str(tmp_path / "a.cfg"), str(tmp_path / "b.cfg")], [0], [], tmp_path / "run.py", tmp_path / "runs")


def test_a_run_that_fails_stops_the_sweep(tmp_path):
    (tmp_path / "a.cfg").write_text("--experiment=a\n")
    (tmp_path / "run.py").write_text("raise SystemExit(2)\n")
    with pytest.raises(InputError, match="seed 5 failed"):
        run_sweep([str(tmp_path / "a.cfg")], [5], [], tmp_path / "run.py", tmp_path / "runs")


def test_every_run_gets_its_seed_its_name_and_the_others_to_reuse(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.cfg").write_text(f"--experiment={name}\n")
    heard = tmp_path / "heard"
    (tmp_path / "run.py").write_text(f"import sys\nopen({str(heard)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n")
    rows = [str(tmp_path / "a.cfg"), str(tmp_path / "b.cfg")]
    run_sweep(rows, [0, 4], ["--paths=3"], tmp_path / "run.py", tmp_path / "runs")
    assert heard.read_text().splitlines() == [
        f"--flagfile={rows[row]} --paths=3 --seed={seed} --experiment={'ab'[row]}_{seed} --reuse={'ba'[row]}_{seed}"
        for seed in (0, 4) for row in (0, 1)]


def test_script_refuses_nonsense(script):
    assert "--rows" in script("sweep").error
    assert "--seeds" in script("sweep", "--rows=a.cfg", "--seeds=x").error
    assert "no such flagfile" in script("sweep", "--rows=absent.cfg").error


def test_two_rows_end_to_end(script, tiny_flags, tmp_path):
    """Real chains at the tiny size; the second row takes what it can from the first, and both what is given here."""
    rows = []
    for name, lines in (("first", []), ("second", ["--attention_weight=0"])):
        path = tmp_path / f"{name}.cfg"
        path.write_text("\n".join([f"--experiment={name}", *tiny_flags[:-1], *lines]))
        rows.append(str(path))
    ended = script("sweep", f"--rows={','.join(rows)}", "--seeds=1", f"--runs={tmp_path / 'runs'}", "--nomirror",
                   "--crop_scales=1,0.75")
    assert ended.code == 0, ended.err
    scores = sweep_scores(tmp_path / "runs", ["first", "second"], [1])
    for name, values in scores.items():
        assert f"| {name} | {values[0, 0]:.1f} | {values[0, 1]:.1f} |" in ended.out
    assert not (tmp_path / "runs" / "second_1" / "classifier").exists()
    settings = read_manifest(tmp_path / "runs" / "second_1" / "segmenter")["settings"]
    assert (settings["mirror"], settings["crop_scales"], settings["attention_weight"]) == (False, [1, 0.75], 0)
