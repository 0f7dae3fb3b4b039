"""The rules are in a form that Numba compiles, and compiled they do the same to the last bit."""

from dataclasses import astuple
from random import Random

import numpy as np
import pytest

from cyberrange.engine import draws, levels
from cyberrange.engine.compiled import RULES, compile_rules
from cyberrange.engine.effects import isolate, mend, reconnect, strike
from cyberrange.engine.levels import settle
from cyberrange.engine.live import World
from cyberrange.engine.state import LOG_BASE, N_EFFECT, N_LOG, N_OUT, N_TASK, STATE_ROWS, STUCK, Growing, State
from cyberrange.inputs.city import Need
from cyberrange.model import codes
from cyberrange.model.plan import dtype_of
from tests.build import asset, city, need, plan, posture, scenario, service, team

ROOM = 4000
"""Rows of the tables that grow."""
USED = {"effects": N_EFFECT, "tasks": N_TASK, "due": N_OUT}


def as_arrays(state: State) -> State:
    """Return a state as NumPy arrays: tables of rows as structured ones."""
    made = {}
    for name, value in state._asdict().items():
        if name in STATE_ROWS:
            row = STATE_ROWS[name]
            rows = [value[i] for i in sorted(value)] if isinstance(value, Growing) else value
            size = max(ROOM if isinstance(value, Growing) else 0, len(rows))
            table = np.empty(size, dtype=dtype_of(row))
            table[:] = astuple(row())
            for i, one in enumerate(rows):
                table[i] = astuple(one)
            made[name] = table
        else:
            real = any(isinstance(x, float) for x in value)
            made[name] = np.array(value, dtype=np.float64 if real else np.int64)
    return State(**made)


def assert_same(python: State, compiled: State) -> None:
    """Compare all that both hold: every table, column by column, bit by bit."""
    for name, value in python._asdict().items():
        other = getattr(compiled, name)
        if name not in STATE_ROWS:
            assert list(value) == other.tolist(), name
            continue
        size = python.count[USED[name]] if name in USED else len(value)
        if name == "lines":
            size = python.count[N_LOG] - python.count[LOG_BASE]
        for i in range(size):
            assert astuple(value[i]) == other[i].item(), (name, i)


def random_city(random: Random):
    """A city of up to 30 assets with every form of need, cover, take-over and protection, and some cycles."""
    names = [f"n{i}" for i in range(random.randint(5, 30))]

    def random_need(own):
        chosen = random.sample(names, random.randint(1, 4))
        tank = {"buffer": {"lasts": 4.0, "refill": 0.5, "profile": "day"}}
        cover = random.choice([{}, {}, {"hold": 3.0}, tank, {"buffer": {"lasts": 9.0}}])
        if random.random() < 0.3:
            cover = {**cover, "manual": {"level": 0.5, "after": 2, "team": "crew"}}
        form = random.choice(["all_of", "k_of_n", "weighted", "soft"])
        if form == "all_of":
            return Need(all_of=chosen, **cover)
        if form == "k_of_n":
            return Need(k_of_n={"k": random.randint(1, len(chosen)), "of": chosen}, **cover)
        if form == "weighted":
            return Need(weighted=dict.fromkeys(chosen, 1 / len(chosen)), **cover)
        return Need(soft={u: random.choice([0.1, 0.4]) for u in chosen if u != own} or {chosen[0]: 0.2}, **cover)

    def trip():
        return {"after": random.choice([0, 1]), "start_time": 2, "black_start": random.random() < 0.3}

    assets = {
        name: asset(
            *(random_need(name) for _ in range(random.randint(0, 2))),
            local_level=random.choice([0.0, 0.5]),
            trip=trip() if random.random() < 0.3 else None,
            watched_by=random.choice([None, names[0]]),
        )
        for name in names
    }
    services = {
        f"s{i}": service(need(names[i]), complaints=random.choice([0, 0.1]), profile=random.choice([None, "day"]))
        for i in range(3)
    }
    return city(assets, services, profiles={"day": {"hours": [float(1 + h % 4) for h in range(24)]}})


def change(random, p, s, now):
    """Do one thing to one node, as an effect or the response would."""
    node = random.randrange(len(p.nodes))
    line = max(0, s.count[N_LOG] - 1)
    what = random.choice(["impair", "flood", "force", "mend", "mend", "isolate", "reconnect"])
    if what == "mend":
        mend(p, s, node, codes.IMPAIRED | codes.FLOODED | codes.FORCED, random.random() < 0.5, -1, line, now)
    elif what == "isolate":
        isolate(p, s, node, line, now)
    elif what == "reconnect":
        reconnect(p, s, node, line)
    elif what == "flood":
        strike(p, s, node, codes.FLOOD, random.choice([1.5, 4.0]), line, now)
    else:
        do = codes.IMPAIR if what == "impair" else codes.FORCE
        strike(p, s, node, do, random.choice([0.0, 0.3, 0.8]), line, now)


def play_beside(world: World, compiled_settle, random: Random, steps: int) -> int:
    """Play a world with random changes; before each settling, let the compiled rule settle a copy."""
    p, s = world.plan.lists, world.state
    arrays = world.plan.arrays
    scheduled = 0
    for _ in range(steps):
        world.advance(world.env.now + random.choice([0.5, 1.0, 2.75]))
        now = float(world.env.now)
        first = s.count[N_LOG]
        for _ in range(random.randint(1, 3)):
            change(random, p, s, now)
        copy = as_arrays(s)
        cause = min(first, s.count[N_LOG] - 1)
        settle(p, s, now, cause)
        compiled_settle(arrays, copy, now, cause)
        assert s.count[STUCK] == 0
        assert_same(s, copy)
        scheduled += s.count[N_OUT]
        world._drain()
    return scheduled


@pytest.mark.slow
def test_compiled_the_levels_settle_to_the_last_bit_as_in_python():
    """30 random cities, 12 moments each: levels, supplies, blames, stores, books, events to come, lines of the log."""
    compiled_settle = compile_rules()["levels.settle"]
    scheduled = lines = 0
    for number in range(30):
        random = Random(number)
        made = plan(random_city(random), scenario(1000), posture(teams={"crew": team(2)}))
        world = World(made, 7, number)
        scheduled += play_beside(world, compiled_settle, random, 12)
        lines += len(world.log)
    assert scheduled > 300
    assert lines > 1000


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
