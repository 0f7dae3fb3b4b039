"""Manual take-over: people are called, set up, hold a level, tire, and are let go when the supply is back."""

from tests.build import (
    SEEN,
    asset,
    city,
    happenings,
    hours,
    need,
    path,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
    tasks,
    team,
)


def by_hand(level=0.6, after=2, people=1, **others):
    return {"level": level, "after": after, "team": "crew", "people": people, **others}


def town(**of_the_need):
    return city({"scada": asset(), "desk": asset()}, {"water": service(need("scada", **of_the_need))})


def outage(hours, at=0.0, level=0.0, asset="scada"):
    return step(asset, {"do": "impair", "level": level, "lasts": hours}, duration=at)


FIX = {"fix": respond("found", effect="filter", duration=1, priority=7)}
DESK = step("desk", {"do": "flood", "load": 2}, duration=1, signs=SEEN)


def test_people_take_over_after_the_set_up_and_leave_when_the_supply_is_whole():
    world = play(town(manual=by_hand()), scenario(hit=outage(10)))
    assert path(world, "water") == [(0, 0), (2, 0.6), (10, 1)]
    assert hours(world, "manual.on") == [2]
    assert hours(world, "manual.off") == [10]


def test_a_supply_that_is_no_worse_than_people_would_do_calls_nobody():
    world = play(town(manual=by_hand(0.6)), scenario(hit=outage(10, level=0.6)))
    assert path(world, "water") == [(0, 0.6), (10, 1)]
    assert tasks(world, "take_over") == []


def test_people_stay_while_the_supply_is_only_partly_back():
    world = play(town(manual=by_hand(0.6)), scenario(hit=outage(10), more=outage(20, level=0.3)))
    assert path(world, "water") == [(0, 0), (2, 0.6), (20, 1)]


def test_a_tank_covers_the_set_up():
    world = play(town(manual=by_hand(), buffer={"lasts": 4}), scenario(hit=outage(10)))
    assert path(world, "water") == [(0, 1), (4, 0.6), (10, 1)]


def test_people_tire_and_are_not_called_again_before_the_supply_was_whole():
    attack = scenario(first=outage(20), second=outage(20, at=30))
    world = play(town(manual=by_hand(endurance=5)), attack)
    assert path(world, "water") == [(0, 0), (2, 0.6), (7, 0), (20, 1), (30, 0), (32, 0.6), (37, 0), (50, 1)]
    assert hours(world, "manual.tired") == [7, 37]


def test_people_who_work_by_hand_do_nothing_else():
    for attack, begun in ((scenario(hit=outage(10), desk=DESK), 10), (scenario(desk=DESK), 1)):
        world = play(town(manual=by_hand()), attack, posture(FIX))
        (fix,) = tasks(world, "fix")
        assert fix.started == begun


def test_tired_people_are_free_for_other_work():
    world = play(town(manual=by_hand(endurance=3)), scenario(hit=outage(50), desk=DESK), posture(FIX))
    (fix,) = tasks(world, "fix")
    assert fix.started == 5


def test_without_enough_people_nobody_takes_over():
    world = play(town(manual=by_hand(people=2)), scenario(hit=outage(10)))
    assert path(world, "water") == [(0, 0), (10, 1)]
    (call,) = happenings(world, "task.dropped")
    assert call.hour == 10


def test_a_call_that_is_no_longer_needed_does_not_hold_up_what_stands_behind_it():
    """One of two people is busy for long; a call for two waits, a task for one behind it; at 10 the call is void."""
    playbook = {
        "long": respond("found", hit=["impaired"], effect="restore", duration=60, priority=0),
        "short": respond("found", hit=["flooded"], effect="filter", duration=1, priority=7),
    }
    attack = scenario(
        slow=step("plant", {"do": "impair"}, signs=SEEN), hit=outage(9, at=1), desk={**DESK, "duration": 2}
    )
    of = city(
        {"scada": asset(), "desk": asset(), "plant": asset()},
        {"water": service(need("scada", manual=by_hand(people=2)))},
    )
    world = play(of, attack, posture(playbook, teams={"crew": team(2)}))
    assert [t.started for t in tasks(world, "long")] == [0]
    assert [t.started for t in tasks(world, "short")] == [10]


def test_one_crew_at_a_time_works_on_a_need_even_if_the_supply_comes_back_and_goes_in_one_moment():
    """At ten the outage of the first supplier ends and the second supplier runs out of battery."""
    of = city(
        {"grid": asset(), "scada": asset(), "radio": asset(need("grid", hold=10)), "desk": asset()},
        {"water": service(need("scada", "radio", manual=by_hand()))},
    )
    attack = scenario(hit=outage(10), dark=outage(30, asset="grid"), desk={**DESK, "duration": 12})
    world = play(of, attack, posture(FIX, teams={"crew": team(2)}))
    assert path(world, "water") == [(0, 0), (2, 0.6), (10, 0), (12, 0.6), (30, 1)]
    assert world.state.crews[list(world.plan.team_ids).index("crew")].busy == 0
    assert [t.started for t in tasks(world, "fix")] == [12]


def test_a_take_over_follows_from_what_made_it_necessary():
    world = play(town(manual=by_hand()), scenario(hit=outage(10)))
    (on,) = happenings(world, "manual.on")
    chain, line = [], on.number
    while line >= 0:
        chain.append(line)
        line = world.log[line][5]
    kinds = [happenings(world)[i].kind for i in chain]
    assert kinds == [
        "manual.on", "task.started", "task.queued", "task.requested", "level", "attack.effect", "attack.success",
        "attack.start", "scenario.start",
    ]  # fmt: skip
