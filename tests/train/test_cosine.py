"""The cosine schedule: ends, warm-up, shape."""

import numpy as np
import pytest

from wsss_tf.train.cosine import Cosine


def values(schedule: Cosine, count: int) -> np.ndarray:
    return np.array([float(schedule(step)) for step in range(count)])


@pytest.mark.parametrize("start, end, warmup", [(1.0, 0.1, 0), (0.996, 1.0, 0), (0.5, 0.001, 4)])
def test_equals_numpy(start, end, warmup):
    """As in DINO: a linear rise, then half a cosine over the steps that are left."""
    rise = np.linspace(0, start, warmup, endpoint=False)
    rest = np.arange(20 - warmup) / (20 - warmup)
    expected = np.concatenate([rise, end + 0.5 * (start - end) * (1 + np.cos(np.pi * rest))])
    np.testing.assert_allclose(values(Cosine(start, end, 20, warmup), 20), expected, rtol=1e-5, atol=1e-7)


def test_stays_at_the_end():
    np.testing.assert_allclose(values(Cosine(1.0, 0.2, 5), 12)[5:], 0.2, rtol=1e-6)


def test_a_warmup_longer_than_the_training():
    assert (np.diff(values(Cosine(1.0, 0.0, 3, 10), 10)) > 0).all()


def test_configuration():
    schedule = Cosine(1.0, 0.2, 7, 2)
    np.testing.assert_array_equal(values(Cosine(**schedule.get_config()), 9), values(schedule, 9))
