"""Sweeps: the table against numbers by hand, and two real rows with two seeds."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from wsss_tf.commands import sweep
from wsss_tf.commands.sweep import row_name, run_sweep, sweep_scores, sweep_table
from wsss_tf.errors import InputError
from wsss_tf.files.manifest import read_manifest


def write_scores(runs, name: str, seed: int, plain: float, crf: float) -> None:
    folder = runs / f"{name}_{seed}" / "scores"
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps({"masks": {"plain": {"miou": plain}, "crf": {"miou": crf}}}))


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


@pytest.mark.parametrize("content", [None, "{", "{}", '{"masks": {"plain": {"miou": 0.1}}}'])
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
        run_sweep([str(tmp_path / "a.cfg"), str(tmp_path / "b.cfg")], [0], [], tmp_path / "runs")


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """Command lines that would have been started; none is."""
    heard = []
    monkeypatch.setattr(sweep.subprocess, "run", lambda command, check: heard.append(command) or SimpleNamespace(returncode=0))
    return heard


def test_a_run_that_fails_stops_the_sweep(tmp_path):
    (tmp_path / "a.cfg").write_text("--experiment=a\n--no_such_flag\n")
    with pytest.raises(InputError, match="seed 5 failed"):
        run_sweep([str(tmp_path / "a.cfg")], [5], [], tmp_path / "runs")


def test_every_run_gets_its_seed_its_name_and_the_others_to_reuse(started, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.cfg").write_text(f"--experiment={name}\n")
    rows = [str(tmp_path / "a.cfg"), str(tmp_path / "b.cfg")]
    assert run_sweep(rows, [0, 4], ["--paths=3"], tmp_path / "runs") == ["a", "b"]
    assert [command[1:4] for command in started] == [["-m", "wsss_tf.commands", "run"]] * 4
    assert [command[4:] for command in started] == [
        [f"--flagfile={rows[row]}", "--paths=3", f"--seed={seed}", f"--experiment={'ab'[row]}_{seed}",
         f"--reuse={'ba'[row]}_{seed}"] for seed in (0, 4) for row in (0, 1)]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a_0", "a_4", "b_0", "b_4"], "named by --reuse"


def test_flags_of_the_command_alone_are_not_handed_on(started, script, tmp_path):
    (tmp_path / "a.cfg").write_text("--experiment=a\n")
    script("run", f"--rows={tmp_path / 'a.cfg'}", "--seeds=0", "--paths=3", f"--runs={tmp_path / 'runs'}")
    (command,) = started
    assert not [word for word in command if word.startswith(("--rows", "--seeds"))]
    assert "--paths=3" in command and f"--runs={tmp_path / 'runs'}" in command


def test_script_refuses_nonsense(script):
    assert "--rows" in script("run", "--seeds=0").error
    assert "--seeds" in script("run", "--rows=a.cfg").error
    assert "--seeds" in script("run", "--rows=a.cfg", "--seeds=x").error
    assert "neither --until nor --only" in script("run", "--rows=a.cfg", "--seeds=0", "--until=cams").error
    assert "no such flagfile" in script("run", "--rows=absent.cfg", "--seeds=0").error


def test_two_rows_end_to_end(script, tiny_flags, tmp_path):
    """Real chains at the tiny size; the second row takes what it can from the first, and both what is given here."""
    rows = []
    for name, lines in (("first", []), ("second", ["--attention_weight=0"])):
        path = tmp_path / f"{name}.cfg"
        path.write_text("\n".join([f"--experiment={name}", *tiny_flags[:-1], *lines]))
        rows.append(str(path))
    ended = script("run", f"--rows={','.join(rows)}", "--seeds=1", f"--runs={tmp_path / 'runs'}", "--nomirror",
                   "--crop_scales=1,0.75")
    assert ended.code == 0, ended.err
    scores = sweep_scores(tmp_path / "runs", ["first", "second"], [1])
    for name, values in scores.items():
        assert f"| {name} | {values[0, 0]:.1f} | {values[0, 1]:.1f} |" in ended.out
    assert not (tmp_path / "runs" / "second_1" / "classifier").exists()
    settings = read_manifest(tmp_path / "runs" / "second_1" / "segmenter")["settings"]
    assert (settings["mirror"], settings["crop_scales"], settings["attention_weight"]) == (False, [1, 0.75], 0)
