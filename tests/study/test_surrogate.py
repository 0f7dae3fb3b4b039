"""The surrogate: exact where losses multiply in pairs, close where they nearly do, honest about the rest."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyberrange.errors import CyberrangeError
from cyberrange.study.choice import surrogate
from cyberrange.study.choice.portfolios import Design, DesignTable, Floats, Offer, allowed
from cyberrange.study.choice.screening import screen
from cyberrange.study.choice.surrogate import features, fit, interactions, model_matrix, term_names
from tests.study.offers import bonded, control, multiplicative, offers, plain


def pair_losses(table: DesignTable, seed: int) -> Floats:
    return multiplicative(model_matrix(table), features(table).shape[1], seed)


def toy_city(table: DesignTable) -> pd.DataFrame:
    """Losses of a chain of events in closed form: entry, a race of spread against detection, decision, restoring."""
    mfa, patching, edr, watch, zones, backups, contract, delegation = table.levels().T.astype(float)
    entry = 1 - np.exp(-0.54 * (1 - 0.75 * mfa) - 0.4 * (1 - 0.6 * patching))
    detected = 0.02 + 0.08 * edr + 0.10 * watch + 0.06 * edr * watch + 0.02 * delegation
    spread = 0.10 * (1 - 0.7 * zones)
    reach = spread / (spread + detected)
    restore = 20 + 140 * (1 - backups) * reach * (1 - 0.4 * contract) + 60 * (1 - contract)
    hours = reach * (12 / (1 + 2 * delegation) + 8 / (1 + delegation) + restore) + 0.1 * restore
    water = (0.1 + 0.9 * (1 - zones)) / (0.05 + 0.1 * watch + 0.05 * delegation) * 1e6
    return pd.DataFrame({"ransomware": entry * (2e5 * hours + 3e6 * reach * (1 - 0.5 * backups)), "water": water})


# --- prediction -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "offer", [plain(8), plain(12, 3), bonded(12, 3), plain(4, 2)], ids=["8", "12x3", "bonded", "4x2"]
)
def test_losses_that_multiply_in_pairs_are_recovered_exactly_for_every_design(offer: Offer) -> None:
    designs, whole = screen(offer).designs, allowed(offer)
    model = fit(designs, pd.DataFrame({"one": pair_losses(designs, 1), "two": pair_losses(designs, 2)}))
    predicted = model.predict(whole)
    np.testing.assert_allclose(predicted["one"], pair_losses(whole, 1), rtol=1e-6)
    np.testing.assert_allclose(predicted["two"], pair_losses(whole, 2), rtol=1e-6)
    assert all(error.p95 < 1e-6 for error in model.accuracy().values())


@settings(max_examples=30, deadline=None)
@given(offers(most_controls=6), st.integers(0, 99))
def test_whatever_the_bonds_multiplying_losses_are_recovered(offer: Offer, seed: int) -> None:
    designs, whole = screen(offer).designs, allowed(offer)
    predicted = fit(designs, pd.DataFrame({"one": pair_losses(designs, seed)})).predict(whole)["one"]
    truth = pair_losses(whole, seed)
    # A pair that rests on a single design (leverage 1) has no leave-one-out error to choose the ridge by, and may be
    # shrunk; not so where any design can be spared.
    matrix = model_matrix(designs)
    leverage = np.einsum("ij,ji->i", matrix, np.linalg.pinv(matrix))
    if leverage.max() < 1 - 1e-9:
        np.testing.assert_allclose(predicted, truth, rtol=1e-5)


def test_a_toy_city_is_predicted_for_all_designs_from_a_quarter_of_them() -> None:
    offer = plain(8)
    designs, whole = screen(offer).designs, allowed(offer)
    model = fit(designs, toy_city(designs))
    error = np.abs(model.predict(whole) / toy_city(whole) - 1)
    assert len(designs) == 64 and len(whole) == 256
    assert (error.median() < 0.05).all()
    assert (error.quantile(0.95) < 0.15).all()


def test_pairs_predict_a_toy_city_better_than_main_effects_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = plain(8)
    designs, whole = screen(offer).designs, allowed(offer)
    with_pairs = fit(designs, toy_city(designs)).predict(whole)
    monkeypatch.setattr(surrogate, "_STRENGTHS", (1e12,))
    alone = fit(designs, toy_city(designs)).predict(whole)
    truth = toy_city(whole)
    assert (np.abs(with_pairs / truth - 1).median() < 0.6 * np.abs(alone / truth - 1).median()).all()


def test_the_told_error_is_about_the_error_of_designs_that_were_not_simulated() -> None:
    offer = plain(8)
    designs, whole = screen(offer).designs, allowed(offer)
    model = fit(designs, toy_city(designs)[["ransomware"]])
    new = ~np.isin(whole.bits, designs.bits)
    error = np.abs(model.predict(whole)["ransomware"] / toy_city(whole)["ransomware"] - 1)[new]
    told = model.accuracy()["ransomware"]
    assert error.median() / 2 < told.median < 2 * error.median()
    assert error.quantile(0.95) / 2 < told.p95 < 2 * error.quantile(0.95)


def test_blocks_change_no_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = bonded(9, 3)
    whole = allowed(offer)
    model = fit(whole, pd.DataFrame({"one": pair_losses(whole, 3), "two": pair_losses(whole, 4)}))
    direct = model_matrix(whole) @ model.coefficients.T
    np.testing.assert_allclose(model.log_losses(whole), direct, rtol=1e-12)
    monkeypatch.setattr(surrogate, "_BLOCK", 7)
    np.testing.assert_allclose(model.log_losses(whole), direct, rtol=1e-12)


def test_terms_are_named_in_the_order_of_the_columns() -> None:
    offer = bonded(3, 3)
    assert term_names(offer) == [
        "1", "o1", "o2", "c0", "c1", "c2", "o1 x c0", "o1 x c1", "o1 x c2", "o2 x c0", "o2 x c1", "o2 x c2",
        "c0 x c1", "c0 x c2", "c1 x c2",
    ]  # fmt: skip
    row = model_matrix(offer.table([Design("o2", ("c0", "c1"))]))[0]
    there = [name for name, value in zip(term_names(offer), row, strict=True) if value]
    assert there == ["1", "o2", "c0", "c1", "o2 x c0", "o2 x c1", "c0 x c1"]


# --- the fit --------------------------------------------------------------------------------------


def test_the_leave_one_out_error_is_that_of_fitting_without_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surrogate, "_STRENGTHS", (1e-12,))
    designs = screen(plain(6, 2)).designs
    chance = np.random.default_rng([4, 1])
    losses = pair_losses(designs, 5) * np.exp(0.2 * chance.standard_normal(len(designs)))
    weights = chance.uniform(0.2, 3.0, len(designs))
    model = fit(designs, pd.DataFrame({"one": losses}), pd.DataFrame({"one": weights}))
    matrix = model_matrix(designs)
    for row in range(len(designs)):
        rest = np.arange(len(designs)) != row
        root = np.sqrt(weights[rest])
        found = np.linalg.lstsq(matrix[rest] * root[:, None], np.log(losses[rest]) * root, rcond=None)[0]
        assert model.left_out[row, 0] == pytest.approx(matrix[row] @ found - np.log(losses[row]), abs=1e-6)


def test_noise_is_met_with_a_stronger_ridge() -> None:
    designs = screen(plain(8)).designs
    noise = np.exp(0.5 * np.random.default_rng([4, 2]).standard_normal(len(designs)))
    mains = np.exp(16 - 0.3 * designs.levels().sum(axis=1))
    quiet, loud = fit(designs, pd.DataFrame({"quiet": pair_losses(designs, 6), "loud": mains * noise})).strengths
    assert quiet < loud


def test_a_design_that_hardly_counts_hardly_matters() -> None:
    designs, whole = screen(plain(8)).designs, allowed(plain(8))
    losses, weights = pair_losses(designs, 7), np.ones(len(designs))
    losses[5] *= 3
    weights[5] = 1e-12
    model = fit(designs, pd.DataFrame({"one": losses}), pd.DataFrame({"one": weights}))
    np.testing.assert_allclose(model.predict(whole)["one"], pair_losses(whole, 7), rtol=1e-3)


def test_weights_that_differ_between_scenarios_are_kept_apart() -> None:
    designs = screen(plain(6)).designs
    chance = np.random.default_rng([4, 3])
    losses = pd.DataFrame(np.exp(chance.normal(15, 1, (len(designs), 2))), columns=["one", "two"])
    weights = pd.DataFrame(chance.uniform(0.1, 2, losses.shape), columns=losses.columns)
    both = fit(designs, losses, weights)
    for i, name in enumerate(losses):
        alone = fit(designs, losses[[name]], weights[[name]])
        np.testing.assert_allclose(both.coefficients[i], alone.coefficients[0], rtol=1e-9, atol=1e-9)


def test_what_is_never_lost_is_predicted_as_never_lost() -> None:
    designs = screen(plain(6)).designs
    model = fit(designs, pd.DataFrame({"calm": np.zeros(len(designs)), "one": pair_losses(designs, 1)}))
    assert model.floors.tolist() == [1.0, 0.0]
    np.testing.assert_allclose(model.predict(designs)["calm"], 0.0, atol=1e-9)


def test_losses_of_0_get_a_floor_of_a_thousandth_of_the_largest() -> None:
    designs = screen(plain(6)).designs
    losses = np.where(designs.levels()[:, 0], 0.0, 5e6)  # the first control prevents everything
    model = fit(designs, pd.DataFrame({"one": losses}))
    assert model.floors.tolist() == [5e3]
    np.testing.assert_allclose(model.predict(designs)["one"], losses, atol=1.0)
    assert (model.predict(designs) >= 0).all(axis=None)


def test_a_floor_of_ones_own_is_kept() -> None:
    designs = screen(plain(6)).designs
    assert fit(designs, pd.DataFrame({"one": pair_losses(designs, 1)}), floor=2e4).floors.tolist() == [2e4]
    with pytest.raises(ValueError, match="a loss of 0 has no log"):
        fit(designs, pd.DataFrame({"one": np.zeros(len(designs))}), floor=0.0)


def test_two_designs_are_told_as_they_are_and_claim_no_accuracy() -> None:
    designs = allowed(plain(1))
    model = fit(designs, pd.DataFrame({"one": [6e6, 2e6]}))
    np.testing.assert_allclose(model.predict(designs)["one"], [6e6, 2e6])
    assert all(map(math.isnan, model.accuracy()["one"]))


@pytest.mark.parametrize(
    ("losses", "weights", "message"),
    [
        ([1.0], None, "4 designs need as many rows"),
        ([1.0, 2.0, -1.0, 1.0], None, "at least 0"),
        ([1.0, 2.0, math.nan, 1.0], None, "at least 0"),
        ([1.0, 2.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0], "above 0"),
        ([1.0, 2.0, 1.0, 1.0], [1.0], "in the shape of the losses"),
    ],
)
def test_losses_that_do_not_fit_are_refused(losses: list[float], weights: list[float] | None, message: str) -> None:
    counts = None if weights is None else pd.DataFrame({"one": weights})
    with pytest.raises(ValueError, match=message):
        fit(allowed(plain(2)), pd.DataFrame({"one": losses}), counts)


# --- a year ---------------------------------------------------------------------------------------


def test_a_years_loss_is_the_sum_of_frequency_and_loss() -> None:
    designs = screen(plain(6, 2)).designs
    losses = pd.DataFrame({"one": pair_losses(designs, 1), "two": pair_losses(designs, 2)})
    model = fit(designs, losses)
    yearly = model.annual_loss(designs, {"two": 3.0, "one": 0.25})
    np.testing.assert_allclose(yearly, 0.25 * losses["one"] + 3 * losses["two"], rtol=1e-6)


def test_one_model_of_the_total_is_fitted_to_the_same_designs() -> None:
    designs = screen(plain(6, 2)).designs
    losses = pd.DataFrame({"one": pair_losses(designs, 1), "two": 2 * pair_losses(designs, 1)})
    total = fit(designs, losses).of_total({"one": 0.5, "two": 1.0})
    assert total.scenarios == ["total"]
    np.testing.assert_allclose(total.predict(designs)["total"], 2.5 * losses["one"], rtol=1e-6)


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [
        ({"one": 1.0}, "missing: two"),
        ({"one": 1.0, "two": 1.0, "three": 1.0}, "unknown: three"),
        ({"one": 1.0, "two": -1.0}, "at least 0; found -1 for 'two'"),
        ({"one": 1.0, "two": math.nan}, "at least 0; found nan"),
    ],
)
def test_frequencies_that_do_not_fit_are_refused(frequencies: dict[str, float], message: str) -> None:
    designs = allowed(plain(2))
    model = fit(designs, pd.DataFrame({"one": [4.0, 3.0, 2.0, 1.0], "two": [4.0, 3.0, 2.0, 1.0]}))
    with pytest.raises(CyberrangeError, match=message):
        model.annual_loss(designs, frequencies)


# --- interactions ---------------------------------------------------------------------------------


def test_single_reductions_claim_more_than_there_is_to_lose() -> None:
    designs = screen(plain(6)).designs
    model = fit(designs, pd.DataFrame({"one": 64e6 * 0.5 ** designs.levels().sum(axis=1)}))
    found = interactions(model, Design("o0", tuple(f"c{j}" for j in range(6))), {"one": 0.5})
    assert found.today == pytest.approx(32e6)
    assert found.single == pytest.approx({f"c{j}": 16e6 for j in range(6)})
    assert found.claimed == pytest.approx(96e6)  # three times what there is to lose
    assert found.joint == pytest.approx(31.5e6)
    assert found.overstatement == pytest.approx(96 / 31.5)


def test_a_control_claims_what_it_adds_to_what_it_requires() -> None:
    offer = Offer({"o0": 0.0, "o1": 1e7}, {"a": control(), "b": control(requires=("a",)), "c": control()})
    designs = allowed(offer)
    a, b, c = designs.levels().T
    losses = 1e7 * np.where(designs.organisation == 1, 0.9, 1.0) * 0.8**a * 0.25**b * 0.5**c
    found = interactions(fit(designs, pd.DataFrame({"one": losses})), Design("o1", ("a", "b")), {"one": 1.0})
    assert found.single == pytest.approx({"o1": 1e6, "a": 2e6, "b": 6e6})
    assert found.joint == pytest.approx(1e7 * (1 - 0.9 * 0.8 * 0.25))


def test_nothing_bought_claims_nothing() -> None:
    designs = screen(plain(6)).designs
    found = interactions(fit(designs, pd.DataFrame({"one": pair_losses(designs, 1)})), Design("o0"), {"one": 1.0})
    assert (found.single, found.claimed, found.joint) == ({}, 0, 0)
    assert found.overstatement == math.inf
