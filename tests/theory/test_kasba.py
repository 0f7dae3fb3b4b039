"""Kasba by hand: the sums of docs/kasba.md, worked out here, and what the engine says."""

import datetime as dt

import pytest

import cyberrange as cr
from cyberrange.engine.live import World
from cyberrange.results.run import Run
from tests.build import posture, scenario, step

KASBA = cr.load_city("kasba")
PEOPLE = 18_000
TOLERANCE = 1e-9


def play(horizon: float, hit: dict[str, tuple[float, float]], start: dt.datetime = dt.datetime(2027, 3, 1)) -> Run:
    """Play Kasba with some assets out of order from an hour on for so many hours, and nobody to mend them."""
    targets = {name: {"asset": (name,)} for name in hit}
    steps = {
        f"break_{name}": step(name, {"do": "impair", "level": 0.0, "lasts": lasts}, duration=at)
        for name, (at, lasts) in hit.items()
    }
    made = scenario(horizon, targets, **steps).model_copy(update={"start": start})
    clerks = {"counter_staff": {"name": "", "shifts": ({"people": 2},)}}
    world = World(cr.compile_plan(KASBA, made, posture(teams=clerks)), seed=1)
    world.finish()
    return Run(world)


PUMPS = ("pump_1", "pump_2", "pump_3")


def test_a_tank_of_twelve_hours_turns_twenty_hours_without_pumps_into_eight_without_water() -> None:
    run = play(60.0, {pump: (0.0, 20.0) for pump in PUMPS})
    lost = (20 - 12) * PEOPLE
    water = run.services.loc["water"]
    assert water["unserved"] == pytest.approx(lost, rel=TOLERANCE)
    assert water["city_rupees"] == pytest.approx(57_600, rel=TOLERANCE)
    assert water["citizens_rupees"] == pytest.approx(86_400, rel=TOLERANCE)


def test_a_fault_shorter_than_the_tank_costs_nothing() -> None:
    run = play(60.0, {pump: (0.0, 11.0) for pump in PUMPS})
    assert run.measures["unserved_citizen_hours"] == 0.0


def test_a_half_full_tank_meets_the_second_fault() -> None:
    # After 12 h of fault the tank is empty; 10 h of refilling at 0.5 bring 5 h; the second fault of 9 h is 4 too long.
    first = {"first": step("pumps", {"do": "impair", "level": 0.0, "lasts": 12.0}, duration=0.0)}
    second = {"second": step("pumps", {"do": "impair", "level": 0.0, "lasts": 9.0}, duration=22.0)}
    made = scenario(60.0, {"pumps": {"asset": PUMPS}}, **first, **second)
    clerks = {"counter_staff": {"name": "", "shifts": ({"people": 2},)}}
    world = World(cr.compile_plan(KASBA, made, posture(teams=clerks)), seed=1)
    world.finish()
    assert Run(world).services.loc["water", "unserved"] == pytest.approx(4 * PEOPLE, rel=TOLERANCE)


def test_two_of_three_pumps_carry_the_town_and_one_drains_the_tank_at_half_speed() -> None:
    assert play(100.0, {"pump_1": (0.0, 90.0)}).measures["unserved_citizen_hours"] == 0.0
    run = play(100.0, {"pump_1": (0.0, 40.0), "pump_2": (0.0, 40.0)})
    hours_without = 40 - 12 / 0.5
    assert run.services.loc["water", "unserved"] == pytest.approx(hours_without * 0.5 * PEOPLE, rel=TOLERANCE)


def test_losing_control_is_not_losing_water() -> None:
    alone = play(200.0, {"water_scada": (0.0, 72.0)})
    assert alone.services.loc["water", "unserved"] == 0.0
    run = play(200.0, {"water_scada": (0.0, 72.0), "pump_3": (0.0, 150.0)})
    supply = 2 * 0.75 / 2
    empty_at = 4 + 12 / (1 - supply)
    lost = (72 - empty_at) * (1 - supply) * PEOPLE
    assert lost == pytest.approx(90_000)
    assert run.services.loc["water", "unserved"] == pytest.approx(lost, rel=TOLERANCE)


def test_the_day_book_saves_two_fifths_after_four_hours() -> None:
    run = play(100.0, {"records_db": (0.0, 72.0)}, dt.datetime(2027, 3, 1, 10))
    open_people, mean_people = 54, 18
    first = 4 * open_people
    rest = 3 * 24 * mean_people - first
    office = run.services.loc["town_office"]
    assert office["unserved"] == pytest.approx(first + 0.6 * rest, rel=TOLERANCE)
    assert office["unserved"] == pytest.approx(864, rel=TOLERANCE)
    assert office["deferred_rupees"] == pytest.approx(86_400, rel=TOLERANCE)
    never = run.measures["deferred_rupees"] - run.measures["deferred_recovered_rupees"]
    assert never == pytest.approx(8_640, rel=TOLERANCE)


def test_a_silent_tower_costs_what_hangs_on_it_and_water_does_not_notice() -> None:
    run = play(10.0, {"tower": (0.0, 10.0)})
    levels = run.levels[run.levels["hour"] == 0.0].groupby("node")["level"].last()
    expected = {"substation": 0.9, "town_office": 0.75, "signals": 0.9, "water_scada": 0.0, "town_portal": 0.0}
    for node, level in expected.items():
        assert levels[node] == pytest.approx(level, abs=1e-12), node
    assert run.services.loc["water", "unserved"] == 0.0


def test_the_tower_restarts_half_an_hour_after_the_substation_is_back() -> None:
    run = play(10.0, {"substation": (1.0, 2.0)})
    tower = run.levels[run.levels["node"] == "tower"]
    assert list(tower["hour"]) == [1.0, 3.5]
    assert list(tower["level"]) == [0.0, 1.0]
    assert run.measures["black_starts"] == 0.0


def test_a_tower_that_asks_for_more_than_the_substation_gives_without_it_is_a_black_start_deadlock() -> None:
    assets = dict(KASBA.assets)
    trip = assets["tower"].trip
    assert trip is not None
    assets["tower"] = assets["tower"].model_copy(update={"trip": trip.model_copy(update={"restart_at": 0.95})})
    stubborn = KASBA.model_copy(update={"assets": assets})
    made = scenario(
        50.0, {"s": {"asset": ("substation",)}}, fault=step("s", {"do": "impair", "level": 0.0, "lasts": 2.0})
    )
    clerks = {"counter_staff": {"name": "", "shifts": ({"people": 2},)}}
    world = World(cr.compile_plan(stubborn, made, posture(teams=clerks)), seed=1)
    world.finish()
    assert Run(world).measures["black_starts"] == 1.0
    assert world.state.nodes[world.plan.nodes.index["tower"]].level == 0.0
