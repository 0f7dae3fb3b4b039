"""The live engine: SimPy is the clock, the rules decide what its events do."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import simpy

from cyberrange.engine import dispatch
from cyberrange.engine.state import LOG_BASE, N_LOG, N_OUT, STUCK, State, fresh_state
from cyberrange.errors import CyberrangeError
from cyberrange.model.build import Plan

Extension = Callable[["World"], Iterable[Any]]
"""A researcher's own process: called with the world, it returns a generator that SimPy runs."""


class NotConvergingError(CyberrangeError):
    """The levels of a cycle of needs do not settle."""

    @classmethod
    def of(cls, plan: Plan, component: int) -> "NotConvergingError":
        """Return the error about a component of a plan, with the names of its members."""
        row: Any = plan.arrays.components[component]
        names = ", ".join(plan.nodes.names[m] for m in plan.arrays.member[row["member_start"] : row["member_end"]])
        return cls(f"the levels of this cycle of needs do not settle: {names}")


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep the garbage collector from walking the growing log again and again: a run makes no cycles to collect."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Occurrence(simpy.Event):
    """An event of the rules on SimPy's clock.

    All events of a world share one list of callbacks, which SimPy reads and never writes.
    """

    _ok = True
    _value = None

    def __init__(self, callbacks: list[Callable[[Any], None]], kind: int, a: int, b: int) -> None:
        self.callbacks = callbacks
        self.kind = kind
        self.a = a
        self.b = b


class World:
    """One run under way: it can be stopped at any moment and gone on with.

    Parameters
    ----------
    plan
        What is played.
    seed, replicate
        Name the luck of this run.
    extensions
        Processes of the caller's own, each a function that is given the world and returns a SimPy generator. They see
        `world.env`, `world.plan` and `world.state`.

    Attributes
    ----------
    env
        SimPy's environment; `env.now` is in hours since the scenario's start.
    log
        Rows (hour, kind, a, b, x, cause) in the order in which they came; a row's number is its place.

    Examples
    --------
    >>> import cyberrange as cr
    >>> plan = cr.compile_plan(cr.load_city("kasba"), cr.load_scenario("calm_day"), cr.load_posture("hybrid"))
    >>> world = World(plan, seed=1)
    >>> world.advance(12.0)
    >>> world.env.now
    12.0
    """

    def __init__(self, plan: Plan, seed: int, replicate: int = 0, extensions: Iterable[Extension] = ()) -> None:
        self.plan = plan
        self.seed = seed
        self.replicate = replicate
        self.env = simpy.Environment()
        self.state: State = fresh_state(plan.lists, seed, replicate)
        self.log: list[tuple[float, int, int, int, float, int]] = []
        self.heard = 0
        self._arrays = plan.lists
        self._callbacks: list[Callable[[Any], None]] = [self._hear]
        dispatch.begin(self._arrays, self.state)
        self._drain()
        for extension in extensions:
            self.env.process(extension(self))  # type: ignore[arg-type]

    def advance(self, until: float) -> None:
        """Go on to an hour; events exactly at it are still to come."""
        if until > self.env.now:
            self.env.run(until=until)

    def finish(self) -> None:
        """Go on to the scenario's horizon and close the books."""
        with _collector_at_rest():
            self.advance(self.plan.scenario.horizon)
        dispatch.end(self._arrays, self.state, self.env.now)

    def _hear(self, event: Occurrence) -> None:
        self.heard += 1
        dispatch.handle(self._arrays, self.state, self.env.now, event.kind, event.a, event.b)
        self._drain()

    def _drain(self) -> None:
        """Put what the rules asked for on the clock, and what they wrote into the log."""
        state, env = self.state, self.env
        count = state.count
        if count[N_OUT]:
            callbacks = self._callbacks
            for i in range(count[N_OUT]):
                due = state.due[i]
                occurrence = Occurrence(callbacks, due.kind, due.a, due.b)
                env.schedule(occurrence, due.kind + 1, due.delay)  # type: ignore[arg-type]  # SimPy stops at priority 0
            count[N_OUT] = 0
        lines = count[N_LOG] - count[LOG_BASE]
        if lines:
            now, log = env.now, self.log
            for i in range(lines):
                line = state.lines[i]
                log.append((now, line.kind, line.a, line.b, line.x, line.cause))
            count[LOG_BASE] = count[N_LOG]
        if count[STUCK]:
            raise NotConvergingError.of(self.plan, count[STUCK] - 1)
