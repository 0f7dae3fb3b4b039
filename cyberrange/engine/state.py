"""The state of one run: tables of rows, written by the rules alone."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from cyberrange.engine.draws import threefry
from cyberrange.model.plan import Arrays

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
    N_DROPPED, N_REHIT, DEEPEST, N_FELL, N_RECORDS,
) = range(17)  # fmt: skip
COUNTERS = 17

# Instants of the run.
FIRST_EFFECT, LAST_FALL = range(2)

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
    held: int = 0
    held_event: int = 0
    condition: int = 0
    reached: int = 0
    """Assets with access to it that the attacker holds and that are not isolated."""
    found: int = 0
    found_next: int = -1
    done: int = 0
    begun: int = 0
    round: int = 0
    """How often it was hit, found and made whole."""
    dropped: int = 0
    leaked: int = 0
    last_effect: int = -1
    """The latest effect on it; each effect names the one before."""
    dirty: int = 0
    pending: int = 0
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
    """Everything that the rules write."""

    nodes: list[NodeState]
    needs: list[NeedState]
    solver: list[SolverState]
    accounts: list[Account]
    effects: dict[int, Effect]
    operations: list[OperationState]
    tasks: dict[int, Task]
    crews: list[Crew]
    queue_head: list[int]
    queue_tail: list[int]
    cases: list[Case]
    case_time: list[float]
    case_sum: list[float]
    consents: list[Consent]
    due: dict[int, Due]
    lines: dict[int, Line]
    step_wins: list[int]
    helped: list[int]
    vendor_by: list[int]
    spread_tries: list[int]
    touched: list[int]
    count: list[int]  # type: ignore[assignment]
    instant: list[float]
    seed_key: list[int]


STATE_ROWS: dict[str, type] = {
    "nodes": NodeState, "needs": NeedState, "solver": SolverState, "accounts": Account, "effects": Effect,
    "operations": OperationState, "tasks": Task, "crews": Crew, "cases": Case, "consents": Consent, "due": Due,
    "lines": Line,
}  # fmt: skip
"""Row class of each table of the state."""


def seed_key(seed: int, replicate: int) -> tuple[int, int]:
    """Return the key of all draws of one replicate."""
    return threefry(seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, replicate & 0xFFFFFFFF, replicate >> 32)


class Growing(dict[int, Any]):
    """A table that makes the next row when the rules reach for it, so that they never run out of room."""

    def __init__(self, row: type) -> None:
        super().__init__()
        self._row = row

    def __missing__(self, i: int) -> Any:
        """Make row i."""
        made = self[i] = self._row()
        return made


def _rows(row: type, size: int) -> list[Any]:
    return [row() for _ in range(size)]


def fresh_state(p: Arrays, seed: int, replicate: int) -> State:
    """Return the state at hour 0 of one replicate: everything up, every store as full as given."""
    n = len(p.nodes)
    units, teams = len(p.units), len(p.teams)
    return State(
        nodes=_rows(NodeState, n),
        needs=[NeedState(store=need.cover_hours * need.cover_full) for need in p.needs],
        solver=_rows(SolverState, len(p.components)),
        accounts=_rows(Account, len(p.services)),
        effects=Growing(Effect),
        operations=_rows(OperationState, len(p.operations)),
        tasks=Growing(Task),
        crews=_rows(Crew, teams),
        queue_head=[-1] * (teams * PRIORITIES),
        queue_tail=[-1] * (teams * PRIORITIES),
        cases=_rows(Case, units),
        case_time=[NEVER] * (units * CASE_TIMES),
        case_sum=[0.0] * (units * CASE_SUMS),
        consents=_rows(Consent, units * len(p.chains)),
        due=Growing(Due),
        lines=Growing(Line),
        step_wins=[0] * len(p.steps),
        helped=[0] * len(p.helps),
        vendor_by=[-1] * (2 + max((node.vendor for node in p.nodes), default=-1)),
        spread_tries=[0] * len(p.reach),
        touched=[0] * n,
        count=[0] * COUNTERS,
        instant=[NEVER, NEVER],
        seed_key=list(seed_key(seed, replicate)),
    )
