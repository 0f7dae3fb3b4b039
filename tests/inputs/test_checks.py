"""Cross checks: every mistake is told at its place, and nothing that is sound is called a mistake."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from cyberrange.errors import Problem
from cyberrange.inputs.check_city import CHECKS as CITY_CHECKS
from cyberrange.inputs.check_controls import BY_ASSET, BY_ID, BY_TECHNIQUE, check_effect, check_in_place
from cyberrange.inputs.check_needs import check_cycles, check_idle, check_noticed
from cyberrange.inputs.check_playbook import CASE_CONDITIONS, MOST_STEPS
from cyberrange.inputs.check_scenario import SENSORS
from cyberrange.inputs.checks import check, examine, kind_of
from cyberrange.inputs.city import City
from cyberrange.inputs.controls import Catalogue, Quantity
from cyberrange.inputs.load import load_posture, save
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.reading import read_record
from cyberrange.inputs.references import cycles, shown_cycle
from cyberrange.inputs.shipped import Kind, shipped
from cyberrange.inputs.synthetic import synthetic_city
from cyberrange.inputs.yaml_text import read_yaml
from cyberrange.model import codes

BAD = Path(__file__).parent / "bad"
FILES = sorted(file for file in BAD.glob("*.yaml") if not file.name.startswith("_"))
POSTURES = shipped("postures")["hybrid"].parent


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_is_told_in_exactly_these_words(file: Path) -> None:
    told = "".join(f"{problem}\n" for problem in check([file]))
    assert told.replace(f"{BAD}/", "") == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_each_bad_file_has_its_words_and_the_other_way_round() -> None:
    assert {file.stem for file in BAD.glob("*.txt")} == {file.stem for file in FILES}
    assert len(FILES) >= 45


def test_shipped_files_have_no_errors_and_no_warnings() -> None:
    files = [file for kind in get_args(Kind) for file in shipped(kind).values()]
    assert [str(problem) for problem in check([*files, POSTURES / "_common.yaml"])] == []


def test_a_synthetic_region_has_no_errors(tmp_path: Path) -> None:
    save(synthetic_city(150, seed=7), tmp_path / "city.yaml")
    assert [problem for problem in check([tmp_path / "city.yaml"]) if problem.severity == "error"] == []


# --- any mix of files ----------------------------------------------------------------------------


def test_files_of_all_kinds_are_checked_together_and_told_in_order() -> None:
    names = ("scenario_leaves_no_sign", "city_needs_itself", "posture_declares_nothing", "empty")
    problems = check(BAD / f"{name}.yaml" for name in names)
    assert problems == sorted(problems, key=lambda p: (p.file, p.line, p.column))
    assert len({problem.file for problem in problems}) == 4


def test_a_problem_of_a_base_is_told_once_for_all_that_build_on_it(tmp_path: Path) -> None:
    common = (BAD / "_posture.yaml").read_text().replace("triage: {team: watch", "triage: {team: wacht")
    (tmp_path / "_posture.yaml").write_text(common)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"base: _posture\nid: {name}\n")
    (problem,) = check(tmp_path.glob("*.yaml"))
    assert str(problem) == (f"{tmp_path}/_posture.yaml:17:16: triage.team: unknown team 'wacht'. Did you mean 'watch'?")


def test_a_part_of_other_files_is_only_read_as_yaml(tmp_path: Path) -> None:
    part = tmp_path / "_part.yaml"
    part.write_text("name: only a part")
    assert check([part]) == []
    part.write_text("name: [")
    assert len(check([part])) == 1


def test_postures_may_use_controls_of_a_catalogue_in_the_same_mix(tmp_path: Path) -> None:
    shop = tmp_path / "shop.yaml"
    shutil.copy(BAD / "controls_lie_outside_their_bounds.yaml", shop)
    shop.write_text(shop.read_text().replace("low: 0.6", "low: 0.4"))
    mine = tmp_path / "mine.yaml"
    mine.write_text("base: hybrid\nid: mine\ncontrols: [lock, mfa]\n")
    assert [problem.message for problem in check([mine])] == ["unknown control 'lock'"]
    assert check([mine, shop]) == []


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    problems = check([tmp_path / "nowhere.yaml", tmp_path, BAD / "empty.yaml"])
    assert [problem.message for problem in problems if problem.file.startswith(str(tmp_path))] == [
        "cannot be read: Is a directory",
        "cannot be read: No such file or directory",
    ]
    assert len(problems) == 3


def test_a_file_that_is_named_twice_is_checked_once() -> None:
    file = BAD / "empty.yaml"
    assert len(check([file, str(file)])) == 1


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_shipped_file_is_known_by_its_content(kind: Any) -> None:
    assert {kind_of(read_yaml(file).values) for file in shipped(kind).values()} == {kind}


def test_more_mistakes_than_anybody_reads_are_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    city = (BAD / "city_is_closed_at_weekends.yaml").read_text()
    file.write_text(city.replace("to: [pump_station]", f"to: [{'nowhere, ' * 3000}]"))
    assert len(check([file])) <= 1000


# --- needs ---------------------------------------------------------------------------------------

TOWN = """\
id: toy
name: Toy
zones: {{office: {{name: Office, kind: it}}}}
wards: {{north: {{name: North, population: 100}}}}
services:
  water: {{name: Water, sector: water, complaints: 0.1, needs: [{{all_of: [pump]}}]}}
assets:
  pump: {{name: Pump, kind: pump, sector: water, zone: office, layer: sensing, needs: [{pump}]}}
  desk: {{name: Desk, kind: scada, sector: water, zone: office, layer: application, needs: [{desk}], {more}}}
"""


def warnings(check_one: Callable[..., Any], text: str) -> list[str]:
    city, document = read_record(text, City)
    problems: list[Problem] = list(check_one(city, document))
    assert all(problem.severity == "warning" for problem in problems)
    return [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("pump", "desk", "more"),
    [
        ("{all_of: [desk]}", "{all_of: [pump], hold: 4 h}", ""),
        ("{all_of: [desk]}", "{all_of: [pump], buffer: {lasts: 4 h}}", ""),
        ("{all_of: [desk]}", "{all_of: [pump], manual: {level: 0.5, after: 1 h, team: crew}}", ""),
        ("{all_of: [desk]}", "{all_of: [pump]}", "trip: {black_start: true}"),
        ("{all_of: [desk]}", "{soft: {pump: 0.5}}", ""),
        ("{all_of: [desk]}", "{k_of_n: {k: 2, of: [pump, desk_power]}}", ""),
        ("{all_of: [desk]}", "{weighted: {pump: 0.5, desk_power: 0.5}}", ""),
        ("{all_of: [desk]}", "{soft: {pump: 0.1}}", "trip: {restart_at: 0.9}"),
    ],
)
def test_a_cycle_is_no_worry_when_something_on_it_stops_an_outage(pump: str, desk: str, more: str) -> None:
    assert warnings(check_cycles, TOWN.format(pump=pump, desk=desk, more=more)) == []


@pytest.mark.parametrize(
    ("pump", "desk", "more"),
    [
        ("{all_of: [desk]}", "{all_of: [pump]}", ""),
        ("{all_of: [desk]}", "{soft: {pump: 0.6}}", ""),
        ("{all_of: [desk]}", "{k_of_n: {k: 3, of: [pump, power, wind]}}, {weighted: {pump: 0.7, power: 0.3}}", ""),
        ("{all_of: [desk]}", "{soft: {pump: 0.2}}", "trip: {restart_at: 0.9}"),
        ("{all_of: [desk], hold: 4 h}, {all_of: [desk]}", "{all_of: [pump]}", ""),
    ],
)
def test_a_cycle_that_passes_an_outage_on_is_named(pump: str, desk: str, more: str) -> None:
    (message,) = warnings(check_cycles, TOWN.format(pump=pump, desk=desk, more=more))
    assert message.endswith("pump -> desk -> pump")


def test_what_a_service_needs_far_away_may_be_what_is_watched() -> None:
    far = TOWN.replace("complaints: 0.1, ", "").format(pump="{all_of: [desk]}", desk="{all_of: [pump]}", more="{}")
    assert len(warnings(check_noticed, far.replace(", {}}", "}"))) == 1
    assert warnings(check_noticed, far.replace(", {}}", ", watched_by: pump}")) == []


@pytest.mark.parametrize("more", ["exposed: true", "records: 5"])
def test_an_asset_that_an_attacker_may_want_plays_a_part(more: str) -> None:
    alone = TOWN.format(pump="{all_of: [pump]}", desk="{all_of: [pump]}", more=more)
    assert warnings(check_idle, alone) == []


def test_several_cycles_are_named_one_by_one() -> None:
    waits = {"a": ["b"], "b": ["a"], "c": ["d", "a"], "d": ["c"], "e": ["a", "c"], "f": ["nowhere"]}
    assert list(cycles(waits)) == [["a", "b"], ["c", "d"]]


def test_a_long_cycle_is_shown_in_short() -> None:
    names = [f"n{i}" for i in range(40)]
    found = list(cycles({name: [names[i - 1]] for i, name in enumerate(names)}))
    assert sorted(found[0]) == sorted(names)
    assert shown_cycle(names).endswith("n9 -> (29 more) -> n39 -> n0")


def test_a_long_chain_of_needs_is_no_cycle_and_does_no_harm() -> None:
    chain = {str(i): [str(i + 1)] for i in range(20_000)}
    assert list(cycles(chain)) == []


def test_every_check_of_a_city_is_quiet_about_a_sound_one() -> None:
    city, document = read_record(shipped("topologies")["suryanagar"], City)
    assert [problem for check_one in CITY_CHECKS for problem in check_one(city, document)] == []


# --- postures and controls -----------------------------------------------------------------------


@pytest.fixture
def shop() -> Catalogue:
    record: Catalogue
    record, _ = examine("controls", BAD / "controls_lie_outside_their_bounds.yaml")
    return record


def controlled(shop: Catalogue, controls: str, **changes: dict[str, Any]) -> list[str]:
    """Return what is said about a posture with some of a catalogue's controls, which are changed first."""
    changed = {name: shop.controls[name].model_copy(update=changes.get(name, {})) for name in shop.controls}
    catalogue = shop.model_copy(update={"controls": changed})
    text = (BAD / "_posture.yaml").read_text() + f"id: toy\ncontrols: {controls}\n"
    posture, document = read_record(text, Posture)
    problems = [*check_in_place(posture, catalogue, document), *check_effect(posture, catalogue, document)]
    return [f"{problem.severity} {problem.message}" for problem in problems]


def test_controls_that_fit_are_no_matter(shop: Catalogue) -> None:
    assert controlled(shop, "[bolt, lock]", bolt={"requires": ("lock",)}) == []


def test_a_control_needs_what_it_requires(shop: Catalogue) -> None:
    assert controlled(shop, "[bolt]", bolt={"requires": ("lock",)}) == [
        "error 'bolt' requires 'lock', which is not here"
    ]


def test_controls_that_exclude_each_other_do_not_stand_together(shop: Catalogue) -> None:
    assert controlled(shop, "[bolt, lock]", lock={"excludes": ("bolt",)}) == [
        "error 'lock' and 'bolt' exclude each other"
    ]


@pytest.mark.parametrize(
    ("change", "known"),
    [("sensor_sees", "edr"), ("hand_off", "works"), ("step_duration", "tidy"), ("approval_delay", "mayor")],
)
def test_the_effect_of_a_control_needs_what_it_acts_on(shop: Catalogue, change: str, known: str) -> None:
    mechanism = shop.controls["bolt"].mechanisms[0]
    for ids, told in (((known, "other"), []), (("other",), [f"'bolt' on {change} is lost: there is no 'other'"])):
        meant = mechanism.model_copy(update={"change": change, "ids": ids})
        said = controlled(shop, "[bolt]", bolt={"mechanisms": (meant,)})
        assert said == [f"warning the effect of {words}" for words in told]


def test_every_quantity_that_is_singled_out_is_one_that_a_mechanism_can_change() -> None:
    assert set(get_args(Quantity)) >= BY_ID | BY_TECHNIQUE | BY_ASSET


def test_conditions_and_limits_are_those_of_the_model() -> None:
    assert codes.CASE_BITS == CASE_CONDITIONS
    assert MOST_STEPS == 62 - codes.STEP_BIT


def test_the_known_sensors_are_those_of_the_shipped_postures() -> None:
    for name in shipped("postures"):
        assert set(load_posture(name).sensors) <= set(SENSORS)
