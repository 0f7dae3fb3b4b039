"""Intervals hold the truth as often as they say; where they cannot, the tests state what they reach."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cyberrange.errors import CyberrangeError
from cyberrange.results.intervals import (
    FEWEST_TAIL_RUNS,
    _worst_ranks,
    cvar,
    cvar_interval,
    joint_level,
    mean_interval,
    quantile_interval,
    tail_runs,
)

Q = 0.95
Draw = Callable[[np.random.Generator, int], np.ndarray]

losses = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)
shares = st.floats(0.01, 0.99)


def four_errors(share: float, trials: int) -> float:
    """Four standard errors of a share observed in some trials."""
    return 4 * math.sqrt(share * (1 - share) / trials)


def lognormal_tail(sigma: float) -> float:
    """Mean of the worst 5 % of a lognormal with median 1."""
    z = stats.norm.ppf(Q)
    return math.exp(sigma**2 / 2) * stats.norm.cdf(sigma - z) / (1 - Q)


def samples(stream: int, trials: int, draw: Draw, runs: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng([20, stream])
    return (draw(generator, runs) for _ in range(trials))


# --- means ---------------------------------------------------------------------------------------


def test_the_interval_of_a_paired_difference_holds_the_true_difference_as_often_as_it_says() -> None:
    trials = 5000

    def gaps(g: np.random.Generator, runs: int) -> np.ndarray:
        base = g.normal(10.0, 3.0, runs)
        return (0.8 * base + g.normal(0.0, 1.0, runs)) - base

    intervals = [mean_interval(x) for x in samples(1, trials, gaps, 12)]
    held = np.mean([i.low <= -2.0 <= i.high for i in intervals])
    assert abs(held - 0.95) <= four_errors(0.95, trials)


def test_one_run_says_nothing_about_a_mean_and_equal_runs_say_all() -> None:
    assert mean_interval([3.0]) == (3.0, -math.inf, math.inf)
    assert mean_interval([3.0, 3.0]) == (3.0, 3.0, 3.0)


def test_the_level_of_joint_intervals_shares_the_error_out() -> None:
    assert joint_level(0.95, 1) == 0.95
    assert 1 - joint_level(0.9, 4) == pytest.approx(0.1 / 4)


# --- quantiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("runs", "q"), [(100, 0.95), (1000, 0.95), (200, 0.5), (300, 0.1)])
def test_the_ranks_of_a_quantile_interval_have_their_level_and_no_more_than_they_need(runs: int, q: float) -> None:
    low, high = (int(rank) for rank in quantile_interval(np.arange(1, runs + 1), q)[1:])

    def below(rank: int) -> float:  # the rank-th smallest of uniform numbers is a beta variate
        return stats.beta.cdf(q, rank, runs - rank + 1)

    assert below(low) - below(high) >= 0.95
    assert 1 - below(low) <= 0.025 < 1 - below(low + 1)
    assert below(high) <= 0.025 < below(high - 1)


def test_the_quantile_interval_of_a_lognormal_loss_holds_the_quantile_as_often_as_the_binomial_says() -> None:
    trials, runs, true = 4000, 200, math.exp(stats.norm.ppf(Q))
    low, high = quantile_interval(np.arange(1, runs + 1), Q)[1:]
    exact = stats.binom.cdf(high - 1, runs, Q) - stats.binom.cdf(low - 1, runs, Q)
    drawn = samples(2, trials, lambda g, n: g.lognormal(0.0, 1.0, n), runs)
    held = np.mean([i.low <= true <= i.high for i in (quantile_interval(x, Q) for x in drawn)])
    assert abs(held - exact) <= four_errors(exact, trials)


def test_ties_make_a_quantile_interval_more_careful_not_less() -> None:
    trials, rate = 2000, 0.7
    true = stats.poisson.ppf(0.9, rate)
    drawn = samples(3, trials, lambda g, n: g.poisson(rate, n), 150)
    held = np.mean([i.low <= true <= i.high for i in (quantile_interval(x, 0.9) for x in drawn)])
    assert held >= 0.95 - four_errors(0.95, trials)


def test_a_sample_that_is_too_small_leaves_an_end_open() -> None:
    assert quantile_interval(np.arange(71), Q).high == math.inf
    assert quantile_interval(np.arange(72), Q).high == 71
    assert quantile_interval(np.arange(71), 0.05).low == -math.inf
    assert quantile_interval([4.0], 0.5) == (4.0, -math.inf, math.inf)


@given(losses, shares, shares)
def test_a_quantile_lies_in_its_interval_and_has_its_share_of_runs_at_or_below(
    values: list[float], q: float, level: float
) -> None:
    found = quantile_interval(values, q, level)
    assert found.low <= found.estimate <= found.high
    assert np.mean(np.array(values) <= found.estimate) >= q - 1e-9
    assert np.mean(np.array(values) < found.estimate) < q


def test_a_rank_that_is_a_whole_number_is_not_rounded_up_to_the_next() -> None:
    assert 100 * 0.55 > 55
    assert quantile_interval(np.arange(1, 101), 0.55).estimate == 55


# --- tail means ----------------------------------------------------------------------------------


def test_the_last_run_of_a_tail_counts_with_the_part_that_is_left() -> None:
    assert cvar(np.arange(1, 11), 0.85) == pytest.approx((10 + 0.5 * 9) / 1.5)
    assert cvar([1.0, 5.0], 0.95) == 5.0


@given(losses, shares)
def test_a_tail_mean_is_the_least_of_the_costs_that_rockafellar_and_uryasev_minimise(
    values: list[float], q: float
) -> None:
    x = np.array(values)
    costs = x + np.maximum(x[:, None] - x, 0.0).mean(axis=0) / (1 - q)
    assert cvar(values, q) == pytest.approx(costs.min(), rel=1e-9, abs=1e-9)


def test_a_tail_mean_is_at_least_its_quantile_and_the_mean() -> None:
    for x in samples(4, 50, lambda g, n: g.lognormal(0.0, 1.0, n), 73):
        assert cvar(x, Q) >= max(x.mean(), quantile_interval(x, Q).estimate)


def test_resampled_tails_have_the_ranks_of_runs_drawn_with_replacement() -> None:
    runs, resamples = 10, 40_000
    ranks = _worst_ranks(runs, 3, resamples, np.random.default_rng([20, 5]))
    assert ((ranks >= 0) & (ranks < runs)).all()
    assert (np.diff(ranks, axis=1) >= 0).all()
    for place in range(3):  # the worst run is drawn more often than `place` times out of `runs`
        exact = stats.binom.sf(place, runs, 1 / runs)
        assert abs(np.mean(ranks[:, place] == 0) - exact) <= four_errors(exact, resamples)
    for rank in range(1, 4):  # no run worse than `rank` is drawn, or fewer than three
        exact = stats.binom.sf(2, runs, rank / runs)
        assert abs(np.mean(ranks[:, 2] < rank) - exact) <= four_errors(exact, resamples)


@pytest.mark.parametrize(
    ("stream", "draw", "true", "runs", "reached"),
    [
        (6, lambda g, n: g.standard_exponential(n), 1 - math.log(1 - Q), 1000, 0.94),
        (7, lambda g, n: g.lognormal(0.0, 1.0, n), lognormal_tail(1.0), 1000, 0.93),
        (8, lambda g, n: g.lognormal(0.0, 1.5, n), lognormal_tail(1.5), 1000, 0.91),
        (9, lambda g, n: g.standard_exponential(n), 1 - math.log(1 - Q), 100, 0.93),
        (10, lambda g, n: g.lognormal(0.0, 1.0, n), lognormal_tail(1.0), 100, 0.92),
    ],
)
def test_a_bootstrap_interval_of_a_tail_mean_of_nominal_95_percent_reaches_what_its_page_says(
    stream: int, draw: Draw, true: float, runs: int, reached: float
) -> None:
    trials = 1000
    drawn = enumerate(samples(stream, trials, draw, runs))
    held = np.mean([i.low <= true <= i.high for i in (cvar_interval(x, Q, seed=n) for n, x in drawn)])
    assert reached - four_errors(reached, trials) <= held <= 0.96 + four_errors(0.96, trials)


def test_losses_that_are_nearly_always_nothing_still_get_an_interval_that_holds_the_tail_mean() -> None:
    trials, chance = 600, 0.03
    drawn = enumerate(samples(11, trials, lambda g, n: g.standard_exponential(n) * (g.random(n) < chance), 400))
    held = np.mean([i.low <= chance / (1 - Q) <= i.high for i in (cvar_interval(x, Q, seed=n) for n, x in drawn)])
    assert held >= 0.95 - four_errors(0.95, trials)


def test_a_seed_names_the_resamples() -> None:
    (x,) = samples(12, 1, lambda g, n: g.lognormal(0.0, 1.0, n), 300)
    assert cvar_interval(x, Q, seed=1) == cvar_interval(x[::-1], Q, seed=1)
    assert cvar_interval(x, Q, seed=1) != cvar_interval(x, Q, seed=2)


def test_the_interval_of_a_tail_mean_scales_and_shifts_with_the_losses() -> None:
    (x,) = samples(13, 1, lambda g, n: g.lognormal(0.0, 1.0, n), 300)
    plain, moved = cvar_interval(x, Q, seed=1), cvar_interval(5.0 + 2.0 * x, Q, seed=1)
    assert moved == pytest.approx([5.0 + 2.0 * end for end in plain])
    assert plain.low < plain.estimate < plain.high


def test_a_tail_of_fewer_than_two_runs_has_no_interval_and_equal_runs_are_a_point() -> None:
    assert cvar_interval(np.arange(39), Q, seed=1)[1:] == (-math.inf, math.inf)
    assert cvar_interval([4.0] * 40, Q, seed=1) == (4.0, 4.0, 4.0)


def test_a_tail_of_equal_runs_may_still_reach_down_to_the_runs_below() -> None:
    found = cvar_interval([0.0] * 94 + [1.0] * 6, Q, seed=1)
    assert found.low < found.estimate == found.high == 1.0


def test_the_runs_of_a_tail_are_counted_without_those_that_lost_as_little_as_any() -> None:
    assert tail_runs(np.arange(600), Q) == FEWEST_TAIL_RUNS
    assert tail_runs(np.arange(599), Q) == 30  # the thirtieth counts in part
    assert tail_runs(np.arange(580), Q) == 29
    assert tail_runs([0.0] * 99 + [9.0], Q) == 1
    assert tail_runs([2.0] * 100, Q) == 0


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 1.0, 95.0, -0.1, math.nan])
def test_a_share_outside_0_to_1_is_refused_by_name(share: float) -> None:
    for call in (
        lambda: quantile_interval([1.0, 2.0], share),
        lambda: cvar([1.0, 2.0], share),
        lambda: tail_runs([1.0, 2.0], share),
        lambda: cvar_interval([1.0, 2.0], share, seed=1),
    ):
        with pytest.raises(CyberrangeError, match=r"q is .* between 0 and 1"):
            call()
    for call in (
        lambda: quantile_interval([1.0, 2.0], 0.5, share),
        lambda: cvar_interval([1.0, 2.0], 0.5, share, seed=1),
        lambda: joint_level(share, 2),
    ):
        with pytest.raises(CyberrangeError, match=r"level is .* between 0 and 1"):
            call()


def test_no_runs_and_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(CyberrangeError, match="at least one run"):
        cvar([], Q)
    with pytest.raises(CyberrangeError, match="one value for each run"):
        quantile_interval([[1.0, 2.0]], Q)
    with pytest.raises(CyberrangeError, match="2 of 3 values"):
        tail_runs([1.0, math.nan, math.inf], Q)
