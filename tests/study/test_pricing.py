"""Runs are priced again, with other values, without being played again."""

import math

import numpy as np
import pandas as pd
import pytest

import cyberrange as cr
from cyberrange.errors import CyberrangeError
from cyberrange.study.risk.pricing import LEDGERS, ServiceValue, Values, price, values_of

KASBA = cr.load_city("kasba")
VALUES = values_of(KASBA)
COLUMNS = {
    "city": "loss_city_rupees",
    "citizens": "loss_citizens_rupees",
    "total": "loss_rupees",
    "deferred": "deferred_rupees",
    "recovered": "deferred_recovered_rupees",
    "citizen_hours": "unserved_citizen_hours",
    "safety_minutes": "safety_minutes",
}


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return cr.replicate(
        KASBA, cr.load_scenario("insider"), cr.load_posture("vendor_reliant"), runs=12, seed=5, workers=1
    )


def test_priced_with_the_citys_own_values_every_ledger_is_the_tables_own_measure(runs: pd.DataFrame) -> None:
    priced = price(runs, VALUES)
    assert tuple(priced.columns) == LEDGERS == tuple(COLUMNS)
    assert (runs["unserved_citizen_hours"] > 0).any()
    assert (runs["deferred_rupees"] > runs["deferred_recovered_rupees"]).any()
    for ledger, measure in COLUMNS.items():
        np.testing.assert_allclose(priced[ledger], runs[measure], rtol=1e-9, atol=1e-9, err_msg=ledger)


def test_the_index_of_the_runs_is_kept(runs: pd.DataFrame) -> None:
    later = runs.loc[4:7]
    pd.testing.assert_index_equal(price(later, VALUES).index, later.index)


def test_scaling_a_field_scales_what_it_prices_and_nothing_else(runs: pd.DataFrame) -> None:
    before, after = price(runs, VALUES), price(runs, VALUES.scaled(citizens=1.3))
    np.testing.assert_allclose(after["citizens"], 1.3 * before["citizens"], rtol=1e-12)
    np.testing.assert_allclose(after["total"], before["city"] + 1.3 * before["citizens"], rtol=1e-12)
    same = ["city", "deferred", "recovered", "citizen_hours", "safety_minutes"]
    pd.testing.assert_frame_equal(after[same], before[same])


def test_one_service_is_valued_anew_alone(runs: pd.DataFrame) -> None:
    dearer = VALUES.replace("water", city=VALUES.services["water"].city + 2.0)
    gap = price(runs, dearer)["city"] - price(runs, VALUES)["city"]
    np.testing.assert_allclose(gap, 2.0 * runs["unserved.water"], rtol=1e-9, atol=1e-6)
    assert {s: v for s, v in dearer.services.items() if s != "water"} == {
        s: v for s, v in VALUES.services.items() if s != "water"
    }


def test_the_city_bears_deferred_revenue_only_as_far_as_it_is_never_collected(runs: pd.DataFrame) -> None:
    never, always = (price(runs, VALUES.replace(*VALUES.services, recovered=share)) for share in (0.0, 1.0))
    np.testing.assert_allclose(never["city"] - always["city"], never["deferred"], rtol=1e-9, atol=1e-6)
    np.testing.assert_array_equal(never["recovered"], 0.0)
    np.testing.assert_array_equal(always["recovered"], always["deferred"])


def test_values_do_not_change_when_others_are_made_from_them() -> None:
    before = dict(VALUES.services)
    VALUES.scaled(city=9.0).replace("water", citizens=1.0)
    assert dict(VALUES.services) == before


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_value_that_is_negative_or_not_a_number_is_refused_by_service_and_field(wrong: float) -> None:
    with pytest.raises(CyberrangeError, match=r"'water'.*citizens"):
        VALUES.replace("water", citizens=wrong)
    with pytest.raises(CyberrangeError, match=r"safety"):
        VALUES.scaled(safety=wrong)


def test_a_recovered_share_above_one_is_refused() -> None:
    with pytest.raises(CyberrangeError, match=r"recovered is 1.1, but must be a share"):
        VALUES.replace("water", recovered=1.1)


def test_a_field_or_service_that_does_not_exist_is_refused_with_a_hint() -> None:
    with pytest.raises(CyberrangeError, match=r"'citizen'.*Did you mean 'citizens'"):
        VALUES.scaled(citizen=1.0)
    with pytest.raises(CyberrangeError, match=r"'citty'.*Did you mean 'city'"):
        VALUES.replace("water", citty=1.0)
    with pytest.raises(CyberrangeError, match=r"'watre'.*Did you mean 'water'"):
        VALUES.replace("watre", city=1.0)


def test_runs_and_values_of_different_cities_are_refused(runs: pd.DataFrame) -> None:
    more = Values({**VALUES.services, "metro": ServiceValue(0, 0, 0, 1, 0)})
    with pytest.raises(CyberrangeError, match=r"'metro'.*another city"):
        price(runs, more)
    fewer = Values({s: v for s, v in VALUES.services.items() if s != "water"})
    with pytest.raises(CyberrangeError, match=r"'water'.*no value"):
        price(runs, fewer)
    with pytest.raises(CyberrangeError, match="response_cost"):
        price(runs.drop(columns="response_cost"), VALUES)
