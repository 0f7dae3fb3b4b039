"""Portfolios: what can be bought together, and what it costs by hand."""

import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cyberrange as cr
from cyberrange.errors import CyberrangeError
from cyberrange.inputs.controls import Control
from cyberrange.study.choice.portfolios import Budget, Design, DesignTable, Offer, allowed, can_list, spoken
from tests.study.offers import bonded, control, offers, plain

TWO = Offer(
    {"today": 1e7, "ciso": 2.7e7},
    {"mfa": control(30e5, 6e5, years=5, shared=0.2), "edr": control(10e5, 20e5, years=4, requires=("mfa",))},
)


def brute_force(offer: Offer) -> set[Design]:
    """Every allowed design, from the words of the catalogue."""
    found = set()
    for chosen in chain.from_iterable(combinations(offer.controls, n) for n in range(len(offer.controls) + 1)):
        bought = [offer.controls[key] for key in chosen]
        complete = all(set(c.requires) <= {*chosen, *offer.in_place} for c in bought)
        at_odds = any(set(c.excludes) & set(chosen) for c in bought)
        if complete and not at_odds:
            found |= {Design(organisation, chosen) for organisation in offer.organisations}
    return found


# --- designs --------------------------------------------------------------------------------------


def test_the_order_in_which_controls_are_named_does_not_matter() -> None:
    assert Design("today", ("edr", "mfa", "edr")) == Design("today", ("mfa", "edr"))
    assert Design("today", ("edr", "mfa")).id == Design("today", ("mfa", "edr")).id


def test_an_id_is_a_promise_across_versions_and_machines() -> None:
    assert Design("today", ("mfa",)).id == "42d3a9e696cc"


def test_different_designs_have_different_ids() -> None:
    designs = list(allowed(plain(8, 3)))
    assert len({design.id for design in designs}) == len(designs) == 768


def test_a_design_reads_as_what_it_holds() -> None:
    assert Design("ciso", ("mfa", "edr")).name == "ciso + edr + mfa"
    assert Design("today").name == "today alone"


# --- costs ----------------------------------------------------------------------------------------


def test_an_outlay_is_capex_and_the_years_of_opex_and_of_the_dearer_organisation() -> None:
    assert TWO.outlay(Design("today", ("mfa",)), years=5) == pytest.approx(30e5 + 5 * 6e5)
    assert TWO.outlay(Design("ciso", ("mfa", "edr")), years=3) == pytest.approx(40e5 + 3 * 26e5 + 3 * 1.7e7)
    assert TWO.outlay(Design("today"), years=5) == 0


def test_annual_cost_spreads_capex_over_each_life_by_hand() -> None:
    # 30 lakh over 5 years at 8 %: 30 x 0.25046 lakh; 10 lakh over 4 years: 10 x 0.30192 lakh.
    design = Design("today", ("mfa", "edr"))
    assert TWO.annual_cost(design, 0.08) == pytest.approx(30e5 * 0.2504565 + 10e5 * 0.3019208 + 26e5, rel=1e-6)
    assert TWO.annual_cost(design, 0.0) == pytest.approx(6e5 + 2.5e5 + 26e5)
    assert TWO.annual_cost(Design("ciso"), 0.08) == pytest.approx(1.7e7)


def test_the_annuity_pays_back_what_was_borrowed() -> None:
    rate, years = 0.07, 5
    payment = TWO.annual_cost(Design("today", ("mfa",)), rate) - 6e5
    assert sum(payment / (1 + rate) ** year for year in range(1, years + 1)) == pytest.approx(30e5)


def test_six_cities_pay_the_shared_part_once() -> None:
    six = Offer(TWO.organisations, TWO.controls, cities=6)
    # mfa: a fifth is shared, so 0.2 + 0.8 x 6 = 5 times; edr: nothing is shared; each city has its own organisation.
    assert six.outlay(Design("ciso", ("mfa", "edr")), years=1) == pytest.approx(5 * 36e5 + 6 * 30e5 + 6 * 1.7e7)
    assert six.annual_cost(Design("today", ("mfa",)), 0.0) == pytest.approx(5 * 12e5)


def test_a_cheaper_organisation_saves() -> None:
    offer = Offer({"today": 2e7, "lean": 1.5e7}, {})
    assert offer.annual_cost(Design("lean"), 0.07) == -5e6


def test_a_control_without_capex_needs_no_life() -> None:
    offer = Offer({"today": 0.0}, {"drill": control(0.0, 2e5, years=0.0)})
    assert offer.annual_cost(Design("today", ("drill",)), 0.07) == 2e5


@pytest.mark.parametrize("rate", [-0.01, math.nan])
def test_a_rate_below_0_is_refused(rate: float) -> None:
    with pytest.raises(CyberrangeError, match="at least 0"):
        TWO.annual_cost(Design("today"), rate)


@settings(max_examples=60, deadline=None)
@given(offers(), st.floats(0, 0.3), st.integers(1, 10))
def test_a_table_costs_what_its_designs_cost_one_by_one(offer: Offer, rate: float, years: int) -> None:
    table = allowed(offer)
    today = next(iter(offer.organisations.values()))
    # Sums that cancel are compared to a paisa.
    for row, design in list(enumerate(table))[:40]:
        bought = [offer.controls[key] for key in design.controls]
        times = [c.shared + (1 - c.shared) * offer.cities for c in bought]
        extra = (offer.organisations[design.organisation] - today) * offer.cities
        capex = sum(c.capex * n for c, n in zip(bought, times, strict=True))
        opex = sum(c.opex * n for c, n in zip(bought, times, strict=True))
        assert table.outlay(years)[row] == pytest.approx(capex + years * (opex + extra), abs=0.01)
        lives = [c.life / 8766 for c in bought]
        annuity = [rate / (1 - (1 + rate) ** -life) if rate > 1e-6 else 1 / life for life in lives]
        spread = sum(c.capex * n * a for c, n, a in zip(bought, times, annuity, strict=True))
        assert table.annual_cost(rate)[row] == pytest.approx(spread + opex + extra, rel=1e-4, abs=0.01)


# --- budgets --------------------------------------------------------------------------------------


def test_a_budget_pays_up_to_its_last_rupee() -> None:
    mfa = Design("today", ("mfa",))
    assert TWO.affordable(mfa, Budget(own=60e5, years=5))
    assert not TWO.affordable(mfa, Budget(own=60e5 - 1, years=5))


def test_a_grant_pays_the_organisation_only_where_it_says_so() -> None:
    extra = TWO.outlay(Design("ciso"), 5)
    for own, fits in ((extra - 60e5, True), (extra - 61e5, False)):
        assert TWO.affordable(Design("ciso"), Budget(own=own, years=5, grant=60e5, pays_organisation=True)) is fits
        assert not TWO.affordable(Design("ciso"), Budget(own=own, years=5, grant=60e5))


def test_a_grant_pays_controls_and_not_the_organisation() -> None:
    assert TWO.affordable(Design("today", ("mfa", "edr")), Budget(own=0, years=5, grant=170e5))
    assert not TWO.affordable(Design("today", ("mfa", "edr")), Budget(own=0, years=5, grant=169e5))
    assert not TWO.affordable(Design("ciso"), Budget(own=8e7, years=5, grant=9e7))


def test_a_grant_for_one_control_pays_no_other() -> None:
    both = Design("today", ("mfa", "edr"))  # Rs 60 lakh and Rs 110 lakh over five years
    assert TWO.affordable(both, Budget(own=110e5, years=5, grant=9e9, covers=frozenset({"mfa"})))
    assert not TWO.affordable(both, Budget(own=109e5, years=5, grant=9e9, covers=frozenset({"mfa"})))


@settings(max_examples=60, deadline=None)
@given(offers(), st.integers(0, 5000), st.integers(0, 5000), st.data())
def test_what_is_affordable_is_what_the_grant_leaves_to_the_city(
    offer: Offer, own: int, grant: int, data: st.DataObject
) -> None:
    covers = (
        data.draw(st.none() | st.frozensets(st.sampled_from([*offer.controls]), max_size=4)) if offer.controls else None
    )
    budget = Budget(own * 1e5, 5, grant * 1e5, covers)
    table = allowed(offer)
    affordable = table.affordable(budget)
    for row, design in list(enumerate(table))[:40]:
        eligible = [offer.controls[key] for key in design.controls if covers is None or key in covers]
        prices = [(c.shared + (1 - c.shared) * offer.cities) * (c.capex + 5 * c.opex) for c in eligible]
        left = offer.outlay(design, 5) - min(budget.grant, sum(prices)) - budget.own
        if abs(left) > 1:
            assert affordable[row] == (left < 0)


def test_a_budget_below_what_there_is_today_is_refused_with_the_amount() -> None:
    with pytest.raises(CyberrangeError, match=r"budget of Rs -25 lakh over 5 years .* 'today' without new controls"):
        TWO.affordable(Design("ciso"), Budget(own=-25e5, years=5))


def test_a_grant_for_an_unknown_control_is_refused_with_the_one_meant() -> None:
    with pytest.raises(CyberrangeError, match=r"grant of Rs 2\.5 crore covers 'mfaa'.* Did you mean 'mfa'"):
        TWO.affordable(Design("today"), Budget(own=0, years=5, grant=2.5e7, covers=frozenset({"mfaa"})))


@pytest.mark.parametrize(
    "amounts", [(math.nan, 5, 0), (math.inf, 5, 0), (0, 0, 0), (0, -1, 0), (0, 5, -1e5), (0, 5, math.nan)]
)
def test_a_budget_without_sense_is_refused(amounts: tuple[float, float, float]) -> None:
    with pytest.raises(CyberrangeError, match="a budget needs"):
        Budget(*amounts)


def test_money_is_spoken_in_lakh_and_crore() -> None:
    assert [spoken(x) for x in (0, 999, 1e5, 12.5e5, 1e7, 123456789)] == [
        "Rs 0", "Rs 999", "Rs 1 lakh", "Rs 12.5 lakh", "Rs 1 crore", "Rs 12.35 crore",
    ]  # fmt: skip


# --- what can be bought together ------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(offers())
def test_the_allowed_designs_are_those_of_brute_force_each_once(offer: Offer) -> None:
    table = allowed(offer)
    designs = list(table)
    assert len(designs) == len(set(designs))
    assert set(designs) == brute_force(offer)
    assert designs[0] == offer.today


@settings(max_examples=60, deadline=None)
@given(offers())
def test_designs_become_rows_and_come_back(offer: Offer) -> None:
    table = allowed(offer)
    again = offer.table(table)
    assert np.array_equal(again.bits, table.bits)
    assert np.array_equal(again.organisation, table.organisation)
    assert np.array_equal(table.levels() @ (1 << np.arange(len(offer.controls))), table.bits)


def test_sixteen_controls_without_bonds_allow_65536_sets() -> None:
    table = allowed(plain(16, 3))
    assert len(table) == 3 * 2**16
    assert len(np.unique(table.bits)) == 2**16


def test_more_designs_than_asked_for_are_not_listed() -> None:
    assert can_list(plain(10, 2), 2048)
    assert not can_list(plain(10, 2), 2047)
    with pytest.raises(CyberrangeError, match=r"40 controls and 2 organisations allow more than 4,194,304"):
        allowed(plain(40, 2))


def test_what_is_in_place_is_free_and_serves_as_a_prerequisite() -> None:
    offer = Offer({"today": 0.0}, {"gateway": control(1e5, 0.0, requires=("mfa",))}, in_place={"mfa": control()})
    assert set(allowed(offer)) == {Design("today"), Design("today", ("gateway",))}
    assert offer.outlay(Design("today", ("gateway",)), 5) == 1e5


def test_the_shipped_controls_and_organisations_make_an_offer() -> None:
    postures = {name: cr.load_posture(name) for name in ("vendor_reliant", "hybrid", "inhouse_ciso")}
    offer = Offer.of(cr.load_catalogue(), postures)
    assert offer.today == Design("vendor_reliant")
    assert list(offer.controls) == list(cr.load_catalogue().controls)


def test_controls_of_todays_organisation_are_in_place() -> None:
    postures = {name: cr.load_posture(name) for name in ("vendor_reliant_grant", "hybrid_grant")}
    offer = Offer.of(cr.load_catalogue(), postures)
    assert set(offer.in_place) == set(postures["vendor_reliant_grant"].controls)
    assert not offer.in_place.keys() & offer.controls.keys()


def test_an_organisation_that_brings_controls_for_nothing_is_refused() -> None:
    postures = {name: cr.load_posture(name) for name in ("vendor_reliant", "hybrid_grant")}
    with pytest.raises(CyberrangeError, match=r"'hybrid_grant' brings controls that today's lacks: 'mfa'"):
        Offer.of(cr.load_catalogue(), postures)


def test_an_unknown_control_is_refused_with_the_one_meant() -> None:
    postures = {"today": cr.load_posture("vendor_reliant")}
    with pytest.raises(CyberrangeError, match=r"unknown control 'mfaa' .* Did you mean 'mfa'"):
        Offer.of(cr.load_catalogue(), postures, ["mfaa"])


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"a": control(requires=("bb",)), "b": control()}, "'a' requires 'bb', which is neither .* Did you mean 'b'"),
        ({"a": control(requires=("b",)), "b": control(requires=("a",))}, "none can be bought first: a -> b -> a"),
        ({"a": control(requires=("a",))}, "none can be bought first: a -> a"),
        ({"a": control(requires=("b",), excludes=("b",)), "b": control()}, "'a' can never .* 'b', which is required"),
        ({"a": control(requires=("b",)), "b": control(excludes=("a",))}, "'a' can never .* 'b', which is required"),
        (
            {"a": control(requires=("b", "c")), "b": control(), "c": control(excludes=("b",))},
            "'a' can never be bought: it requires 'b', and 'c', which is required, excludes that",
        ),
        (
            {"a": control(requires=("b",)), "b": control(requires=("c",)), "c": control(excludes=("a",))},
            "'a' can never be bought: it and 'c', which is required, exclude each other",
        ),
        ({"a": control(excludes=("old",))}, "'a' can never .* 'old', which is in place already, exclude each other"),
        ({"old": control()}, "'old' is on offer and in place already"),
        ({"today": control()}, "both called 'today'"),
        ({"a": control(25e5, years=0.0)}, "'a' costs Rs 25 lakh and has a life of 0 years"),
    ],
)
def test_a_control_that_can_never_be_bought_is_refused_by_name(controls: dict[str, Control], message: str) -> None:
    with pytest.raises(CyberrangeError, match=message):
        Offer({"today": 0.0}, controls, in_place={"old": control()})


def test_all_that_is_wrong_with_an_offer_is_told_at_once() -> None:
    with pytest.raises(CyberrangeError) as caught:
        Offer({}, {"a": control(requires=("x",)), "b": control(requires=("y",))}, cities=0)
    assert str(caught.value).count("\n- ") == 4


def test_more_controls_than_bits_are_refused() -> None:
    with pytest.raises(CyberrangeError, match="49 controls; at most 48"):
        plain(49)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design("cisso"), "organisation 'cisso' is not on offer. Did you mean 'ciso'"),
        (Design("ciso", ("mfaa",)), "control 'mfaa' is not on offer. Did you mean 'mfa'"),
        (Design("ciso", ("edr",)), "'edr' requires 'mfa', which 'ciso \\+ edr' lacks"),
    ],
)
def test_a_design_that_cannot_be_bought_is_refused(design: Design, message: str) -> None:
    with pytest.raises(CyberrangeError, match=message):
        TWO.outlay(design, 5)


def test_a_design_of_two_that_exclude_each_other_is_refused() -> None:
    with pytest.raises(CyberrangeError, match="'c3' and 'c6' exclude each other"):
        bonded(8).table([Design("o0", ("c3", "c6"))])


def test_rows_can_be_taken_by_number_and_by_mask() -> None:
    table = allowed(TWO)
    assert [d.name for d in table.at([0, len(table) - 1])] == ["today alone", "ciso + edr + mfa"]
    assert isinstance(table.at(table.bits == 0), DesignTable)
    assert {d.controls for d in table.at(table.bits == 0)} == {()}
