"""The response: what a case knows, which steps follow, what they do, and what they cost."""

import pytest

from cyberrange.engine.state import (
    N_EFFECT,
    N_MISTAKE,
    NEVER,
    T_ALERTED,
    T_CLEAN,
    T_COMPROMISED,
    T_CONTAINED,
    T_DECIDED,
    T_DECLARED,
    T_NOTICED,
    T_REPORTED,
    T_RESTORED,
    T_WARNED,
)
from cyberrange.model import codes
from tests.build import (
    SEEN,
    agrees,
    asset,
    case,
    city,
    happenings,
    hours,
    level,
    lost,
    need,
    node,
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

HOLD = {"do": "compromise"}
IMPAIR = {"do": "impair"}
MANY = {"crew": team(99)}


def conditions(world, name):
    return [line.hour for line in happenings(world, "case.condition") if line.about == name]


def done(world):
    return [(line.hour, line.subject) for line in happenings(world, "task.done")]


def by_side(world):
    """Loss charged to the attack's effects and to the response's own."""
    effects = [world.state.effects[e] for e in range(world.state.count[N_EFFECT])]
    return tuple(sum(e.lost for e in effects if e.attack == side) for side in (1, 0))


# --- a case from beginning to end -----------------------------------------------------------------


PLAYBOOK = {
    "declare": respond("noticed", scope="case", effect="declare", duration=1),
    "report": respond("declared", scope="case", effect="report", duration=2),
    "cut": respond("found", "declared", effect="isolate", power="isolate", duration=1),
    "clean": respond("cut", hit=["compromised"], effect="clean", duration=3),
    "fix": respond("found", "clean", hit=["impaired", "destroyed"], effect="restore", duration=5),
    "reopen": respond("found", "contained", "clean", effect="reopen", duration=2),
}
POWERS = {
    "approvers": {"boss": {"name": "", "hours": {"days": "all", "start": 0, "end": 24}, "delay": 4}},
    "powers": {"isolate": {"chain": ["boss"]}},
}


def test_a_case_runs_from_compromise_to_recovery_and_each_clock_stops_in_its_place():
    eye = {"eye": {"name": "", "sees": 1, "delay": 1}}
    world = play(
        city({"a": asset()}),
        scenario(enter=step("a", HOLD, duration=10, signs=SEEN)),
        posture(
            PLAYBOOK, teams=MANY, sensors=eye, triage={"team": "analysts", "duration": 0.5, "confirms": 1}, **POWERS
        ),
    )
    clocks = {
        T_COMPROMISED: 10, T_ALERTED: 11, T_NOTICED: 11.5, T_DECLARED: 12.5, T_DECIDED: 16.5, T_REPORTED: 14.5,
        T_CONTAINED: 17.5, T_CLEAN: 20.5, T_RESTORED: 22.5,
    }  # fmt: skip
    assert {clock: case(world, clock) for clock in clocks} == clocks
    assert done(world) == [
        (12.5, "declare"), (14.5, "report"), (17.5, "cut/a"), (20.5, "clean/a"), (22.5, "reopen/a"),
    ]  # fmt: skip
    assert conditions(world, "contained") == [17.5]
    assert conditions(world, "clean") == [20.5]
    assert hours(world, "case.closed") == [22.5]
    assert node(world, "a").condition == node(world, "a").found == 0


def test_contained_and_clean_are_taken_back_when_more_is_found():
    attack = scenario(one=step("a", HOLD, duration=10, signs=SEEN), two=step("b", HOLD, duration=12.5, signs=SEEN))
    playbook = {
        "cut": respond("found", effect="isolate", duration=2),
        "clean": respond("cut", effect="clean", duration=5),
    }
    world = play(city({"a": asset(), "b": asset()}), attack, posture(playbook, teams=MANY))
    assert conditions(world, "contained") == [12, 14.5]
    assert conditions(world, "clean") == [19.5]
    assert (case(world, T_CONTAINED), case(world, T_CLEAN)) == (14.5, 19.5)


def test_the_city_believes_itself_contained_while_what_it_has_not_found_stays_open():
    attack = scenario(one=step("a", HOLD, signs=SEEN), two=step("b", HOLD))
    world = play(city({"a": asset(), "b": asset()}), attack, posture({"cut": respond("found", effect="isolate")}))
    assert conditions(world, "contained") == [0]
    assert case(world, T_CONTAINED) == NEVER


def test_a_known_asset_that_is_hit_again_goes_through_the_steps_for_it_once_more():
    attack = scenario(first=step("a", HOLD, signs=SEEN), again=step("a", HOLD, duration=5), hurt=step("a", IMPAIR))
    playbook = {
        "clean": respond("found", hit=["compromised"], effect="clean", duration=2),
        "fix": respond("found", hit=["impaired"], effect="restore", duration=10),
    }
    world = play(city({"a": asset()}), attack, posture(playbook, teams=MANY))
    assert done(world) == [(2, "clean/a"), (7, "clean/a"), (10, "fix/a")]
    assert node(world, "a").condition == 0
    assert conditions(world, "contained") == conditions(world, "clean") == [2, 7]
    (_, asked_again, _) = sorted(happenings(world, "task.requested"), key=lambda line: (line.subject, line.hour))
    assert happenings(world)[asked_again.cause].kind == "attack.effect"


def test_an_asset_that_one_step_has_made_whole_is_not_cut_off_by_another_that_was_still_under_way():
    attack = scenario(hit=step("a", {"do": "force", "level": 0.5}, signs=SEEN))
    playbook = {
        "right": respond("found", effect="correct", duration=1),
        "cut": respond("found", effect="isolate", duration=3),
        "reopen": respond("cut", "right", effect="reopen", duration=1),
    }
    world = play(city({"a": asset()}), attack, posture(playbook, teams=MANY))
    assert path(world, "a") == [(0, 0.5), (1, 1)]


def test_what_ends_by_itself_counts_for_the_case_as_well():
    """The flood is over after six hours; what was shut down for it is opened as soon as the case is clean."""
    attack = scenario(hit=step("a", {"do": "flood", "load": 2, "lasts": 6}, signs=SEEN))
    playbook = {
        "shut": respond("noticed", scope="case", effect="shut_down", where={"asset": ["b"]}),
        "reopen": respond("found", "clean", effect="reopen", duration=1),
    }
    world = play(city({"a": asset(), "b": asset()}), attack, posture(playbook, teams=MANY))
    assert conditions(world, "clean") == [6]
    assert path(world, "b") == [(0, 0), (7, 1)]


# --- investigation --------------------------------------------------------------------------------


def hunt(finds, replicate=0, **others):
    """Asset a is seen; b and c are held as well, and only the investigation can find them."""
    attack = scenario(400, see=step("a", HOLD, signs=SEEN), two=step("b", HOLD), three=step("c", HOLD))
    playbook = {"look": respond("noticed", scope="case", effect="investigate", finds=finds, duration=10)}
    of = city({n: asset() for n in "abcd"})
    return play(of, attack, posture(playbook, **others), replicate=replicate)


def test_investigation_goes_in_rounds_until_one_finds_nothing_new():
    world = hunt(1.0)
    assert [(line.hour, line.subject) for line in happenings(world, "asset.found")] == [(0, "a"), (10, "b"), (10, "c")]
    assert [t.ended for t in tasks(world, "look")] == [10, 20]
    assert conditions(world, "look") == [20]
    assert [t.ended for t in tasks(hunt(0.0), "look")] == [10]


@pytest.mark.parametrize("knowledge", [0.0, 0.4])
def test_each_round_finds_each_hit_asset_with_its_chance(knowledge):
    """Two hidden assets: both are found in the end with f^2 + 2 f^2 (1 - f); knowledge k makes f + (1 - f) k of f."""
    f = 0.5 + 0.5 * knowledge
    help_at_once = {"help": {"agency": {"name": "", "on": ["noticed"], "delay": 1, "knowledge": knowledge}}}
    both = [float(len(hours(hunt(0.5, replicate, **help_at_once), "asset.found")) == 3) for replicate in range(500)]
    agrees(f"both found, knowledge {knowledge}", both, f * f + 2 * f * f * (1 - f))


def test_the_investigation_begins_again_when_something_new_is_found_later():
    attack = scenario(
        400, see=step("a", HOLD, signs=SEEN), two=step("b", HOLD), late=step("c", HOLD, duration=50, signs=SEEN),
        more=step("d", HOLD, duration=50),
    )  # fmt: skip
    playbook = {"look": respond("noticed", scope="case", effect="investigate", finds=1.0, duration=10)}
    world = play(city({n: asset() for n in "abcd"}), attack, posture(playbook))
    assert [t.ended for t in tasks(world, "look")] == [10, 20, 60, 70]
    assert hours(world, "asset.found", "d") == [60]


# --- wounds of the response's own -----------------------------------------------------------------


def test_a_shut_down_and_its_end_are_the_responses_own_loss():
    of = city({"a": asset(), "b": asset(), "c": asset(local_level=0.4)}, {n * 2: service(need(n)) for n in "abc"})
    playbook = {
        "shut": respond("noticed", scope="case", effect="shut_down", where={"asset": ["b", "c"]}, duration=5),
        "reopen": respond("found", hit=["shut"], effect="reopen", duration=10),
    }
    attack = scenario(hit=step("a", {"do": "impair", "level": 0.5}, duration=2, signs=SEEN))
    world = play(of, attack, posture(playbook, teams=MANY))
    assert (lost(world, "aa"), lost(world, "bb"), lost(world, "cc")) == (49, 10, 6)
    assert by_side(world) == pytest.approx((49, 16))
    assert [(line.hour, line.subject) for line in happenings(world, "response.effect")] == [(7, "b"), (7, "c")]
    assert level(world, "b") == level(world, "c") == 1


def test_isolation_of_a_damaged_asset_is_charged_to_whichever_binds_first():
    of = city({"a": asset(local_level=0.2)}, {"tax": service(need("a"))})
    attack = scenario(hit=step("a", {"do": "impair", "level": 0.5}, duration=2, signs=SEEN))
    playbook = {"cut": respond("found", effect="isolate", duration=8)}
    world = play(of, attack, posture(playbook))
    assert path(world, "tax") == [(0, 1), (2, 0.5), (10, 0.2)]
    assert by_side(world) == pytest.approx((8 * 0.5, 90 * 0.8))


def test_a_shut_down_for_one_asset_shuts_everything_that_is_meant_and_only_once():
    of = city({n: asset() for n in "abc"})
    attack = scenario(
        one=step("a", {"do": "encrypt"}, signs=SEEN), two=step("b", {"do": "encrypt"}, duration=9, signs=SEEN)
    )
    shut = respond("found", hit=["destroyed"], effect="shut_down", where={"asset": ["b", "c"]}, duration=2)
    world = play(of, attack, posture({"shut": shut}, teams=MANY))
    assert [(line.hour, line.subject) for line in happenings(world, "response.effect")] == [(2, "b"), (2, "c")]


# --- destroyed data -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "survive", "spoilt", "rebuild"),
    [(1, 0, False, 10), (1, 1, True, 10), (1, 0, True, 30), (0, 1, False, 30), (0, 1, True, 30)],
)
def test_without_a_good_backup_a_rebuild_takes_many_times_longer(good, survive, spoilt, rebuild):
    attack = scenario(
        **({"spoil": step("b", {"do": "spoil_backups"})} if spoilt else {}),
        lock=step("a", {"do": "encrypt"}, duration=1, signs=SEEN),
    )
    backups = {"good": good, "survive": survive, "bare_rebuild": 3}
    of = city({"a": asset(rebuild=10), "b": asset()})
    world = play(of, attack, posture({"fix": respond("found", effect="restore", duration=2)}, backups=backups))
    assert path(world, "a") == [(0, 1), (1, 0), (3 + rebuild, 1)]


def test_only_destroyed_data_are_rebuilt():
    of = city({"a": asset(rebuild=10)})
    fix = {"fix": respond("found", effect="restore", duration=2)}
    assert path(play(of, scenario(hit=step("a", IMPAIR, signs=SEEN)), posture(fix)), "a") == [(0, 0), (2, 1)]


def test_backups_outlive_the_attacker_as_often_as_it_is_said():
    of = city({f"n{i}": asset(rebuild=10) for i in range(50)})
    attack = scenario(
        400,
        targets={"all": {"kind": ["server"]}},
        lock=step("all", {"do": "spoil_backups"}, {"do": "encrypt"}, per_target=True, signs=SEEN),
    )
    backups = {"good": 0.8, "survive": 0.5, "bare_rebuild": 3}
    quick = []
    for replicate in range(20):
        organisation = posture({"fix": respond("found", effect="restore")}, backups=backups, teams=MANY)
        world = play(of, attack, organisation, replicate=replicate)
        quick.append(sum(line.hour == 10 for line in happenings(world, "task.done")) / 50)
    agrees("backups that came back", quick, 0.8 * 0.5)


# --- help, neighbours, the law --------------------------------------------------------------------


def test_help_adds_hands_for_its_time():
    """One person; four tasks of ten hours from hour 0. Two helpers are there from 5 to 17."""
    attack = scenario(**{f"hit_{n}": step(n, {"do": "flood", "load": 2}, signs=SEEN) for n in "abcd"})
    organisation = posture(
        {"fix": respond("found", effect="filter", duration=10)},
        help={"agency": {"name": "", "on": ["noticed"], "delay": 5, "team": "crew", "people": 2, "stays": 12}},
    )
    world = play(city({n: asset() for n in "abcd"}), attack, organisation)
    assert [t.started for t in tasks(world, "fix")] == [0, 5, 5, 10]
    assert (hours(world, "help.asked"), hours(world, "help.came"), hours(world, "help.left")) == ([0], [5], [17])


REGION = {
    "cities": {"east": {"name": ""}, "west": {"name": ""}},
    "wards": {n: {"name": "", "population": 1, "city": n} for n in ("east", "west")},
}


def test_a_warning_lets_the_neighbours_and_the_shared_operator_cut_their_lines_ahead_of_the_attack():
    kinds = {"where": {"kind": ["gateway"]}}
    playbook = {
        "warn": respond("noticed", scope="case", effect="warn", duration=3),
        "protect": respond("warned", scope="case", effect="protect", duration=2, **kinds),
    }
    of = city(
        {
            "a": asset(city="east"),
            "gate_east": asset(city="east", kind="gateway"),
            "gate_west": asset(city="west", kind="gateway"),
            "gate_all": asset(city="shared", kind="gateway"),
            "pump_west": asset(need("gate_west"), city="west"),
        },
        {"water": service(need("pump_west"), city="west")},
        **REGION,
    )
    world = play(of, scenario(hit=step("a", HOLD, duration=10, signs=SEEN)), posture(playbook, teams=MANY))
    cuts = [(line.hour, line.subject) for line in happenings(world, "response.effect")]
    assert cuts[:2] == [(15, "gate_west"), (15, "gate_all")]
    assert by_side(world) == pytest.approx((0, 85))
    east, west, shared = (list(world.plan.units).index(n) for n in ("east", "west", "shared"))
    assert [case(world, T_WARNED, unit) for unit in (east, west, shared)] == [13, NEVER, NEVER]
    assert case(world, T_NOTICED, west) == NEVER


def test_each_city_works_on_its_own_case_with_its_own_people():
    of = city({"a": asset(city="east"), "b": asset(city="west")}, **REGION)
    attack = scenario(
        one=step("a", {"do": "flood", "load": 2}, duration=1, signs=SEEN),
        two=step("b", {"do": "flood", "load": 2}, duration=1, signs=SEEN),
    )
    fix = {"fix": respond("found", effect="filter", duration=10)}
    assert [t.started for t in tasks(play(of, attack, posture(fix)), "fix")] == [1, 1]
    shared_crew = {"crew": team(scope="shared")}
    assert [t.started for t in tasks(play(of, attack, posture(fix, teams=shared_crew)), "fix")] == [1, 11]


def test_the_report_is_filed_by_way_of_its_consent_and_the_clock_runs_from_noticing():
    playbook = {"report": respond("noticed", scope="case", effect="report", power="report", duration=2)}
    organisation = posture(
        playbook,
        approvers={"boss": {"name": "", "delay": 1, "hours": {"days": "weekdays", "start": 10, "end": 18}}},
        powers={"report": {"chain": ["boss"]}},
    )
    world = play(city({"a": asset()}), scenario(hit=step("a", HOLD, duration=3, signs=SEEN)), organisation)
    assert (case(world, T_NOTICED), case(world, T_REPORTED)) == pytest.approx((3, 13), abs=1e-6)
    assert hours(world, "report.filed") == pytest.approx([13], abs=1e-6)


# --- false alarms ---------------------------------------------------------------------------------


def wolf(mistakes, attack=None, **others):
    playbook = {
        "declare": respond("noticed", scope="case", effect="declare", duration=1),
        "cut": respond("found", "declared", effect="isolate", duration=1),
        "reopen": respond("cut", effect="reopen", duration=4),
    }
    sensors = {"wolf": {"name": "", "sees": 1, "false_per_day": 0.5}, "eye": {"name": "", "sees": 1}}
    triage = {"team": "analysts", "duration": 0, "confirms": 1, "mistakes": mistakes}
    of = city({"a": asset()}, {"tax": service(need("a"))})
    return play(of, attack or scenario(480), posture(playbook, sensors=sensors, triage=triage, teams=MANY), **others)


def test_a_false_alarm_that_is_believed_costs_the_city_its_own_response_and_stops_no_clock():
    world = wolf(mistakes=1.0)
    alarms = hours(world, "alert.false")
    assert len(alarms) > 3
    assert world.state.count[N_MISTAKE] == len(alarms)
    assert lost(world, "tax") == pytest.approx(sum(by_side(world)))
    assert by_side(world)[0] == 0
    cuts = hours(world, "response.effect")
    assert lost(world, "tax") == pytest.approx(sum(min(4.0, 480 - hour) for hour in cuts))
    assert {case(world, clock) for clock in range(12)} - {NEVER} == set()
    assert len(hours(world, "case.closed")) == len([h for h in cuts if h + 4 < 480])


def test_a_false_alarm_that_is_dismissed_costs_only_the_time_of_the_analysts():
    world = wolf(mistakes=0.0)
    assert len(hours(world, "alert.dismissed")) == len(hours(world, "alert.false")) > 3
    assert lost(world, "tax") == 0
    assert len(happenings(world, "case.noticed", "case.condition", "task.requested")) == 0


def test_false_alarms_come_at_their_rate_and_are_believed_with_their_chance():
    counts, believed = [], []
    for replicate in range(150):
        world = wolf(mistakes=0.3, replicate=replicate)
        counts.append(float(len(hours(world, "alert.false"))))
        believed += [1.0] * world.state.count[N_MISTAKE]
        believed += [0.0] * (int(counts[-1]) - world.state.count[N_MISTAKE])
    agrees("false alarms in 20 days", counts, 10)
    agrees("false alarms believed", believed, 0.3)


def test_a_true_alert_is_recognised_with_its_chance():
    attack = scenario(hit=step("a", HOLD, signs=SEEN))
    triage = {"team": "analysts", "duration": 0, "confirms": 0.35}
    found = [
        float(bool(hours(play(city({"a": asset()}), attack, posture(triage=triage), replicate=r), "asset.found")))
        for r in range(600)
    ]
    agrees("true alerts confirmed", found, 0.35)


def test_a_case_closes_and_a_new_alert_opens_another():
    attack = scenario(one=step("a", HOLD, duration=10, signs=SEEN), two=step("b", HOLD, duration=40, signs=SEEN))
    world = play(city({"a": asset(), "b": asset()}), attack, posture(PLAYBOOK, teams=MANY, **POWERS))
    assert len(hours(world, "case.closed")) == 2
    assert hours(world, "case.noticed") == [10, 40]
    assert [subject for _, subject in done(world)].count("declare") == 2
    assert case(world, T_NOTICED) == 10


def test_conditions_of_an_asset_are_named_as_in_the_playbook():
    assert len(codes.CONDITIONS) == 9
    assert 1 << codes.CONDITIONS.index("shut") == codes.SHUT
