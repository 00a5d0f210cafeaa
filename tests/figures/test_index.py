"""The list of figures: whole, honest, and every one drawn by the command or refused with a reason."""

import re

import pytest

from wsss_tf.errors import InputError
from wsss_tf.figures.index import FIGURES, SCHEMES, all_kinds, find_kind, table
from wsss_tf.figures.kind import Kind
from wsss_tf.stages.stage import Makes
from wsss_tf.systems.catalogue import SYSTEMS

IN_THE_THESIS = ([f"1.{number}" for number in range(1, 6)] + [f"2.{number}" for number in range(1, 9)]
                 + [f"3.{number}" for number in range(1, 20)] + ["3.20a", "3.20b"])
NETS = ("classifier", "segmenter")
OF_RUNS = [kind.name for kind in FIGURES if kind.name not in ("facets", "features")]


@pytest.fixture(scope="module")
def kinds():
    return all_kinds(kind for system in SYSTEMS.values() for kind in system.figures())


def test_every_figure_of_the_thesis_is_drawn_or_a_scheme(kinds):
    drawn = [number for kind in kinds for number in kind.numbers]
    assert sorted([*drawn, *SCHEMES]) == sorted(IN_THE_THESIS)


def test_the_list_tells_every_figure_in_the_order_of_the_thesis(kinds, script):
    ended = script("figures", "--figure=list")
    lines = ended.out.splitlines()
    assert ended.code == 0 and ended.out.rstrip() == table(kinds) and len(lines) == len(kinds) + 1
    first = [re.match(r"(\d)\.(\d+)", line) for line in lines[1:]]
    numbered = [tuple(map(int, found.groups())) for found in first if found]
    assert numbered == sorted(numbered) and all(found is None for found in first[len(numbered):]), "unnumbered ones last"
    for kind, line in zip(kinds, lines[1:], strict=True):
        assert f" {kind.name} " in f" {line}" and kind.title in line and all(need in line for need in kind.needs)


def test_needs_are_made_by_stages(kinds):
    assert {need for kind in kinds for need in kind.needs} <= {*(made.value for made in Makes), *NETS}
    for kind in kinds:
        assert kind.system in ("", *SYSTEMS)


def test_two_figures_of_one_name_are_refused():
    with pytest.raises(ValueError, match="figures of the same name: .'2.7'"):
        all_kinds([Kind("another", "", (), lambda sources: {}, ("2.7",))])


def test_figures_are_found_by_number_and_by_name(kinds):
    assert find_kind("3.9", kinds) is find_kind("superpixels", kinds)
    with pytest.raises(InputError, match="--figure=2.2: it is a scheme in the thesis, which no run can draw: expected"):
        find_kind("2.2", kinds)
    with pytest.raises(InputError, match="--figure=4.1: expected list or one of 1.2, 2.1, 2.4, 2.5, .*, facets, grown"):
        find_kind("4.1", kinds)


@pytest.mark.parametrize("name", OF_RUNS)
def test_every_figure_is_drawn_from_a_finished_run(name, kinds, masking_run, growing_run, sources_of):
    run = masking_run if name in ("saliency", "refinements") else growing_run
    drawn = find_kind(name, kinds).draw(sources_of(run.experiment, photos=1, figure=name))
    assert list(drawn) == [""] and drawn[""].get_size_inches()[0] > 2
    assert sum(len(ax.images) + len(ax.lines) for ax in drawn[""].axes) >= 1


@pytest.mark.parametrize("system, ends", [
    ("masking", {"erasing": ["_shapes_val_0002"]}),
    ("superpixel_growing", {"course": ["", "_shares"], "grown_failures": [""], "pipeline": [""], "grown": [""],
                            "beta": [""]})])
def test_every_figure_of_a_system_is_drawn_from_its_run(system, ends, masking_run, growing_run, sources_of):
    run = {"masking": masking_run, "superpixel_growing": growing_run}[system]
    own = {kind.name: kind for kind in SYSTEMS[system].figures()}
    assert own.keys() == ends.keys()
    for name, kind in own.items():
        image = "shapes_val_0002" if name == "erasing" else ""
        assert list(kind.draw(sources_of(run.experiment, photos=1, figure=name, images=image))) == ends[name]


def test_a_run_without_these_artefacts_names_the_first_missing(kinds, tiny, sources_of, tmp_path):
    experiment = tiny("--system=superpixel_growing", "--feature_net=rgb", f"--runs={tmp_path}")
    stages = {stage.makes.value: name for name, stage in experiment.chain.stages.items()} | {net: net for net in NETS}
    for kind in kinds:
        if kind.needs and kind.system in ("", "superpixel_growing") and kind.name not in ("saliency", "refinements"):
            with pytest.raises(InputError, match="is missing .* run `wsss run --until=") as error:
                kind.draw(sources_of(experiment, figure=kind.name))
            named = re.search(r"stage (\w+) is missing", str(error.value))[1]
            assert named in {stages[need] for need in kind.needs}, kind.name
