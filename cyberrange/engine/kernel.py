"""The compiled engine's own clock: an event heap, and the loop that plays one replicate from hour 0 to its horizon.

The same functions run in plain Python, where they are slow. Events come off the heap in the order of SimPy: by hour,
then by kind, then in the order in which they were asked for.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cyberrange.engine import dispatch
from cyberrange.engine.draws import threefry
from cyberrange.engine.state import FULL, LOGGING, N_LOG, N_OUT, STUCK, State
from cyberrange.model.plan import Arrays, Floats, Ints

# What the clock counts: events on the heap, events ever put on it, events played, lines of the log that have an hour,
# and the sum of the sizes of the heap over all events played.
N_HEAP, N_ASKED, N_PLAYED, N_HEARD, N_SIZES = range(5)
CLOCK_COUNTERS = 5

SEQUENCE = 1 << 56
"""An event's order is its kind times this, plus the number of events that were asked for before it."""


@dataclass(slots=True)
class Pending:
    """An event on the heap."""

    hour: float = 0.0
    order: int = 0
    a: int = 0
    b: int = 0


class Clock(NamedTuple):
    """The event heap, and the hours of the lines of the log where they are kept."""

    heap: list[Pending]
    hours: Floats
    count: Ints  # type: ignore[assignment]


class Memory(NamedTuple):
    """The memory of a state that has a fixed size, and how to set it back to hour 0.

    It holds tables one after the other. Each has four numbers in `tables`: its first word in `fixed`, its rows, the
    words of a row, and where in `rows` the words of a fresh row begin.
    """

    fixed: Ints
    rows: Ints
    tables: Ints


CLOCK_ROWS: dict[str, type] = {"heap": Pending}


def push(clock: Clock, hour: float, order: int, a: int, b: int) -> None:
    """Put an event on the heap."""
    heap = clock.heap
    at = clock.count[N_HEAP]
    clock.count[N_HEAP] = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent].hour < hour or (heap[parent].hour == hour and heap[parent].order < order):
            break
        _move(heap, parent, at)
        at = parent
    heap[at].hour = hour
    heap[at].order = order
    heap[at].a = a
    heap[at].b = b


def drop_first(clock: Clock) -> None:
    """Take the first event off the heap."""
    heap = clock.heap
    size = clock.count[N_HEAP] - 1
    clock.count[N_HEAP] = size
    hour = heap[size].hour
    order = heap[size].order
    at = 0
    child = 1
    while child < size:
        if child + 1 < size and (
            heap[child + 1].hour < heap[child].hour
            or (heap[child + 1].hour == heap[child].hour and heap[child + 1].order < heap[child].order)
        ):
            child += 1
        if heap[child].hour > hour or (heap[child].hour == hour and heap[child].order >= order):
            break
        _move(heap, child, at)
        at = child
        child = 2 * at + 1
    _move(heap, size, at)


def _move(heap: list[Pending], source: int, target: int) -> None:
    heap[target].hour = heap[source].hour
    heap[target].order = heap[source].order
    heap[target].a = heap[source].a
    heap[target].b = heap[source].b


def drain(s: State, clock: Clock, now: float) -> None:
    """Put what the rules asked for on the heap, and give the lines that they wrote their hour."""
    count = s.count
    asked = clock.count[N_ASKED]
    if clock.count[N_HEAP] + count[N_OUT] > len(clock.heap):
        count[FULL] = 1
        return
    for i in range(count[N_OUT]):
        due = s.due[i]
        push(clock, now + due.delay, due.kind * SEQUENCE + asked + i, due.a, due.b)
    clock.count[N_ASKED] = asked + count[N_OUT]
    count[N_OUT] = 0
    if count[LOGGING] == 1:
        for line in range(clock.count[N_HEARD], min(count[N_LOG], len(clock.hours))):
            clock.hours[line] = now
        clock.count[N_HEARD] = count[N_LOG]


def play(p: Arrays, s: State, clock: Clock, horizon: float) -> int:
    """Play a replicate from hour 0 to its horizon and close the books; return how it ended.

    0: as it should; 1: a table that grows is full; 2: the levels of a cycle do not settle.
    """
    for i in range(CLOCK_COUNTERS):
        clock.count[i] = 0
    dispatch.begin(p, s)
    drain(s, clock, 0.0)
    heap = clock.heap
    while clock.count[N_HEAP] > 0 and s.count[FULL] == 0 and s.count[STUCK] == 0:
        now = heap[0].hour
        if now >= horizon:
            break
        kind = heap[0].order // SEQUENCE
        a = heap[0].a
        b = heap[0].b
        clock.count[N_SIZES] += clock.count[N_HEAP]
        drop_first(clock)
        clock.count[N_PLAYED] += 1
        dispatch.handle(p, s, now, kind, a, b)
        drain(s, clock, now)
    if s.count[FULL] == 1:
        return 1
    if s.count[STUCK] > 0:
        return 2
    dispatch.end(p, s, horizon)
    return 0


def plan_of(slots: Any) -> Arrays:
    """Open a plan. In plain Python the slots are the plan itself; compiled, they are where its tables lie."""
    return slots  # type: ignore[no-any-return]


def state_of(slots: Any) -> State:
    """Open a state, as `plan_of` does a plan."""
    return slots  # type: ignore[no-any-return]


def clock_of(slots: Any) -> Clock:
    """Open a clock, as `plan_of` does a plan."""
    return slots  # type: ignore[no-any-return]


def memory_of(slots: Any) -> Memory:
    """Open the memory of a state, as `plan_of` does a plan."""
    return slots  # type: ignore[no-any-return]


def set_back(p: Arrays, s: State, memory: Memory) -> None:
    """Set a state back to hour 0: every row fresh, every store as full as given."""
    fixed = memory.fixed
    rows = memory.rows
    for t in range(0, len(memory.tables), 4):
        at = memory.tables[t]
        width = memory.tables[t + 2]
        fresh = memory.tables[t + 3]
        for _ in range(memory.tables[t + 1]):
            for k in range(width):
                fixed[at + k] = rows[fresh + k]
            at += width
    for need in range(len(p.needs)):
        s.needs[need].store = p.needs[need].cover_hours * p.needs[need].cover_full


def play_replicates(
    plan_slots: Any, state_slots: Any, clock_slots: Any, memory_slots: Any, books: Any,
    seed_lo: int, seed_hi: int, first: int, horizon: float, logging: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Play one replicate for each row of `books`, and copy the books of each there.

    Parameters
    ----------
    plan_slots, state_slots, clock_slots, memory_slots
        Lead to a plan, a state, a clock, and the memory in which the state lies.
    books
        Words (replicates x size of the books, which lie at the beginning of the memory).
    seed_lo, seed_hi, first
        The two words of the seed, and the first replicate.
    horizon
        Hours.
    logging
        1 to keep the log of the (last) replicate.

    Returns
    -------
    tuple of int
        Replicates that ended well, how the next one ended (0 if there is none; see `play`), events played.
    """
    p = plan_of(plan_slots)
    s = state_of(state_slots)
    clock = clock_of(clock_slots)
    memory = memory_of(memory_slots)
    events = 0
    for k in range(books.shape[0]):
        replicate = first + k
        set_back(p, s, memory)
        s.seed_key[0], s.seed_key[1] = threefry(seed_lo, seed_hi, replicate & 0xFFFFFFFF, replicate >> 32)
        s.count[LOGGING] = logging
        ended = play(p, s, clock, horizon)
        events += clock.count[N_PLAYED]
        if ended != 0:
            return k, ended, events
        for word in range(books.shape[1]):
            books[k, word] = memory.fixed[word]
    return books.shape[0], 0, events
