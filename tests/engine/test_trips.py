"""Protection that takes a node out, the way back, and cycles that cannot come back by themselves."""

import pytest

from cyberrange.engine.state import N_DEADLOCK, N_EFFECT
from tests.build import (
    asset,
    city,
    happenings,
    hours,
    level,
    levels,
    lost,
    need,
    path,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
)


def outage(name, hours, at=0.0, level=0.0):
    return step(name, {"do": "impair", "level": level, "lasts": hours}, duration=at)


def mill(**trip):
    """A mill on the grid, with protection."""
    return city({"grid": asset(), "mill": asset(need("grid"), trip=trip)}, {"flour": service(need("mill"))})


def test_a_short_dip_does_not_trip_and_a_long_one_does():
    trip = {"after": 2, "start_time": 3}
    world = play(mill(**trip), scenario(dip=outage("grid", 1.9, at=1), dark=outage("grid", 2.1, at=10)))
    assert hours(world, "node.trip") == [12]
    assert path(world, "mill") == [(0, 1), (1, 0), (2.9, 1), (10, 0), (15.1, 1)]


def test_between_the_two_thresholds_a_node_stays_as_it_is():
    """Half a supply neither trips it nor lets it start again."""
    trip = {"below": 0.5, "restart_at": 0.9, "start_time": 1}
    thin = outage("grid", 20, at=5, level=0.6)
    assert path(play(mill(**trip), scenario(thin=thin)), "mill") == [(0, 1), (5, 0.6), (25, 1)]
    world = play(mill(**trip), scenario(thin=thin, dark=outage("grid", 3, at=7)))
    assert path(world, "mill") == [(0, 1), (5, 0.6), (7, 0), (26, 1)]
    assert hours(world, "node.starting") == [25]


def test_a_supply_at_a_threshold_is_not_below_it():
    trip = {"below": 0.5, "restart_at": 0.75, "start_time": 1}
    attack = scenario(
        half=outage("grid", 5, level=0.5), dark=outage("grid", 2, at=10), thin=outage("grid", 9, 10, 0.75)
    )
    world = play(mill(**trip), attack)
    assert path(world, "mill") == [(0, 0.5), (5, 1), (10, 0), (13, 0.75), (19, 1)]


def test_a_start_that_is_interrupted_begins_anew():
    trip = {"start_time": 4}
    world = play(mill(**trip), scenario(one=outage("grid", 5), two=outage("grid", 2, at=8)))
    assert hours(world, "node.starting") == [5, 10]
    assert hours(world, "node.started") == [14]
    assert path(world, "flour") == [(0, 0), (14, 1)]


def test_the_hours_of_a_restart_are_charged_to_what_caused_the_trip():
    world = play(mill(start_time=6), scenario(dark=outage("grid", 4, at=1)))
    (effect,) = [world.state.effects[e] for e in range(world.state.count[N_EFFECT])]
    assert lost(world, "flour") == effect.lost == 10


def test_a_trip_takes_with_it_what_hangs_on_the_node_and_nothing_else():
    of = city(
        {
            "grid": asset(),
            "mill": asset(need("grid", hold=1), trip={}),
            "shop": asset(need("mill", hold=1)),
            "x": asset(),
        }
    )
    world = play(of, scenario(horizon=9, dark=outage("grid", 50)))
    assert levels(world) == {"grid": 0, "mill": 0, "shop": 0, "x": 1}
    assert hours(world, "node.trip") == [1]


# --- cycles ---------------------------------------------------------------------------------------


def loop(*, black_start=False, battery=2.0, extra=None):
    """Power runs on telecom's orders, telecom on power and a battery; both have protection."""
    return city(
        {
            "power": asset(
                need("telecom"), *([need(extra)] if extra else ()), trip={"start_time": 3, "black_start": black_start}
            ),
            "telecom": asset(need("power", buffer={"lasts": battery}), trip={"start_time": 1}),
            **({extra: asset()} if extra else {}),
            "aside": asset(),
        },
        {"light": service(need("power"))},
    )


BY_HAND = {"start": respond("deadlock", scope="case", effect="black_start", duration=5)}


def cycle_of(world, line):
    p = world.plan.lists
    row = p.components[int(line.about)]
    return {world.plan.nodes.names[m] for m in p.member[row.member_start : row.member_end]}


def test_a_cycle_that_waits_for_itself_is_reported_by_name_and_stays_dead():
    world = play(loop(), scenario(dark=outage("power", 10)))
    (dead,) = happenings(world, "blackstart.deadlock")
    assert dead.hour == 10
    assert cycle_of(world, dead) == {"power", "telecom"}
    assert world.state.count[N_DEADLOCK] == 1
    assert path(world, "light") == [(0, 0)]
    assert [line.about for line in happenings(world, "case.condition")][:2] == ["noticed", "deadlock"]


def test_a_black_start_by_hand_ends_it():
    world = play(loop(), scenario(dark=outage("power", 10)), posture(BY_HAND))
    assert path(world, "light") == [(0, 0), (15, 1)]
    assert set(levels(world).values()) == {1.0}
    (effect,) = [world.state.effects[e] for e in range(world.state.count[N_EFFECT])]
    assert effect.lost == lost(world, "light") == 15


def test_a_second_deadlock_is_ended_as_well():
    attack = scenario(one=outage("power", 10), two=outage("power", 10, at=40))
    world = play(loop(), attack, posture(BY_HAND))
    assert hours(world, "blackstart.deadlock") == [10, 50]
    assert path(world, "light") == [(0, 0), (15, 1), (40, 0), (55, 1)]


def test_a_second_deadlock_is_ended_as_well_while_the_case_is_still_open():
    attack = scenario(
        one=outage("power", 10),
        two=outage("power", 10, at=40),
        seen=step("aside", {"do": "compromise"}, signs=[{"sensor": "eye", "chance": 1}]),
    )
    world = play(loop(), attack, posture(BY_HAND))
    assert hours(world, "case.closed") == []
    assert path(world, "light") == [(0, 0), (15, 1), (40, 0), (55, 1)]


def test_an_asset_that_can_start_alone_starts_the_cycle():
    """Power needs no telecom to start: three hours after its fuel is back; telecom an hour later."""
    world = play(loop(black_start=True, extra="fuel"), scenario(dry=outage("fuel", 10)))
    assert hours(world, "blackstart.deadlock") == []
    assert path(world, "power") == [(0, 0), (13, 1)]
    assert path(world, "telecom") == [(0, 1), (2, 0), (14, 1)]


def test_cycles_that_die_together_are_started_together():
    twins = {
        f"{name}{i}": asset(need(f"{other}{i}"), trip={})
        for i in (1, 2)
        for name, other in (("power", "telecom"), ("telecom", "power"))
    }
    attack = scenario(one=outage("power1", 10), two=outage("power2", 12))
    world = play(city(twins), attack, posture(BY_HAND))
    assert hours(world, "blackstart.deadlock") == [10, 12]
    assert set(levels(world).values()) == {1.0}
    assert hours(world, "node.started") == [15] * 4


def test_an_asset_that_can_start_alone_still_needs_what_does_not_stand_on_the_cycle():
    attack = scenario(dark=outage("power", 10), dry=outage("fuel", 30))
    world = play(loop(black_start=True, extra="fuel"), attack)
    assert path(world, "power") == [(0, 0), (33, 1)]


def test_a_cycle_that_lacks_something_from_outside_is_not_dead_before_that_is_back():
    attack = scenario(dry=outage("fuel", 20))
    world = play(loop(extra="fuel"), attack)
    assert hours(world, "blackstart.deadlock") == [20]


def test_a_cycle_that_is_about_to_start_is_not_dead():
    """The battery outlasts the outage: telecom is up when power is mended, and power starts again."""
    of = loop(battery=50)
    trip_power = outage("telecom", 4)
    world = play(of, scenario(dark=trip_power))
    assert hours(world, "node.trip") == [0]
    assert hours(world, "blackstart.deadlock") == []
    assert path(world, "light") == [(0, 0), (7, 1)]


@pytest.mark.parametrize("effect", [{"do": "flood", "load": 4}, {"do": "impair", "level": 0.25}])
def test_a_cycle_with_a_member_that_is_still_under_attack_is_not_dead(effect):
    world = play(loop(battery=0), scenario(hit=step("telecom", {**effect, "lasts": 10})))
    assert hours(world, "node.trip", "power") == [0]
    assert hours(world, "blackstart.deadlock") == [10]


def test_a_deadlock_is_reported_when_the_last_isolation_ends():
    seen = step("telecom", {"do": "force"}, signs=[{"sensor": "eye", "chance": 1}])
    playbook = {
        "cut": respond("found", effect="isolate"),
        "right": respond("cut", effect="correct", duration=4),
        "reopen": respond("right", effect="reopen", duration=4),
    }
    world = play(loop(), scenario(hit=seen), posture(playbook))
    assert hours(world, "blackstart.deadlock") == [8]
    assert level(world, "light") == 0
