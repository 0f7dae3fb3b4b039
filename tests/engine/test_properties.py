"""What holds for every city and every attack."""

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cyberrange as cr
from cyberrange.engine.calendar import used_between, value_at
from cyberrange.engine.levels import evaluate
from cyberrange.engine.live import World
from cyberrange.engine.state import DROPPED, N_TASK, QUEUED, WORKING
from cyberrange.engine.supply import stored, supply_of
from cyberrange.inputs.city import City
from cyberrange.inputs.shipped import shipped
from cyberrange.inputs.synthetic import synthetic_city
from cyberrange.model import codes
from cyberrange.model.build import CannotPlayError
from tests.build import (
    SEEN,
    asset,
    city,
    happenings,
    hours,
    lost,
    need,
    path,
    plan,
    play,
    posture,
    respond,
    scenario,
    service,
    step,
    team,
)
from tests.engine.strategies import attacks, cities

EXACT = 1e-9
CREWS = {name: team(200) for name in ("water_crew", "traffic_crew", "counter_staff", "dispatch_staff", "it_ops")}
FALSE_ALARMS = {"eye": {"name": "", "sees": 1, "false_per_day": 20}}
quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
slower = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def synthetic_cities(draw):
    count = draw(st.integers(1, 3))
    return synthetic_city(draw(st.integers(22 * count, 150)), seed=draw(st.integers(0, 1000)), cities=count)


def unserved(world: World) -> list[float]:
    return [account.lost for account in world.state.accounts]


def never_worse(better: World, worse: World) -> bool:
    return all(a <= b + EXACT * (1 + b) for a, b in zip(unserved(better), unserved(worse), strict=True))


# --- the invariants of a state --------------------------------------------------------------------


def assert_consistent(world: World) -> None:
    """Between events everything that is kept for speed agrees with what it is kept for."""
    p, s, now = world.plan.lists, world.state, float(world.env.now)
    for n, state in enumerate(s.nodes):
        name = world.plan.nodes.names[n]
        level, least, _, _ = evaluate(p, s, n, now)
        assert state.level == pytest.approx(level, abs=1e-11), name
        assert state.supply == pytest.approx(least, abs=1e-11), name
        assert 0.0 <= state.level <= 1.0
        assert state.dirty == state.pending == 0
        assert state.held == (state.condition & codes.COMPROMISED > 0), name
        reaching = [
            j for j, target in enumerate(p.reach) if target == n and s.nodes[p.reach_from[j]].held
            and s.nodes[p.reach_from[j]].isolated_by < 0
        ]  # fmt: skip
        assert state.reached == len(reaching), name
    for number, state in enumerate(s.needs):
        row = p.needs[number]
        if row.cover != codes.NO_COVER or row.manual_team >= 0:
            assert state.supply == supply_of(p, s, number)[0]
            assert 0.0 <= stored(p, s, number, now) <= row.cover_hours + EXACT
    for number, crew in enumerate(s.crews):
        mine = [s.tasks[i] for i in range(s.count[N_TASK]) if s.tasks[i].team == number]
        working = [t for t in mine if t.state == WORKING and not (t.step == codes.TRIAGE and t.ended <= now)]
        assert crew.busy == sum(t.people for t in working)
        assert crew.waiting == len(queue_of(world, number))
        waiting = {i for i in range(s.count[N_TASK]) if s.tasks[i].team == number and s.tasks[i].state == QUEUED}
        assert waiting == {i for i in queue_of(world, number) if s.tasks[i].state != DROPPED}
        free = value_at(p, p.teams[number].calendar, now) + crew.extra - crew.busy
        if waiting and not crew.awake:
            raise AssertionError("a task waits and nobody will look at it")
        if waiting:
            assert s.tasks[queue_of(world, number)[0]].people > free
    assert_counts(world)


def queue_of(world: World, team: int) -> list[int]:
    """Tasks in a team's queue, in order."""
    s, found = world.state, []
    size = len(s.queue_head) // len(s.crews)
    for place in range(team * size, (team + 1) * size):
        i = s.queue_head[place]
        while i >= 0:
            found.append(i)
            i = s.tasks[i].next
    return found


def assert_counts(world: World) -> None:
    """The counts of each case are those of its assets."""
    p, s = world.plan.lists, world.state
    hit = codes.COMPROMISED | codes.FORCED | codes.FALSIFIED | codes.FLOODED
    for unit, case in enumerate(s.cases):
        mine = [state for state, row in zip(s.nodes, p.nodes, strict=True) if row.unit == unit]
        counts = {"open": 0, "hit": 0, "hurt": 0, "open_found": 0, "hit_found": 0, "found": 0}
        for state in mine:
            cut = state.isolated_by >= 0
            is_open = bool(state.condition & (hit & ~codes.FALSIFIED)) and not cut
            counts["open"] += is_open
            counts["hit"] += bool(state.condition & hit)
            counts["hurt"] += bool(state.condition & ~codes.SUSPECT or (cut and not state.condition & codes.SUSPECT))
            counts["open_found"] += is_open and state.found == 1
            counts["hit_found"] += bool(state.condition & hit) and state.found == 1
            counts["found"] += state.found
        assert counts == {name: getattr(case, name) for name in counts}


@pytest.mark.parametrize("organisation", ["vendor_reliant", "inhouse_ciso"])
@pytest.mark.parametrize("attack", shipped("scenarios"))
def test_what_the_rules_keep_for_speed_stays_true(attack, organisation):
    for of in ("suryanagar", "kasba"):
        try:
            made = cr.compile_plan(cr.load_city(of), cr.load_scenario(attack), cr.load_posture(organisation))
        except CannotPlayError:
            continue
        world = World(made, 11)
        rest = [*(3.1234 * i for i in range(1, 40)), *(124.0123 + 41.7 * i for i in range(40))]
        for hour in [h for h in rest if h < made.scenario.horizon]:
            world.advance(hour)
            assert_consistent(world)
        world.finish()
        assert_consistent(world)


@quick
@given(st.data())
def test_small_cities_are_settled_at_every_moment(data):
    of = data.draw(cities())
    world = World(plan(of, data.draw(attacks(of))), seed=1)
    while math.isfinite(world.env.peek()) and world.env.now < 72:
        world.env.step()
        if world.env.peek() > world.env.now:
            assert_consistent(world)


# --- loss -----------------------------------------------------------------------------------------


@slower
@given(synthetic_cities(), st.integers(0, 5))
def test_without_an_attack_nothing_is_lost(of: City, seed: int):
    """However many false alarms the analysts dismiss."""
    world = play(of, scenario(200), posture(teams=CREWS, sensors=FALSE_ALARMS), seed=seed)
    assert hours(world, "alert.false")
    assert happenings(world, "level") == []
    assert set(unserved(world)) == {0.0}


def hit_by_kind(of: City, horizon=150.0):
    """An attack on whole kinds of systems of any city, seen at once."""
    kinds = ("network", "power", "scada", "server", "exchange")
    present = {kind for kind in kinds if any(a.kind == kind for a in of.assets.values())}
    spread = {"lognormal": {"median": 10, "p90": 40}}
    steps = {
        f"hit_{kind}": step(
            kind, {"do": "impair", "level": 0.2, "share": 0.5}, per_target=True, duration=spread, chance=0.7, signs=SEEN
        )
        for kind in sorted(present)
    }
    targets = {kind: {"kind": [kind]} for kind in present}
    return scenario(horizon, targets=targets, **steps)


RESTORE = {
    "cut": respond("found", effect="isolate", duration=2, team="it_ops"),
    "fix": respond("cut", effect="restore", duration={"lognormal": {"median": 10, "p90": 30}}, team="it_ops"),
}


def assert_served_and_unserved_make_the_demand(world: World) -> None:
    p, horizon = world.plan.lists, world.plan.scenario.horizon
    for row, account, name in zip(p.services, world.state.accounts, world.plan.city.services, strict=True):
        steps = [*path(world, name), (horizon, 0.0)]
        served = math.fsum(
            x * row.people * used_between(p.uses, row.use, t, u) for (t, x), (u, _) in itertools.pairwise(steps)
        )
        demand = row.people * used_between(p.uses, row.use, 0.0, horizon)
        assert served + account.lost == pytest.approx(demand, rel=EXACT)
        assert all(0.0 <= x <= 1.0 for _, x in steps)
        assert account.worst == min([1.0, *(line.value for line in happenings(world, "level", about=name))])


@slower
@given(synthetic_cities(), st.integers(0, 5))
def test_served_and_unserved_make_the_demand(of: City, seed: int):
    world = play(of, hit_by_kind(of), posture(RESTORE, teams=CREWS), seed=seed)
    assert_served_and_unserved_make_the_demand(world)
    assert_consistent(world)


@quick
@given(st.data())
def test_served_and_unserved_make_the_demand_of_small_cities(data):
    of = data.draw(cities())
    assert_served_and_unserved_make_the_demand(play(of, data.draw(attacks(of))))


# --- what can only help ---------------------------------------------------------------------------


def with_larger_stores(of: City, factor: float) -> City:
    def larger(need):
        if need.buffer is None:
            return need
        return need.model_copy(update={"buffer": need.buffer.model_copy(update={"lasts": need.buffer.lasts * factor})})

    things = {
        kind: {
            name: thing.model_copy(update={"needs": tuple(larger(n) for n in thing.needs)})
            for name, thing in getattr(of, kind).items()
        }
        for kind in ("assets", "services")
    }
    return of.model_copy(update=things)


@quick
@given(st.data(), st.sampled_from([1.25, 2.0, 100.0]))
def test_a_larger_store_is_never_worse_while_nobody_responds(data, factor):
    """Guaranteed: levels rise with every supply, a larger full store is never emptier, and nothing else reacts.

    (With a response it is not: a loss that comes later may be noticed later.)
    """
    of = data.draw(cities())
    attack = data.draw(attacks(of))
    assert never_worse(play(with_larger_stores(of, factor), attack), play(of, attack))


@quick
@given(st.data())
def test_an_attack_that_does_less_is_never_worse_while_nobody_responds(data):
    """Guaranteed for the same reason: leaving out a step leaves every own cap as it was, or higher."""
    of = data.draw(cities())
    attack = data.draw(attacks(of))
    fewer = attack.model_copy(update={"steps": dict(list(attack.steps.items())[:-1])})
    assert never_worse(play(of, fewer), play(of, attack))


@quick
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.floats(0, 60), st.sampled_from([0.0, 0.5])), min_size=1, max_size=8),
    st.integers(0, 100),
)
def test_one_more_crew_is_never_worse_where_tasks_are_alike_and_independent(crews, hits, seed):
    """Guaranteed for one queue, first come first served, one step per asset, and durations that belong to the asset.

    There each task begins no later with one more server (Kiefer and Wolfowitz). With priorities or with steps that wait
    for each other it is not guaranteed: Graham's anomalies.
    """
    names = [f"n{i}" for i in range(len(hits))]
    of = city({n: asset() for n in names}, {f"s_{n}": service(need(n)) for n in names})
    attack = scenario(
        500,
        **{
            f"hit_{n}": step(n, {"do": "impair", "level": level}, duration=at, signs=SEEN)
            for n, (at, level) in zip(names, hits, strict=True)
        },
    )
    fix = {"fix": respond("found", effect="restore", duration={"lognormal": {"median": 10, "p90": 60}})}
    few, many = (play(of, attack, posture(fix, teams={"crew": team(c)}), seed=seed) for c in (crews, crews + 1))
    assert never_worse(many, few)
    assert lost(many, "s_n0") <= lost(few, "s_n0") + EXACT
