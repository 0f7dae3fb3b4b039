"""A composed year is compared with simulated years and closed forms; figures, bands and notes that follow from it."""

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cyberrange.errors import CyberrangeError
from cyberrange.study.risk.annual import AnnualRisk, annualised, benefit
from cyberrange.study.risk.band import band, tail_runs
from cyberrange.study.risk.curve import Annual, compose
from cyberrange.study.risk.guard_rails import notes
from cyberrange.study.risk.pricing import LEDGERS, ServiceValue, Values, price

Floats = npt.NDArray[np.float64]


def mixed(runs: int = 300) -> tuple[dict[str, Floats], dict[str, float]]:
    """Return skewed losses of very different sizes, some of them zero, with their rates."""
    generator = np.random.default_rng(11)
    losses = {
        "ransomware": generator.lognormal(3.0, 1.0, runs),
        "insider": generator.gamma(0.7, 10.0, runs) * (generator.random(runs) < 0.6),
        "flood": np.full(runs, 25.0),
        "calm": np.zeros(runs),
    }
    return losses, {"ransomware": 0.3, "insider": 0.8, "flood": 0.15, "calm": 5.0}


def simulated_years(losses: Mapping[str, Floats], per_year: Mapping[str, float], years: int, seed: int) -> Floats:
    """Return the losses of years in which every incident is drawn."""
    generator = np.random.default_rng(seed)
    total = np.zeros(years)
    for name, loss in losses.items():
        year = np.repeat(np.arange(years), generator.poisson(per_year[name], years))
        total += np.bincount(year, weights=generator.choice(loss, len(year)), minlength=years)
    return total


def values_on(annual: Annual) -> Floats:
    return annual.step * np.arange(len(annual.chance))


# --- against simulated years --------------------------------------------------------------------------


def test_mean_var_cvar_and_curve_agree_with_simulated_years() -> None:
    losses, per_year = mixed()
    annual, years = compose(losses, per_year), simulated_years(losses, per_year, 200_000, seed=3)
    n = len(years)
    assert abs(years.mean() - annual.ale) <= 4 * years.std() / math.sqrt(n)
    assert abs((years == 0).mean() - annual.none) <= 4 * math.sqrt(annual.none * (1 - annual.none) / n)
    ordered = np.sort(years)
    for level in (0.90, 0.95, 0.99):
        rank, error = level * n, 4 * math.sqrt(n * level * (1 - level))
        low, high = ordered[int(rank - error)], ordered[int(rank + error)]
        assert low - 3 * annual.step <= annual.var(level) <= high + 3 * annual.step
        # Given VaR, the mean excess over it is a plain mean, so its standard error is too.
        excess = np.maximum(years - annual.var(level), 0) / (1 - level)
        assert abs(annual.var(level) + excess.mean() - annual.cvar(level)) <= 4 * excess.std() / math.sqrt(n)
    for threshold in (1.0, 20.0, 60.0, 200.0):
        chance = annual.chance_above(threshold)
        assert abs((years > threshold).mean() - chance) <= 4 * math.sqrt(chance * (1 - chance) / n)


def test_many_small_incidents_and_few_large_ones_are_both_resolved() -> None:
    losses = {"alarm": np.linspace(0.5, 1.5, 200), "disaster": np.full(200, 3000.0)}
    per_year = {"alarm": 2.0, "disaster": 0.01}
    annual, years = compose(losses, per_year), simulated_years(losses, per_year, 200_000, seed=4)
    for threshold in (0.25, 1.0, 3.0, 100.0):
        chance = annual.chance_above(threshold)
        # A cell holds a twentieth of an alarm, and a year about two alarms.
        near = annual.chances_above([threshold - annual.step, threshold + annual.step])
        assert near[1] <= chance <= near[0]
        slack = 4 * math.sqrt(chance * (1 - chance) / len(years)) + (near[0] - near[1])
        assert abs((years > threshold).mean() - chance) <= slack
    assert annual.step < 0.1


# --- against closed forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e-7, 0.04, 0.7, 6.0, 400.0])
def test_equal_losses_make_a_poisson_number_of_them(rate: float) -> None:
    annual = compose({"flood": [12.5] * 40}, {"flood": rate})
    each = round(12.5 / annual.step)
    whole = annual.chance[::each]
    np.testing.assert_allclose(whole, stats.poisson.pmf(np.arange(len(whole)), rate), rtol=1e-9, atol=1e-13)
    assert annual.chance.sum() == pytest.approx(1.0, abs=1e-12)
    assert annual.none == pytest.approx(math.exp(-rate), rel=1e-12)
    for level in (0.5, 0.95, 0.99):
        count = stats.poisson.ppf(level, rate)
        assert annual.var(level) == pytest.approx(12.5 * count, rel=1e-9)
        beyond = 12.5 * sum((k - count) * stats.poisson.pmf(k, rate) for k in range(int(count), int(count) + 200))
        assert annual.cvar(level) == pytest.approx(12.5 * count + beyond / (1 - level), rel=1e-9)
    assert annual.chance_above(12.5) == pytest.approx(stats.poisson.sf(1, rate), rel=1e-6)
    just_below = 12.5 - annual.step / 2
    assert annual.chance_above(just_below) == pytest.approx(stats.poisson.sf(0, rate), rel=1e-6)


def test_a_level_that_a_year_reaches_exactly_gives_the_loss_there_and_not_the_next() -> None:
    for rate in (0.3, 1.0, 4.0):
        annual = compose({"flood": [12.5] * 40}, {"flood": rate})
        for count in range(4):
            level = float(stats.poisson.cdf(count, rate))
            assert annual.var(level) == pytest.approx(12.5 * count)


def test_the_variance_is_that_of_a_compound_poisson_sum() -> None:
    losses, per_year = mixed()
    annual = compose(losses, per_year)
    found = annual.chance @ (values_on(annual) - annual.ale) ** 2
    theory = sum(rate * np.mean(losses[name] ** 2) for name, rate in per_year.items())
    # Sharing a loss between two cells adds at most a quarter of a squared step.
    assert theory - 1e-6 <= found <= theory + sum(per_year.values()) * annual.step**2 / 4 + 1e-6


def test_exponential_losses_have_the_known_variance_and_tail() -> None:
    # Mid-quantiles of the exponential distribution, so that the sample itself adds little.
    losses = {"any": stats.expon.ppf((np.arange(4000) + 0.5) / 4000, scale=7.0)}
    annual = compose(losses, {"any": 1.5})
    found = annual.chance @ (values_on(annual) - annual.ale) ** 2
    assert annual.ale == pytest.approx(1.5 * 7.0, rel=1e-3)
    assert found == pytest.approx(2 * 1.5 * 7.0**2, rel=5e-3)
    # A sum of n exponential losses is gamma with shape n.
    for threshold in (1.0, 10.0, 40.0):
        theory = sum(stats.poisson.pmf(n, 1.5) * stats.gamma.sf(threshold, n, scale=7.0) for n in range(1, 60))
        assert annual.chance_above(threshold) == pytest.approx(theory, rel=2e-3)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 30.0, 1000.0])
def test_the_mean_is_exact_and_nothing_wraps_around(factor: float) -> None:
    losses, per_year = mixed()
    rates = {name: factor * rate for name, rate in per_year.items()}
    annual = compose(losses, rates)
    assert annual.ale == pytest.approx(sum(rates[name] * losses[name].mean() for name in rates), rel=1e-12)
    assert annual.chance @ values_on(annual) == pytest.approx(annual.ale, rel=1e-9)
    assert annual.chance.min() >= 0
    assert annual.chance[-len(annual.chance) // 50 :].sum() < 1e-9


def test_a_rare_disaster_keeps_its_digits_among_many_incidents_that_cost_nothing() -> None:
    annual = compose({"calm": [0.0] * 10, "disaster": [3.0, 5.0, 8.0]}, {"calm": 1e4, "disaster": 1e-8})
    assert annual.chance @ values_on(annual) == pytest.approx(annual.ale, rel=1e-9)
    assert annual.chance_above(0.0) == pytest.approx(1e-8, rel=1e-6)
    assert annual.chance_above(4.0) == pytest.approx(2e-8 / 3, rel=1e-6)


# --- properties -----------------------------------------------------------------------------------------

LOSSES = st.lists(st.floats(1.0, 1e5) | st.just(0.0), min_size=1, max_size=6)
PORTFOLIOS = st.dictionaries(st.sampled_from("abcd"), st.tuples(LOSSES, st.floats(0.0, 20.0)), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(PORTFOLIOS, st.sampled_from([2.0**-30, 0.5, 8.0, 2.0**20]))
def test_in_another_currency_every_figure_is_converted_and_no_chance_changes(
    portfolio: dict[str, tuple[list[float], float]], factor: float
) -> None:
    rates = {name: rate for name, (_, rate) in portfolio.items()}
    one = compose({name: loss for name, (loss, _) in portfolio.items()}, rates)
    other = compose({name: factor * np.array(loss) for name, (loss, _) in portfolio.items()}, rates)
    if one.ale == 0 or other.ale == 0:
        return
    np.testing.assert_array_equal(one.chance, other.chance)
    for level in (0.5, 0.95, 0.99):
        assert other.var(level) == pytest.approx(factor * one.var(level), rel=1e-9)
        assert other.cvar(level) == pytest.approx(factor * one.cvar(level), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(PORTFOLIOS)
def test_the_curve_falls_from_the_chance_of_any_loss_to_zero(portfolio: dict[str, tuple[list[float], float]]) -> None:
    annual = compose(
        {name: loss for name, (loss, _) in portfolio.items()}, {name: rate for name, (_, rate) in portfolio.items()}
    )
    curve = annual.curve(np.linspace(0, 1.1 * annual.step * len(annual.chance), 500))
    assert curve["chance"].iloc[0] == pytest.approx(1 - annual.none)
    assert curve["chance"].iloc[-1] == 0
    assert (np.diff(curve["chance"]) <= 0).all()
    assert annual.chance_above(-annual.step) == 1.0
    assert annual.ale <= annual.cvar(0.5) * (1 + 1e-9)
    assert annual.var(0.95) <= annual.var(0.99) <= annual.cvar(0.99) * (1 + 1e-9)


def test_scenarios_with_equal_losses_are_as_one_with_the_sum_of_their_rates() -> None:
    loss = mixed()[0]["ransomware"]
    two = compose({"a": loss, "b": loss}, {"a": 0.2, "b": 0.5})
    one = compose({"a": loss}, {"a": 0.7})
    np.testing.assert_allclose(two.chance, one.chance, rtol=1e-9, atol=1e-15)


def test_a_scenario_that_never_comes_or_never_costs_changes_nothing() -> None:
    losses, per_year = mixed()
    more = compose({**losses, "never": np.array([1e12])}, {**per_year, "never": 0.0})
    less = compose({n: x for n, x in losses.items() if n != "calm"}, {n: r for n, r in per_year.items() if n != "calm"})
    plain = compose(losses, per_year)
    for other in (more, less):
        np.testing.assert_allclose(other.chance, plain.chance, rtol=1e-9, atol=1e-15)
        assert other.none == pytest.approx(plain.none)


@pytest.mark.parametrize(
    ("losses", "per_year"), [({"a": [0.0, 0.0]}, {"a": 3.0}), ({"a": [5.0]}, {"a": 0.0}), ({}, {})]
)
def test_where_nothing_is_lost_every_figure_is_zero(losses: dict[str, list[float]], per_year: dict[str, float]) -> None:
    annual = compose(losses, per_year)
    assert (annual.ale, annual.none, annual.var(0.99), annual.cvar(0.99)) == (0.0, 1.0, 0.0, 0.0)
    assert annual.chances_above([-1.0, 0.0, 1.0]).tolist() == [1.0, 0.0, 0.0]
    curve = annual.curve()
    assert curve.values.tolist() == [[0.0, 0.0, math.inf]]
    assert band(losses, per_year, seed=1)[["low", "high"]].values.tolist() == [[0.0, 0.0]]


def test_return_periods_are_the_inverse_of_the_chances() -> None:
    curve = compose(*mixed()).curve(41)
    np.testing.assert_allclose(curve["chance"] * curve["return_period"], 1.0)
    assert len(curve) == 41
    assert curve["chance"].iloc[-1] == pytest.approx(1e-4, rel=0.01)


def test_more_cells_can_be_asked_for() -> None:
    losses, per_year = mixed()
    coarse, fine = compose(losses, per_year), compose(losses, per_year, cells=2**19)
    assert len(fine.chance) == 2**19 > len(coarse.chance)
    assert fine.var(0.99) == pytest.approx(coarse.var(0.99), abs=4 * coarse.step)


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [compose, lambda losses, rates: band(losses, rates, seed=1)])
@pytest.mark.parametrize(
    ("losses", "per_year", "told"),
    [
        ({"insider": [1.0, -2.0]}, {"insider": 1.0}, "scenario 'insider': the loss of run 1 is -2.0"),
        ({"insider": [math.nan]}, {"insider": 1.0}, "scenario 'insider': the loss of run 0 is nan"),
        ({"insider": [math.inf]}, {"insider": 1.0}, "scenario 'insider': the loss of run 0 is inf"),
        ({"insider": []}, {"insider": 1.0}, "scenario 'insider': needs a row of losses"),
        ({"insider": [1.0]}, {"insider": -0.5}, "scenario 'insider': -0.5 incidents a year"),
        ({"insider": [1.0]}, {"insider": math.nan}, "scenario 'insider': nan incidents a year"),
        ({"insider": [1.0]}, {}, "scenario 'insider': its rate"),
        ({"insider": [1.0]}, {"insider": 1.0, "insidr": 1.0}, "scenario 'insidr', .* Did you mean 'insider'?"),
        ({"insider": [1.0]}, {"insider": 1e9}, "1e\\+09 incidents a year are too many"),
    ],
)
def test_what_cannot_be_composed_is_refused_by_the_name_of_the_scenario(make, losses, per_year, told) -> None:
    with pytest.raises(CyberrangeError, match=told):
        make(losses, per_year)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_a_level_outside_zero_to_one_is_refused(level: float) -> None:
    losses, rates = {"a": [1.0]}, {"a": 1.0}
    annual = compose(losses, rates)
    for ask in (annual.var, annual.cvar, lambda p: band(losses, rates, seed=1, level=p)):
        with pytest.raises(CyberrangeError, match="must lie between 0 and 1"):
            ask(level)


def test_a_band_of_no_resamples_is_refused() -> None:
    with pytest.raises(CyberrangeError, match="0 resamples"):
        band({"a": [1.0]}, {"a": 1.0}, seed=1, resamples=0)


# --- the band ---------------------------------------------------------------------------------------------


def test_the_band_has_the_width_that_theory_gives_a_rare_incident() -> None:
    # P(loss > 50) is 1 - exp(-rate x share above 50), and the share in a resample is binomial.
    runs, rate, above, resamples = 400, 0.2, 100, 400
    losses = {"a": np.where(np.arange(runs) < above, 80.0, 1.0)}
    found = band(losses, {"a": rate}, seed=2, resamples=resamples, level=0.90, points=[50.0]).loc[0]
    # A quantile of the resamples strays by its own standard error, in shares of resamples.
    error = 4 * math.sqrt(0.05 * 0.95 / resamples)
    levels = np.array([0.05 - error, 0.05 + error, 0.95 - error, 0.95 + error])
    within = 1 - np.exp(-rate * stats.binom(runs, above / runs).ppf(levels) / runs)
    assert within[0] <= found["low"] <= within[1]
    assert within[2] <= found["high"] <= within[3]


def test_the_band_lies_around_the_curve_and_narrows_with_more_runs() -> None:
    few, many = (band(*mixed(runs), seed=1, resamples=60, points=[10.0, 40.0, 100.0]) for runs in (50, 2000))
    for found in (few, many):
        assert (found["low"] <= found["chance"]).all()
        assert (found["chance"] <= found["high"]).all()
    assert ((many["high"] - many["low"]) < 0.5 * (few["high"] - few["low"])).all()


def test_the_band_draws_the_same_replicates_for_scenarios_and_ledgers() -> None:
    loss = mixed()[0]["ransomware"]
    apart = band({"a": loss, "b": loss}, {"a": 0.2, "b": 0.3}, seed=6, points=[10.0, 50.0])
    together = band({"a": loss}, {"a": 0.5}, seed=6, points=[10.0, 50.0])
    pd.testing.assert_frame_equal(apart, together, rtol=1e-9)
    doubled = band({"a": 2 * loss}, {"a": 0.5}, seed=6, points=[20.0, 100.0])
    np.testing.assert_allclose(doubled[["chance", "low", "high"]], together[["chance", "low", "high"]], rtol=1e-9)


def test_the_same_seed_gives_the_same_band_and_another_seed_another() -> None:
    ask = {"resamples": 30, "points": [10.0, 40.0]}
    one, same, other = (band(*mixed(), seed=seed, **ask) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert not one.equals(other)


def test_scenarios_may_have_different_numbers_of_runs() -> None:
    losses = {"a": np.linspace(1, 9, 40), "b": np.linspace(5, 50, 70)}
    found = band(losses, {"a": 0.5, "b": 0.2}, seed=1, resamples=40, points=[0.0, 8.0, 30.0])
    assert (found["low"] <= found["high"]).all()


# --- how many runs a tail rests on --------------------------------------------------------------------


def test_a_rare_tail_rests_on_the_runs_above_var() -> None:
    losses, rate = {"a": np.repeat([1.0, 60.0], [485, 15])}, {"a": 0.5}
    annual = compose(losses, rate)
    assert annual.var(0.98) < 60
    assert tail_runs(annual, losses, rate, 0.98) == pytest.approx(15, rel=0.1)


def test_where_incidents_are_many_a_tail_rests_on_all_runs() -> None:
    losses, rate = {"a": np.full(80, 3.0)}, {"a": 50.0}
    assert tail_runs(compose(losses, rate), losses, rate, 0.95) == pytest.approx(80)


def test_the_parts_of_runs_in_the_tail_add_up_to_its_mean() -> None:
    # What `tail_runs` is made of: sum of rate_i x_i P(S + x_i > v) is E[S; S > v].
    losses, per_year = mixed()
    annual = compose(losses, per_year)
    v = annual.var(0.95)
    parts = sum(
        rate * np.mean(losses[name] * annual.chances_above(v - losses[name])) for name, rate in per_year.items()
    )
    values = values_on(annual)
    assert parts == pytest.approx(annual.chance[values > v] @ values[values > v], rel=5e-3)


def test_where_nothing_is_lost_a_tail_rests_on_all_runs() -> None:
    losses, rate = {"a": np.zeros(12), "never": np.ones(5)}, {"a": 1.0, "never": 0.0}
    assert tail_runs(compose(losses, rate), losses, rate, 0.95) == 12


# --- the risk of a city, in ledgers -------------------------------------------------------------------

WORTH = Values(
    {
        "water": ServiceValue(city=1.0, citizens=2.0, deferred=0.5, recovered=0.2, safety=0.1),
        "deeds": ServiceValue(city=0.0, citizens=6.0, deferred=300.0, recovered=0.98, safety=0.0),
    }
)


def runs_of(mean: float, seed: int, runs: int = 200) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "unserved.water": generator.exponential(mean, runs),
            "unserved.deeds": generator.exponential(mean / 50, runs),
            "response_cost": generator.uniform(0, mean, runs),
        }
    )


def risk_of(per_year: dict[str, float] | None = None) -> AnnualRisk:
    runs = {"ransomware": runs_of(1000.0, 1), "insider": runs_of(100.0, 2)}
    return AnnualRisk(runs, per_year or {"ransomware": 0.2, "insider": 1.0}, WORTH)


def test_the_table_tells_every_ledger_as_composed_alone() -> None:
    risk = risk_of()
    table = risk.table(threshold=2000.0)
    assert tuple(table.index) == LEDGERS
    for ledger in LEDGERS:
        alone = compose({k: price(runs, WORTH)[ledger] for k, runs in risk.runs.items()}, risk.per_year)
        row = table.loc[ledger]
        figures = ["ale", "var95", "var99", "cvar95"]
        expected = [alone.ale, alone.var(0.95), alone.var(0.99), alone.cvar(0.95)]
        np.testing.assert_allclose(row[figures].to_numpy(dtype=float), expected)
        if row["unit"] == "Rs":
            assert row["chance_above"] == alone.chance_above(2000.0)
        else:
            assert math.isnan(row["threshold"])
            assert math.isnan(row["chance_above"])


def test_the_means_of_the_ledgers_add_up() -> None:
    ale = risk_of().table(threshold=0.0)["ale"]
    assert ale["total"] == pytest.approx(ale["city"] + ale["citizens"])
    assert ale["recovered"] < ale["deferred"]


def test_a_threshold_can_be_given_by_ledger() -> None:
    table = risk_of().table(threshold={"citizen_hours": 500.0})
    assert table.loc["citizen_hours", "chance_above"] == risk_of().annual["citizen_hours"].chance_above(500.0)
    assert table["chance_above"].isna().sum() == len(LEDGERS) - 1
    with pytest.raises(CyberrangeError, match=r"'citizen_hour'.*Did you mean 'citizen_hours'"):
        risk_of().table(threshold={"citizen_hour": 1.0})


def test_repricing_equals_composing_anew_and_leaves_the_old_risk_as_it_was() -> None:
    risk = risk_of()
    before = risk.table(threshold=1000.0)
    dearer = WORTH.scaled(citizens=1.3).replace("deeds", recovered=0.5)
    again = risk.repriced(per_year={"insider": 3.0}, values=dearer)
    anew = AnnualRisk(risk.runs, {"ransomware": 0.2, "insider": 3.0}, dearer)
    pd.testing.assert_frame_equal(again.table(threshold=1000.0), anew.table(threshold=1000.0), check_exact=True)
    pd.testing.assert_frame_equal(risk.table(threshold=1000.0), before, check_exact=True)
    assert again.annual["total"].ale > risk.annual["total"].ale


def test_a_new_rate_of_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(CyberrangeError, match=r"'insidr'.*Did you mean 'insider'"):
        _ = risk_of().repriced(per_year={"insidr": 1.0}).annual


def test_the_band_of_a_ledger_lies_around_its_curve() -> None:
    risk = risk_of()
    at = [100.0, 1000.0, 5000.0]
    found = risk.band("total", seed=3, resamples=50, points=at)
    np.testing.assert_array_equal(found["chance"], risk.annual["total"].chances_above(at))
    assert (found["low"] <= found["chance"]).all()
    with pytest.raises(CyberrangeError, match="no ledger 'totl'"):
        risk.band("totl", seed=3)


# --- what controls are worth --------------------------------------------------------------------------


def test_an_annual_payment_pays_for_the_outlay_with_interest() -> None:
    for capex, life, rate in ((5e6, 5, 0.08), (1e5, 12, 0.03), (7.0, 1, 0.5)):
        paid = annualised(capex, life, rate)
        assert sum(paid / (1 + rate) ** year for year in range(1, life + 1)) == pytest.approx(capex)


def test_without_interest_an_outlay_is_spread_evenly_and_a_tiny_rate_hardly_differs() -> None:
    assert annualised(100.0, 4.0, 0.0) == 25.0
    assert annualised(100.0, 4.0, 1e-13) == pytest.approx(25.0, rel=1e-12)
    assert annualised(0.0, 4.0, 0.08) == 0.0


@pytest.mark.parametrize(
    ("capex", "life", "rate", "told"),
    [(-1.0, 5, 0.1, "capex is -1"), (1.0, 0, 0.1, "life_years is 0"), (1.0, -5, 0.1, "life_years"),
     (1.0, 5, -0.1, "rate is -0.1"), (math.nan, 5, 0.1, "capex is nan"), (1.0, 5, math.inf, "rate is inf")],
)  # fmt: skip
def test_an_outlay_that_makes_no_sense_is_refused(capex: float, life: float, rate: float, told: str) -> None:
    with pytest.raises(CyberrangeError, match=told):
        annualised(capex, life, rate)


def test_benefit_is_told_as_net_as_rosi_and_as_payback() -> None:
    cost = annualised(300.0, 5, 0.0) + 40.0
    found = benefit(1000.0, 600.0, cost, capex=300.0, opex=40.0)
    assert found == (400.0, 300.0, 3.0, pytest.approx(300 / 360))
    assert benefit(1000.0, 600.0, cost).payback_years is None


def test_what_costs_nothing_has_no_rosi_and_what_avoids_too_little_no_payback() -> None:
    assert benefit(10.0, 4.0, 0.0) == (6.0, 6.0, None, None)
    worse = benefit(10.0, 12.0, 5.0, capex=20.0, opex=1.0)
    assert worse == (-2.0, -7.0, -1.4, None)
    assert benefit(10.0, 9.0, 5.0, capex=20.0, opex=1.0).payback_years is None
    with pytest.raises(CyberrangeError, match="cost_per_year is -1"):
        benefit(1.0, 1.0, -1.0)


# --- guard-rails --------------------------------------------------------------------------------------


def codes(*args, **kwargs) -> list[str]:
    return [note.code for note in notes(*args, **kwargs)]


def test_nothing_is_told_where_nothing_is_wrong() -> None:
    assert notes(risk_of(), found="abc", asked="abc", cost=10.0) == ()
    assert notes(risk_of()) == ()
    assert notes(risk_of(), asked="abc") == ()


def test_a_tail_on_few_runs_is_told_with_their_number() -> None:
    risk = risk_of({"ransomware": 0.2, "insider": 0.0})
    assert codes(risk) == []
    (note,) = notes(risk, level=0.998)
    assert note.code == "few_runs"
    assert "worst 0.2 % of years" in note.text
    told = int(re.search(r"about (\d+) simulated", note.text).group(1))
    assert told == round(risk.tail_runs("total", 0.998)) < 30


@pytest.mark.parametrize(("runs", "told"), [(29, ["few_runs"]), (30, [])])
def test_thirty_runs_that_count_alike_are_just_enough(runs: int, told: list[str]) -> None:
    table = pd.DataFrame({"unserved.water": [7.0] * runs, "unserved.deeds": 0.0, "response_cost": 0.0})
    assert codes(AnnualRisk({"a": table}, {"a": 0.7}, WORTH)) == told


def test_var_of_zero_is_told_only_where_losses_are_rarer_than_the_level() -> None:
    rarer, oftener = risk_of({"ransomware": 0.02, "insider": 0.031}), risk_of({"ransomware": 0.02, "insider": 0.033})
    assert rarer.annual["total"].var(0.95) == 0 < oftener.annual["total"].var(0.95)
    assert codes(rarer) == ["var_is_zero"]
    assert codes(oftener) == []
    (note,) = notes(rarer)
    assert "once in 20 years is zero" in note.text
    assert codes(rarer, level=0.90) == ["var_is_zero"]
    assert "var_is_zero" not in codes(rarer, level=0.99)


def test_where_no_run_costs_anything_var_of_zero_is_told_in_other_words() -> None:
    table = pd.DataFrame({"unserved.water": [0.0] * 40, "unserved.deeds": 0.0, "response_cost": 0.0})
    (note,) = notes(AnnualRisk({"a": table}, {"a": 0.7}, WORTH))
    assert note.code == "var_is_zero"
    assert note.text.startswith("No year has a loss")


def test_stale_results_are_told() -> None:
    assert codes(risk_of(), found="abc", asked="abd") == ["stale"]


def test_rosi_without_cost_is_told() -> None:
    assert codes(risk_of(), cost=0.0) == ["rosi_undefined"]


def test_every_note_is_one_plain_sentence() -> None:
    told = notes(risk_of({"ransomware": 1e-6, "insider": 0.0}), found="a", asked="b", cost=0.0, level=0.9999999)
    told += notes(risk_of({"ransomware": 1e-6, "insider": 0.0}))
    assert {note.code for note in told} == {"few_runs", "var_is_zero", "stale", "rosi_undefined"}
    for note in told:
        assert re.fullmatch(r"[A-Z].*[^.]\.", note.text)
        assert ". " not in note.text
