"""The schedules against recorded ones and NumPy."""

import numpy as np
import pytest

from wsss_tf.train.fit import stochastic_descent
from wsss_tf.train.length import Length
from wsss_tf.train.schedules import Cosine, Held, Poly, Triangular, WarmUp
from wsss_tf.train.settings import TrainConfig


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("poly_lr")


def values(schedule, count: int) -> np.ndarray:
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


def test_poly_equals_the_official_schedule_and_freezes(recorded):
    schedule = Poly(float(recorded["base_lr"]), int(recorded["max_step"]), 0.9)
    rates = [float(schedule(step)) for step in range(12)]
    np.testing.assert_allclose(rates, recorded["lr_official"], rtol=1e-6)
    assert rates[9] == rates[10] == rates[11] > 0
    assert float(schedule(10**6)) == rates[9]


def test_the_warm_up_reaches_the_whole_rate():
    """The thesis: 1e-6 -> 1e-3 in 3 of 15 epochs of 529 steps, then its poly formula with the absolute step."""
    warm = WarmUp(1e-6, 1e-3, 1587, Poly(1e-3, 7935, 0.9))
    assert float(warm(0)) == np.float32(1e-6) and float(warm(1587)) == np.float32(1e-3)
    assert float(warm(529)) == pytest.approx(1e-6 + 999e-6 / 3, rel=1e-5)
    assert float(warm(1588)) == pytest.approx(1e-3 * (6347 / 7935) ** 0.9, rel=1e-5) == pytest.approx(8.179e-4, rel=1e-3)
    for step in range(1588, 7935, 97):
        assert float(warm(step)) == pytest.approx(1e-3 * (1 - step / 7935) ** 0.9, rel=2e-5)


def test_the_warm_up_may_end_where_it_meets_the_schedule():
    """The other reading: the whole rate is never reached, and there is no jump."""
    warm = WarmUp(1e-6, 1e-3, 1587, Poly(1e-3, 7935, 0.9), meet=True)
    rates = np.array([float(warm(step)) for step in range(0, 7935, 23)])
    expected = [min(1e-6 + (1e-3 - 1e-6) * step / 1587, 1e-3 * (1 - step / 7935) ** 0.9) for step in range(0, 7935, 23)]
    np.testing.assert_allclose(rates, expected, rtol=2e-5)
    assert rates.max() == pytest.approx(0.846e-3, rel=3e-3) and rates.argmax() * 23 < 1587
    assert np.abs(np.diff(rates)).max() < 2e-5


def test_the_rates_of_deeplab_are_held_for_ten_steps(recorded):
    """All 200 recorded rates; the one used at iteration i + 1 was set after iteration i."""
    poly = Poly(float(recorded["deeplab_base_lr"]), int(recorded["deeplab_iter_max"]), 0.9)
    official = recorded["deeplab_lr_used"]
    np.testing.assert_allclose(values(Held(poly, int(recorded["deeplab_step"])), 200), official, rtol=1e-6)
    assert np.abs(values(poly, 200) / official - 1).max() > 1e-4


@pytest.mark.parametrize("name, rate", [("lr_head_fine", 0.05), ("lr_base_fine", 0.005), ("lr_head_coarse", 0.05)])
def test_triangular_equals_the_official_schedule(golden, name, rate):
    """LDF's rates by epoch, the same all through an epoch, of its trunk at a tenth."""
    expected = golden("ldf_rates")[name]
    schedule = Triangular(rate, len(expected), 3)
    np.testing.assert_allclose(values(schedule, 3 * len(expected)), np.repeat(expected, 3), rtol=1e-5)
    assert float(schedule(500)) == float(schedule(3 * len(expected) - 1)) > 0


@pytest.mark.parametrize("schedule", [Poly(0.1, 10, 0.9), Triangular(0.1, 4, 3), WarmUp(0.0, 0.1, 4, Poly(0.1, 10, 0.9)),
                                      WarmUp(0.0, 0.1, 4, Poly(0.1, 10, 0.9), True), Held(Poly(0.1, 10, 0.9), 4),
                                      Cosine(1.0, 0.2, 7, 2)])
def test_configurations(schedule):
    again = type(schedule).from_config(schedule.get_config())
    np.testing.assert_array_equal(values(again, 12), values(schedule, 12))


def test_poly_of_power_0_is_constant():
    np.testing.assert_array_equal(values(Poly(0.25, 10, 0.0), 12), 0.25)


@pytest.mark.parametrize("settings, step, rate", [
    ({}, 1000, 1e-3 * (1 - 1000 / 7935) ** 0.9), ({"warmup_epochs": 3}, 1587, 1e-3),
    ({"warmup_epochs": 3, "warmup_until": "schedule"}, 1587, 1e-3 * 0.8**0.9),
    ({"warmup_epochs": 3}, 3000, 1e-3 * (1 - 3000 / 7935) ** 0.9),
    ({"lr_every": 10}, 1009, 1e-3 * (1 - 1000 / 7935) ** 0.9), ({"schedule": "constant"}, 5000, 1e-3)])
def test_settings_choose_the_schedule(settings, step, rate):
    optimizer = stochastic_descent(TrainConfig(epochs=15, **settings), Length(529, 15 * 529, 15 * 529))
    optimizer.iterations.assign(step)
    assert float(optimizer.learning_rate) == pytest.approx(rate, rel=1e-5)
