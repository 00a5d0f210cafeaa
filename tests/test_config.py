import dataclasses
from pathlib import Path

import pytest
from absl import flags

from wsss_tf import config
from wsss_tf.config import expand_path, setting
from wsss_tf.errors import InputError
from wsss_tf.experiment import Experiment, define_experiment_flags, read_experiment


@dataclasses.dataclass(frozen=True)
class Settings:
    """One field of each kind."""

    count: int = setting(3, "an integer")
    rate: float = setting(0.5, "a number")
    flip: bool = setting(True, "a switch")
    name: str = setting("x", "a text")
    kind: str = setting("a", "a choice", ("a", "b"))
    scales: tuple = setting((1.0, 0.5), "numbers")
    steps: tuple = setting((1, 2), "integers")
    sizes: tuple = setting((0.5,), "numbers from 0.1", low=0.1)
    batch: int = setting(2, "an integer from 1", low=1)


def parse(define, *arguments) -> flags.FlagValues:
    """Defines flags apart from absl's global ones and parses arguments."""
    values = flags.FlagValues()
    define(values)
    values(["program", *arguments])
    return values


def read(*arguments, prefix="") -> Settings:
    values = parse(lambda values: config.define_flags(Settings, values, prefix), *arguments)
    return config.read_flags(Settings, values, prefix)


def test_defaults_come_back():
    assert read() == Settings()


def test_every_flag_of_the_experiment_parses_to_its_default():
    experiment = read_experiment(parse(define_experiment_flags))
    assert experiment == Experiment()
    for field in dataclasses.fields(Experiment):
        group = getattr(experiment, field.name)
        for name, value in dataclasses.asdict(group).items():
            assert repr(value) == repr(getattr(field.default, name)), f"{field.name}.{name}"


def test_values_have_the_type_of_the_default():
    settings = read("--count=4", "--rate=2", "--noflip", "--name=y", "--kind=b", "--scales=2,0.25", "--steps=7")
    expected = Settings(count=4, rate=2.0, flip=False, name="y", kind="b", scales=(2.0, 0.25), steps=(7,))
    assert repr(settings) == repr(expected)


def test_a_prefix_keeps_two_groups_apart():
    values = parse(lambda values: [config.define_flags(Settings, values, prefix) for prefix in ("a_", "b_")], "--b_count=9")
    assert config.read_flags(Settings, values, "a_").count == 3
    assert config.read_flags(Settings, values, "b_").count == 9


def test_an_empty_list_is_an_empty_tuple():
    assert read("--steps=").steps == ()


@pytest.mark.parametrize("argument", ["--p_scales=1,x", "--p_scales=1,,2", "--p_scales=1,nan", "--p_scales=inf",
                                      "--p_steps=1.5", "--p_steps=a"])
def test_a_bad_number_in_a_list_names_the_flag(argument):
    name, value = argument.split("=")
    with pytest.raises(InputError) as error:
        read(argument, prefix="p_")
    assert str(error.value).startswith(name) and str(error.value).endswith(value)


@pytest.mark.parametrize("argument", ["--sizes=0.09", "--sizes=1,-1", "--sizes="])
def test_lists_may_have_a_lowest_number(argument):
    with pytest.raises(InputError, match="--sizes: expected numbers of at least 0.1"):
        read(argument)


@pytest.mark.parametrize("argument", ["--batch=0", "--count=1.5", "--rate=fast", "--kind=c", "--flip=maybe",
                                      "--unknown=1"])
def test_absl_refuses_what_does_not_fit(argument):
    with pytest.raises(flags.Error):
        read(argument)


def test_paths_are_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/d a t a")
    assert expand_path("~/x") == Path("/home/me/x")
    assert expand_path("${DATA}/${DATA}/y") == Path("/d a t a/d a t a/y")
    assert expand_path("relative/x") == Path("relative/x")


def test_the_shared_folder_has_a_default(monkeypatch):
    monkeypatch.delenv("WSSS_SHARED", raising=False)
    assert expand_path("${WSSS_SHARED}/x") == Path("../shared/x")
    monkeypatch.setenv("WSSS_SHARED", "/s")
    assert expand_path("${WSSS_SHARED}/x") == Path("/s/x")


def test_an_unset_variable_is_named(monkeypatch):
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    with pytest.raises(InputError, match="NO_SUCH_FOLDER is not set"):
        expand_path("${NO_SUCH_FOLDER}/x")
