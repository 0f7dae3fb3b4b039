"""Sampling stops when enough is known, says why, and still holds the truth as often as it says."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from cyberrange.errors import CyberrangeError
from cyberrange.results.intervals import mean_interval
from cyberrange.study.stopping import Sampler, Stopped, until_precise

Draw = Callable[[np.random.Generator, int], np.ndarray]


def sampler(seed: int, draw: Draw) -> Sampler:
    """Differences drawn one after another, as long as they are asked for in order."""
    generator = np.random.default_rng([22, seed])
    return lambda first, last: draw(generator, last - first)


def normal(mean: float, deviation: float) -> Draw:
    return lambda g, n: g.normal(mean, deviation, n)


def stops(draw: Draw, trials: int, **settings: float) -> list[Stopped]:
    return [until_precise(sampler(seed, draw), **settings) for seed in range(trials)]


def share_held(found: list[Stopped], true: float) -> float:
    return float(np.mean([f.interval.low <= true <= f.interval.high for f in found]))


@pytest.mark.parametrize(
    "draw",
    [normal(1.0, 1.0), lambda g, n: g.gamma(0.5, 2.0, n), lambda g, n: 2.0 - g.gamma(1.0, 1.0, n)],
    ids=["normal", "skewed to the right", "skewed to the left"],
)
def test_the_interval_at_the_stop_holds_the_true_difference_nearly_as_often_as_it_says(draw: Draw) -> None:
    trials = 1500
    found = stops(draw, trials, indifference=0.0, relative=0.1)
    assert {f.reason for f in found} == {"precise"}
    assert share_held(found, 1.0) >= 0.95 - 0.03
    assert share_held(found, 1.0) <= 0.95 + 4 * math.sqrt(0.95 * 0.05 / trials)


def test_about_as_many_runs_are_used_as_the_precision_needs() -> None:
    found = stops(normal(1.0, 1.0), 300, indifference=0.0, relative=0.1, first=100, batch=10)
    needed = (1.96 / 0.1) ** 2
    # The variance is known to 1 part in sqrt(n / 2), the mean that sets the aim to 1 in sqrt(n): both move n.
    spread = needed * math.sqrt(2 / needed + 4 / needed)
    runs = np.array([f.runs for f in found])
    assert abs(runs.mean() - needed) <= 4 * spread / math.sqrt(len(runs)) + 10


def test_a_difference_of_nothing_stops_by_the_zone_of_indifference() -> None:
    nothing = normal(0.0, 1.0)
    found = stops(nothing, 1000, indifference=0.5)
    assert {f.runs for f in found} == {100}
    assert np.mean([f.reason == "indifferent" for f in found]) > 0.9
    assert share_held(found, 0.0) >= 0.95 - 0.03
    without = until_precise(sampler(1, nothing), indifference=0.0, most=2000)
    assert (without.runs, without.reason) == (2000, "most")


def test_a_zone_that_is_small_against_the_noise_stops_later_but_stops() -> None:
    found = stops(normal(0.0, 1.0), 500, indifference=0.1)
    assert all(f.interval.high - f.interval.mean <= 0.1 and f.runs < 1000 for f in found)
    assert share_held(found, 0.0) >= 0.95 - 0.03


def test_the_reason_indifferent_means_that_the_whole_interval_lies_in_the_zone() -> None:
    for f in stops(normal(0.2, 1.0), 200, indifference=0.4):
        inside = f.interval.low >= -0.4 and f.interval.high <= 0.4
        assert (f.reason == "indifferent") == inside


def test_identical_postures_stop_at_the_first_look() -> None:
    found = until_precise(lambda first, last: np.zeros(last - first), indifference=0.0)
    assert found == ((0.0, 0.0, 0.0), 100, "indifferent")


def test_replicates_are_asked_for_once_each_in_order_and_never_more_than_most() -> None:
    asked: list[tuple[int, int]] = []
    gaps = np.random.default_rng([22, 1]).normal(0.0, 1.0, 400)

    def sample(first: int, last: int) -> np.ndarray:
        asked.append((first, last))
        return gaps[first:last]

    found = until_precise(sample, indifference=1e-6, first=150, batch=100, most=400)
    assert asked == [(0, 150), (150, 250), (250, 350), (350, 400)]
    assert found == (mean_interval(gaps), 400, "most")


def test_the_result_is_that_of_the_replicates_used_and_the_same_again() -> None:
    gaps = np.random.default_rng([22, 2]).normal(3.0, 4.0, 10_000)
    one, two = (until_precise(lambda first, last: gaps[first:last], indifference=0.1) for _ in range(2))
    assert one == two
    assert one.interval == mean_interval(gaps[: one.runs])
    assert one.interval.high - one.interval.mean <= 0.05 * abs(one.interval.mean)
    before = mean_interval(gaps[: one.runs - 100])
    assert before.high - before.mean > max(0.05 * abs(before.mean), 0.1)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"indifference": -1.0}, "indifference is -1"),
        ({"indifference": math.nan}, "indifference is nan"),
        ({"relative": -0.1}, "relative is -0.1"),
        ({"level": 95.0}, "level is 95"),
        ({"first": 1}, "first is 1: it must be at least 2"),
        ({"batch": 0}, "batch is 0"),
        ({"most": 99}, "most is 99: it must be at least 100"),
    ],
)
def test_settings_without_sense_are_refused_before_anything_is_played(settings: dict[str, float], why: str) -> None:
    def never(first: int, last: int) -> np.ndarray:
        raise AssertionError("played")

    with pytest.raises(CyberrangeError, match=why):
        until_precise(never, **{"indifference": 1.0, **settings})


def test_a_sampler_that_does_not_give_what_it_is_asked_for_is_told() -> None:
    with pytest.raises(ValueError, match="replicates 0 to 99"):
        until_precise(lambda first, last: np.zeros(last - first - 1), indifference=1.0)
    with pytest.raises(ValueError, match="not finite"):
        until_precise(lambda first, last: np.full(last - first, math.nan), indifference=1.0)
