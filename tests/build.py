"""Small cities, attacks and organisations for tests, and ways to read what a run did; hours are plain numbers."""

import datetime as dt
import math
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from cyberrange.engine.effects import isolate, mend, reconnect, strike
from cyberrange.engine.events import LOG_KINDS
from cyberrange.engine.levels import settle
from cyberrange.engine.live import World
from cyberrange.engine.state import N_LOG, N_TASK
from cyberrange.inputs.city import Asset, City, Need, Service
from cyberrange.inputs.posture import Posture
from cyberrange.inputs.scenario import Scenario
from cyberrange.model import codes
from cyberrange.model.build import Plan, compile_plan

MONDAY = dt.datetime(2027, 3, 1)
"""A Monday, 00:00: hour 0 of most tests."""

ALWAYS = {"days": "all", "start": 0, "end": 24}
NEVER_ASKED = "warned"
"""A condition that no case of a single city ever has: a step on it is never asked for."""


# --- what is played -------------------------------------------------------------------------------


def need(*all_of: str, **others: Any) -> Need:
    """Return a need for all of some suppliers, or of the form given by keyword."""
    return Need(all_of=all_of or None, **others)


def asset(*needs: Need, **others: Any) -> Asset:
    """Return an asset with these needs."""
    given = {"name": "", "kind": "server", "sector": "platform", "zone": "it", "layer": "data", **others}
    return Asset(needs=needs, **given)


def service(*needs: Need, **others: Any) -> Service:
    """Return a service with these needs."""
    return Service(**{"name": "", "sector": "platform", **others}, needs=needs)


def city(assets: dict[str, Asset], services: dict[str, Service] | None = None, **others: Any) -> City:
    """Return a city of one citizen, so that citizen-hours are hours."""
    zones = {kind: {"name": kind, "kind": kind} for kind in codes.ZONES}
    given = {"wards": {"ward": {"name": "", "population": 1}}, **others}
    return City(id="town", name="", zones=zones, assets=assets, services=services or {}, **given)


def step(target: str, *effects: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return an attack step from outside that takes no time, unless said otherwise."""
    given = {"name": "", "technique": "T1499", "foothold": "outside", "duration": 0, **others}
    return {"target": target, "effects": effects, **given}


def scenario(horizon: float = 100.0, targets: dict[str, Any] | None = None, **steps: dict[str, Any]) -> Scenario:
    """Return an attack; a target that is not given is the asset of that name."""
    named = {s["target"]: {"asset": [s["target"]]} for s in steps.values()}
    named |= {e["on"]: {"asset": [e["on"]]} for s in steps.values() for e in s["effects"] if e.get("on")}
    return Scenario(
        id="attack", name="", story="", start=MONDAY, horizon=horizon, targets={**named, **(targets or {})}, steps=steps
    )


def team(people: int = 1, **others: Any) -> dict[str, Any]:
    """Return a team that is always on shift."""
    return {"name": "", "shifts": [{"people": people}], **others}


def respond(*on: str, scope: str = "asset", **others: Any) -> dict[str, Any]:
    """Return a playbook step that takes no time, unless said otherwise."""
    return {"name": "", "scope": scope, "on": on, "team": "crew", "duration": 0, **others}


def posture(playbook: dict[str, Any] | None = None, **others: Any) -> Posture:
    """Return an organisation that sees every sign at once and knows all its systems.

    The analysts are as many as the alerts and take no time; the one-person `crew` does all other work.
    """
    teams = {"crew": team(), "analysts": team(10_000), **others.pop("teams", {})}
    given = {
        "own_assets": "crew",
        "uncovered": "crew",
        "shared_assets": "crew",
        "sensors": {"eye": {"name": "", "sees": 1}},
        "triage": {"team": "analysts", "duration": 0, "confirms": 1},
        "estate": {"documented": 1, "tenure": 0, "learning": 0, "locate": 0},
        "backups": {"good": 1, "survive": 1, "bare_rebuild": 1},
        **others,
    }
    return Posture(id="team", name="", teams=teams, playbook=playbook or {}, **given)


SEEN = ({"sensor": "eye", "chance": 1},)
"""The signs of a step that is seen as soon as it succeeds."""


def plan(of: City, attack: Scenario | None = None, organisation: Posture | None = None) -> Plan:
    """Compile a city; by default nobody attacks it and nobody has anything to do."""
    return compile_plan(of, attack or scenario(), organisation or posture())


def play(
    of: City,
    attack: Scenario | None = None,
    organisation: Posture | None = None,
    *,
    seed: int = 1,
    replicate: int = 0,
    extensions: Iterable[Any] = (),
) -> World:
    """Play one run to its end."""
    world = World(plan(of, attack, organisation), seed, replicate, extensions)
    world.finish()
    return world


# --- what happened --------------------------------------------------------------------------------


class Happening(NamedTuple):
    """A line of the log in words."""

    hour: float
    kind: str
    subject: str
    about: str
    value: float
    cause: int
    number: int


def happenings(world: World, *kinds: str, about: str | None = None) -> list[Happening]:
    """Return the log in words; only lines of these kinds, and about this subject, if given."""
    lines = []
    for number, (hour, kind, a, b, x, cause) in enumerate(world.log):
        word, first, second = LOG_KINDS[kind]
        subject = _name(world, first, a)
        if (not kinds or word in kinds) and about in (None, subject):
            lines.append(Happening(hour, word, subject, _name(world, second, b), x, cause, number))
    return lines


def hours(world: World, kind: str, about: str | None = None) -> list[float]:
    """Return the hours at which something happened."""
    return [line.hour for line in happenings(world, kind, about=about)]


def _name(world: World, what: str, number: int) -> str:
    p = world.plan
    if number < 0 or not what:
        return ""
    if what == "need":
        return p.nodes.names[p.lists.needs[number].node]
    if what == "task":
        return task_name(world, number)
    if what == "condition":
        place = number.bit_length() - 1
        return codes.CASE_BITS[place] if place < codes.STEP_BIT else list(p.posture.playbook)[place - codes.STEP_BIT]
    if what == "help":
        return list(p.posture.help)[number // len(p.units)]
    tables: dict[str, Sequence[Any]] = {
        "node": p.nodes.names,
        "operation": [op.name for op in p.operations],
        "service": list(p.city.services),
        "sensor": list(p.posture.sensors),
        "unit": p.units,
    }
    return str(tables[what][number]) if what in tables else str(number)


def task_name(world: World, number: int) -> str:
    """Return a task as `step` or `step/asset`."""
    task = world.state.tasks[number]
    word = ("triage", "take_over", *world.plan.posture.playbook)[task.step]
    return f"{word}/{world.plan.nodes.names[task.node]}" if task.node >= 0 else word


def tasks(world: World, step: str | None = None) -> list[Any]:
    """Return the rows of the book of tasks, of one step if given."""
    numbers = range(world.state.count[N_TASK])
    return [world.state.tasks[i] for i in numbers if step in (None, task_name(world, i).split("/", maxsplit=1)[0])]


def node(world: World, name: str) -> Any:
    """Return the state of a node."""
    return world.state.nodes[world.plan.nodes.index[name]]


def level(world: World, name: str) -> float:
    """Return the level of a node now."""
    return float(node(world, name).level)


def levels(world: World) -> dict[str, float]:
    """Return the level of every node now."""
    return {name: level(world, name) for name in world.plan.nodes.names}


def path(world: World, name: str) -> list[tuple[float, float]]:
    """Return the levels of a node as steps: (hour, level from then on)."""
    steps = [(0.0, 1.0)]
    for line in happenings(world, "level", about=name):
        if line.hour == steps[-1][0]:
            steps.pop()
        if not steps or steps[-1][1] != line.value:
            steps.append((line.hour, line.value))
    return steps


def account(world: World, name: str) -> Any:
    """Return the account of a service."""
    return world.state.accounts[list(world.plan.city.services).index(name)]


def lost(world: World, name: str) -> float:
    """Return the citizen-hours that a service failed to serve."""
    return float(account(world, name).lost)


def case(world: World, clock: int, unit: int = 0) -> float:
    """Return the hour at which a clock of a case stopped."""
    return float(world.state.case_time[unit * (len(world.state.case_time) // len(world.plan.units)) + clock])


# --- acts from outside the rules: for extensions, and for tests that move a world by hand ---------


class Hand:
    """Does to the nodes of a world what effects would do, then settles the levels."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _do(self, act: Callable[..., Any], name: str, *rest: Any) -> None:
        world = self.world
        p, s = world.plan.lists, world.state
        now = float(world.env.now)
        first = s.count[N_LOG]
        act(p, s, world.plan.nodes.index[name], *rest, now)
        settle(p, s, now, min(first, s.count[N_LOG] - 1))
        world._drain()

    def impair(self, name: str, health: float = 0.0) -> None:
        """Lower the health of a node."""
        self._do(lambda p, s, n, now: strike(p, s, n, codes.IMPAIR, health, 0, now), name)

    def flood(self, name: str, load: float) -> None:
        """Put a useless load on a node."""
        self._do(lambda p, s, n, now: strike(p, s, n, codes.FLOOD, load, 0, now), name)

    def mend(self, name: str) -> None:
        """Give a node its health back."""
        bits = codes.IMPAIRED | codes.FLOODED
        self._do(lambda p, s, n, now: mend(p, s, n, bits, False, -1, 0, now), name)

    def isolate(self, name: str) -> None:
        """Cut a node off."""
        self._do(lambda p, s, n, now: isolate(p, s, n, 0, now), name)

    def reconnect(self, name: str) -> None:
        """Connect a node again."""
        self._do(lambda p, s, n, now: reconnect(p, s, n, 0), name)


def failing(name: str, up: Callable[[], float], down: Callable[[], float]) -> Callable[[World], Iterable[Any]]:
    """Return an extension: a node fails and is mended, over and over."""

    def process(world: World) -> Iterable[Any]:
        hand = Hand(world)
        while True:
            yield world.env.timeout(up())
            hand.impair(name)
            yield world.env.timeout(down())
            hand.mend(name)

    return process


def exponential(mean: float, seed: int | str) -> Callable[[], float]:
    """Return a source of exponential times."""
    source = random.Random(seed)
    return lambda: source.expovariate(1 / mean)


# --- theory ---------------------------------------------------------------------------------------


def standard_errors(sample: Sequence[float], expected: float) -> float:
    """Return how many standard errors the mean of independent observations lies from what theory expects."""
    n = len(sample)
    mean = math.fsum(sample) / n
    spread = math.sqrt(math.fsum((x - mean) ** 2 for x in sample) / (n - 1) / n)
    return (mean - expected) / spread if spread > 0 else (0.0 if math.isclose(mean, expected) else math.inf)


def agrees(what: str, sample: Sequence[float], expected: float, limit: float = 4.0) -> None:
    """Assert that a sample mean agrees with theory, and say how well it does."""
    away = standard_errors(sample, expected)
    mean = math.fsum(sample) / len(sample)
    print(f"{what}: observed {mean:.6g}, theory {expected:.6g}, {away:+.2f} standard errors (n = {len(sample)})")
    assert abs(away) <= limit, f"{what}: observed {mean:.6g}, theory {expected:.6g}, {away:+.2f} standard errors"
