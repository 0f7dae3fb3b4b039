"""Many replicates of one plan in this process, by the compiled engine."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from cyberrange.engine.books import Books
from cyberrange.engine.compiled import kernel
from cyberrange.engine.kernel import N_PLAYED, N_SIZES, Clock
from cyberrange.engine.layout import StateMemory, memory_of_clock, memory_of_plan, memory_of_state
from cyberrange.engine.live import NotConvergingError
from cyberrange.engine.state import N_LOG, STUCK, State
from cyberrange.model.build import Plan

FULL, NOT_CONVERGING = 1, 2
"""How a replicate may end other than well; see `cyberrange.engine.kernel.play`."""


class Log(NamedTuple):
    """The whole log and the tables of one replicate."""

    lines: list[tuple[float, int, int, int, float, int]]
    """(hour, kind, a, b, x, cause), as in `cyberrange.engine.live.World.log`."""
    state: State


@dataclass
class Room:
    """Rows that there is room for; what turns out too small is doubled, and the replicate played again."""

    effects: int
    tasks: int
    due: int
    lines: int
    heap: int

    def double(self) -> "Room":
        """Return twice the room."""
        return Room(*(2 * rows for rows in (self.effects, self.tasks, self.due, self.lines, self.heap)))


class Player:
    """Plays replicates of one plan, again and again in the same memory.

    Examples
    --------
    >>> import cyberrange as cr
    >>> plan = cr.compile_plan(cr.load_city("kasba"), cr.load_scenario("calm_day"), cr.load_posture("hybrid"))
    >>> Player(plan).play(seed=1, first=0, last=3).accounts.shape[0]
    3
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.events = 0
        """Events played so far."""
        self.heap = 0.0
        """Mean number of events that were waiting, over the last replicate."""
        size = len(plan.arrays.nodes)
        self._slots, self._kept = memory_of_plan(plan.arrays)
        self._room = Room(effects=256 + size, tasks=1024 + size, due=256 + size, lines=1, heap=1024 + 2 * size)

    @cached_property
    def _state(self) -> StateMemory:
        room = self._room
        rows = {"effects": room.effects, "tasks": room.tasks, "due": room.due, "lines": room.lines}
        return memory_of_state(self.plan.arrays, rows)

    @cached_property
    def _clock(self) -> tuple[Any, Clock]:
        return memory_of_clock(self._room.heap, self._room.lines)

    def play(self, seed: int, first: int, last: int) -> Books:
        """Play replicates first to last - 1.

        Raises
        ------
        NotConvergingError
            When the levels of a cycle of needs do not settle.
        """
        done: list[Any] = []
        while first < last:
            rows, ended = self._run(seed, first, last - first, logging=False)
            done.append(rows)
            first += len(rows)
            self._mend(ended)
        return self._books(done[0] if len(done) == 1 else np.concatenate(done))

    def log(self, seed: int, replicate: int) -> Log:
        """Play one replicate and keep its whole log."""
        if self._room.lines == 1:
            self._grow(Room(**{**vars(self._room), "lines": 1 << 15}))
        while True:
            rows, ended = self._run(seed, replicate, 1, logging=True)
            if len(rows) == 1:
                break
            self._mend(ended)
        views: Any = self._state.views
        hours: Any = self._clock[1].hours
        count = int(views.count[N_LOG])
        told = zip(hours[:count].tolist(), views.lines[:count].tolist(), strict=True)
        return Log([(hour, *line) for hour, line in told], views)

    def _run(self, seed: int, first: int, runs: int, *, logging: bool) -> tuple[Any, int]:
        state = self._state
        books = np.empty((runs, state.size_of_books), dtype=np.int64)
        well, ended, events = kernel()(
            self._slots, state.slots, self._clock[0], state.memory_slots, books,
            seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, first, self.plan.scenario.horizon, int(logging),
        )  # fmt: skip
        self.events += events
        count: Any = self._clock[1].count
        self.heap = float(count[N_SIZES] / max(1, count[N_PLAYED]))
        return books[:well], ended

    def _mend(self, ended: int) -> None:
        """Make room after a replicate found none; complain of a cycle that does not settle."""
        if ended == FULL:
            self._grow(self._room.double())
        elif ended == NOT_CONVERGING:
            raise NotConvergingError.of(self.plan, int(self._state.views.count[STUCK]) - 1)

    def _grow(self, room: Room) -> None:
        self._room = room
        vars(self).pop("_state", None)
        vars(self).pop("_clock", None)

    def _books(self, rows: Any) -> Books:
        runs = len(rows)
        parts = self._state.books
        return Books(**{
            name: rows[:, first:end].view(kind).reshape(runs, -1) for name, (first, end, kind) in parts.items()
        })  # fmt: skip
