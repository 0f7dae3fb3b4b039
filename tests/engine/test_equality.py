"""The compiled engine plays what the live engine plays, to the last bit: logs, tables, books, measures."""

from collections import Counter
from dataclasses import astuple
from functools import cache
from random import Random

import numpy as np
import pandas as pd
import pytest

import cyberrange as cr
from cyberrange.engine import draws, layout, levels
from cyberrange.engine import kernel as loop
from cyberrange.engine.batch import Player, Room
from cyberrange.engine.books import Books, books_of
from cyberrange.engine.compiled import RULES, compile_rules
from cyberrange.engine.events import LOG_KINDS
from cyberrange.engine.kernel import CLOCK_COUNTERS, N_PLAYED, Clock, Pending
from cyberrange.engine.live import NotConvergingError, World
from cyberrange.engine.state import LOG_BASE, N_EFFECT, N_LOG, N_TASK, NEVER, STATE_ROWS, State, fresh_state
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.shipped import shipped
from cyberrange.model import codes
from cyberrange.model.assault import lacking
from cyberrange.model.build import CannotPlayError, Plan
from cyberrange.model.plan import dtype_of
from cyberrange.results.measures import measures
from cyberrange.study import runner
from cyberrange.study.runner import CannotCompileNotice
from tests.build import Hand, asset, city, need, plan, posture, respond, scenario, service, step
from tests.engine.generated import random_case

pytestmark = pytest.mark.usefixtures("compiled")

CITIES, SCENARIOS, POSTURES = shipped("topologies"), shipped("scenarios"), shipped("postures")
PAIRS = [(of, attack) for of in CITIES for attack in SCENARIOS]
SEED = 7
LINE = np.dtype([("hour", "f8"), ("kind", "i8"), ("a", "i8"), ("b", "i8"), ("x", "f8"), ("cause", "i8")])


# --- what is compared ----------------------------------------------------------------------------


def played(made, seed, replicate):
    world = World(made, seed, replicate)
    world.finish()
    return world


def assert_same_log(world, lines):
    """Compare every line, bit by bit, and show the first that differs."""
    pairs = enumerate(zip(world.log, lines, strict=False))
    assert next((both for both in pairs if both[1][0] != both[1][1]), None) is None
    assert len(world.log) == len(lines)
    assert np.array(world.log, dtype=LINE).tobytes() == np.array(lines, dtype=LINE).tobytes()


def assert_same_state(live: State, other: State):
    """Compare every row of every table in use, and every vector, bit by bit."""
    rows_in_use = {"effects": live.count[N_EFFECT], "tasks": live.count[N_TASK]}
    for name in sorted({*State._fields} - {"due", "lines", "count"}):
        mine, its = getattr(live, name), getattr(other, name)
        size = rows_in_use.get(name, len(mine))
        rows = [astuple(mine[i]) for i in range(size)] if name in STATE_ROWS else mine
        kind = dtype_of(STATE_ROWS[name]) if name in STATE_ROWS else its.dtype
        assert np.array(rows, dtype=kind).tobytes() == its[:size].tobytes(), name
    # The live engine takes the lines out of the state as they come.
    assert [n for i, n in enumerate(live.count) if i != LOG_BASE] == np.delete(other.count, LOG_BASE).tolist()


def assert_same_measures(one, other):
    assert list(one) == list(other)
    assert [name for name in one if one[name].tobytes() != other[name].tobytes()] == []


def assert_same_books(one: Books, other: Books):
    assert [name for name in Books._fields if getattr(one, name).tobytes() != getattr(other, name).tobytes()] == []


def assert_equal(made: Plan, replicate: int, seed: int = SEED, room: Room | None = None) -> World:
    """Play one replicate in both engines, compare all that is left of it, and return the live one."""
    world = played(made, seed, replicate)
    player = Player(made)
    if room is not None:
        player._room = room
    player.log(seed, replicate + 1)  # leaves its traces in the memory in which the next one is played
    told = player.log(seed, replicate)
    assert_same_log(world, told.lines)
    assert_same_state(world.state, told.state)
    books = player.play(seed, replicate, replicate + 1)
    assert_same_measures(measures(made, books_of(world.state)), measures(made, books))
    return world


# --- what ships ----------------------------------------------------------------------------------


load_city, load_scenario, load_posture = cache(cr.load_city), cache(cr.load_scenario), cache(cr.load_posture)


def shipped_plan(of: str, attack: str, organisation: str) -> Plan:
    return cr.compile_plan(load_city(of), load_scenario(attack), load_posture(organisation))


@pytest.mark.parametrize(("of", "attack"), PAIRS, ids=map("-".join, PAIRS))
def test_every_posture_plays_a_shipped_scenario_in_a_shipped_city_alike(of, attack):
    compared = 0
    for place, organisation in enumerate(POSTURES):
        try:
            made = shipped_plan(of, attack, organisation)
        except CannotPlayError:
            continue
        assert_equal(made, PAIRS.index((of, attack)) * len(POSTURES) + place)
        compared += 1
    print(f"{attack} in {of}: {compared} postures compared")
    assert compared == (0 if lacking(load_city(of), load_scenario(attack)) else len(POSTURES))


def test_no_city_scenario_or_posture_is_left_out():
    """The test above compares each pair that plays under every posture: 252 cases, each a replicate of its own."""
    pairs = [pair for pair in PAIRS if not lacking(load_city(pair[0]), load_scenario(pair[1]))]
    assert {of for of, _ in pairs} == set(CITIES)
    assert {attack for _, attack in pairs} == set(SCENARIOS)
    assert len(pairs) * len(POSTURES) >= 252


# --- what is made up -----------------------------------------------------------------------------

BATCH = 150
TINY = Room(effects=2, tasks=2, due=2, lines=2, heap=2)


def what_happened(world: World) -> set[str]:
    """Kinds of lines, effects of the attack and of the response, and decisions that a run had."""
    p, s = world.plan.lists, world.state
    struck = (s.effects[e] for e in range(s.count[N_EFFECT]))
    worked = (s.tasks[i] for i in range(s.count[N_TASK]))
    seen = {LOG_KINDS[line[1]][0] for line in world.log}
    decided = {line[2] for line in world.log if LOG_KINDS[line[1]][0] == "decision"}
    return {
        *seen,
        *(f"attack: {codes.ATTACK_EFFECTS[e.do]}" for e in struck if e.attack == 1),
        *(["attack: exfiltrate"] if "records.exposed" in seen else []),
        *(["attack: spoil_backups"] if any(case.backups_spoilt for case in s.cases) else []),
        *(f"response: {codes.RESPONSE_EFFECTS[p.responses[t.step].effect]}" for t in worked if t.ended < NEVER),
        *(f"decision: {codes.DECISIONS[p.decisions[d].do]}" for d in decided),
    }


EVERYTHING = {
    *(kind for kind, _, _ in LOG_KINDS),
    *(f"attack: {effect}" for effect in codes.ATTACK_EFFECTS),
    *(f"response: {effect}" for effect in codes.RESPONSE_EFFECTS),
    *(f"decision: {do}" for do in codes.DECISIONS),
}


@pytest.mark.parametrize("batch", range(4))
def test_random_cities_attacks_organisations_and_decisions_play_alike(batch):
    """150 cases, in which everything that can happen does so in at least 4; each fifth begins with next to no room."""
    cases = Counter()
    for number in range(batch * BATCH, (batch + 1) * BATCH):
        cases.update(what_happened(assert_equal(random_case(number), number, room=None if number % 5 else TINY)))
    assert cases["scenario.start"] == BATCH
    assert cases.keys() <= EVERYTHING
    assert {what: cases[what] for what in EVERYTHING if cases[what] < 4} == {}


# --- the smallest and the last -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "attack"),
    [
        (city({"a": asset()}), scenario()),
        (city({"a": asset()}, {"use": service(need("a"))}), scenario()),
        (city({"a": asset()}), scenario(hit=step("a", {"do": "impair"}, duration=1))),
    ],
)
def test_where_there_is_nothing_to_tell_both_tell_nothing(of, attack):
    assert_equal(plan(of, attack), 0)


def test_what_falls_due_at_the_horizon_is_not_played():
    """An effect that ends, a task that is done, a step that ends and a decision, all at the very last hour."""
    attack = scenario(
        10.0,
        short=step("a", {"do": "impair", "lasts": 9}, duration=1, signs=[{"sensor": "eye", "chance": 1}]),
        late=step("b", {"do": "impair"}, duration=10),
    )
    organisation = posture({"cut": respond("found", effect="isolate", duration=9)})
    decided = Decisions(id="log", name="", decisions=[{"at": 10, "do": "request", "step": "cut", "asset": "b"}])
    of = city({"a": asset(), "b": asset()}, {"use": service(need("a"))})
    world = assert_equal(cr.compile_plan(of, attack, organisation, None, decided), 0)
    assert max(line[0] for line in world.log) == 1.0


# --- many replicates -----------------------------------------------------------------------------

TOWN = ("kasba", "vendor_withdrawal", "vendor_reliant")
RUNS = 40


def table(engine, workers=1):
    of, attack, organisation = TOWN
    what = (load_city(of), load_scenario(attack), load_posture(organisation))
    return cr.replicate(*what, runs=RUNS, seed=SEED, engine=engine, workers=workers)


@pytest.fixture(scope="module")
def expected():
    """Return the live engine's table, a replicate at a time."""
    made = shipped_plan(*TOWN)
    rows = [measures(made, books_of(played(made, SEED, r).state)) for r in range(RUNS)]
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return pd.DataFrame(columns, index=pd.RangeIndex(RUNS, name="replicate"))


@pytest.mark.parametrize("engine", ["live", "compiled"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("seconds", [1e-9, 0.01, 100.0], ids=["one by one", "some at a time", "a few chunks"])
def test_the_table_is_the_same_from_either_engine_on_any_workers_in_any_chunks(
    expected, monkeypatch, engine, workers, seconds
):
    monkeypatch.setattr(runner, "_CHUNK", seconds)
    monkeypatch.setattr(runner, "_WORTH_WORKERS", 0.0)
    monkeypatch.setattr(runner, "_PILOT", {"live": 1, "compiled": 3})
    made = table(engine, workers)
    pd.testing.assert_frame_equal(made, expected, check_exact=True)


def test_where_a_table_comes_from_does_not_depend_on_the_engine():
    assert table("live").attrs == table("compiled").attrs


def test_a_replicate_does_not_depend_on_which_others_are_in_the_batch():
    made = shipped_plan("suryanagar", "iot_worm", "hybrid")
    player = Player(made)
    together = player.play(SEED, 0, 10)
    whole = measures(made, together)
    for first, last in ((5, 6), (0, 1), (3, 7)):
        for one in (player, Player(made)):
            books = one.play(SEED, first, last)
            assert_same_books(books, Books(*(part[first:last] for part in together)))
            assert_same_measures(measures(made, books), {name: row[first:last] for name, row in whole.items()})


def test_a_log_between_batches_changes_nothing():
    made = shipped_plan("suryanagar", "iot_worm", "hybrid")
    player = Player(made)
    before = player.play(SEED, 0, 3)
    first = player.log(SEED, 1).lines
    assert_same_books(player.play(SEED, 0, 3), before)
    assert player.log(SEED, 1).lines == first


@pytest.mark.parametrize(
    ("seed", "replicate"), [(2**32 + 5, 3), (2**63 + 5, 3), (5, 2**32 + 3), (5, 2**62 + 3), (2**40 + 5, 2**33 + 3)]
)
def test_long_seeds_and_replicates_are_the_same_in_both_and_not_cut_short(seed, replicate):
    made = shipped_plan(*TOWN)
    world = assert_equal(made, replicate, seed)
    assert world.log != played(made, seed % 2**32, replicate % 2**32).log


# --- room ----------------------------------------------------------------------------------------


class Dirty:
    """NumPy, whose fresh memory holds what no rule could use: an index of it would end the process."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def empty(size, dtype):
        """Return memory full of 0x5a."""
        made = np.empty(size, dtype=dtype)
        made.view(np.uint8)[:] = 0x5A
        return made


def test_nothing_is_read_that_was_not_written_also_where_there_is_no_room(monkeypatch):
    monkeypatch.setattr(layout, "np", Dirty())
    for number in range(0, 150, 5):
        assert_equal(random_case(number), number, room=TINY)


@pytest.mark.parametrize("short", ["effects", "tasks", "due", "heap"])
def test_a_table_that_turns_out_too_small_grows_and_the_result_is_the_same(short):
    made = shipped_plan("suryanagar", "ransomware_property", "vendor_reliant")
    player, cramped = Player(made), Player(made)
    cramped._room = Room(**{**vars(player._room), short: 8})
    assert_same_books(cramped.play(SEED, 0, 3), player.play(SEED, 0, 3))
    assert vars(cramped._room)[short] > 8


def test_a_log_that_turns_out_too_long_grows_and_is_the_same():
    made = shipped_plan(*TOWN)
    player = Player(made)
    player._room = Room(**{**vars(player._room), "lines": 500})
    assert_same_log(played(made, SEED, 0), player.log(SEED, 0).lines)
    assert player._room.lines > 500


# --- what the compiled engine leaves to the live one, and what neither can play -------------------


def power_cut(world):
    """Let a pump fail at hour 5."""
    yield world.env.timeout(5)
    Hand(world).impair("pump")


def test_a_process_of_ones_own_is_played_live_and_that_is_said():
    what = (city({"pump": asset()}, {"water": service(need("pump"))}), scenario(), posture())
    live = cr.replicate(*what, runs=3, seed=SEED, engine="live", workers=1, extensions=[power_cut])
    with pytest.warns(CannotCompileNotice, match=r"'power_cut' cannot be compiled: the live engine plays instead"):
        other = cr.replicate(*what, runs=3, seed=SEED, engine="compiled", workers=1, extensions=[power_cut])
    assert live["unserved_citizen_hours"].tolist() == [95.0] * 3
    pd.testing.assert_frame_equal(live, other, check_exact=True)


def test_of_a_cycle_that_does_not_settle_both_say_the_same():
    """Each round of the loop takes another ten-thousandth away: the fixed point is 0, and far."""
    of = city({"hen": asset(need(soft={"egg": 1.0, "shock": 1e-4})), "egg": asset(need("hen")), "shock": asset()})
    attack = scenario(hit=step("shock", {"do": "impair"}, duration=1))
    told = set()
    for engine in ("live", "compiled"):
        with pytest.raises(NotConvergingError) as caught:
            cr.replicate(of, attack, posture(), runs=2, seed=SEED, engine=engine, workers=1)
        told.add(str(caught.value))
    with pytest.raises(NotConvergingError) as caught:
        Player(plan(of, attack)).log(SEED, 0)
    assert told == {str(caught.value)} == {"the levels of this cycle of needs do not settle: hen, egg"}


# --- the rules, compiled and not -----------------------------------------------------------------


def assert_the_loop_plays_alike(made: Plan, replicate: int):
    """Play a replicate by the compiled engine's own loop in plain Python."""
    world = played(made, SEED, replicate)
    state = fresh_state(made.lists, SEED, replicate)
    room = len(world.log) + world.heard + 100
    clock = Clock([Pending() for _ in range(room)], [0.0] * room, [0] * CLOCK_COUNTERS)
    assert loop.play(made.lists, state, clock, made.scenario.horizon) == 0
    lines = [(clock.hours[i], *astuple(state.lines[i])) for i in range(state.count[N_LOG])]
    assert_same_log(world, lines)
    assert clock.count[N_PLAYED] == world.heard


@pytest.mark.parametrize("attack", SCENARIOS)
def test_the_loop_takes_events_off_its_heap_in_the_order_of_simpy(attack):
    assert_the_loop_plays_alike(shipped_plan("suryanagar", attack, "vendor_reliant"), 3)


def test_the_loop_does_so_in_random_cities_too():
    for number in range(1000, 1040):
        assert_the_loop_plays_alike(random_case(number), number)


def test_the_compiled_engine_plays_as_many_events_as_the_live_one():
    made = shipped_plan("suryanagar", "iot_worm", "hybrid")
    player = Player(made)
    player.play(SEED, 0, 3)
    assert player.events == sum(played(made, SEED, replicate).heard for replicate in range(3))


def test_compiling_leaves_the_rules_as_they_are():
    before = dict(vars(levels))
    rules = compile_rules()
    assert dict(vars(levels)) == before
    assert {name.split(".")[0] for name in rules} == set(RULES)
    assert rules["levels.settle"].py_func is not levels.settle
    assert rules["levels.settle"].py_func.__code__ is levels.settle.__code__


def test_compiled_draws_are_the_same_to_the_last_bit():
    rules = compile_rules()
    random = Random(1)
    for _ in range(300):
        words = [random.getrandbits(32) for _ in range(4)]
        assert rules["draws.threefry"](*words) == draws.threefry(*words)
        u = random.uniform(1e-9, 1 - 1e-9)
        assert rules["draws.normal_quantile"](u) == draws.normal_quantile(u)
