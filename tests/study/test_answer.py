"""The answer of a study: every figure was played, stopping changes nothing, and little gain is not worth paying for."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cyberrange as cr
import cyberrange.study.answer as module
from cyberrange.errors import CyberrangeError
from cyberrange.results.intervals import mean_interval
from cyberrange.results.store import Cell
from cyberrange.study.answer import Answer, annual_losses, answer
from cyberrange.study.choice.frontier import Priced, candidates
from cyberrange.study.choice.portfolios import Design, allowed
from cyberrange.study.risk.annual import annualised
from tests.study.tiny import CONTROLS, assert_same, often, opened, short_contests

RARE = {"insider": often(1e-4), "ransomware_property": often(1e-4)}
NOTHING_TO_BUY = {"organisations": ("vendor_reliant",), "controls": ()}


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        short_contests(patch)
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Answer:
    return answer(opened(tmp_path_factory.mktemp("study")))


@pytest.fixture
def asked(tmp_path) -> Any:
    """Answers a small study with some of it changed."""
    return lambda **changes: answer(opened(tmp_path / "study", **{"controls": ("mfa", "delegation_order"), **changes}))


def losses(found: Answer, key: str, replicates: range) -> pd.Series:
    """Rupees a year of a design, replicate by replicate, by hand from what single runs measured."""
    cells = [Cell(key, name) for name in found.study.scenarios]
    rows = found.study.store.read(cells, ["loss_rupees"])
    rows = rows[rows["replicate"].isin(replicates)]
    weighted = rows["loss_rupees"] * rows["scenario"].map(found.study.per_year)
    yearly: pd.Series = weighted.groupby(rows["replicate"]).sum()
    assert len(yearly) == len(replicates)
    return yearly


# --- the same answer, however it came about ---------------------------------------------------------------------------


def interrupted(folder: Path, workers: int, every: int) -> tuple[int, Answer]:
    """Stop a study whenever it told so often how far it is, and go on each time as another program would."""
    for times in range(100):
        told: list[tuple[int, int]] = []

        def stop(done: int, total: int, told: list[tuple[int, int]] = told) -> None:
            told.append((done, total))
            if len(told) == every:
                raise KeyboardInterrupt

        try:
            return times, answer(opened(folder, workers, stop))
        except KeyboardInterrupt:
            continue
    raise AssertionError("it never came to an end")


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "every"), [(1, 25), (2, 60)])
def test_an_answer_that_was_interrupted_is_the_one_that_was_not(
    tmp_path, found: Answer, workers: int, every: int
) -> None:
    times, resumed = interrupted(tmp_path, workers, every)
    assert times >= (2 if workers == 1 else 1)
    assert_same(resumed, found)


def test_a_study_that_is_finished_is_answered_again_without_a_run(found: Answer, monkeypatch) -> None:
    monkeypatch.setattr("cyberrange.study.study.sweep", lambda *_, **__: pytest.fail("nothing is left to play"))
    assert_same(answer(opened(found.study.store.folder)), found)


def test_another_seed_gives_other_figures(asked) -> None:
    first = asked(**NOTHING_TO_BUY)
    with pytest.raises(CyberrangeError, match=r"seed \(7 there, 8 asked\)"):
        asked(**NOTHING_TO_BUY, seed=8)
    assert first.played["loss"].tolist() != [0.0]


# --- every figure shown was played ------------------------------------------------------------------------------------


def test_every_design_shown_was_played_in_full(found: Answer) -> None:
    study, designs = found.study, [found.study.design(key) for key in found.played["design"]]
    assert not study.store.missing(study.cells(designs), study.spec.runs.final)
    finalists = [study.design(found.contenders[i]) for i in found.contest.halving.survivors]
    assert not study.store.missing(study.cells(finalists), study.spec.runs.screening + found.contest.halving.replicates)
    shown = {found.today, found.recommended, found.chosen, *found.tied, *found.doubts.costs.columns}
    assert shown <= set(found.played["design"])
    assert set(map(study.key, finalists)) <= set(found.played["design"])
    assert found.played["cost"].is_monotonic_increasing
    assert found.played["design"].is_unique


def test_the_recommendation_can_be_bought_and_paid_for(found: Answer) -> None:
    study = found.study
    recommended = study.design(found.recommended)
    assert recommended in list(allowed(study.offer))
    assert bool(study.offer.affordable(recommended, study.budget))
    assert all(study.offer.affordable(study.design(key), study.budget) for key in found.contenders)
    assert not found.played["affordable"].all()
    assert set(found.doubts.costs.columns) == set(found.played.loc[found.played["affordable"], "design"])


def test_loss_is_what_the_composed_year_loses_on_average(found: Answer) -> None:
    for row in found.played.itertuples():
        annual = found.risks[row.design].annual["total"]
        by_hand = losses(found, row.design, range(found.study.spec.runs.final))
        assert row.loss == pytest.approx(annual.ale, rel=1e-9)
        assert row.loss == pytest.approx(by_hand.mean(), rel=1e-9)
        assert row.total == row.cost + row.loss
        assert (row.var, row.cvar) == (annual.var(0.95), annual.cvar(0.95))
        assert row.cvar_low <= row.cvar <= row.cvar_high
        interval = mean_interval(by_hand, 0.95)
        assert (row.loss_low, row.loss_high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert row.loss_low <= row.loss <= row.loss_high
        assert row.difference_low <= row.difference <= row.difference_high


def test_costs_are_those_of_the_catalogue_and_the_organisations(found: Answer) -> None:
    controls = cr.load_catalogue().controls
    pay = {name: cr.load_posture(name).annual_cost for name in ("vendor_reliant", "hybrid")}
    for row in found.played.itertuples():
        bought = [controls[key] for key in row.controls]
        extra = pay[row.organisation] - pay["vendor_reliant"]
        yearly = sum(annualised(c.capex, c.life / 8766, 0.08) + c.opex for c in bought)
        assert row.cost == pytest.approx(extra + yearly, abs=1e-6)
        assert row.outlay == pytest.approx(2 * extra + sum(c.capex + 2 * c.opex for c in bought))
        assert row.own == row.outlay
        assert row.affordable == (row.outlay <= 2.4e7)


def test_differences_from_today_are_paired_and_sharper_than_unpaired_ones(found: Answer) -> None:
    today = losses(found, found.today, range(30))
    row = found.row(found.today)
    assert (row["difference"], row["difference_low"], row["difference_high"]) == (0.0, 0.0, 0.0)
    assert np.isnan(row["p_holm"])
    for key in set(found.played["design"]) - {found.today}:
        other = losses(found, key, range(30))
        assert found.row(key)["difference"] == pytest.approx(found.row(key)["total"] - row["total"])
        assert np.var(other - today) < np.var(other) + np.var(today)
        assert 0 <= found.row(key)["p_holm"] <= 1


def test_efficient_designs_are_those_that_no_design_played_beats(found: Answer) -> None:
    points = list(zip(found.played["cost"], found.played["loss"], strict=True))
    for (cost, loss), flagged in zip(points, found.played["efficient"], strict=True):
        beaten = any(c <= cost and v <= loss and (c, v) != (cost, loss) for c, v in points)
        assert flagged is not beaten or points.count((cost, loss)) > 1


def test_the_benefit_is_the_loss_avoided_less_what_it_costs(found: Answer) -> None:
    row, base = found.row(found.recommended), found.row(found.today)
    assert found.benefit.avoided == pytest.approx(base["loss"] - row["loss"])
    assert found.benefit.net == pytest.approx(-row["difference"])


# --- the contest ------------------------------------------------------------------------------------------------------


def test_the_final_sees_no_run_that_picked_its_designs(found: Answer) -> None:
    study, final = found.study, found.contest.final
    begin = study.spec.runs.screening + found.contest.halving.replicates
    cost = study.offer.table([study.design(key) for key in found.contenders]).annual_cost(0.08)
    for number, row in final.table.iterrows():
        seen = range(begin, begin + int(row["replicates"]))
        assert row["mean"] == pytest.approx(cost[number] + losses(found, found.contenders[number], seen).mean())
    for row in found.contest.halving.history.itertuples():
        seen = range(study.spec.runs.screening, study.spec.runs.screening + row.replicates)
        mean = losses(found, found.contenders[row.design], seen).mean()
        assert row.mean == pytest.approx(cost[row.design] + mean)


def test_todays_design_is_in_every_final(found: Answer) -> None:
    assert found.contenders[0] == found.today
    assert 0 in found.contest.final.table.index
    assert 0 not in found.contest.halving.history["design"].to_list()
    survivors = found.contest.halving.survivors
    assert len(survivors) == len(set(survivors)) == len(found.contest.final.table)
    seeded = set(range(len(found.contenders))) - set(found.contest.halving.history["design"])
    assert set(survivors[: len(seeded)]) == seeded
    assert len(survivors) == len(seeded) + module.FINALISTS
    kept = found.contest.halving.history.query("kept")
    assert set(kept.loc[kept["round"] == kept["round"].max(), "design"]) <= set(survivors)


def test_the_guarantee_names_the_design_and_the_number_of_its_rivals(found: Answer) -> None:
    assert found.contest.guaranteed
    name = found.study.design(found.chosen).name
    assert f"95 %, {name} costs at most Rs 1.2 crore a year more" in found.contest.guarantee
    assert f"best of the {len(found.contest.halving.survivors)} designs" in found.contest.guarantee


def test_of_designs_that_hardly_differ_the_cheapest_is_recommended(found: Answer) -> None:
    alike = [found.chosen, *found.tied]
    outlay = {key: found.study.offer.outlay(found.study.design(key), 2) for key in alike}
    assert found.recommended == min(alike, key=outlay.__getitem__)


def test_where_no_gain_is_worth_paying_for_today_stays(asked) -> None:
    found = asked(worth=1e12)
    assert found.recommended == found.today
    assert not found.worth_it
    assert found.today in {found.chosen, *found.tied}
    assert found.benefit.net == 0.0


def test_cheap_designs_that_are_nearly_as_good_go_straight_to_the_final(found: Answer, monkeypatch) -> None:
    """Of made-up losses: some dear designs lose least, and two cheap ones a little more, within twice what is worth."""
    study, table = found.study, allowed(found.study.offer)
    monkeypatch.setattr(module, "CONTENDERS", 3)
    affordable, cost = table.affordable(study.budget), table.annual_cost(0.08)
    by_outlay = [row for row in np.argsort(table.outlay(2), kind="stable") if affordable[row]]
    total = np.full(len(table), 9e8)
    total[by_outlay[-5:]] = 1e8 + np.arange(5)
    total[by_outlay[2:4]] = 1e8 + 1.9 * study.spec.worth
    total[by_outlay[1]] = 1e8 + 2.1 * study.spec.worth
    seeded, contenders = module._contenders(study, Priced(table, cost, total - cost))
    assert contenders[:seeded] == [study.offer.today, *(table.design(row) for row in by_outlay[2:4])]
    assert contenders[seeded:] == [table.design(row) for row in by_outlay[-5:-2]]


def test_without_money_today_stays_and_the_next_lakh_is_still_told(asked) -> None:
    found = asked(budget={"own": 0.0, "years": 2})
    assert found.recommended == found.today
    assert found.contenders == (found.today,)
    assert found.contest.guarantee == "There is only one design; nothing was compared."
    assert found.played["affordable"].sum() == 1
    assert (found.marginal["own"].min(), found.marginal["own"].max()) == (0.0, found.played["own"].max())
    assert found.doubts.worth.value == 0.0


def test_a_grant_pays_for_what_the_city_cannot(asked) -> None:
    grant = {"money": 5e7, "for": ["controls", "organisation"]}
    found = asked(budget={"own": 0.0, "years": 2, "grant": grant}, worth=1e5)
    assert len(found.contenders) > 1
    assert found.row(found.recommended)["own"] == 0.0


def test_a_study_without_anything_to_buy_has_an_answer(asked) -> None:
    found = asked(**NOTHING_TO_BUY)
    assert (found.recommended, found.played["design"].tolist()) == (found.today, ["0.0"])
    assert found.together.claimed == found.together.joint == 0.0
    assert found.row("0.0")["predicted"] > 0


def test_an_organisation_that_saves_money_has_its_saving_in_the_benefit(asked) -> None:
    found = asked(organisations=("hybrid", "vendor_reliant"), controls=(), scenarios=RARE, worth=1e5)
    saved = cr.load_posture("hybrid").annual_cost - cr.load_posture("vendor_reliant").annual_cost
    assert found.study.design(found.recommended) == Design("vendor_reliant")
    assert found.benefit.net == pytest.approx(saved + found.benefit.avoided)
    assert found.benefit.net == pytest.approx(-found.row(found.recommended)["difference"])
    assert found.benefit.rosi is None
    assert "rosi_undefined" in [note.code for note in found.notes()]


def test_too_many_designs_to_list_are_proposed_by_a_program(tmp_path, monkeypatch, found: Answer) -> None:
    monkeypatch.setattr(module, "candidates", partial(candidates, most=8, points=6))
    few = answer(opened(tmp_path))
    everything = set(map(found.study.key, allowed(found.study.offer)))
    assert set(few.contenders) < everything
    assert few.today in few.contenders
    assert few.recommended in set(few.played.loc[few.played["affordable"], "design"])
    assert few.row(few.recommended)["total"] <= few.row(few.today)["total"]
    both = set(few.played["design"]) & set(found.played["design"])
    assert len(both) > 2
    for key in both:
        assert few.row(key)["loss"] == found.row(key)["loss"]


def test_few_contenders_go_straight_to_the_final(asked) -> None:
    found = asked(organisations=("vendor_reliant",), controls=("delegation_order",), worth=1e5)
    assert found.contest.halving.replicates == 0
    assert found.contest.halving.history.empty or not len(found.contest.halving.history)
    assert set(found.contest.final.table.index) == {0, 1}


def test_a_contest_without_end_is_stopped_and_says_so(asked) -> None:
    found = asked(organisations=("vendor_reliant",), controls=("delegation_order",), worth=1.0)
    assert not found.contest.guaranteed
    assert found.contest.guarantee.startswith("No guarantee: the final was stopped after 160 replicates per design")
    assert found.study.store.read()["replicate"].max() + 1 == 10 + 160


def test_fewer_runs_of_the_frontier_than_of_the_pilot_are_enough(asked) -> None:
    found = asked(runs={"screening": 10, "final": 10}, organisations=("vendor_reliant",))
    for key in found.played["design"]:
        assert found.row(key)["loss"] == pytest.approx(losses(found, key, range(10)).mean())


# --- what is told beside the figures ----------------------------------------------------------------------------------


def test_a_tail_of_few_runs_and_a_var_of_zero_are_told(asked) -> None:
    found = asked(**NOTHING_TO_BUY, scenarios=RARE, runs={"screening": 10, "final": 10})
    assert {note.code for note in found.notes()} == {"few_runs", "var_is_zero"}
    assert found.row(found.today)["var"] == 0.0


def test_nothing_is_told_beside_figures_that_rest_on_enough_runs(asked) -> None:
    found = asked(**NOTHING_TO_BUY, runs={"screening": 10, "final": 400})
    assert found.notes() == ()


def test_annual_losses_weigh_each_scenario_by_its_rate(found: Answer) -> None:
    today = found.study.offer.today
    table = annual_losses(found.study, found.study.play([today], 12))
    assert table.shape == (1, 12)
    np.testing.assert_allclose(table.loc[found.today], losses(found, found.today, range(12)), rtol=1e-12)


def test_what_single_controls_claim_and_reach_is_of_the_recommended_design(found: Answer) -> None:
    recommended = found.study.design(found.recommended)
    singles = {*recommended.controls, *({recommended.organisation} - {"vendor_reliant"})}
    assert set(found.together.single) == singles
    assert found.together.claimed == pytest.approx(sum(found.together.single.values()))


def test_an_answer_can_be_copied_with_other_fields(found: Answer) -> None:
    assert replace(found, recommended=found.today).benefit.net == 0.0
    assert set(found.study.offer.controls) == set(CONTROLS)


# --- other budgets and frequencies, with no run --------------------------------------------------------------------


def test_another_budget_or_frequency_is_answered_without_a_run(found: Answer, monkeypatch) -> None:
    monkeypatch.setattr(module.Study, "play", lambda *_: pytest.fail("nothing may be played"))
    nothing = found.under(replace(found.study.budget, own=0.0))
    assert nothing.design == found.study.offer.today
    plenty = found.under(replace(found.study.budget, own=1e12))
    assert plenty.total <= found.under().total <= nothing.total
    often_hit = found.under(per_year={name: 100 * rate for name, rate in found.study.per_year.items()})
    assert often_hit.cost >= found.under().cost


def test_the_ledgers_of_what_is_avoided_add_up(found: Answer) -> None:
    total = found.row(found.today)["loss"] - found.row(found.recommended)["loss"]
    assert found.avoided("city") + found.avoided("citizens") == pytest.approx(total, rel=1e-9, abs=1e-6)
