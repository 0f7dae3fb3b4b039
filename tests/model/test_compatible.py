"""Whether a city, a scenario and a posture fit together."""

from typing import Any

import pytest

from cyberrange.inputs.city import City
from cyberrange.inputs.load import load_city, load_posture, load_scenario
from cyberrange.inputs.posture import Posture, Sensor
from cyberrange.inputs.scenario import Scenario, Sign, Target
from cyberrange.inputs.shipped import shipped
from cyberrange.model.compatible import check_eyes, check_hands, check_pair, check_traces, check_ways, unreached


@pytest.fixture
def kasba() -> City:
    return load_city("kasba")


@pytest.fixture
def raid() -> Scenario:
    return load_scenario("ransomware_property")


@pytest.fixture
def hybrid() -> Posture:
    return load_posture("hybrid")


def changed(record: Any, **update: Any) -> Any:
    return record.model_copy(update=update)


@pytest.mark.parametrize("posture", shipped("postures"))
@pytest.mark.parametrize("city", shipped("topologies"))
def test_every_shipped_posture_has_the_hands_that_every_shipped_city_asks_for(city: str, posture: str) -> None:
    assert list(check_hands(load_city(city), load_posture(posture))) == []


@pytest.mark.parametrize("scenario", shipped("scenarios"))
@pytest.mark.parametrize("posture", shipped("postures"))
def test_every_shipped_posture_has_the_eyes_for_every_shipped_scenario(scenario: str, posture: str) -> None:
    assert list(check_eyes(load_scenario(scenario), load_posture(posture))) == []


def test_what_fits_is_not_complained_about(kasba: City, raid: Scenario, hybrid: Posture) -> None:
    assert check_pair(kasba, raid, hybrid) == []


def test_a_city_that_lacks_a_system_is_named_with_what_it_lacks(kasba: City, raid: Scenario, hybrid: Posture) -> None:
    assets = {name: asset for name, asset in kasba.assets.items() if asset.kind != "workstation"}
    problems = check_pair(changed(kasba, assets=assets, services={}, access=()), raid, hybrid)
    assert "error" in {problem.severity for problem in problems}
    assert str(problems[0]).startswith("kasba: assets: scenario 'ransomware_property' cannot play here: no asset for")


def test_a_target_by_a_wrong_id_leads_to_the_right_one(kasba: City, raid: Scenario, hybrid: Posture) -> None:
    targets = {**raid.targets, "one": Target(asset=("records_bd",), needed=False)}
    (problem,) = check_pair(kasba, changed(raid, targets=targets), hybrid)
    assert str(problem) == (
        "ransomware_property: warning: targets.one.asset: unknown asset 'records_bd' in city 'kasba'. "
        "Did you mean 'records_db'?"
    )


def test_a_team_that_takes_over_by_hand_must_exist(kasba: City, hybrid: Posture) -> None:
    teams = {name.replace("counter_staff", "counter_stuff"): team for name, team in hybrid.teams.items()}
    (problem,) = check_hands(kasba, changed(hybrid, teams=teams))
    assert problem.severity == "error"
    assert str(problem) == (
        "hybrid: teams: unknown team 'counter_staff', which takes over by hand at 'town_office' in city 'kasba'. "
        "Did you mean 'counter_stuff'?"
    )


def test_a_team_that_is_too_small_to_take_over_is_named(kasba: City, hybrid: Posture) -> None:
    shift = hybrid.teams["counter_staff"].shifts[0]
    few = changed(hybrid.teams["counter_staff"], shifts=(changed(shift, people=1),))
    (problem,) = check_hands(kasba, changed(hybrid, teams={**hybrid.teams, "counter_staff": few}))
    assert problem.severity == "warning"
    assert problem.message == "at most 1 people are ever on shift; 'town_office' in city 'kasba' asks for 2"


def test_signs_that_no_sensor_can_see_are_named_once_for_each_sensor(raid: Scenario, hybrid: Posture) -> None:
    sensors = {name: sensor for name, sensor in hybrid.sensors.items() if name not in ("edr", "siem")}
    problems = list(check_eyes(raid, changed(hybrid, sensors=sensors)))
    assert [problem.severity for problem in problems] == ["warning", "warning"]
    assert {problem.message.split("'")[1] for problem in problems} == {"edr", "siem"}


def test_a_step_whose_targets_nothing_reaches_never_starts(kasba: City, raid: Scenario) -> None:
    assert unreached(kasba, raid) == []
    without = changed(kasba, access=())
    problems = list(check_ways(without, raid))
    assert problems
    assert all(problem.severity == "warning" for problem in problems)
    assert "nothing that the attacker can hold reaches" in problems[0].message


def test_a_worm_opens_the_ways_that_it_takes() -> None:
    city = load_city("suryanagar")
    worm = load_scenario("iot_worm")
    assert unreached(city, worm) == []
    assert unreached(changed(city, access=()), worm)


def test_an_attack_that_nothing_can_give_away_is_named(kasba: City, raid: Scenario, hybrid: Posture) -> None:
    blind = changed(
        kasba,
        assets={name: changed(asset, watched_by=None) for name, asset in kasba.assets.items()},
        services={name: changed(service, complaints=0.0) for name, service in kasba.services.items()},
    )
    deaf = changed(hybrid, sensors={"edr": Sensor(name="Agents", sees=0.0)})
    assert len(list(check_traces(blind, raid, deaf))) == 1
    assert list(check_traces(kasba, raid, deaf)) == []
    assert list(check_traces(blind, raid, hybrid)) == []
    seen = {"step": next(iter(raid.steps.values()))}
    silent = changed(raid, steps={"step": changed(seen["step"], signs=(Sign(sensor="edr", chance=0.0),))})
    assert len(list(check_traces(blind, silent, hybrid))) == 1
    assert list(check_traces(blind, changed(raid, steps={}), deaf)) == []
