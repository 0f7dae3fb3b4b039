"""What not knowing costs, against cases with a known answer."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.information import (
    decision_tornado,
    evpi,
    evppi,
    rank_designs,
    regret,
    sample_inputs,
    what_to_measure,
)

Matrix = NDArray[np.float64]


def normal_case(seed: int, draws: int, mu: float, rho: float) -> tuple[Matrix, pd.DataFrame]:
    """Two designs whose difference is mu + rho x "known" + sqrt(1 - rho^2) x "rest", all standard normal."""
    generator = np.random.default_rng([seed, 2])
    known, rest, idle, common = generator.standard_normal((4, draws))
    difference = mu + rho * known + np.sqrt(1 - rho**2) * rest
    costs = np.column_stack([5 * common, 5 * common + difference])
    return costs, pd.DataFrame({"idle": idle, "rest": rest, "known": known, "common": common})


def worth_of_normal(mu: float, sigma: float) -> float:
    """Return E[max(0, -D)] for the better of two designs whose difference D is normal."""
    if sigma == 0:
        return 0.0
    return float(sigma * stats.norm.pdf(mu / sigma) - abs(mu) * stats.norm.cdf(-abs(mu) / sigma))


# --- regret and ranks ----------------------------------------------------------------------------

FOUR_DRAWS = pd.DataFrame({"b": [4.0, 4.0, 4.0, 4.0], "a": [1.0, 9.0, 4.0, 1.0], "c": [9.0, 9.0, 9.0, 9.0]})


def test_regret_is_what_the_best_of_each_draw_would_have_saved() -> None:
    assert regret(FOUR_DRAWS).to_dict("list") == {"b": [3, 0, 0, 3], "a": [0, 5, 0, 0], "c": [8, 5, 5, 8]}


def test_designs_are_ranked_by_mean_with_ties_shared() -> None:
    ranks = rank_designs(FOUR_DRAWS)
    assert ranks.index.tolist() == ["a", "b", "c"]
    assert ranks["mean"].tolist() == [3.75, 4.0, 9.0]
    assert ranks["p_best"].tolist() == [0.625, 0.375, 0.0]
    assert ranks["expected_regret"].tolist() == [1.25, 1.5, 6.5]
    assert ranks.loc["a", "p95_regret"] == pytest.approx(np.quantile([0, 5, 0, 0], 0.95))


def test_the_probability_of_being_best_is_that_of_a_normal_difference() -> None:
    costs, _ = normal_case(1, 10_000, 0.5, 0.7)
    expected = stats.norm.cdf(0.5)
    found = rank_designs(costs)["p_best"]
    assert abs(found[0] - expected) <= 4 * np.sqrt(expected * (1 - expected) / 10_000)
    assert found.sum() == pytest.approx(1.0)


# --- perfect information -------------------------------------------------------------------------


@pytest.mark.parametrize("mu", [-1.0, 0.3, 1.0, 2.0])
def test_evpi_is_that_of_the_closed_form(mu: float) -> None:
    costs, _ = normal_case(2, 20_000, mu, 0.6)
    found = evpi(costs)
    assert abs(found.value - worth_of_normal(mu, 1.0)) <= 4 * found.standard_error
    assert found.standard_error < 0.01


def test_evpi_is_the_expected_regret_of_the_best_design() -> None:
    assert evpi(FOUR_DRAWS).value == rank_designs(FOUR_DRAWS)["expected_regret"].iloc[0] == 1.25


def test_nothing_is_worth_knowing_when_one_design_is_always_best() -> None:
    costs, inputs = normal_case(3, 400, 0.0, 0.5)
    costs[:, 1] = costs[:, 0] + 1.0
    assert evpi(costs) == (0.0, 0.0)
    table = what_to_measure(costs, inputs)
    assert (table == 0).all(axis=None)


@pytest.mark.parametrize("mu", [0.3, 1.0])
@pytest.mark.parametrize("rho", [0.4, 0.7, 1.0])
def test_evppi_is_that_of_the_closed_form(mu: float, rho: float) -> None:
    costs, inputs = normal_case(4, 8000, mu, rho)
    for column, sigma in (("known", rho), ("rest", np.sqrt(1 - rho**2))):
        found = evppi(costs, inputs, column)
        assert abs(found.value - worth_of_normal(mu, sigma)) <= 4 * max(found.standard_error, 0.002)


@pytest.mark.parametrize("rho", [0.3, 0.7, 1.0])
def test_evppi_from_few_draws_is_off_by_a_few_hundredths_of_the_evpi_on_average(rho: float) -> None:
    cases = [normal_case(100 + trial, 400, 0.5, rho) for trial in range(200)]
    found = np.array([evppi(costs, inputs, "known").value for costs, inputs in cases])
    allowed = 0.04 * worth_of_normal(0.5, 1.0) + 4 * found.std() / np.sqrt(len(found))
    assert abs(found.mean() - worth_of_normal(0.5, rho)) <= allowed


def test_evppi_finds_a_threshold_that_a_straight_line_would_miss() -> None:
    x = np.random.default_rng([5, 2]).random(4000)
    costs = np.column_stack([np.where(np.abs(x - 0.5) < 0.25, 0.0, 2.0), np.ones(4000)])
    found = evppi(costs, pd.DataFrame({"x": x}), "x")
    # Tenths straddle the two steps, where 0.05 of the draws on each side cannot be told apart.
    assert found.value == pytest.approx(0.4, abs=4 * found.standard_error)
    assert evpi(costs).value == pytest.approx(0.5, abs=4 * evpi(costs).standard_error)


@pytest.mark.parametrize("mu", [0.0, 0.5])
def test_an_input_that_does_not_matter_is_worth_next_to_nothing(mu: float) -> None:
    cases = [normal_case(500 + trial, 400, mu, 0.7) for trial in range(200)]
    shares = []
    for costs, inputs in cases:
        for column in ("idle", "common"):
            found = evppi(costs, inputs, column)
            assert found.value <= 4 * found.standard_error
            shares.append(found.value / evpi(costs).value)
    assert np.mean(shares) <= 0.04


def test_the_standard_error_is_no_smaller_than_the_spread_between_studies() -> None:
    cases = [normal_case(800 + trial, 400, 0.5, 0.7) for trial in range(300)]
    found = [evppi(costs, inputs, "known") for costs, inputs in cases]
    spread = np.std([worth.value for worth in found])
    claimed = np.sqrt(np.mean([worth.standard_error**2 for worth in found]))
    # The standard error of a standard deviation is its 1 / sqrt(2 n)th part.
    assert spread <= claimed * (1 + 4 / np.sqrt(2 * len(found)))


def test_evppi_lies_between_nothing_and_the_evpi_for_any_costs() -> None:
    generator = np.random.default_rng([6, 2])
    for _ in range(100):
        draws, designs = generator.integers(100, 300), generator.integers(1, 9)
        inputs = pd.DataFrame({"a": generator.lognormal(size=draws), "b": generator.integers(0, 4, draws)})
        costs = generator.lognormal(0, 2, (draws, designs)) + np.outer(inputs["a"], generator.normal(size=designs))
        most = evpi(costs).value
        assert ((table := what_to_measure(costs, inputs))["evppi"] >= 0).all()
        assert (table["evppi"] <= most * (1 + 1e-9)).all()


def test_an_input_of_few_values_is_split_by_value_however_rare_they_are() -> None:
    rare = np.tile([1.0] + [0.0] * 19, 20)
    costs = np.column_stack([100 * rare, np.full(400, 20.0)])
    for x in (rare, 1 - rare):
        assert evppi(costs, pd.DataFrame({"x": x}), "x").value == pytest.approx(evpi(costs).value)


def test_a_constant_input_is_worth_nothing() -> None:
    costs, inputs = normal_case(7, 400, 0.0, 0.5)
    assert evppi(costs, inputs.assign(fixed=3.0), "fixed") == (0.0, 0.0)


def test_inputs_are_listed_by_worth_with_their_share() -> None:
    costs, inputs = normal_case(8, 4000, 0.3, 0.8)
    table = what_to_measure(costs, inputs)
    assert table.index[:2].tolist() == ["known", "rest"]
    assert table["evppi"].is_monotonic_decreasing
    assert table.loc["known", "evppi"] == evppi(costs, inputs, "known").value
    assert table.loc["known", "share_of_evpi"] == pytest.approx(table.loc["known", "evppi"] / evpi(costs).value)


# --- the tornado ---------------------------------------------------------------------------------


def test_the_tornado_shows_the_regret_of_todays_choice_at_both_ends() -> None:
    costs, inputs = normal_case(9, 20_000, 0.3, 0.8)
    table = decision_tornado(costs, inputs)
    assert table.index[:2].tolist() == ["known", "rest"]
    row = table.loc["known"]
    # The mean of the highest tenth of a standard normal is pdf(q) / 0.1.
    end = stats.norm.pdf(stats.norm.ppf(0.9)) / 0.1
    error = 4 / np.sqrt(2000)
    assert abs(row["high"] - end) <= error
    assert abs(row["low"] + end) <= error
    assert row["regret_high"] == 0.0
    assert abs(row["regret_low"] - (0.8 * end - 0.3)) <= error
    assert (row["best_low"], row["best_high"]) == (1, 0)


def test_an_input_that_moves_every_design_alike_has_no_regret() -> None:
    generator = np.random.default_rng([10, 2])
    common = generator.lognormal(size=400)
    costs = pd.DataFrame({"a": common, "b": common + 0.1})
    row = decision_tornado(costs, pd.DataFrame({"common": common})).loc["common"]
    assert (row["regret_low"], row["regret_high"], row["best_low"], row["best_high"]) == (0.0, 0.0, "a", "a")


# --- what is refused -----------------------------------------------------------------------------


def test_tables_that_do_not_belong_together_are_refused() -> None:
    costs, inputs = normal_case(11, 400, 0.0, 0.5)
    with pytest.raises(CyberrangeError, match="400 draws and inputs 399"):
        what_to_measure(costs, inputs.iloc[1:])
    with pytest.raises(CyberrangeError, match="99 draws are too few"):
        decision_tornado(costs[:99], inputs[:99])
    with pytest.raises(CyberrangeError, match=r"unknown input 'knwon'. Did you mean 'known'\?"):
        evppi(costs, inputs, "knwon")


def test_costs_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(CyberrangeError, match="'b' is not a finite number in draw 1"):
        regret(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, np.inf]}))
    with pytest.raises(CyberrangeError, match="two or more draws"):
        evpi(np.ones((1, 3)))


# --- drawing inputs ------------------------------------------------------------------------------

RANGES = pd.DataFrame(
    {"low": [0.0, -4.0, 2.0, 1.0, 7.0], "mode": [1.0, 3.0, 2.0, 9.0, 7.0], "high": [10.0, 5.0, 6.0, 9.0, 7.0]},
    index=["skewed", "negative", "mode_low", "mode_high", "fixed"],
)


def test_draws_have_the_moments_of_pert_and_keep_within_bounds() -> None:
    drawn = sample_inputs(RANGES, 2000, seed=3)
    for name, (low, mode, high) in zip(RANGES.index, RANGES.to_numpy(), strict=True):
        mean = (low + 4 * mode + high) / 6
        variance = (mean - low) * (high - mean) / 7
        values = drawn[name]
        assert values.between(low, high).all()
        assert abs(values.mean() - mean) <= 4 * np.sqrt(variance / 2000)
        if variance:
            fourth = float(((values - mean) ** 4).mean())
            assert abs(values.var() - variance) <= 4 * np.sqrt((fourth - variance**2) / 2000)


def test_draws_are_spread_more_evenly_than_by_chance() -> None:
    drawn = sample_inputs(RANGES, 1024, seed=4)
    tenths = stats.beta.cdf(drawn["skewed"] / 10, 1 + 0.4, 1 + 3.6)
    assert stats.kstest(tenths, "uniform").statistic < 2 / 1024
    assert abs(np.corrcoef(drawn["skewed"], drawn["negative"])[0, 1]) < 4 / np.sqrt(1024)


def test_a_constant_input_stays_constant() -> None:
    assert (sample_inputs(RANGES, 100, seed=5)["fixed"] == 7.0).all()


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    one = sample_inputs(RANGES, 100, seed=6)
    pd.testing.assert_frame_equal(one, sample_inputs(RANGES, 100, seed=6), check_exact=True)
    assert not one.equals(sample_inputs(RANGES, 100, seed=7))


def test_changing_the_range_of_one_input_leaves_the_others_as_they_were() -> None:
    changed = RANGES.copy()
    changed.loc["skewed"] = [2.0, 2.0, 2.0]
    one, two = sample_inputs(RANGES, 64, seed=8), sample_inputs(changed, 64, seed=8)
    pd.testing.assert_frame_equal(one.drop(columns="skewed"), two.drop(columns="skewed"), check_exact=True)


@pytest.mark.parametrize("draws", [1, 2, 3, 100, 128])
def test_any_number_of_draws_can_be_had(draws: int) -> None:
    assert sample_inputs(RANGES, draws, seed=9).shape == (draws, 5)


@pytest.mark.parametrize("wrong", [[3.0, 2.0, 5.0], [1.0, 6.0, 5.0], [1.0, np.nan, 5.0], [1.0, 2.0, np.inf]])
def test_a_range_out_of_order_is_refused_by_name(wrong: list[float]) -> None:
    table = RANGES.copy()
    table.loc["negative"] = wrong
    with pytest.raises(CyberrangeError, match=r"input 'negative': .* low <= mode <= high is needed"):
        sample_inputs(table, 10, seed=1)


def test_a_table_without_its_columns_or_rows_is_refused() -> None:
    with pytest.raises(CyberrangeError, match="no column 'mode'"):
        sample_inputs(RANGES.drop(columns="mode"), 10, seed=1)
    with pytest.raises(CyberrangeError, match="empty"):
        sample_inputs(RANGES.iloc[:0], 10, seed=1)
    with pytest.raises(CyberrangeError, match="draws must be at least 1"):
        sample_inputs(RANGES, 0, seed=1)
