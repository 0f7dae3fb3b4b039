"""Work: consent, hand-over, queues, shifts and retries, by hand-worked cases; hour 0 is a Monday, 00:00."""

from collections import Counter

import pytest

from cyberrange.engine.state import (
    CASE_SUMS,
    FINISHED,
    N_APPROVAL,
    W_APPROVAL,
    W_OUTSIDE,
    W_STAFF,
    W_VENDOR,
    W_WORK,
)
from tests.build import (
    SEEN,
    agrees,
    asset,
    city,
    happenings,
    hours,
    need,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
    tasks,
    team,
)

DAY = 24.0
FRIDAY = 4 * DAY
SATURDAY = 5 * DAY
NEXT_MONDAY = 7 * DAY
OFFICE = {"days": "weekdays", "start": 10, "end": 18}


def hit(*found, horizon=400.0, do="impair", **others):
    """Assets a, b, c... that are hit, and seen to be, at these hours."""
    names = "abcdefgh"[: len(found)]
    steps = {
        f"hit_{name}": step(name, {"do": do, "load": 1.5}, duration=hour, signs=SEEN)
        for name, hour in zip(names, found, strict=True)
    }
    return scenario(horizon, **steps, **others)


def assets(count, **others):
    return {name: asset(**others) for name in "abcdefgh"[:count]}


def consents(world):
    """Hour of request and hour of consent of each task that needed one, by asset."""
    return {t.node: (t.asked, t.approved) for t in tasks(world, "fix")}


# --- consent --------------------------------------------------------------------------------------


def asked_at(hour, **power_and_people):
    approvers = {"boss": {"name": "", "hours": OFFICE, "delay": 2, **power_and_people.pop("boss", {})}}
    approvers |= power_and_people.pop("approvers", {})
    power = {"chain": ["boss"], **power_and_people}
    organisation = posture(
        {"fix": respond("found", effect="restore", power="repair")}, approvers=approvers, powers={"repair": power}
    )
    (task,) = tasks(play(city(assets(1)), hit(hour), organisation), "fix")
    assert task.asked == hour
    return task.approved


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (9.0, 12.0),  # the office opens at ten
        (10.0, 12.0),
        (13.5, 15.5),
        (17.0, 19.0),  # asked in time; the answer comes after hours
        (18.0, DAY + 12),
        (FRIDAY + 17.9, FRIDAY + 19.9),
        (FRIDAY + 18, NEXT_MONDAY + 12),
        (SATURDAY + 12, NEXT_MONDAY + 12),
    ],
)
def test_a_request_waits_for_the_office_to_open_and_then_for_the_answer(asked, answered):
    assert asked_at(asked) == pytest.approx(answered, abs=1e-6)


@pytest.mark.parametrize(("asked", "answered"), [(12.0, 14.0), (19.0, 24.0), (SATURDAY, SATURDAY + 5)])
def test_after_hours_another_time_holds_if_there_is_one(asked, answered):
    assert asked_at(asked, boss={"after_hours": 5}) == pytest.approx(answered, abs=1e-6)


def test_approvers_are_asked_one_after_the_other_each_in_their_own_hours():
    clerk = {"name": "", "hours": {"days": "mon-sat", "start": 9, "end": 11}, "delay": 1}
    chained = {"chain": ["boss", "clerk"], "approvers": {"clerk": clerk}}
    assert asked_at(9.0, **chained) == pytest.approx(DAY + 10, abs=1e-6)
    assert asked_at(FRIDAY + 15, **chained) == pytest.approx(SATURDAY + 10, abs=1e-6)


def test_one_consent_covers_what_is_asked_while_it_is_pending_and_while_it_is_valid():
    organisation = posture(
        {"fix": respond("found", effect="restore", power="repair")},
        approvers={"boss": {"name": "", "hours": OFFICE, "delay": 2}},
        powers={"repair": {"chain": ["boss"], "valid": 24}},
    )
    world = play(city(assets(4)), hit(9, 11, 20, DAY + 12.5), organisation)
    expected = [(9, 12), (11, 12), (20, 20), (DAY + 12.5, DAY + 14.5)]
    assert [consents(world)[i] for i in range(4)] == [pytest.approx(pair, abs=1e-6) for pair in expected]
    assert world.state.count[N_APPROVAL] == 2


def test_plant_and_shared_assets_may_need_other_consents_and_delegated_powers_none():
    organisation = posture(
        {"fix": respond("found", effect="restore", power="repair")},
        approvers={name: {"name": "", "delay": delay} for name, delay in (("engineer", 1), ("state", 3))},
        powers={"repair": {"chain": [], "in_zone": {"ot": ["engineer"]}, "shared": ["state", "engineer"]}},
    )
    of = city({"a": asset(), "b": asset(zone="ot"), "c": asset(city="shared")})
    world = play(of, hit(11, 11, 11), organisation)
    assert {i: approved - asked for i, (asked, approved) in consents(world).items()} == {0: 0, 1: 1, 2: 4}


# --- hand-over and queues -------------------------------------------------------------------------


def test_a_team_takes_its_time_to_hand_over_before_a_task_stands_in_its_queue():
    crew = {"crew": team(hand_off=3)}
    world = play(city(assets(1)), hit(5), posture({"fix": respond("found", duration=2, effect="restore")}, teams=crew))
    (task,) = tasks(world, "fix")
    assert (task.asked, task.approved, task.queued, task.started, task.ended) == (5, 5, 8, 8, 10)


def test_tasks_go_by_priority_then_by_what_hangs_on_the_asset_then_first_come():
    """The crew works on a; meanwhile b (class 3), c and d (class 1), e (no service) and f (urgent) come so."""
    of = city(
        assets(6),
        {
            "any": service(need("b"), critical=3),
            "first": service(need("c"), critical=1),
            "also": service(need("d"), critical=1),
        },
    )
    attack = scenario(
        **{f"hit_{n}": step(n, {"do": "impair"}, duration=i / 10, signs=SEEN) for i, n in enumerate("abcde")},
        hit_f=step("f", {"do": "flood", "load": 2}, duration=0.5, signs=SEEN),
    )
    playbook = {
        "fix": respond("found", hit=["impaired"], duration=1, effect="restore", priority=3),
        "rush": respond("found", hit=["flooded"], duration=1, effect="filter", priority=2),
    }
    world = play(of, attack, posture(playbook))
    started = [line.about for line in happenings(world, "task.started") if not line.subject.startswith("triage")]
    assert started == ["a", "f", "c", "d", "b", "e"]
    assert hours(world, "response.undo") == [1, 2, 3, 4, 5, 6]


def test_people_are_held_to_the_end_and_a_small_task_does_not_overtake_a_large_one():
    """Three people; tasks of 2 and 2 and 1: the second waits for two, and the third waits behind it."""
    playbook = {
        "fix": respond("found", hit=["impaired"], people=2, duration=4, effect="restore", priority=3),
        "look": respond("found", hit=["flooded"], people=1, duration=4, effect="filter", priority=3),
    }
    attack = scenario(
        **{f"hit_{n}": step(n, {"do": "impair"}, duration=i, signs=SEEN) for i, n in enumerate("ab")},
        hit_c=step("c", {"do": "flood", "load": 2}, duration=2, signs=SEEN),
    )
    world = play(city(assets(3)), attack, posture(playbook, teams={"crew": team(3)}))
    assert [t.started for t in tasks(world, "fix")] == [0, 4]
    assert [t.started for t in tasks(world, "look")] == [4]


def test_work_waits_for_the_shift_and_goes_on_in_the_next_one():
    """Asked at three, begun at nine, ten hours of work: eight until five, the rest until eleven the next day."""
    crew = {"name": "", "shifts": [{"people": 1, "hours": {"start": 9, "end": 17}}]}
    playbook = {"fix": respond("found", duration=10, effect="restore")}
    (task,) = tasks(play(city(assets(1)), hit(3), posture(playbook, teams={"crew": crew})), "fix")
    assert (task.queued, task.started, task.ended) == pytest.approx((3, 9, DAY + 11), abs=1e-6)


def test_who_has_started_finishes_while_anyone_is_on_shift_but_nothing_larger_than_the_shift_starts():
    """Three by day, one by night: work of three begun at four in the afternoon goes on at night; more waits for day."""
    crew = {"name": "", "shifts": [{"people": 1}, {"people": 2, "hours": {"start": 9, "end": 17}}]}
    playbook = {"fix": respond("found", people=3, duration=6, effect="restore")}
    world = play(city(assets(2)), hit(16, 16.5), posture(playbook, teams={"crew": crew}))
    first, second = tasks(world, "fix")
    assert (first.started, first.ended) == pytest.approx((16, 22), abs=1e-6)
    assert (second.started, second.ended) == pytest.approx((DAY + 9, DAY + 15), abs=1e-6)


def test_steps_follow_each_other_by_what_is_done_and_skip_what_does_not_concern_the_asset():
    playbook = {
        "plug": respond("found", hit=["flooded"], effect="filter", duration=1),
        "cut": respond("found", effect="isolate", duration=1),
        "fix": respond("cut", "plug", effect="restore", duration=1),
    }
    world = play(city(assets(1)), hit(0), posture(playbook, teams={"crew": team(9)}))
    done = [(line.hour, line.subject) for line in happenings(world, "task.done")]
    assert done == [(1, "cut/a"), (2, "fix/a")]


# --- what tasks wait for --------------------------------------------------------------------------


def waits_of(world):
    """Waits from the log alone: hours for consent, hours for each kind of people, and people-hours of work."""
    asked, consent, sums = {}, {}, dict.fromkeys(["approval", "own", "vendor", "outside", "work"], 0.0)
    kinds = ["own", "vendor", "outside"]
    for line in happenings(world):
        task = world.log[line.number][2]
        if line.kind in ("task.requested", "task.failed"):
            asked[task] = consent[task] = line.hour
        elif line.kind == "task.approved":
            consent[task] = line.hour
        elif line.kind == "task.started":
            row = world.state.tasks[task]
            sums["work"] += line.value * row.people
            if task in asked:
                sums["approval"] += consent[task] - asked[task]
                sums[kinds[world.plan.lists.teams[row.team].kind]] += line.hour - consent[task]
    return sums


@pytest.mark.parametrize("seed", range(5))
def test_the_waits_for_consent_for_staff_and_for_the_vendor_are_told_apart(seed):
    of = city(
        {**assets(6), "g": asset(maintained_by="firm"), "h": asset(maintained_by="firm")},
        vendors={"firm": {"name": ""}},
    )
    spread = {"lognormal": {"median": 3, "p90": 12}}
    playbook = {
        "cut": respond("found", effect="isolate", power="isolate", team="crew", duration=spread, people=2),
        "probe": respond("cut", team="experts", duration=spread, chance=0.5),
        "fix": respond("cut", "probe", effect="restore", power="repair", team="maintainer", duration=spread),
    }
    organisation = posture(
        playbook,
        teams={
            "crew": {"name": "", "shifts": [{"people": 3, "hours": OFFICE}]},
            "firm_people": team(kind="vendor", hand_off=spread),
            "experts": team(2, kind="outside", hand_off=5),
        },
        vendor_assets={"firm": "firm_people"},
        approvers={"boss": {"name": "", "hours": OFFICE, "delay": spread}},
        powers={"isolate": {"chain": ["boss"], "valid": 6}, "repair": {"chain": ["boss"], "valid": 1}},
    )
    world = play(of, hit(*range(0, 40, 5), horizon=2000.0), organisation, seed=seed)
    expected = waits_of(world)
    assert min(expected.values()) > 1
    assert any(line.kind == "task.failed" for line in happenings(world))
    sums = world.state.case_sum[:CASE_SUMS]
    found = {
        "approval": sums[W_APPROVAL],
        "own": sums[W_STAFF],
        "vendor": sums[W_VENDOR],
        "outside": sums[W_OUTSIDE],
        "work": sums[W_WORK],
    }
    assert found == pytest.approx(expected, abs=1e-6)


# --- retries --------------------------------------------------------------------------------------


def test_a_step_that_may_fail_is_done_again_until_it_works():
    """The number of attempts is geometric: 1 / chance on average."""
    attempts = []
    playbook = {"fix": respond("found", effect="restore", chance=0.4, duration=1)}
    for replicate in range(400):
        world = play(city(assets(1)), hit(0, horizon=100), posture(playbook), replicate=replicate)
        attempts.append(len(hours(world, "task.started")) - 1)
        assert len(hours(world, "task.failed")) == attempts[-1] - 1
        assert hours(world, "task.done") == [attempts[-1]]
    agrees("attempts", attempts, 2.5)


@pytest.mark.parametrize("seed", range(8))
def test_a_failed_step_goes_back_to_the_end_of_its_queue_and_disturbs_nobody_there(seed):
    """Eight assets, one person, a step that often fails: each is worked on until it is done, and then no more."""
    playbook = {"fix": respond("found", effect="filter", chance=0.5, duration=1)}
    found = [0, 0.1, 0.2, 0.3, 0.4, 60, 60.1, 60.2]
    world = play(city(assets(8)), hit(*found, do="flood"), posture(playbook), seed=seed)
    tried = Counter(line.about for line in happenings(world, "task.started") if line.subject.startswith("fix"))
    failed = Counter(line.about for line in happenings(world, "task.failed"))
    done = Counter(line.about for line in happenings(world, "task.done"))
    assert done == dict.fromkeys("abcdefgh", 1)
    assert sum(failed.values()) > 0
    assert tried == failed + done
    assert all(t.state == FINISHED for t in tasks(world, "fix"))


# --- knowledge and vendors ------------------------------------------------------------------------


def test_an_asset_that_nobody_knows_is_located_once():
    playbook = {
        "cut": respond("found", effect="isolate", duration=1),
        "fix": respond("cut", effect="restore", duration=1),
    }
    estate = {"documented": 0, "tenure": 0, "learning": 8, "locate": 6}
    world = play(city(assets(1)), hit(0), posture(playbook, estate=estate))
    assert [line.hour for line in happenings(world, "task.done")] == [7, 8]


def vendors_world(*, stand_in=None, settle=None):
    """A vendor withdraws; a is a server that it maintains, c one of the city's own."""
    of = city(
        {"a": asset(maintained_by="firm"), "b": asset(maintained_by="firm"), "c": asset()},
        vendors={"firm": {"name": ""}},
    )
    attack = scenario(
        leave=step("b", {"do": "withdraw"}, duration=1),
        hit_a=step("a", {"do": "flood", "load": 2}, duration=2, signs=SEEN),
        hit_c=step("c", {"do": "flood", "load": 2}, duration=2, signs=SEEN),
    )
    playbook = {"fix": respond("found", effect="filter", team="maintainer", duration=1)}
    if settle is not None:
        playbook["pay"] = respond("vendor_out", scope="case", effect="settle", team="clerks", duration=settle)
    firm = team(kind="vendor", **({"stand_in": stand_in} if stand_in else {}))
    teams = {"firm_people": firm, "clerks": team(), "crew": team(9)}
    organisation = posture(playbook, teams=teams, vendor_assets={"firm": "firm_people"})
    return play(of, attack, organisation)


def done(world):
    return {line.subject: line.hour for line in happenings(world, "task.done")}


def test_when_a_vendor_withdraws_its_stand_in_does_the_work():
    world = vendors_world(stand_in="crew")
    assert done(world) == {"fix/a": 3, "fix/c": 3}
    assert {world.plan.team_ids[t.team] for t in tasks(world, "fix")} == {"crew"}


def test_without_a_stand_in_the_vendors_systems_wait_until_the_vendor_is_back():
    assert done(vendors_world()) == {"fix/c": 3}
    world = vendors_world(settle=20)
    assert done(world) == {"fix/c": 3, "pay": 21, "fix/a": 22}
    (withdrawn,) = [line for line in happenings(world, "response.undo") if line.subject == "b"]
    assert withdrawn.hour == 21
