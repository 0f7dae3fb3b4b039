"""A step that is not to begin before an hour waits for it, and only for it."""

import pytest

from tests.build import SEEN, asset, city, happenings, hours, need, play, posture, respond, scenario, step

HOLD = {"do": "compromise"}
IMPAIR = {"do": "impair"}


def starts(world):
    return [(line.hour, line.subject) for line in happenings(world, "attack.start")]


def two():
    """An asset a that has access to an asset b."""
    return city({"a": asset(), "b": asset(need("a"))}, access=[{"from": ["a"], "to": ["b"]}])


def test_a_step_starts_at_its_hour_and_takes_its_time_from_then_on():
    world = play(two(), scenario(go=step("a", IMPAIR, begins=30, duration=4), at_once=step("b", IMPAIR, duration=1)))
    assert starts(world) == [(0, "at_once"), (30, "go")]
    assert hours(world, "attack.success", "go") == [34]


@pytest.mark.parametrize(("begins", "starts_at"), [(0, 8), (5, 8), (8, 8), (20, 20)])
def test_a_step_waits_for_its_hour_and_for_the_steps_before_it(begins, starts_at):
    attack = scenario(first=step("a", duration=8), then=step("b", IMPAIR, begins=begins, after_all=["first"]))
    assert (starts_at, "then") in starts(play(two(), attack))


def test_a_foothold_that_is_there_earlier_does_not_start_it_and_one_that_comes_later_does():
    attack = scenario(
        enter=step("a", HOLD, duration=10),
        later=step("b", IMPAIR, foothold="reach", begins=25),
        sooner=step("b", IMPAIR, foothold="reach", begins=3),
    )
    assert starts(play(two(), attack)) == [(0, "enter"), (10, "sooner"), (25, "later")]


def test_containment_before_its_hour_neither_starts_nor_delays_it():
    """The target is hit, cut off at 2 and connected again at 9; the other step comes at 20 all the same."""
    organisation = posture({
        "cut": respond("found", effect="isolate", duration=1),
        "reopen": respond("cut", effect="reopen", duration=7),
    })  # fmt: skip
    attack = scenario(hit=step("a", HOLD, duration=1, signs=SEEN), go=step("a", IMPAIR, begins=20, duration=5))
    assert (20, "go") in starts(play(two(), attack, organisation))


def test_at_its_hour_a_step_from_outside_waits_while_its_target_is_cut_off():
    organisation = posture({
        "cut": respond("found", effect="isolate", duration=1),
        "reopen": respond("cut", effect="reopen", duration=30),
    })  # fmt: skip
    attack = scenario(hit=step("a", HOLD, duration=1, signs=SEEN), go=step("a", IMPAIR, begins=20, duration=5))
    world = play(two(), attack, organisation)
    assert [hour for hour, name in starts(world) if name == "go"] == [32]


def test_each_target_of_a_step_waits_for_the_same_hour():
    attack = scenario(
        targets={"all": {"asset": ["a", "b"]}}, go=step("all", IMPAIR, begins=12, per_target=True, duration=1)
    )
    assert starts(play(two(), attack)) == [(12, "go/a"), (12, "go/b")]


def test_a_step_that_begins_after_the_horizon_never_starts():
    assert starts(play(two(), scenario(10, go=step("a", IMPAIR, begins=11)))) == []
