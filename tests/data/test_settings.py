"""Flags of the data sets."""

import pytest
from absl import flags

from wsss_tf.config import define_flags, read_flags
from wsss_tf.data.settings import DataConfig


def parsed(*arguments):
    values = flags.FlagValues()
    define_flags(DataConfig, values)
    values(["program", *arguments])
    return read_flags(DataConfig, values)


def test_no_limit_is_told_by_a_word():
    assert parsed().limit is None
    assert parsed("--limit=none").limit is None
    assert parsed("--limit=3").limit == 3


@pytest.mark.parametrize("wrong", ["--limit=0", "--limit=-1", "--maps_max=0", "--source=magic"])
def test_values_without_a_meaning_are_refused(wrong):
    with pytest.raises(flags.IllegalFlagValueError, match=wrong.split("=")[0][2:]):
        parsed(wrong)
