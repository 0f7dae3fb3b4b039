"""Studies: what they offer can be bought, what they name is there, and paths mean the same from anywhere."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import cyberrange as cr
from cyberrange.errors import InputError
from cyberrange.inputs.checks import check, kind_of
from cyberrange.inputs.load import load_catalogue, load_city, load_posture, load_scenario, load_study, save
from cyberrange.inputs.records import Source
from cyberrange.inputs.shipped import shipped
from cyberrange.inputs.study import Budget, Factor, PerYear, Runs
from cyberrange.model.assault import lacking

BAD = Path(__file__).parent / "bad"
GUESS = Source(text="A guess")
TEXT = """\
id: mine
name: Mine
city: kasba
seed: 7
scenarios:
  insider: {per_year: 0.1, low: 0.1, high: 0.3, source: {text: A guess}}
organisations: [hybrid]
budget: {own: Rs 5 crore, years: 5}
discount: 0.08
worth: Rs 5 lakh
threshold: Rs 1 crore
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "study.yaml"
    file.write_text(text)
    return file


def told(file: Path) -> list[str]:
    return [f"{problem.severity}: {problem.message}" for problem in check([file])]


# --- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped("studies"))
def test_a_shipped_study_plays_every_attack_that_ships_on_its_city(name: str) -> None:
    study = load_study(name)
    city = load_city(study.city)
    assert set(study.scenarios) == set(shipped("scenarios")) - {"calm_day"}
    assert [line for scenario in study.scenarios for line in lacking(city, load_scenario(scenario))] == []


@pytest.mark.parametrize("name", shipped("studies"))
def test_a_shipped_study_offers_twelve_controls_and_three_organisations(name: str) -> None:
    study = load_study(name)
    assert len(study.controls) == 12
    assert set(study.controls) <= set(load_catalogue().controls)
    assert study.organisations == ("vendor_reliant", "hybrid", "inhouse_ciso")
    assert all(not load_posture(organisation).controls for organisation in study.organisations)


@pytest.mark.parametrize("name", shipped("studies"))
def test_a_shipped_study_can_pay_for_every_organisation_it_offers(name: str) -> None:
    study = load_study(name)
    grant = study.budget.grant
    money = study.budget.own + (grant.money if grant and "organisation" in grant.purposes else 0)
    costs = [load_posture(organisation).annual_cost for organisation in study.organisations]
    assert max(costs) - costs[0] <= money / study.budget.years / len(load_city(study.city).city_ids)


def test_the_frequencies_of_the_shipped_city_agree_with_those_of_the_scenarios() -> None:
    for name, rate in load_study("city_five_crore").scenarios.items():
        own = load_scenario(name).frequency
        assert own is not None
        assert own.low <= rate.per_year <= own.high


@pytest.mark.parametrize("name", shipped("studies"))
def test_every_figure_of_a_shipped_study_says_how_sure_it_is_and_from_when(name: str) -> None:
    rates = load_study(name).scenarios.values()
    assert {rate.source.confidence for rate in rates} <= {"low", "assumption"}
    assert all(rate.source.year and rate.low < rate.high for rate in rates)


# --- paths ---------------------------------------------------------------------------------------


def test_paths_are_seen_from_the_file_of_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(shipped("topologies")["kasba"], tmp_path / "town.yaml")
    shutil.copy(shipped("scenarios")["insider"], folder / "thief.yaml")
    shutil.copy(shipped("controls")["controls"], folder / "shop.yaml")
    (folder / "us.yaml").write_text("base: hybrid\nid: us\n")
    text = TEXT.replace("city: kasba", "city: ../town.yaml").replace("insider:", "thief.yaml:")
    text = text.replace("[hybrid]", "[hybrid, us.yaml]\ncontrols: [mfa]\ncatalogue: shop.yaml")
    file = written(folder, text)
    monkeypatch.chdir(tmp_path)
    assert check([file]) == []
    study = load_study(os.path.relpath(file))
    monkeypatch.chdir("/")
    assert load_city(study.city) == load_city("kasba")
    assert [load_scenario(name).id for name in study.scenarios] == ["insider"]
    assert study.organisations[0] == "hybrid"
    assert load_posture(study.organisations[1]).id == "us"
    assert load_catalogue(study.catalogue) == load_catalogue()


def test_a_study_with_paths_can_be_saved_anywhere(tmp_path: Path) -> None:
    shutil.copy(shipped("topologies")["kasba"], tmp_path / "town.yaml")
    study = load_study(written(tmp_path, TEXT.replace("kasba", "town.yaml")))
    (tmp_path / "elsewhere").mkdir()
    save(study, tmp_path / "elsewhere" / "study.yaml")
    assert load_study(tmp_path / "elsewhere" / "study.yaml") == study


def test_a_path_that_is_right_from_the_working_folder_alone_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    shutil.copy(shipped("topologies")["kasba"], tmp_path / "town.yaml")
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path / "mine", TEXT.replace("kasba", "town.yaml"))
    with pytest.raises(InputError, match=r"unknown city 'town.yaml'"):
        load_study(file)


# --- controls on offer ---------------------------------------------------------------------------


def test_what_every_organisation_has_in_place_need_not_be_on_offer(tmp_path: Path) -> None:
    text = TEXT.replace("[hybrid]", "[hybrid_grant]\ncontrols: [soc_service]")
    assert told(written(tmp_path, text)) == []
    file = written(tmp_path, text.replace("[hybrid_grant]", "[hybrid_grant, hybrid]"))
    assert told(file) == ["error: 'soc_service' requires 'log_tuning', which is not on offer"]


def test_a_broken_posture_does_not_hide_what_is_wrong_with_the_offer(tmp_path: Path) -> None:
    (tmp_path / "us.yaml").write_text("id: us\n")
    file = written(tmp_path, TEXT.replace("[hybrid]", "[us.yaml]\ncontrols: [soc_service]"))
    assert told(file) == ["error: 'soc_service' requires 'log_tuning', which is not on offer"]


def test_a_study_of_organisations_alone_offers_no_controls(tmp_path: Path) -> None:
    assert load_study(written(tmp_path, TEXT)).controls == ()


def test_the_cheapest_control_counts_with_what_it_requires(tmp_path: Path) -> None:
    # The session gateway costs Rs 135 lakh in five years, and the second factor before it Rs 180 lakh.
    text = TEXT.replace("[hybrid]", "[hybrid]\ncontrols: [vendor_gateway, mfa]")
    assert told(written(tmp_path, text.replace("Rs 5 crore", "Rs 1.8 crore"))) == []
    (only,) = told(written(tmp_path, text.replace("Rs 5 crore", "Rs 1.7 crore")))
    assert only.startswith(
        "warning: nothing on offer can be paid for: 'mfa' is the cheapest at Rs 1.8 crore in 5 years"
    )


@pytest.mark.parametrize(
    ("purposes", "problems"), [("[controls]", 0), ("[organisation, controls]", 0), ("[organisation]", 1)]
)
def test_a_grant_pays_for_controls_only_when_it_may(tmp_path: Path, purposes: str, problems: int) -> None:
    text = TEXT.replace("[hybrid]", "[hybrid]\ncontrols: [mfa]")
    grant = f"Rs 1 lakh, grant: {{money: Rs 5 crore, for: {purposes}}}"
    assert len(told(written(tmp_path, text.replace("Rs 5 crore", grant)))) == problems


def test_a_broken_city_counts_as_one_and_is_no_matter_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "town.yaml").write_text("cities: [\n")
    text = TEXT.replace("kasba", "town.yaml").replace("[hybrid]", "[hybrid]\ncontrols: [mfa]")
    assert told(written(tmp_path, text)) == []


# --- records in Python ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "given", "words"),
    [
        (PerYear, {"per_year": 0.5, "low": 0.6, "high": 0.7, "source": GUESS}, "low <= per_year <= high"),
        (PerYear, {"per_year": 0.5, "low": -0.1, "high": 0.7, "source": GUESS}, "greater than or equal to 0"),
        (PerYear, {"per_year": 0.5, "low": 0.1, "high": 0.7}, "Field required"),
        (Budget, {"own": -1, "years": 5}, "greater than or equal to 0"),
        (Budget, {"own": 1, "years": 0}, "greater than or equal to 1"),
        (Runs, {"screening": 60, "final": 59}, "screening <= final"),
        (Factor, {"low": 0.5, "high": 0.9, "source": GUESS}, "low <= 1 <= high"),
    ],
)
def test_a_record_that_makes_no_sense_cannot_be_built(record: Any, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        record(**given)


def test_a_frequency_may_be_known_exactly_and_be_nought() -> None:
    assert PerYear(per_year=0, low=0, high=0, source=GUESS).high == 0


# --- the package and its commands ----------------------------------------------------------------


def test_the_package_offers_studies_and_logs_by_name() -> None:
    assert isinstance(cr.load_study("city_five_crore"), cr.StudySpec)
    assert isinstance(cr.load_decisions("hold_the_shutdown"), cr.Decisions)


def test_a_study_is_known_by_its_content_even_when_its_controls_are_written_like_a_catalogue() -> None:
    assert kind_of({"controls": {"mfa": True}, "budget": {}, "worth": "Rs 5 lakh"}) == "studies"
    assert kind_of({"id": "x", "controls": {}}) == "controls"
