"""The list of figures: whole, honest, and every one drawn by the command or refused with a reason."""

import dataclasses
import re

import pytest

from wsss_tf.errors import InputError

OF_MASKING = ("2.4", "2.5", "2.7", "2.8", "refinements", "outlines")
OF_GROWING = ("1.2", "3.2", "3.4", "3.8", "3.11", "3.14", "3.15", "3.16", "3.17", "3.20a", "pipeline", "seeds", "grown", "beta")


@pytest.fixture(scope="module")
def kinds():
    """All kinds of figures; what imports TensorFlow is imported here."""
    from wsss_tf.figures.index import all_kinds
    from wsss_tf.systems.catalogue import SYSTEMS

    return all_kinds(kind for system in SYSTEMS.values() for kind in system.figures())


def test_the_list_tells_every_figure_once(kinds, script):
    ended = script("figures", "--figure=list")
    words = [word for kind in kinds for word in (kind.name, *kind.numbers)]
    assert ended.code == 0 and len(set(words)) == len(words)
    for kind in kinds:
        lines = [line for line in ended.out.splitlines() if re.search(rf"(^|\s){re.escape(kind.name)}\s", line)]
        assert any(all(number in line for number in kind.numbers) for line in lines), kind


def test_the_thesis_numbers_that_need_no_scheme_are_there(kinds):
    """Schemes (1.1, 1.3 to 1.5, 2.2, 2.3, 2.6, 3.3) need no drawing."""
    numbers = {number.rstrip("ab") for kind in kinds for number in kind.numbers}
    assert numbers >= {"1.2", "2.1", "2.4", "2.5", "2.7", "2.8"} | {f"3.{number}" for number in range(1, 21)} - {"3.3"}
    assert not numbers & {"1.1", "1.3", "1.4", "1.5", "2.2", "2.3", "2.6", "3.3"}


def test_needs_are_stages(kinds, tiny):
    known = {word for system in ("masking", "superpixel_growing", "superpixels")
             for name, stage in tiny(f"--system={system}").chain.stages.items() for word in (name, stage.makes.value)}
    assert {stage for kind in kinds for stage in kind.needs} <= known


def test_a_number_without_figure_is_refused(kinds, script, tiny_flags, tiny_data):
    from wsss_tf.figures.index import find_kind

    ended = script("figures", *tiny_flags, "--figure=3.3")
    assert ended.code == 2 and re.match("--figure=3.3: it is a scheme in the thesis.*expected list or one of", ended.error)
    assert re.match("--figure=9.9: expected list or one of", script("figures", *tiny_flags, "--figure=9.9").error)
    with pytest.raises(InputError, match="--figure=: expected"):
        find_kind("", kinds)


@pytest.mark.parametrize("figure", [*OF_MASKING, *OF_GROWING])
def test_every_figure_is_drawn_from_a_finished_run(figure, drawn, masking_run, growing_run, drawn_files):
    run = masking_run if figure in OF_MASKING else growing_run
    experiment = dataclasses.replace(run.experiment, run=dataclasses.replace(
        run.experiment.run, experiment=f"drawn_{figure}", reuse="tiny_masking,tiny_growing"))
    paths = drawn(experiment, figure=figure, photos=1)
    assert {path.suffix for path in paths} == {".png", ".pdf"}
    drawn_files(paths, list(dict.fromkeys(path.stem for path in paths)))
    assert all(path.stem.startswith(f"fig_{figure.replace('.', '_')}") for path in paths)


@pytest.mark.parametrize("figure", ["3.4", "3.17", "3.20a", "pipeline", "beta"])
def test_a_run_without_these_stages_names_the_first_missing(figure, script, tiny_flags, tiny_data, tmp_path):
    flags = [flag for flag in tiny_flags if not flag.startswith("--paths")]
    ended = script("figures", *flags, f"--runs={tmp_path}", f"--figure={figure}", "--system=superpixel_growing", "--feature_net=rgb")
    assert ended.code == 2
    assert re.search(r"stage (\w+) is missing .* `wsss run --until=\1` with the same flags first", ended.error)


def test_a_figure_of_another_system_is_refused(drawn, masking_run):
    with pytest.raises(InputError, match="--figure=3.4: it is drawn from runs of --system=superpixel_growing, not of masking"):
        drawn(masking_run.experiment, figure="3.4")
