"""The choice of the cheapest design under common random numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.halving import halve, round_sizes
from cyberrange.study.choice.kim_nelson import KimNelson, kim_nelson, kn_constants
from cyberrange.study.choice.sampler import Sampler, costs_of
from cyberrange.study.choice.selection import select_best

Matrix = NDArray[np.float64]


def table_of(costs: Matrix, asked: list[tuple[int, int]] | None = None) -> Sampler:
    """Serve costs from a table (designs x replicates), and note what was asked for."""

    def sample(designs: Sequence[int], first: int, last: int) -> Matrix:
        assert last <= costs.shape[1]
        if asked is not None:
            asked.extend((design, replicate) for design in designs for replicate in range(first, last))
        return costs[list(designs), first:last]

    return sample


def skewed(seed: int, extra: Sequence[float], replicates: int, sigma: float = 1.0) -> Sampler:
    """Share one lognormal loss; each design but the first has another of its own; `extra` moves the means apart.

    That design 0 has none is the hard case: without their rare large losses the others look cheaper than they are.
    """
    generator = np.random.default_rng([seed, 1])
    shared = generator.lognormal(0.0, sigma, replicates)
    own = generator.lognormal(0.0, sigma, (len(extra), replicates)) / np.exp(sigma**2 / 2)
    own[0] = 1.0
    return table_of(shared + own - 1.0 + np.asarray(extra)[:, None])


# --- the sampler ---------------------------------------------------------------------------------


def test_a_cost_that_is_no_number_is_named_with_its_design_and_replicate() -> None:
    costs = np.ones((3, 10))
    costs[2, 7] = np.nan
    with pytest.raises(CyberrangeError, match="design 2 in replicate 7 is nan"):
        costs_of(table_of(costs), [0, 2], 5, 10)


def test_a_sampler_that_returns_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\), not \(2, 3\)"):
        costs_of(lambda designs, first, last: np.ones(2), [0, 1], 0, 3)


# --- halving -------------------------------------------------------------------------------------


def test_halving_keeps_the_better_half_and_doubles_the_replicates() -> None:
    asked: list[tuple[int, int]] = []
    costs = np.repeat([[7.0], [3.0], [6.0], [1.0], [5.0], [2.0], [4.0]], 12, axis=1)
    result = halve(table_of(costs, asked), 7, keep=2, first=3)
    assert result.survivors == (3, 5)
    history = result.history
    assert history.groupby("round")["replicates"].first().tolist() == [3, 6]
    assert history.query("round == 1")["design"].tolist() == [3, 5, 1, 6, 4, 2, 0]
    assert history.query("round == 1 and not kept")["design"].tolist() == [4, 2, 0]
    assert history.query("round == 2 and not kept")["design"].tolist() == [1, 6]
    assert (result.runs, result.replicates) == (7 * 3 + 4 * 3, 6)
    assert len(asked) == len(set(asked)) == result.runs


def test_means_are_taken_over_all_replicates_so_far() -> None:
    costs = np.zeros((4, 8))
    costs[0] = [0, 0, 9, 9, 0, 0, 0, 0]
    costs[1] = 4.0
    costs[2:] = 99.0
    result = halve(table_of(costs), 4, keep=1, first=2)
    assert result.survivors == (1,)
    assert result.history.query("round == 2")["mean"].tolist() == [4.0, 4.5]


@pytest.mark.parametrize(
    ("k", "keep", "rounds"), [(24, 1, 5), (256, 1, 8), (256, 6, 6), (7, 6, 1), (6, 6, 0), (1, 6, 0)]
)
def test_halving_takes_the_logarithm_of_k_rounds_at_most(k: int, keep: int, rounds: int) -> None:
    assert len(round_sizes(k, keep)) == rounds
    assert rounds <= np.ceil(np.log2(k))


def test_with_no_more_designs_than_are_kept_nothing_is_run() -> None:
    result = halve(table_of(np.empty((4, 0))), 4, budget=0)
    assert (result.survivors, result.runs, result.replicates, len(result.history)) == ((0, 1, 2, 3), 0, 0, 0)


def test_equal_designs_are_kept_by_number() -> None:
    assert halve(table_of(np.ones((40, 1000))), 40, keep=3).survivors == (0, 1, 2)


@pytest.mark.parametrize("budget", [300, 1000, 4999])
def test_a_budget_is_spent_but_not_exceeded(budget: int) -> None:
    result = halve(table_of(np.random.default_rng([3, 1]).random((24, 9999))), 24, budget=budget)
    unit = 24 + 12
    assert budget - unit < result.runs <= budget


def test_a_budget_too_small_for_the_rounds_is_refused() -> None:
    sample = table_of(np.ones((24, 100)))
    with pytest.raises(CyberrangeError, match="budget of 30 runs is too small"):
        halve(sample, 24, budget=30)
    with pytest.raises(CyberrangeError, match="from 10 replicates takes 360"):
        halve(sample, 24, first=10, budget=300)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"keep": 0}, {"first": 0}])
def test_halving_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(CyberrangeError, match="at least 1"):
        halve(table_of(np.ones((9, 100))), **{"k": 9, **wrong})


def test_one_halving_of_two_keeps_the_better_as_often_as_the_normal_distribution_says() -> None:
    generator = np.random.default_rng([5, 1])
    trials, replicates, gap = 1000, 9, 0.3
    costs = generator.normal(size=(trials, 2, replicates)) / np.sqrt(2)
    costs[:, 1] += gap
    kept = np.mean([halve(table_of(table), 2, keep=1, first=replicates).survivors == (0,) for table in costs])
    expected = stats.norm.cdf(gap * np.sqrt(replicates))
    assert abs(kept - expected) <= 4 * np.sqrt(expected * (1 - expected) / trials)


def test_halving_seldom_loses_the_best_of_many() -> None:
    extra = [0.0, *np.linspace(0.3, 4.0, 39)]
    kept = [0 in halve(skewed(trial, extra, 2000), 40, first=50).survivors for trial in range(100)]
    assert np.mean(kept) >= 0.95


# --- Kim and Nelson ------------------------------------------------------------------------------


def test_the_constants_are_those_of_a_hand_calculation() -> None:
    # k = 5, alpha = 0.05: 2 alpha / (k - 1) = 1/40; n0 = 3: eta = (40 - 1) / 2, h2 = 4 eta.
    assert kn_constants(5, 0.05, 3) == pytest.approx((19.5, 78.0))
    # n0 = 5: 40^(1/2) in the place of 40, h2 = 8 eta.
    assert kn_constants(5, 0.05, 5) == pytest.approx(((40**0.5 - 1) / 2, 4 * (40**0.5 - 1)))


def by_hand(most: int) -> KimNelson:
    """Compare batch means of 0 with -1, 0, 1, 1, 1: S2 = 1, h2 = 6, so W(3) = 1/2, W(4) = 1/4, W(5) = 1/10."""
    own = np.repeat([-1.0, 0.0, 1.0, 1.0, 1.0, 1.0], 2) + np.tile([-5.0, 5.0], 6)
    return kim_nelson(table_of(np.stack([own, np.zeros(12)])), [0, 1],
                      delta=1.0, alpha=0.125, batch=2, first_batches=3, most=most)  # fmt: skip


def test_a_design_is_dropped_when_its_mean_leaves_the_triangle_worked_out_by_hand() -> None:
    # The mean difference is 0, then 1/4, which is not above W(4), then 2/5, which is above W(5).
    result = by_hand(most=100)
    assert (result.selected, result.guaranteed, result.survivors) == (1, True, (1,))
    assert (result.replicates, result.runs) == (10, 20)
    assert result.table.loc[0, "difference"] == pytest.approx(0.4)
    assert result.table.loc[0, "standard_error"] == pytest.approx(0.4)


def test_the_cap_stops_it_without_a_guarantee() -> None:
    result = by_hand(most=9)
    assert (result.selected, result.guaranteed, result.survivors) == (1, False, (0, 1))
    assert result.replicates == 8


def test_replicates_of_a_dropped_design_are_not_asked_for() -> None:
    asked: list[tuple[int, int]] = []
    generator = np.random.default_rng([7, 1])
    costs = generator.normal(size=(3, 5000)) + np.array([[0.0], [0.1], [9.0]])
    result = kim_nelson(table_of(costs, asked), [0, 1, 2], delta=0.2, start=40)
    assert len(asked) == len(set(asked)) == result.runs
    assert result.table["replicates"].to_dict()[2] == 200
    assert result.table["replicates"].sum() == result.runs
    assert min(replicate for _, replicate in asked) == 40
    assert max(replicate for _, replicate in asked) == 40 + result.replicates - 1


def test_differences_are_paired_over_the_replicates_that_both_designs_have() -> None:
    generator = np.random.default_rng([8, 1])
    costs = generator.normal(size=(3, 5000)) + np.array([[0.0], [0.1], [9.0]])
    result = kim_nelson(table_of(costs), [0, 1, 2], delta=0.2)
    batches = (costs[2, :200] - costs[result.selected, :200]).reshape(10, 20).mean(axis=1)
    assert result.table.loc[2, "difference"] == pytest.approx(batches.mean())
    assert result.table.loc[2, "standard_error"] == pytest.approx(stats.sem(batches))


@pytest.mark.parametrize("others", [[1.0, 1.0, 1.0, 1.0], [0.5, 0.9, 1.0, 2.0]])
@pytest.mark.parametrize(("sigma", "batch"), [(1.0, 20), (1.3, 50)])
def test_it_keeps_its_promise_on_skewed_costs_with_common_luck(sigma: float, batch: int, others: list[float]) -> None:
    trials, delta = 200, 0.2
    extra = [0.0, *(delta * other for other in others)]
    results = [
        kim_nelson(skewed(trial, extra, 20_000, sigma), range(5), delta=delta, batch=batch, most=20_000)
        for trial in range(trials)
    ]
    wrong = [result.guaranteed and extra[result.selected] >= delta for result in results]
    assert np.mean(wrong) <= 0.05 + 4 * np.sqrt(0.95 * 0.05 / trials)
    assert np.mean([result.guaranteed for result in results]) >= 0.95
    assert np.mean([result.replicates > 10 * batch for result in results]) > 0.5


def test_a_small_difference_that_is_worth_paying_for_takes_more_replicates() -> None:
    sample = skewed(3, [0.0, 0.05, 0.05, 0.05], 60_000)
    coarse, fine = (kim_nelson(sample, range(4), delta=delta, most=60_000) for delta in (0.5, 0.05))
    assert fine.replicates > coarse.replicates


def test_exact_ties_are_no_difference_and_end_at_once() -> None:
    luck = np.random.default_rng([9, 1]).lognormal(size=400)
    outlay = {4: 30.0, 2: 10.0, 7: 20.0, 9: 1.0}
    costs = np.vstack([luck] * 9 + [luck + 50.0])
    result = kim_nelson(table_of(costs), [4, 2, 7, 9], delta=1.0, outlay=outlay)
    assert (result.selected, result.ties, result.survivors) == (4, (2, 7), (4, 2, 7))
    assert result.guaranteed
    assert result.cheapest == 2
    assert result.replicates == 200
    assert result.table["tied"].to_dict() == {4: False, 2: True, 7: True, 9: False}


def test_without_outlays_no_cheapest_is_named() -> None:
    assert kim_nelson(table_of(np.ones((2, 200))), [0, 1], delta=1.0).cheapest is None


def test_a_constant_difference_above_delta_is_no_tie_and_one_below_is() -> None:
    luck = np.random.default_rng([10, 1]).lognormal(size=400)
    sample = table_of(np.stack([luck + 0.5, luck, luck + 2.0]))
    result = kim_nelson(sample, [0, 1, 2], delta=1.0)
    assert (result.selected, result.ties) == (1, (0,))


def test_a_single_design_is_selected_without_a_run() -> None:
    result = kim_nelson(table_of(np.empty((6, 0))), [5], delta=1.0, outlay={5: 3.0})
    assert (result.selected, result.guaranteed, result.ties, result.cheapest) == (5, True, (), 5)
    assert (result.runs, result.replicates) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"delta": 0.0}, "delta must be above 0"),
        ({"delta": -1.0}, "delta must be above 0"),
        ({"delta": float("nan")}, "delta must be above 0"),
        ({"alpha": 0.0}, "alpha must lie between"),
        ({"alpha": 0.5}, "alpha must lie between"),
        ({"batch": 1}, "batch must be at least 2"),
        ({"first_batches": 1}, "first_batches must be at least 2"),
        ({"most": 199}, "at most 199 replicates per design are too few"),
        ({"designs": []}, "no design"),
        ({"designs": [1, 1]}, "given twice"),
        ({"outlay": {0: 5.0}}, "design 1 has no outlay"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(wrong: dict[str, object], said: str) -> None:
    settings = {"designs": [0, 1], "delta": 1.0, **wrong}
    with pytest.raises(CyberrangeError, match=said):
        kim_nelson(table_of(np.ones((2, 200))), **settings)  # type: ignore[arg-type]


# --- both ----------------------------------------------------------------------------------------


def test_the_final_is_played_on_replicates_that_halving_has_not_seen() -> None:
    asked: list[tuple[int, int]] = []
    costs = np.random.default_rng([11, 1]).normal(size=(30, 20_000)) + np.linspace(0, 3, 30)[:, None]
    result = select_best(table_of(costs, asked), 30, 0.2, first=25)
    assert len(asked) == len(set(asked)) == result.runs == result.halving.runs + result.final.runs
    assert result.final.table["replicates"].sum() == result.final.runs
    assert set(result.final.table.index) == set(result.halving.survivors)


def test_the_best_of_many_is_selected_as_often_as_promised() -> None:
    extra = [0.0, *np.linspace(0.5, 4.0, 29)]
    trials = 100
    results = [select_best(skewed(trial, extra, 20_000), 30, 0.5, first=50) for trial in range(trials)]
    good = np.mean([result.selected == 0 for result in results])
    assert good >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / trials)


def test_the_guarantee_speaks_of_the_designs_of_the_final() -> None:
    luck = np.random.default_rng([12, 1]).lognormal(size=2000)
    sample = table_of(luck + np.arange(12.0)[:, None] * 1e6)
    result = select_best(sample, 12, 1e6, alpha=0.1)
    assert result.guaranteed
    assert result.guarantee == (
        "With probability at least 90 %, design 0 costs at most Rs 10 lakh a year more than the best of the "
        "6 designs that reached the final."
    )


def test_no_guarantee_is_claimed_when_the_cap_stopped_the_final() -> None:
    costs = np.random.default_rng([13, 1]).normal(size=(12, 2000))
    result = select_best(table_of(costs), 12, 1e-3, most=300)
    assert not result.guaranteed
    assert result.guarantee.startswith("No guarantee: the final was stopped after 300 replicates per design")


def test_a_single_design_needs_no_final() -> None:
    result = select_best(table_of(np.empty((1, 0))), 1, 1.0)
    assert (result.selected, result.runs) == (0, 0)
    assert result.guarantee == "There is only one design; nothing was compared."


@pytest.mark.parametrize("wrong", [{"delta": 0.0}, {"keep": 1}, {"most": 10}, {"alpha": 2.0}, {"outlay": {0: 1.0}}])
def test_a_mistake_about_the_final_shows_before_anything_is_run(wrong: dict[str, object]) -> None:
    asked: list[tuple[int, int]] = []
    settings = {"delta": 1.0, **wrong}
    with pytest.raises(CyberrangeError):
        select_best(table_of(np.ones((12, 1000)), asked), 12, **settings)  # type: ignore[arg-type]
    assert not asked


def test_the_same_costs_give_the_same_selection() -> None:
    one, two = (select_best(skewed(4, np.linspace(0, 2, 20).tolist(), 20_000), 20, 0.3) for _ in range(2))
    pd.testing.assert_frame_equal(one.final.table, two.final.table, check_exact=True)
    pd.testing.assert_frame_equal(one.halving.history, two.halving.history, check_exact=True)
    assert (one.selected, one.runs) == (two.selected, two.runs)


def test_seeded_designs_reach_the_final_whatever_they_cost() -> None:
    luck = np.random.default_rng(3).lognormal(size=5000)

    def sample(designs, first, last):
        return np.outer([9e6 if design == 0 else 1e6 + 1e5 * design for design in designs], luck[first:last])

    free, seeded = (select_best(sample, 12, 1e5, keep=3, seeded=n, names=[f"d{i}" for i in range(12)]) for n in (0, 1))
    assert 0 not in free.halving.survivors
    assert seeded.halving.survivors == (0, 1, 2, 3)
    assert set(seeded.halving.history["design"]) == set(range(1, 12))
    assert "d1 costs at most" in seeded.guarantee


def test_where_all_designs_are_seeded_nothing_is_halved() -> None:
    result = select_best(lambda designs, first, last: np.ones((len(designs), last - first)), 2, 1e5, seeded=2)
    assert result.halving.survivors == (0, 1)
    assert result.halving.runs == 0
