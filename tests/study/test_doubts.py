"""Doubts move the costs that they should and no others, and certain inputs give the figures that were played."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cyberrange as cr
from cyberrange.study.answer import annual_losses
from cyberrange.study.choice.portfolios import Design
from cyberrange.study.doubts import Doubts, _modes, doubts_of
from cyberrange.study.study import ENDS, Study, Variant
from tests.study.tiny import factor, often, opened

TODAY, HARD = Design("vendor_reliant"), Design("vendor_reliant", ("hardening",))
DESIGNS = (TODAY, HARD, Design("hybrid"), Design("hybrid", ("hardening",)))
CERTAIN = {"insider": often(24.0), "ransomware_property": often(36.0)}
RICH = {"own": 1e9, "years": 2}
Asked = Callable[..., tuple[Study, Doubts]]


@pytest.fixture(autouse=True)
def few_draws(monkeypatch) -> None:
    monkeypatch.setattr("cyberrange.study.doubts.DRAWS", 256)


@pytest.fixture
def asked(tmp_path_factory) -> Asked:
    """What inputs do to four designs; without a change all frequencies and values are certain."""

    def ask(recommended: Design = TODAY, **changes: Any) -> tuple[Study, Doubts]:
        settings = {"scenarios": CERTAIN, "budget": RICH, "runs": {"screening": 10, "final": 10}, **changes}
        study = opened(tmp_path_factory.mktemp("study"), **settings)
        return study, doubts_of(study, DESIGNS, recommended)

    return ask


def totals(study: Study) -> dict[str, float]:
    """Cost plus loss a year of each design as it was played."""
    losses = annual_losses(study, study.play(DESIGNS, study.spec.runs.final)).mean(axis="columns")
    return {study.key(d): study.offer.annual_cost(d, 0.08) + losses[study.key(d)] for d in DESIGNS}


def costs_of(study: Study) -> pd.Series:
    return pd.Series({study.key(d): study.offer.annual_cost(d, 0.08) for d in DESIGNS})


# --- certain inputs ---------------------------------------------------------------------------------------------------


def test_where_all_is_certain_costs_are_those_that_were_played_and_nothing_is_worth_knowing(asked: Asked) -> None:
    study, found = asked()
    for key, total in totals(study).items():
        np.testing.assert_allclose(found.costs[key], total, rtol=1e-9)
    assert found.worth == (0.0, 0.0)
    assert (found.measure["evppi"] == 0).all()
    assert (found.tornado[["regret_low", "regret_high"]] == 0).to_numpy().all()
    assert found.ranking["p_best"].iloc[0] == 1.0


def test_twice_the_frequencies_are_twice_the_losses(asked: Asked) -> None:
    study, once = asked()
    _, twice = asked(scenarios={name: often(2 * rate["per_year"]) for name, rate in CERTAIN.items()})
    fixed = costs_of(study)
    np.testing.assert_allclose(twice.costs - fixed, 2 * (once.costs - fixed), rtol=1e-9)


# --- each kind of doubt -----------------------------------------------------------------------------------------------


def test_a_frequency_multiplies_the_loss_of_its_scenario(asked: Asked) -> None:
    scenarios = {**CERTAIN, "insider": often(24.0, 6.0, 50.0)}
    study, found = asked(scenarios=scenarios)
    assert found.draws["frequency insider"].between(6.0, 50.0).all()
    means = study.mean_losses(DESIGNS, 10)
    for d in DESIGNS:
        loss = means.loc[study.key(d)]
        expected = study.offer.annual_cost(d, 0.08) + 36.0 * loss["ransomware_property"]
        by_hand = expected + found.draws["frequency insider"] * loss["insider"]
        np.testing.assert_allclose(found.costs[study.key(d)], by_hand, rtol=1e-9)


def test_prices_act_on_controls_and_not_on_organisations(asked: Asked) -> None:
    study, found = asked(values={"cost": factor(0.5, 2.0)})
    price = found.draws["price cost"].to_numpy()
    control = study.offer.annual_cost(HARD, 0.08)
    for key, total in totals(study).items():
        bought = control if study.design(key).controls else 0.0
        np.testing.assert_allclose(found.costs[key], total + (price - 1) * bought, rtol=1e-9)
    assert found.inputs.loc["price cost", "what"] == "price"


@pytest.mark.parametrize("of", ["citizens", "city", "deferred"])
def test_a_rupee_value_multiplies_its_part_of_the_loss(asked: Asked, of: str) -> None:
    study, found = asked(values={of: factor(0.5, 2.0)})
    drawn = found.draws[f"value {of}"]
    rows = study.play(DESIGNS, 10)
    for i in (0, 100, 255):
        study.values = study.values.scaled(**{of: float(drawn[i])})
        loss = annual_losses(study, rows).mean(axis="columns")
        np.testing.assert_allclose(found.costs.loc[i], loss.reindex(found.costs.columns) + costs_of(study), rtol=1e-9)
        study.values = study.values.scaled(**{of: 1 / float(drawn[i])})


def test_the_strength_of_a_control_moves_the_designs_that_have_it_and_no_others(asked: Asked) -> None:
    study, found = asked(HARD)
    without = [study.key(d) for d in DESIGNS if not d.controls]
    assert list(found.inputs[found.inputs["what"] == "effect"].index) == ["effect hardening"]
    assert (found.costs[without].nunique() == 1).all()
    at = found.draws["effect hardening"].to_numpy()
    means = study.mean_losses([HARD, *(Variant(HARD, ("hardening", end)) for end in ENDS)], 10)
    weak, strong = (means.iloc[i] / means.iloc[0] for i in (1, 2))
    for design in (HARD, DESIGNS[3]):
        loss = study.mean_losses([design], 10).iloc[0]
        ratios = np.where(at[:, None] < 0, weak.to_numpy() ** -at[:, None], strong.to_numpy() ** at[:, None])
        by_hand = study.offer.annual_cost(design, 0.08) + (ratios * loss.to_numpy()) @ np.array([24.0, 36.0])
        np.testing.assert_allclose(found.costs[study.key(design)], by_hand, rtol=1e-9)


def test_a_control_that_works_better_leaves_less_to_lose(asked: Asked) -> None:
    study, found = asked(HARD, runs={"screening": 200, "final": 200})
    order = np.argsort(found.draws["effect hardening"].to_numpy())
    assert (np.diff(found.costs[study.key(HARD)].to_numpy()[order]) < 0).all()


def test_a_control_does_not_move_a_scenario_that_it_does_not_touch(asked: Asked) -> None:
    study, found = asked(HARD, scenarios={"registration_flood": often(50.0)})
    assert "effect hardening" in found.draws
    for key, total in totals(study).items():
        np.testing.assert_allclose(found.costs[key], total, rtol=1e-9)


def test_a_control_of_which_no_range_is_known_has_no_strength_to_doubt(asked: Asked, tmp_path) -> None:
    text = (Path(cr.__file__).parents[1] / "scenarios" / "controls.yaml").read_text().splitlines(keepends=True)
    path = tmp_path / "controls.yaml"
    path.write_text("".join(line for line in text if not line.lstrip().startswith(("low:", "high:"))))
    study, found = asked(HARD, catalogue=str(path))
    assert set(found.inputs["what"]) == {"frequency"}
    np.testing.assert_allclose(found.costs[study.key(HARD)], totals(study)[study.key(HARD)], rtol=1e-9)


# --- what is drawn ----------------------------------------------------------------------------------------------------


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_draws_have_the_figure_of_the_study_as_their_mean_where_their_range_allows(
    a: float, b: float, c: float
) -> None:
    low, figure, high = sorted((a, b, c))
    mode = float(_modes(pd.DataFrame({"low": [low], "mode": [figure], "high": [high]})).iloc[0])
    assert low <= mode <= high
    mean = (low + 4 * mode + high) / 6
    nearest = np.clip(figure, (5 * low + high) / 6, (low + 5 * high) / 6)
    assert mean == pytest.approx(nearest, abs=1e-9)


def test_the_mean_cost_over_draws_is_the_one_that_was_played(asked: Asked) -> None:
    scenarios = {"insider": often(24.0, 6.0, 90.0), "ransomware_property": often(36.0, 12.0, 130.0)}
    study, found = asked(scenarios=scenarios, values={"citizens": factor(0.5, 2.0), "cost": factor(0.7, 1.6)})
    assert list(found.inputs["mode"]) == [24.0, 36.0, 1.0, 1.0]
    error = found.draws.std() / np.sqrt(len(found.draws))
    assert (np.abs(found.draws.mean() - found.inputs["mode"]) <= 4 * error).all()
    spread = found.costs.std() / np.sqrt(len(found.costs))
    assert (np.abs(found.costs.mean() - pd.Series(totals(study))) <= 4 * spread).all()


def test_designs_beyond_the_budget_are_left_out(asked: Asked) -> None:
    study, found = asked(budget={"own": 1e7, "years": 2})
    assert list(found.costs.columns) == [study.key(TODAY), study.key(HARD)]


def test_the_same_seed_gives_the_same_doubts(asked: Asked) -> None:
    ranges = {"insider": often(24.0, 6.0, 50.0)}
    one, other, another = (asked(scenarios=ranges, seed=seed)[1] for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(one.costs, other.costs, check_exact=True)
    assert not one.draws.equals(another.draws)
