"""The schedules against recorded ones and NumPy."""

import numpy as np
import pytest

from wsss_tf.train.schedules import Cosine, Poly, Triangular, WarmUp


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


def test_the_rate_climbs_to_the_poly_curve_and_stays_on_it():
    """The thesis: 1e-6 -> 1e-3 in 3 of 15 epochs of 529 steps."""
    poly = Poly(1e-3, 7935, 0.9)
    warm = WarmUp(1e-6, 1e-3, 1587, poly)
    rates = np.array([float(warm(step)) for step in range(0, 7935, 23)])
    expected = [min(1e-6 + (1e-3 - 1e-6) * step / 1587, 1e-3 * (1 - step / 7935) ** 0.9) for step in range(0, 7935, 23)]
    np.testing.assert_allclose(rates, expected, rtol=2e-5)
    assert rates[0] == np.float32(1e-6) and rates.argmax() * 23 < 1587
    assert float(warm(1587)) == float(poly(1587)) and np.abs(np.diff(rates)).max() < 2e-5, "no jump where they meet"


def test_the_deeplab_schedule_is_the_same_curve(recorded):
    """The official code steps it every 10 iterations; at those the curves meet."""
    schedule = Poly(float(recorded["deeplab_base_lr"]), int(recorded["deeplab_iter_max"]), 0.9)
    step = int(recorded["deeplab_step"])
    official = recorded["deeplab_lr_used"]
    # The rate used at iteration i + 1 was set after iteration i.
    np.testing.assert_allclose([float(schedule(i)) for i in range(0, 200, step)], official[::step], rtol=1e-5)


@pytest.mark.parametrize("name, rate", [("lr_head_fine", 0.05), ("lr_base_fine", 0.005), ("lr_head_coarse", 0.05)])
def test_triangular_equals_the_official_schedule(golden, name, rate):
    """LDF's rates by epoch, the same all through an epoch, of its trunk at a tenth."""
    expected = golden("ldf_rates")[name]
    schedule = Triangular(rate, len(expected), 3)
    np.testing.assert_allclose(values(schedule, 3 * len(expected)), np.repeat(expected, 3), rtol=1e-5)
    assert float(schedule(500)) == float(schedule(3 * len(expected) - 1)) > 0


@pytest.mark.parametrize("schedule", [Poly(0.1, 10, 0.9), Triangular(0.1, 4, 3), WarmUp(0.0, 0.1, 4, Poly(0.1, 10, 0.9)),
                                      Cosine(1.0, 0.2, 7, 2)])
def test_configurations(schedule):
    again = type(schedule).from_config(schedule.get_config())
    np.testing.assert_array_equal(values(again, 12), values(schedule, 12))


def test_poly_of_power_0_is_constant():
    np.testing.assert_array_equal(values(Poly(0.25, 10, 0.0), 12), 0.25)
