"""Logs of decisions: sound by themselves, and fit for the city and the posture that they are meant for."""

import json
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from cyberrange import cli
from cyberrange.inputs.check_decisions import check_decisions, cities_with_a_case
from cyberrange.inputs.city import City
from cyberrange.inputs.decisions import Decision, Decisions
from cyberrange.inputs.load import load_city, load_decisions, load_posture, load_study
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.shipped import shipped

HOLD: dict[str, Any] = {"at": 30, "do": "withhold", "step": "shut_down"}


@pytest.fixture
def kasba() -> City:
    return load_city("kasba")


@pytest.fixture
def district() -> City:
    return load_city("sangam_district")


@pytest.fixture
def hybrid() -> Posture:
    return load_posture("hybrid")


def log_of(*decisions: dict[str, Any]) -> Decisions:
    return Decisions.model_validate({"id": "log", "name": "", "decisions": decisions})


def told(place: City, posture: Posture, /, **changes: Any) -> list[str]:
    """Return what is said about a log of one decision, which differs from a sound one."""
    log = log_of({**HOLD, **changes})
    return [str(problem) for problem in check_decisions(log, place, posture)]


# --- with a city and a posture -------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped("decisions"))
def test_a_shipped_log_fits_the_city_and_the_posture_that_it_is_meant_for(name: str) -> None:
    assert check_decisions(load_decisions(name), load_city("suryanagar"), load_posture("vendor_reliant")) == []


@pytest.mark.parametrize(
    "changes", [{}, {"city": "kasba"}, {"asset": "records_db"}, {"city": "kasba", "asset": "records_db"}]
)
def test_in_a_single_city_the_city_may_be_left_out(kasba: City, hybrid: Posture, changes: dict[str, Any]) -> None:
    assert told(kasba, hybrid, **changes) == []


@pytest.mark.parametrize("step", ["shut_dwon", "noticed", "triage"])
def test_a_step_is_one_of_the_playbook(kasba: City, hybrid: Posture, step: str) -> None:
    (problem,) = told(kasba, hybrid, step=step)
    assert problem.startswith(f"log: decisions[0].step: unknown step '{step}' in posture 'hybrid'")
    assert problem.endswith("Did you mean 'shut_down'?") == (step == "shut_dwon")


def test_an_asset_is_one_of_the_city(kasba: City, hybrid: Posture) -> None:
    assert told(kasba, hybrid, asset="records_bd") == [
        "log: decisions[0].asset: unknown asset 'records_bd' in city 'kasba'. Did you mean 'records_db'?"
    ]


def test_a_service_is_no_asset(kasba: City, hybrid: Posture) -> None:
    service = next(iter(kasba.services))
    assert len(told(kasba, hybrid, asset=service)) == 1


def test_a_step_for_the_whole_case_means_no_asset(kasba: City, hybrid: Posture) -> None:
    assert told(kasba, hybrid, step="declare", asset="records_db") == [
        "log: decisions[0].asset: step 'declare' is for the whole case and means no asset. Leave `asset` out"
    ]


def test_no_time_lies_before_the_start(kasba: City, hybrid: Posture) -> None:
    early = Decision(**HOLD).model_copy(update={"at": -2.0})
    log = log_of().model_copy(update={"decisions": (early,)})
    assert [str(problem) for problem in check_decisions(log, kasba, hybrid)] == [
        "log: decisions[0].at: 2 h before the scenario's start is too early. The first hour is 0 h"
    ]


@pytest.mark.parametrize("city", ["tilakpur", "shared"])
def test_in_a_region_each_city_decides_and_so_does_the_shared_operator(
    district: City, hybrid: Posture, city: str
) -> None:
    assert told(district, hybrid, city=city) == []


def test_in_a_region_it_is_said_whose_decision_it_is(district: City, hybrid: Posture) -> None:
    (problem,) = told(district, hybrid)
    assert problem == (
        "log: decisions[0].city: missing: in a region it is not clear whose decision this is. "
        "Allowed: sangampur, devgarh, tilakpur, nandgaon, rampura, malhar, shared."
    )


def test_an_unknown_city_leads_to_the_right_one(district: City, hybrid: Posture) -> None:
    assert told(district, hybrid, city="tilakpura") == [
        "log: decisions[0].city: unknown city 'tilakpura' in 'sangam_district'. Did you mean 'tilakpur'?"
    ]


def test_a_city_that_shares_nothing_has_no_shared_operator(kasba: City, hybrid: Posture) -> None:
    assert len(told(kasba, hybrid, city="shared")) == 1


def test_a_city_decides_about_its_own_assets(district: City, hybrid: Posture) -> None:
    owned = {district.city_of(asset): name for name, asset in district.assets.items()}
    for owner in cities_with_a_case(district):
        assert told(district, hybrid, city=owner, asset=owned[owner]) == []
    assert told(district, hybrid, city="malhar", asset=owned["shared"]) == [
        f"log: decisions[0].asset: asset '{owned['shared']}' belongs to 'shared', this decision to 'malhar'"
    ]


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_log(kasba: City, hybrid: Posture) -> None:
    wrong = {"at": 1, "do": "request", "step": "isolat", "city": "kasbah", "asset": "nothing"}
    log = log_of(wrong, HOLD, {**wrong, "at": 0})
    paths = [problem.path for problem in check_decisions(log, kasba, hybrid)]
    assert paths == [f"decisions[{i}].{key}" for i in (0, 2) for key in ("step", "city", "asset")]


# --- the record ----------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"at": -1}, {"at": 20_001}, {"do": "hold"}, {"step": "Shut down"}, {"who": "me"}])
def test_a_decision_that_makes_no_sense_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Decision(**{**HOLD, **changes})


def test_a_log_keeps_the_order_of_its_file() -> None:
    log = log_of(HOLD, {**HOLD, "at": 2})
    assert [decision.at for decision in log.decisions] == [30.0, 2.0]


# --- the command ---------------------------------------------------------------------------------


def test_list_shows_studies_and_logs_of_decisions() -> None:
    text = CliRunner().invoke(cli.app, ["list"]).stdout
    groups = json.loads(CliRunner().invoke(cli.app, ["list", "--json"]).stdout)
    assert groups["studies"] == {name: load_study(name).name for name in shipped("studies")}
    assert groups["decisions"] == {name: load_decisions(name).name for name in shipped("decisions")}
    assert all(name in text for name in (*groups["studies"], *groups["decisions"]))
