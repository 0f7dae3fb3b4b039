"""The frontier: complete, efficient, and the same from a list of all designs and from a mixed-integer program."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice.frontier import (
    Priced,
    best,
    candidates,
    efficient,
    frontier,
    least_loss,
    next_lakh,
    priced,
)
from cyberrange.study.choice.portfolios import Budget, Design, Offer, allowed, conflicts
from cyberrange.study.choice.screening import screen
from cyberrange.study.choice.surrogate import Surrogate, features, fit, model_matrix
from tests.study.offers import bonded, control, multiplicative, plain

RATE = 0.07
BUDGETS = [
    Budget(own=1e7, years=5),
    Budget(own=6e7, years=5),
    Budget(own=2e7, years=5, grant=5e7),
    Budget(own=1e7, years=3, grant=9e7, covers=frozenset({"c0", "c1", "c8"})),
    Budget(own=1e7, years=3, grant=9e7, pays_organisation=True),
]


def total_of(offer: Offer, seed: int = 1) -> Surrogate:
    """One total loss, with noise, so that no two designs lose alike."""
    designs = screen(offer).designs
    losses = multiplicative(model_matrix(designs), features(designs).shape[1], seed)
    noise = np.exp(0.05 * np.random.default_rng([seed, 13]).standard_normal(len(designs)))
    return fit(designs, pd.DataFrame({"total": losses * noise}))


def three_scenarios(offer: Offer) -> Surrogate:
    designs = screen(offer).designs
    mains = features(designs).shape[1]
    return fit(designs, pd.DataFrame({f"s{k}": multiplicative(model_matrix(designs), mains, k) for k in range(3)}))


# --- efficient designs ----------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_the_efficient_designs_are_those_that_none_beats(points: list[tuple[int, int]]) -> None:
    cost, loss = np.array(points, dtype=np.float64).reshape(-1, 2).T
    found = efficient(cost, loss)
    brute = {(c, x) for c, x in points if not any((d <= c and y <= x) and (d, y) != (c, x) for d, y in points)}
    assert [(cost[i], loss[i]) for i in found] == sorted(brute)


def test_the_frontier_of_all_designs_is_complete_against_brute_force() -> None:
    designs = candidates(three_scenarios(bonded(8, 3)), {"s0": 0.2, "s1": 1.0, "s2": 3.0}, RATE)
    rows = list(zip(designs.cost, designs.loss, strict=True))
    brute = [i for i, (c, x) in enumerate(rows) if not any(d <= c and y <= x and (d, y) != (c, x) for d, y in rows)]
    edge = frontier(designs)
    assert {d.id for d in edge.table} == {designs.table.design(i).id for i in brute}
    assert (np.diff(edge.cost) > 0).all() and (np.diff(edge.loss) < 0).all()


def test_a_price_is_annual_cost_plus_the_sum_of_frequency_and_loss() -> None:
    offer, frequencies = bonded(6, 2), {"s0": 0.2, "s1": 1.0, "s2": 3.0}
    model = three_scenarios(offer)
    designs = candidates(model, frequencies, RATE)
    assert list(designs.table) == list(allowed(offer))
    losses = model.predict(designs.table)
    by_hand = designs.table.annual_cost(RATE) + sum(rate * losses[name] for name, rate in frequencies.items())
    np.testing.assert_allclose(designs.total, by_hand)
    frame = designs.frame()
    assert frame["design"].is_unique
    np.testing.assert_allclose(frame["total"], by_hand)


# --- the best in a budget -------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [None, *BUDGETS])
def test_the_best_design_is_that_of_trying_each(budget: Budget | None) -> None:
    offer = bonded(9, 3)
    designs = candidates(total_of(offer), {"total": 30.0}, RATE)
    found = best(designs, budget)
    fitting = [
        (total, design)
        for total, design in zip(designs.total, designs.table, strict=True)
        if budget is None or offer.affordable(design, budget)
    ]
    assert (found.total, found.design) == min(fitting, key=lambda pair: pair[0])
    assert found.total == pytest.approx(found.cost + found.loss)


def test_designs_of_which_none_is_affordable_are_refused() -> None:
    offer = plain(2)
    table = offer.table([Design("o0", ("c0", "c1"))])
    with pytest.raises(CyberrangeError, match="none of the 1 designs fits"):
        best(Priced(table, np.array([1.0]), np.array([1.0])), Budget(own=0, years=5))


def test_the_next_lakh_gains_what_the_better_design_saves_by_hand() -> None:
    offer = Offer({"today": 0.0}, {"a": control(10e5, 0.0, years=1), "b": control(30e5, 0.0, years=1)})
    table = offer.table([Design("today"), Design("today", ("a",)), Design("today", ("b",))])
    designs = Priced(table, table.annual_cost(0.0), np.array([90e5, 60e5, 20e5]))  # totals 90, 70 and 50 lakh
    found = next_lakh(designs, Budget(own=0, years=1), [30e5, 0, 10e5, 20e5, 40e5])
    assert found["own"].tolist() == [0, 10e5, 20e5, 30e5, 40e5]
    assert found["name"].tolist() == ["today alone", "today + a", "today + a", "today + b", "today + b"]
    np.testing.assert_allclose(found["gain"], [2e5, 0, 2e5, 0, np.nan])


def test_more_money_never_makes_the_best_design_worse() -> None:
    designs = candidates(total_of(bonded(9, 3)), {"total": 30.0}, RATE)
    found = next_lakh(designs, BUDGETS[2], list(np.linspace(0, 2e8, 30)))
    assert (found["gain"].dropna() >= 0).all()
    assert (found["gain"] > 0).sum() > 3


def test_a_budget_below_today_is_refused() -> None:
    designs = candidates(total_of(plain(6)), {"total": 2.0}, RATE)
    with pytest.raises(CyberrangeError, match="does not even pay for 'o0'"):
        next_lakh(designs, Budget(own=0, years=5), [-1e5, 0])


# --- the mixed-integer program --------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 0.0, 4e6, 1e7, 3e7])
@pytest.mark.parametrize("offer", [plain(12), bonded(10, 3)], ids=["plain", "bonded"])
def test_program_and_list_agree_under_a_limit_of_annual_cost(offer: Offer, limit: float | None) -> None:
    model = total_of(offer)
    whole = priced(allowed(offer), model, {"total": 1.0}, RATE)
    logs = model.log_losses(whole.table)[:, 0]
    within = np.ones(len(logs), dtype=bool) if limit is None else whole.cost <= limit + 0.01
    found = least_loss(model, RATE, limit)
    assert limit is None or offer.annual_cost(found, RATE) <= limit + 0.01
    assert model.log_losses(offer.table([found]))[0, 0] == pytest.approx(logs[within].min(), abs=2e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("budget", BUDGETS)
def test_program_and_list_agree_under_a_budget_with_a_grant(budget: Budget, seed: int) -> None:
    offer = bonded(10, 3, seed)
    model = total_of(offer, seed)
    whole = allowed(offer)
    logs = model.log_losses(whole)[:, 0]
    found = least_loss(model, RATE, budget=budget)
    assert offer.affordable(found, budget)
    expected = logs[whole.affordable(budget)].min()
    assert model.log_losses(offer.table([found]))[0, 0] == pytest.approx(expected, abs=2e-6)


def test_the_program_proposes_efficient_designs_of_the_total() -> None:
    offer = bonded(10, 3)
    model = total_of(offer)
    whole = candidates(model, {"total": 1.0}, RATE)
    proposed = candidates(model, {"total": 1.0}, RATE, points=12, most=1)
    assert not conflicts(offer, proposed.table.bits).any()
    for cost, loss in zip(proposed.cost, proposed.loss, strict=True):
        assert loss <= whole.loss[whole.cost <= cost + 0.01].min() * (1 + 1e-5)


def test_twenty_two_controls_and_three_organisations_have_a_frontier() -> None:
    offer = bonded(22, 3)
    frequencies = {"s0": 0.2, "s1": 1.0, "s2": 3.0}
    designs = candidates(three_scenarios(offer), frequencies, RATE, [BUDGETS[2]], points=8)
    assert not conflicts(offer, designs.table.bits).any()
    edge = frontier(designs)
    assert len(edge.table) > 5
    assert Design("o0") in set(edge.table)
    assert best(designs).total < designs.total[list(designs.table).index(Design("o0"))]
    inside = best(designs, BUDGETS[2])
    assert offer.affordable(inside.design, BUDGETS[2])
    assert inside.design != Design("o0")


def test_a_cheaper_organisation_is_found_below_todays_cost() -> None:
    offer = Offer({"today": 3e7, "lean": 1e7}, plain(6).controls)
    model = total_of(offer)
    assert least_loss(model, RATE, limit=-2e7) == Design("lean")
    with pytest.raises(CyberrangeError, match="no design keeps the limits"):
        least_loss(model, RATE, limit=-2.1e7)


def test_several_losses_cannot_be_minimised_at_once() -> None:
    with pytest.raises(ValueError, match="found 3 scenarios"):
        least_loss(three_scenarios(plain(6)))
