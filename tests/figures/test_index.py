"""The list of figures: whole, honest, and every one drawn by the script or refused with a reason."""

import re

import pytest

from wsss_tf.errors import InputError

GROWN = ("3.1", "3.3", "3.4", "3.17", "3.18", "3.19")


@pytest.fixture(scope="module")
def listed():
    """What imports TensorFlow is imported here."""
    from wsss_tf.figures import index as figure_list
    return figure_list


def test_the_list_tells_every_number_once(listed, script):
    ended = script("figures", "--figure=list")
    numbers = [number for kind in listed.KINDS for number in kind.numbers]
    assert ended.code == 0 and len(set(numbers)) == len(numbers)
    lines = ended.out.splitlines()
    told = [number for line in lines[1:len(listed.KINDS) + 1] for number in re.findall(r"\d\.\d+", line[:14])]
    assert told == numbers and all(len(line) <= 160 for line in lines)
    assert not {"3.11", "3.12", "3.16"} & set(numbers) and "3.11, 3.12 and 3.16" in lines[-1]


def test_needs_are_stages(listed):
    from wsss_tf.stages.steps import STAGES
    assert all(stage in STAGES for kind in listed.KINDS for stage in kind.needs)


def test_a_number_without_figure_is_refused(listed, script, tiny_flags, tiny_data):
    ended = script("figures", *tiny_flags, "--figure=3.11")
    assert ended.code == 2 and ended.error.startswith("--figure=3.11: expected list or one of 1.5, 2.4, 2.5")
    with pytest.raises(InputError, match="--figure=: expected list"):
        listed.find_kind("")


@pytest.mark.parametrize("number", ("1.5", "2.4", "2.6", "2.8", *GROWN, "3.2", "3.8", "3.9", "3.10", "3.15", "3.20"))
def test_every_figure_is_drawn_from_a_finished_run(number, listed, masking_run, growing_run, drawn_files):
    import dataclasses

    from wsss_tf.figures.draw import FigureConfig, draw_figures
    from wsss_tf.stages.steps import open_chain
    run = masking_run if number[0] in "12" else growing_run
    name = f"drawn_{number}"
    experiment = dataclasses.replace(run.experiment, run=dataclasses.replace(
        run.experiment.run, experiment=name, reuse="tiny_masking,tiny_growing"))
    paths = draw_figures(open_chain(experiment), experiment, FigureConfig(figure=number, photos=1))
    ends = ("", "_shares") if number == "3.4" else ("",)
    drawn_files(paths, [f"fig_{number.replace('.', '_')}{end}" for end in ends])


@pytest.mark.parametrize("number", GROWN)
def test_a_run_without_these_stages_names_the_first_missing(number, listed, script, tiny_flags, tiny_data, tmp_path):
    ended = script("figures", *tiny_flags, f"--runs={tmp_path}", f"--figure={number}", "--method=superpixel_growing",
                   "--feature_net=rgb")
    assert ended.code == 2
    stage, name = re.search(r"stage (\w+) is missing .* run scripts/(\w+)\.py with the same flags first", ended.error).groups()
    from wsss_tf.stages.steps import STAGES
    assert stage in listed.find_kind(number).needs and STAGES[stage].script == name
