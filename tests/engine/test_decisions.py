"""Decisions: people ask for a step, keep it back or give it back; both engines play them alike."""

import pandas as pd
import pytest

import cyberrange as cr
from cyberrange.engine.batch import Player
from cyberrange.engine.live import World
from cyberrange.engine.state import DROPPED, NEVER, T_DECLARED, T_NOTICED
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.shipped import shipped
from cyberrange.model import codes
from cyberrange.model.build import CannotPlayError, compile_plan
from tests.build import (
    ALWAYS,
    NEVER_ASKED,
    SEEN,
    asset,
    case,
    city,
    happenings,
    hours,
    node,
    posture,
    respond,
    scenario,
    step,
    tasks,
    team,
)

pytestmark = pytest.mark.usefixtures("compiled")

TOWN = city({"a": asset(), "b": asset()})
MANY = {"crew": team(99)}
SCOPES = ("case", "asset")
"""The step of the name `act` is for the case, or for each asset."""


DECLARE = {"declare": respond("noticed", scope="case", effect="declare")}


def hit(name, at):
    """Return a step of the attack that impairs an asset and is seen at once."""
    return step(name, {"do": "impair"}, duration=at, signs=SEEN)


AT_TEN = scenario(hit_a=hit("a", 10), hit_b=hit("b", 10))
LATER = scenario(200.0, hit_a=hit("a", 10), hit_b=hit("b", 50))


def act(scope, **others):
    """Return a playbook with one step, for the case or for each asset."""
    on, effect = ("noticed", "declare") if scope == "case" else ("found", "isolate")
    return {"act": respond(on, scope=scope, effect=effect, **others)}


def log_of(*decisions):
    """Return a log of decisions, each as (hour, what, step) or (hour, what, step, asset)."""
    rows = [dict(zip(("at", "do", "step", "asset"), decision, strict=False)) for decision in decisions]
    return Decisions(id="log", name="", decisions=rows)


def decide(organisation, *decisions, attack=AT_TEN, of=TOWN):
    """Play one run with decisions in both engines, which must tell the same, and return it."""
    made = compile_plan(of, attack, organisation, None, log_of(*decisions))
    world = World(made, seed=1)
    world.finish()
    assert Player(made).log(1, 0).lines == world.log
    return world


def asked(world, step_name="act"):
    """Hours at which a step was asked for, and for what, in the order of both."""
    lines = happenings(world, "task.requested")
    return sorted((line.hour, line.about) for line in lines if line.subject.split("/")[0] == step_name)


def begun(world, step_name="act"):
    return [task.started for task in tasks(world, step_name) if task.started < NEVER]


def for_each(scope, hour, *names):
    """What `asked` gives when a step was asked for at one hour, for the case or for these assets."""
    return [(hour, "")] if scope == "case" else [(hour, name) for name in names or ("a", "b")]


# --- withhold ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_a_withheld_step_is_never_asked_for(scope):
    organisation = posture(act(scope), teams=MANY)
    assert asked(decide(organisation)) == for_each(scope, 10)
    assert asked(decide(organisation, (5, "withhold", "act"))) == []


def test_a_step_may_be_withheld_for_one_asset():
    world = decide(posture(act("asset"), teams=MANY), (5, "withhold", "act", "a"))
    assert asked(world) == [(10, "b")]


def test_what_waits_for_a_withheld_step_is_not_asked_for_either():
    playbook = {**act("asset"), "fix": respond("act", effect="restore")}
    world = decide(posture(playbook, teams=MANY), (5, "withhold", "act", "a"))
    assert asked(world, "fix") == [(10, "b")]


def test_other_steps_go_on_as_if_nothing_had_been_decided():
    playbook = {**act("asset"), "look": respond("found", effect="none")}
    assert asked(decide(posture(playbook, teams=MANY), (5, "withhold", "act")), "look") == [(10, "a"), (10, "b")]


BOSS = {"boss": {"name": "", "hours": ALWAYS, "delay": 4}}
CONSENT = {"approvers": BOSS, "powers": {"cut": {"chain": ["boss"]}}}
WAITS = {
    "consent": ({"power": "cut"}, {**CONSENT, "teams": MANY}),
    "hand_over": ({}, {"teams": {"crew": team(99, hand_off=4)}}),
    "queue": ({}, {"teams": {"crew": team(99, shifts=[{"people": 99, "hours": {"start": 14, "end": 24}}])}}),
}
"""A step that is asked for at hour 10 begins at hour 14, and what it waits for until then."""


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("wait", WAITS)
def test_a_task_that_waits_is_dropped_when_its_step_is_withheld(scope, wait):
    how, others = WAITS[wait]
    organisation = posture(act(scope, **how), **others)
    assert set(begun(decide(organisation))) == {14}
    world = decide(organisation, (12, "withhold", "act"))
    assert asked(world) == for_each(scope, 10)
    assert [task.state for task in tasks(world, "act")] == [DROPPED] * len(asked(world))
    assert begun(world) == []
    assert set(hours(world, "task.dropped")) == {12}


@pytest.mark.parametrize("wait", WAITS)
def test_of_tasks_that_wait_only_those_of_the_asset_that_was_meant_are_dropped(wait):
    how, others = WAITS[wait]
    world = decide(posture(act("asset", **how), **others), (12, "withhold", "act", "b"))
    assert [line.about for line in happenings(world, "task.dropped")] == ["b"]
    assert begun(world) == [14]
    assert node(world, "a").isolated_by >= 0 > node(world, "b").isolated_by


@pytest.mark.parametrize("scope", SCOPES)
def test_work_that_has_begun_goes_on(scope):
    world = decide(posture(act(scope, duration=5), teams=MANY), (12, "withhold", "act"))
    assert set(begun(world)) == {10}
    assert set(hours(world, "task.done")) == {15}
    assert hours(world, "task.dropped") == []


def test_who_waited_behind_a_task_that_is_dropped_has_its_turn():
    playbook = {"big": respond("found", people=2, priority=0), "small": respond("found", people=1, priority=7)}
    world = decide(posture(playbook), (20, "withhold", "big", "a"), (20, "withhold", "big", "b"))
    assert begun(world, "small") == [20, 20]


def test_a_case_closes_when_its_last_open_step_is_withheld():
    playbook = {
        **DECLARE,
        "fix": respond("found", effect="restore"),
        "report": respond("noticed", scope="case", effect="report", team="press"),
    }
    organisation = posture(playbook, teams={**MANY, "press": team(hand_off=40)})
    world = decide(organisation, (20, "withhold", "report"))
    assert hours(world, "task.dropped") == hours(world, "case.closed") == [20]


def test_a_withheld_step_holds_up_no_asset_that_it_does_not_concern():
    playbook = {
        "filter": respond("found", hit=["flooded"], effect="filter"),
        "fix": respond("filter", hit=["impaired"], effect="restore"),
    }
    organisation = posture(playbook, teams=MANY)
    assert asked(decide(organisation), "fix") == [(10, "a"), (10, "b")]
    assert asked(decide(organisation, (5, "withhold", "filter")), "fix") == [(10, "a"), (10, "b")]


# --- release -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_released_is_asked_for_at_once_if_its_conditions_hold(scope):
    world = decide(posture(act(scope), teams=MANY), (5, "withhold", "act"), (20, "release", "act"))
    assert asked(world) == for_each(scope, 20)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_released_before_its_conditions_hold_is_asked_for_when_they_do(scope):
    world = decide(posture(act(scope), teams=MANY), (5, "withhold", "act"), (7, "release", "act"))
    assert asked(world) == for_each(scope, 10)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_task_that_was_dropped_is_asked_for_anew_on_release(scope):
    organisation = posture(act(scope, power="cut"), teams=MANY, **CONSENT)
    world = decide(organisation, (12, "withhold", "act"), (20, "release", "act"))
    assert asked(world) == for_each(scope, 10) + for_each(scope, 20)
    assert set(begun(world)) == {20}  # the boss has consented at hour 14, for a day


def test_a_step_may_be_released_for_one_asset_after_it_was_withheld_for_that_one():
    taken = [(5, "withhold", "act", "a"), (5, "withhold", "act", "b"), (20, "release", "act", "b")]
    assert asked(decide(posture(act("asset"), teams=MANY), *taken)) == [(20, "b")]


def test_what_was_withheld_for_every_asset_may_be_released_for_one():
    world = decide(posture(act("asset"), teams=MANY), (0, "withhold", "act"), (20, "release", "act", "b"))
    assert [name for _, name in asked(world)] == ["b"]


def test_an_investigation_that_is_withheld_begins_no_further_round():
    playbook = {"look": respond("noticed", scope="case", effect="investigate", duration=5, finds=1)}
    attack = scenario(200.0, hit_a=hit("a", 10), hit_b=step("b", {"do": "impair"}, duration=10))
    free, held = (decide(posture(playbook), *taken, attack=attack) for taken in ((), ((12, "withhold", "look"),)))
    assert len(hours(free, "task.requested")) == 2
    assert len(hours(held, "task.requested")) == 1


def test_a_release_without_an_asset_is_for_every_asset():
    taken = [(5, "withhold", "act", "a"), (5, "withhold", "act", "b"), (20, "release", "act")]
    assert asked(decide(posture(act("asset"), teams=MANY), *taken)) == [(20, "a"), (20, "b")]


# --- request -------------------------------------------------------------------------------------


def test_a_step_that_is_requested_does_not_wait_for_its_conditions_but_for_consent_and_people():
    """Asked at hour 3, approved at hour 7; the shift begins at 9 and the work takes an hour."""
    shifts = [{"people": 5, "hours": {"start": 9, "end": 24}}]
    organisation = posture(
        {"declare": respond(NEVER_ASKED, scope="case", effect="declare", power="cut", duration=1)},
        teams={"crew": team(shifts=shifts)},
        **CONSENT,
    )
    assert asked(decide(organisation), "declare") == []
    world = decide(organisation, (3, "request", "declare"))
    (task,) = tasks(world, "declare")
    assert (task.asked, task.approved, task.started, task.ended) == (3, 7, 9, 10)
    assert [line.hour for line in happenings(world, "case.condition") if line.about == "declared"] == [10]


def test_what_follows_from_a_step_follows_when_it_was_requested_as_well():
    playbook = {**act("case"), "report": respond("declared", scope="case", effect="report")}
    assert asked(decide(posture(playbook, teams=MANY), (3, "request", "act")), "report") == [(3, "")]


@pytest.mark.parametrize("struck", [False, True])
def test_an_asset_that_nobody_knew_becomes_a_suspicion_and_opens_a_case(struck):
    """Only an attack that there is in truth stops the clocks of the case."""
    attack = scenario(hit=step("a", {"do": "impair"}, duration=1)) if struck else scenario()
    playbook = {**act("asset", duration=2), **DECLARE}
    world = decide(posture(playbook, teams=MANY), (5, "request", "act", "a"), attack=attack)
    assert asked(world) == [(5, "a")]
    assert hours(world, "asset.found") == hours(world, "case.noticed") == [5]
    assert node(world, "a").condition & codes.SUSPECT
    assert asked(world, "declare") == [(5, "")]
    assert node(world, "a").isolated_by >= 0
    assert (case(world, T_NOTICED), case(world, T_DECLARED)) == ((5, 5) if struck else (NEVER, NEVER))


def test_a_suspicion_goes_through_the_playbook_until_the_asset_is_open_again():
    playbook = {**act("asset"), "reopen": respond("act", effect="reopen", duration=3), **DECLARE}
    world = decide(posture(playbook, teams=MANY), (5, "request", "act", "a"), attack=scenario())
    assert hours(world, "case.closed") == [8]
    assert node(world, "a").condition == 0
    assert node(world, "a").isolated_by < 0


def test_without_an_asset_a_step_is_requested_for_every_asset_that_is_known():
    playbook = {"act": respond("found", NEVER_ASKED, effect="isolate")}
    early, late = (decide(posture(playbook, teams=MANY), (at, "request", "act"), attack=LATER) for at in (20, 60))
    assert asked(early) == [(20, "a")]
    assert asked(late) == [(60, "a"), (60, "b")]


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_requested_twice_is_one_task(scope):
    meant = () if scope == "case" else ("a",)
    taken = [(20, "request", "act", *meant), (20, "request", "act", *meant), (22, "request", "act", *meant)]
    playbook = act(scope, duration=5)
    playbook["act"]["on"] = [*playbook["act"]["on"], NEVER_ASKED]
    assert asked(decide(posture(playbook, teams=MANY), *taken)) == for_each(scope, 20, "a")


@pytest.mark.parametrize("scope", SCOPES)
def test_what_the_playbook_has_asked_for_is_not_asked_for_again(scope):
    meant = () if scope == "case" else ("a",)
    world = decide(posture(act(scope, duration=5), teams=MANY), (12, "request", "act", *meant))
    assert asked(world) == for_each(scope, 10)


@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_done_is_done_once_more_on_request(scope):
    meant = () if scope == "case" else ("a",)
    world = decide(posture(act(scope, duration=5), teams=MANY), (20, "request", "act", *meant))
    assert asked(world) == for_each(scope, 10) + for_each(scope, 20, "a")


@pytest.mark.parametrize("scope", SCOPES)
def test_people_may_ask_themselves_for_what_they_keep_from_the_playbook(scope):
    meant = () if scope == "case" else ("a",)
    world = decide(posture(act(scope), teams=MANY), (5, "withhold", "act"), (20, "request", "act", *meant))
    assert asked(world) == for_each(scope, 20, "a")


# --- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_a_decision_comes_before_all_else_that_happens_at_its_hour(scope):
    """The attack succeeds, is seen, noticed and answered at hour 10, and all of it after the decision."""
    world = decide(posture(act(scope), teams=MANY), (10, "withhold", "act"))
    assert asked(world) == []
    (decision,) = happenings(world, "decision")
    others = [line.number for line in happenings(world) if line.hour == 10 and line.kind != "decision"]
    assert others
    assert decision.number < min(others)


@pytest.mark.parametrize("wait", WAITS)
def test_a_task_is_still_dropped_at_the_hour_at_which_it_would_begin(wait):
    how, others = WAITS[wait]
    world = decide(posture(act("asset", **how), **others), (14, "withhold", "act"))
    assert begun(world) == []
    assert len(hours(world, "task.dropped")) == 2


def test_decisions_at_one_hour_count_in_the_order_of_the_file():
    held, free = ((do, "act") for do in ("withhold", "release"))
    organisation = posture(act("case"), teams=MANY)
    assert asked(decide(organisation, (5, *held), (5, *free))) == [(10, "")]
    assert asked(decide(organisation, (5, *free), (5, *held))) == []
    assert asked(decide(organisation, (20, *free), (20, *held), (5, *held))) == [(20, "")]


def test_decisions_at_different_hours_count_by_hour_whatever_the_file():
    taken = [(30, "release", "act"), (5, "withhold", "act"), (7, "release", "act"), (9, "withhold", "act")]
    world = decide(posture(act("case"), teams=MANY), *taken)
    assert [line.hour for line in happenings(world, "decision")] == [5, 7, 9, 30]
    assert [line.subject for line in happenings(world, "decision")] == ["1", "2", "3", "0"]
    assert asked(world) == [(30, "")]


def test_a_decision_at_the_very_start_comes_in_time():
    attack = scenario(hit=hit("a", 0))
    assert asked(decide(posture(act("case"), teams=MANY), attack=attack)) == [(0, "")]
    assert asked(decide(posture(act("case"), teams=MANY), (0, "withhold", "act"), attack=attack)) == []


@pytest.mark.parametrize("at", [100.0, 101.0])
def test_a_decision_at_the_horizon_or_later_is_not_played(at):
    world = decide(posture(act("asset"), teams=MANY), (at, "request", "act", "a"), attack=scenario(100.0))
    assert happenings(world, "decision") == []


# --- the log -------------------------------------------------------------------------------------


def test_what_a_decision_brings_about_names_it_as_its_cause():
    playbook = {**act("asset", power="cut"), **DECLARE}
    organisation = posture(playbook, teams=MANY, **CONSENT)
    taken = [
        (2, "request", "act", "b"),
        (3, "withhold", "act"),
        (3, "withhold", "declare"),
        (20, "release", "act"),
        (20, "request", "declare"),
    ]
    world = decide(organisation, *taken)
    number = {int(line.subject): line.number for line in happenings(world, "decision")}
    assert [line.about for line in happenings(world, "decision")] == ["b", "", "", "", ""]
    caused = {d: [(w.kind, w.subject) for w in happenings(world) if w.cause == n] for d, n in number.items()}
    assert caused[0] == [("asset.found", "b")]  # from which the playbook asks for the step
    assert caused[1] == [("task.dropped", "act/b")]
    assert set(caused[3]) == {("task.requested", "act/a"), ("task.requested", "act/b")}
    assert caused[4] == [("task.requested", "declare")]


# --- what is refused -----------------------------------------------------------------------------


def test_a_log_that_does_not_fit_is_refused_and_all_that_is_wrong_is_named():
    organisation = posture({**act("asset"), **DECLARE})
    wrong = log_of(
        (1, "request", "atc"), (2, "withhold", "act", "c"), (3, "release", "declare", "a"), (4, "release", "act")
    )
    with pytest.raises(CannotPlayError) as caught:
        compile_plan(TOWN, AT_TEN, organisation, None, wrong)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["decisions[0].step", "decisions[1].asset", "decisions[2].asset"]
    assert "Did you mean 'act'?" in lines[0]
    assert "unknown asset 'c'" in lines[1]
    assert "means no asset" in lines[2]


def test_a_log_that_does_not_fit_is_refused_together_with_whatever_else_is_lacking():
    attack = scenario(targets={"dam": {"kind": ["valve"]}}, hit=step("dam", {"do": "impair"}))
    with pytest.raises(CannotPlayError) as caught:
        compile_plan(TOWN, attack, posture(), None, log_of((1, "request", "act")))
    assert len(str(caught.value).splitlines()) == 2


# --- the rest of the package ---------------------------------------------------------------------

SEED, RUNS = 7, 4


@pytest.fixture(scope="module")
def what():
    return (cr.load_city("suryanagar"), cr.load_scenario("ransomware_property"), cr.load_posture("vendor_reliant"))


@pytest.fixture(scope="module")
def undecided(what):
    return cr.replicate(*what, runs=RUNS, seed=SEED, engine="compiled", workers=1)


@pytest.mark.parametrize("engine", ["live", "compiled"])
@pytest.mark.parametrize(
    "taken",
    [
        pytest.param([], id="none at all"),
        pytest.param([(0, "release", "shut_down"), (90.5, "release", "isolate", "property_db")], id="nothing withheld"),
        pytest.param([(0, "withhold", "shut_down"), (0, "release", "shut_down")], id="taken back at once"),
        pytest.param([(0, "withhold", "notify"), (1, "release", "notify")], id="taken back in time"),
        pytest.param([(0, "request", "isolate")], id="about assets of which none is known yet"),
    ],
)
def test_decisions_that_change_nothing_leave_every_measure_as_it_is(what, undecided, engine, taken):
    made = cr.replicate(*what, runs=RUNS, seed=SEED, engine=engine, workers=1, decisions=log_of(*taken))
    pd.testing.assert_frame_equal(made, undecided, check_exact=True)


@pytest.mark.parametrize("name", shipped("decisions"))
def test_a_shipped_log_of_decisions_gives_the_same_table_in_both_engines_and_another_than_without(
    what, undecided, name
):
    decisions = cr.load_decisions(name)
    live, compiled = (
        cr.replicate(*what, runs=RUNS, seed=SEED, engine=engine, workers=1, decisions=decisions)
        for engine in ("live", "compiled")
    )
    pd.testing.assert_frame_equal(live, compiled, check_exact=True)
    assert (live["unserved_citizen_hours"] != undecided["unserved_citizen_hours"]).any()


def test_the_shutdown_is_not_begun_while_it_is_withheld(what):
    """Without the decision it is begun within the four weeks, in every run."""
    held = {d.do: d.at for d in cr.load_decisions("hold_the_shutdown").decisions if d.step == "shut_down"}
    assert set(held) == {"withhold", "release"}

    def starts(decisions):
        for replicate in range(RUNS):
            run = cr.simulate(*what, seed=SEED, replicate=replicate, decisions=decisions)
            started = run.tasks.loc[run.tasks["step"] == "shut_down", "started"]
            yield started.between(held["withhold"], held["release"], inclusive="left").any()

    assert list(starts(None)) == [True] * RUNS
    assert list(starts(cr.load_decisions("hold_the_shutdown"))) == [False] * RUNS


def test_a_run_tells_its_decisions_by_name_and_its_provenance_names_them(what):
    run = cr.simulate(*what, seed=SEED, decisions=cr.load_decisions("hold_the_shutdown"))
    lines = run.events[run.events["kind"] == "decision"]
    assert lines["subject"].tolist() == ["withhold/shut_down", "request/isolate", "release/shut_down"]
    assert lines["about"].tolist() == ["", "backup_server", ""]
    assert lines["hour"].tolist() == [0, 30, 672]
    assert run.provenance["decisions"].startswith("hold_the_shutdown ")
    assert run.why(int(run.events.index[run.events["cause"] == lines.index[1]][0]))["kind"].tolist()[:2] == [
        "asset.found",
        "decision",
    ]


def test_a_table_names_the_decisions_behind_it(what, undecided):
    decided = cr.replicate(*what, runs=1, seed=SEED, workers=1, decisions=cr.load_decisions("hold_the_shutdown"))
    assert decided.attrs["decisions"].startswith("hold_the_shutdown ")
    assert "decisions" not in undecided.attrs


def test_one_posture_is_compared_with_itself_under_other_decisions(what, undecided):
    of, attack, organisation = what
    decisions = {"held": cr.load_decisions("hold_the_shutdown")}
    both = {"as ever": organisation, "held": organisation}
    found = cr.compare(of, [attack], both, runs=RUNS, seed=SEED, workers=1, decisions=decisions)
    pd.testing.assert_frame_equal(found.of(attack.id, "as ever"), undecided, check_exact=True)
    alone = cr.replicate(*what, runs=RUNS, seed=SEED, workers=1, decisions=decisions["held"])
    pd.testing.assert_frame_equal(found.of(attack.id, "held"), alone, check_exact=True)
    assert "decisions" not in found.provenance[attack.id, "as ever"]
    assert found.provenance[attack.id, "held"] == alone.attrs


def test_decisions_for_a_posture_that_is_not_compared_are_refused(what):
    city_, attack, organisation = what
    log = log_of((0, "withhold", "shut_down"))
    with pytest.raises(cr.CyberrangeError, match=r"'vendr', which is no posture here.* Did you mean 'vendor'"):
        cr.compare(city_, [attack], {"vendor": organisation}, runs=1, seed=1, decisions={"vendr": log})
