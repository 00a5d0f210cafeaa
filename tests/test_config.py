"""Settings that are flags."""

import dataclasses
from pathlib import Path

import pytest
from absl import flags

from wsss_tf import config
from wsss_tf.config import expand_path, setting
from wsss_tf.errors import InputError
from wsss_tf.systems.catalogue import SYSTEMS


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
    limit: int | None = setting(None, "an integer, or none", kind=int, low=1)
    replicas: int = setting(1, "an integer or a word", low=1, words=("all",))
    remark: str = setting("", "changes no result", counts=False)


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


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_flag_of_a_system_parses_to_its_default(name):
    """The system's own, where its paper has another value than the class."""
    default = SYSTEMS[name].settings()
    for field, (prefix, own) in config.groups(default).items():
        values = parse(lambda values: config.define_flags(own, values, prefix))
        read_back = config.read_flags(type(own), values, prefix)
        for each in dataclasses.fields(own):
            assert repr(getattr(read_back, each.name)) == repr(getattr(own, each.name)), f"{field}.{each.name}"


def test_flags_of_an_instance_start_from_its_values():
    values = parse(lambda values: config.define_flags(Settings(count=9, scales=(3.0,), flip=False), values, "x_"), "--x_rate=2")
    assert config.read_flags(Settings, values, "x_") == Settings(count=9, scales=(3.0,), flip=False, rate=2.0)


def test_a_number_that_is_not_given_is_none_and_users_write_none():
    assert read().limit is None and read("--limit=none").limit is None and read("--limit=7").limit == 7
    assert read("--replicas=all").replicas == "all" and read("--replicas=2").replicas == 2


@pytest.mark.parametrize("argument", ["--limit=0", "--limit=x", "--limit=1.5", "--limit=all", "--replicas=none", "--replicas=0",
                                      "--limit=nan"])
def test_a_number_or_a_word_and_nothing_else(argument):
    with pytest.raises(flags.Error, match="expected a whole number or"):
        read(argument)


def test_groups_know_their_prefixes():
    @dataclasses.dataclass(frozen=True)
    class System:
        """Settings of a system."""

        one: Settings = config.group("one_", Settings(count=1))
        two: Settings = config.group("", Settings())

    assert config.groups(System()) == {"one": ("one_", Settings(count=1)), "two": ("", Settings())}


def test_settings_count_unless_they_say_otherwise():
    told = {field.name: field.metadata["counts"] for field in dataclasses.fields(Settings)}
    assert told.pop("remark") is False and all(told.values())


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


def test_the_library_knows_no_folder_of_ours(monkeypatch):
    monkeypatch.delenv("WSSS_SHARED", raising=False)
    with pytest.raises(InputError, match="WSSS_SHARED is not set: export WSSS_SHARED=FOLDER"):
        expand_path("${WSSS_SHARED}/x")
    monkeypatch.setenv("WSSS_SHARED", "/s")
    assert expand_path("${WSSS_SHARED}/x") == Path("/s/x")


def test_an_unset_variable_is_named(monkeypatch):
    monkeypatch.delenv("NO_SUCH_FOLDER", raising=False)
    with pytest.raises(InputError, match="NO_SUCH_FOLDER is not set"):
        expand_path("${NO_SUCH_FOLDER}/x")
