"""Every shipped scenario plays where it should, and a calm day costs next to nothing."""

import pytest

import cyberrange as cr
from cyberrange.inputs.shipped import shipped
from cyberrange.model.assault import lacking
from cyberrange.results.measures import demanded

SCENARIOS = sorted(shipped("scenarios"))
POSTURES = sorted(shipped("postures"))
BIG = ("suryanagar", "sangam_district")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_plays_on_a_big_city_under_every_posture(scenario: str) -> None:
    attack = cr.load_scenario(scenario)
    played = [name for name in BIG if not lacking(cr.load_city(name), attack)]
    assert played
    for posture in POSTURES:
        run = cr.simulate(cr.load_city(played[0]), attack, cr.load_posture(posture), seed=3)
        assert 0 <= run.measures["response_share"] <= 1
        assert run.measures["unserved_citizen_hours"] <= demanded(run.plan)


def test_a_scenario_that_cannot_play_says_what_the_city_lacks() -> None:
    with pytest.raises(cr.CannotPlayError, match="no asset for target 'first_device'") as caught:
        cr.simulate(cr.load_city("kasba"), cr.load_scenario("iot_worm"), cr.load_posture("hybrid"), seed=1)
    assert "kasba" in str(caught.value)


@pytest.mark.parametrize("city", ["suryanagar", "sangam_district", "kasba", "net3_city"])
@pytest.mark.parametrize("posture", ["vendor_reliant", "inhouse_ciso", "hybrid"])
def test_a_calm_day_costs_next_to_nothing(city: str, posture: str) -> None:
    runs = cr.replicate(
        cr.load_city(city), cr.load_scenario("calm_day"), cr.load_posture(posture), runs=20, seed=2, workers=1
    )
    assert (runs["unserved_by_attack"] == 0).all()
    assert runs["resilience_loss"].mean() < 1e-4
    assert (runs["records_exposed"] == 0).all()


def test_an_attack_on_one_shared_provider_reaches_the_other_cities() -> None:
    district = cr.load_city("sangam_district")
    runs = cr.replicate(
        district, cr.load_scenario("integrator_access"), cr.load_posture("vendor_reliant"), runs=12, seed=2
    )
    assert runs["cities_touched"].median() >= 3
