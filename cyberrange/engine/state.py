"""The state of one run: tables of rows, written by the rules alone."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cyberrange.engine.draws import threefry
from cyberrange.model.plan import Arrays, Floats, Ints

# Modes of a node; ALONE: black-started, running without the suppliers of its own cycle until they are back.
UP, TRIPPED, STARTING, ALONE = range(4)

# States of a cover (a buffer or a hold): whole, running down, used up.
FRESH, RUNNING, SPENT = range(3)

# States of a manual take-over.
IDLE, CALLED, ON, TIRED = range(4)

# States of an operation.
WAITING, AT_WORK, DONE, FAILED, PAUSED = range(5)

# States of a task.
ASKED, QUEUED, WORKING, FINISHED, DROPPED = range(5)

# Counters: entries in use of each growing table, sequence numbers, and what measures count.
(
    N_OUT, N_LOG, N_DIRTY, N_EFFECT, N_TASK, LOG_BASE, N_DEADLOCK, N_FALSE, N_STOPPED, N_APPROVAL, STUCK, N_MISTAKE,
    N_DROPPED, N_REHIT, DEEPEST, N_FELL, N_RECORDS, N_HIT, N_WAITING, N_ATTENDED, N_CYCLES, FIRST_FELL, LAST_FELL,
    LOGGING, FULL,
) = range(25)  # fmt: skip
COUNTERS = 25

# Instants of the run.
FIRST_EFFECT, LAST_FALL = range(2)

# Sums of the run: unserved citizen-hours by the side whose effect binds.
BY_RESPONSE, BY_ATTACK = range(2)
TOTALS = 2

# Clocks of a case.
(
    T_COMPROMISED, T_ALERTED, T_NOTICED, T_DECLARED, T_DECIDED, T_CONTAINED, T_CLEAN, T_RESTORED, T_REPORTED, T_BREACH,
    T_NOTIFIED, T_WARNED,
) = range(12)  # fmt: skip
CASE_TIMES = 12
NEVER = float("inf")

# Sums of a case: hours that tasks waited for own staff, for approval, for vendors and for outside help; hours worked.
W_STAFF, W_APPROVAL, W_VENDOR, W_OUTSIDE, W_WORK, W_FALSE = range(6)
CASE_SUMS = 6

ENDLESS = 2**62
"""Room of a table that makes its rows as they are reached for."""

PRIORITIES = 40
"""Classes of the team queues: step priority times five plus restoration class."""


@dataclass(slots=True)
class NodeState:
    """State of a node."""

    level: float = 1.0
    supply: float = 1.0
    """The least of its supplies."""
    blame: int = -1
    """Effect that binds its level."""
    depth: int = 0
    """Needs between it and the node that the effect struck."""
    event: int = 0
    """Line of the log of its last change of level."""
    health: float = 1.0
    health_by: int = -1
    load: float = 0.0
    load_by: int = -1
    isolated_by: int = -1
    mode: int = UP
    trip_by: int = -1
    trip_event: int = 0
    trip_stamp: int = 0
    below: int = 0
    lies: int = 0
    struck: int = 0
    """Whether the attack ever had an effect on it."""
    held: int = 0
    held_event: int = 0
    condition: int = 0
    reached: int = 0
    """Assets with access to it that the attacker holds and that are not isolated."""
    found: int = 0
    found_next: int = -1
    done: int = 0
    begun: int = 0
    withheld: int = 0
    """Asset steps that the playbook may not ask for by itself, as people decided; bits like those of `done`."""
    round: int = 0
    """How often it was hit, found and made whole."""
    dropped: int = 0
    leaked: int = 0
    last_effect: int = -1
    """The latest effect on it; each effect names the one before."""
    dirty: int = 0
    pending: int = 0
    fell: int = 0
    """Whether it is in the chain of members that fell while its cycle is settled."""
    fell_before: int = -1
    fell_next: int = -1
    old_level: float = 1.0
    old_blame: int = -1


@dataclass(slots=True)
class NeedState:
    """State of a need."""

    supply: float = 1.0
    store: float = 0.0
    since: float = 0.0
    cover: int = FRESH
    stamp: int = 0
    manual: int = IDLE
    manual_stamp: int = 0
    task: int = -1
    event: int = -1


@dataclass(slots=True)
class SolverState:
    """Scratch of the level solver for a component, and whether it is a reported deadlock."""

    queued: int = 0
    rose: int = 0
    dead: int = 0


@dataclass(slots=True)
class Account:
    """Sums of a service."""

    since: float = 0.0
    lost: float = 0.0
    worst: float = 1.0
    interruptions: int = 0
    first_drop: float = NEVER
    back_half: float = -1.0
    """Since when it is back at one half for good: -1 if it never fell below, infinite while it is below."""
    back_ninety: float = -1.0
    back_full: float = -1.0
    complaint_left: float = 0.0
    complaint_stamp: int = 0
    episode: int = 0
    below_half: float = 0.0
    """Hours below one half."""


@dataclass(slots=True)
class Effect:
    """An effect on a node: loss is charged to it."""

    node: int = 0
    attack: int = 0
    do: int = 0
    level: float = 0.0
    event: int = 0
    lost: float = 0.0
    live: int = 0
    before: int = -1
    """The effect before it on the same node."""


@dataclass(slots=True)
class OperationState:
    """State of an operation of the attack."""

    state: int = WAITING
    attempt: int = 0
    failures: int = 0
    luck: float = 0.0
    stamp: int = 0
    event: int = -1
    again: int = 0


@dataclass(slots=True)
class Task:
    """A task of the response."""

    step: int = 0
    node: int = 0
    unit: int = 0
    state: int = ASKED
    team: int = 0
    people: int = 0
    truth: int = 0
    sensor: int = -1
    which: int = 0
    key_lo: int = 0
    key_hi: int = 0
    event: int = -1
    asked: float = 0.0
    approved: float = 0.0
    queued: float = NEVER
    started: float = NEVER
    ended: float = NEVER
    luck: float = 0.0
    """Drawn with the duration: the activity succeeds if it is below its chance."""
    next: int = -1


@dataclass(slots=True)
class Crew:
    """State of a team: people at work, extra people, tasks in its queue, hours worked."""

    busy: int = 0
    extra: int = 0
    waiting: int = 0
    first: int = 0
    """No class before this one has a task in the queue."""
    awake: int = 0
    worked: float = 0.0


@dataclass(slots=True)
class Case:
    """State of a city's case.

    The counts are of assets: open (held, forced or flooded, and not isolated), hit, and hurt (any condition but mere
    suspicion, or isolated) in truth; the first two again among the assets that were found; and those found.
    A case is real once a true alert was confirmed: its clocks stop only then.
    """

    bits: int = 0
    begun: int = 0
    withheld: int = 0
    """Case steps that the playbook may not ask for by itself."""
    knowledge: float = 0.0
    rounds: int = 0
    open: int = 0
    hit: int = 0
    hurt: int = 0
    open_found: int = 0
    hit_found: int = 0
    found: int = 0
    real: int = 0
    found_first: int = -1
    backups_spoilt: int = 0


@dataclass(slots=True)
class Consent:
    """Consent of a chain of approvers in a city: when granted, until when valid, how often asked."""

    at: float = -1.0
    until: float = -1.0
    asked: int = 0


@dataclass(slots=True)
class Due:
    """An event that a rule asks the clock for."""

    delay: float = 0.0
    kind: int = 0
    a: int = 0
    b: int = 0


@dataclass(slots=True)
class Line:
    """A line of the log."""

    kind: int = 0
    a: int = 0
    b: int = 0
    x: float = 0.0
    cause: int = 0


class State(NamedTuple):
    """Everything that the rules write: tables of rows and vectors of numbers."""

    nodes: list[NodeState]
    needs: list[NeedState]
    solver: list[SolverState]
    accounts: list[Account]
    effects: dict[int, Effect]
    operations: list[OperationState]
    tasks: dict[int, Task]
    crews: list[Crew]
    queue_head: Ints
    queue_tail: Ints
    cases: list[Case]
    case_time: Floats
    case_sum: Floats
    consents: list[Consent]
    due: dict[int, Due]
    lines: dict[int, Line]
    step_wins: Ints
    helped: Ints
    vendor_by: Ints
    spread_tries: Ints
    touched: Ints
    waiting: Ints
    attended: Ints
    cycles: Ints
    pending: Ints
    count: Ints  # type: ignore[assignment]
    instant: Floats
    total: Floats
    seed_key: Ints


STATE_ROWS: dict[str, type] = {
    "nodes": NodeState, "needs": NeedState, "solver": SolverState, "accounts": Account, "effects": Effect,
    "operations": OperationState, "tasks": Task, "crews": Crew, "cases": Case, "consents": Consent, "due": Due,
    "lines": Line,
}  # fmt: skip
"""Row class of each table of the state."""

GROWING = ("effects", "tasks", "due", "lines")
"""Tables whose rows are made while a run goes on."""

VECTORS: dict[str, int | float] = {
    "queue_head": -1, "queue_tail": -1, "case_time": NEVER, "case_sum": 0.0, "step_wins": 0, "helped": 0,
    "vendor_by": -1, "spread_tries": 0, "touched": 0, "waiting": 0, "attended": 0, "cycles": 0, "pending": 0,
    "count": 0, "instant": NEVER, "total": 0.0, "seed_key": 0,
}  # fmt: skip
"""What each element of a vector of the state is at hour 0."""


def seed_key(seed: int, replicate: int) -> tuple[int, int]:
    """Return the key of all draws of one replicate."""
    return threefry(seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, replicate & 0xFFFFFFFF, replicate >> 32)


def sizes(p: Arrays) -> dict[str, int]:
    """Return how many rows each table, and how many elements each vector of the state has; growing tables have none."""
    nodes, components, units, teams = len(p.nodes), len(p.components), len(p.units), len(p.teams)
    return {
        "nodes": nodes, "needs": len(p.needs), "solver": components, "accounts": len(p.services),
        "operations": len(p.operations), "crews": teams, "cases": units, "consents": units * len(p.chains),
        "queue_head": teams * PRIORITIES, "queue_tail": teams * PRIORITIES, "case_time": units * CASE_TIMES,
        "case_sum": units * CASE_SUMS, "step_wins": len(p.steps), "helped": len(p.helps),
        "vendor_by": p.settings.vendors, "spread_tries": len(p.reach), "touched": nodes, "waiting": components,
        "attended": nodes, "cycles": components, "pending": nodes, "count": COUNTERS, "instant": 2, "total": TOTALS,
        "seed_key": 2,
    }  # fmt: skip


class Growing(dict[int, Any]):
    """A table that makes the next row when the rules reach for it, so that they never run out of room."""

    def __init__(self, row: type) -> None:
        super().__init__()
        self._row = row

    def __missing__(self, i: int) -> Any:
        """Make row i."""
        made = self[i] = self._row()
        return made

    def __len__(self) -> int:
        """Return how many rows there is room for."""
        return ENDLESS


def fresh_state(p: Arrays, seed: int, replicate: int) -> State:
    """Return the state at hour 0 of one replicate: everything up, every store as full as given."""
    size = sizes(p)
    made: dict[str, Any] = {name: [value] * size[name] for name, value in VECTORS.items()}
    for name, row in STATE_ROWS.items():
        made[name] = Growing(row) if name in GROWING else [row() for _ in range(size[name])]
    for need, state in zip(p.needs, made["needs"], strict=True):
        state.store = need.cover_hours * need.cover_full
    made["count"][LOGGING] = 1
    made["seed_key"] = list(seed_key(seed, replicate))
    return State(**made)
