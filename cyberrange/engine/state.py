"""The state of one run: NamedTuples of flat lists (or arrays), written by the rules alone."""

from typing import Any, NamedTuple

from cyberrange.engine.draws import threefry
from cyberrange.model.plan import Arrays

Column = Any

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

# Counters: entries in use of each growing table, and the sequence numbers.
(
    N_OUT, N_LOG, N_DIRTY, N_EFFECT, N_TASK, LOG_BASE, N_DEADLOCK, N_FALSE, N_STOPPED, N_APPROVAL, STUCK, N_MISTAKE,
    N_DROPPED, N_REHIT,
) = range(14)  # fmt: skip
COUNTERS = 14

# Clocks of a case.
(
    T_COMPROMISED, T_ALERTED, T_NOTICED, T_DECLARED, T_DECIDED, T_CONTAINED, T_CLEAN, T_RESTORED, T_REPORTED, T_BREACH,
    T_NOTIFIED, T_WARNED,
) = range(12)  # fmt: skip
CASE_TIMES = 12
NEVER = float("inf")

# Sums of a case: hours waited for own staff, approval, vendors and outside help; worked; worked by kind of team; cost.
W_STAFF, W_APPROVAL, W_VENDOR, W_OUTSIDE, W_WORK, W_FALSE = range(6)
CASE_SUMS = 6

PRIORITIES = 40
"""Classes of the team queues: step priority times five plus restoration class."""


class Nodes(NamedTuple):
    """State by node."""

    level: Column
    supply: Column
    blame: Column
    depth: Column
    event: Column
    health: Column
    health_by: Column
    load: Column
    load_by: Column
    isolated_by: Column
    mode: Column
    trip_by: Column
    trip_event: Column
    trip_stamp: Column
    below: Column
    lies: Column
    held: Column
    held_event: Column
    condition: Column
    reached: Column
    found: Column
    found_next: Column
    done: Column
    begun: Column
    round: Column
    dropped: Column
    leaked: Column
    dirty: Column


class Groups(NamedTuple):
    """State by need."""

    supply: Column
    store: Column
    since: Column
    cover: Column
    stamp: Column
    manual: Column
    manual_stamp: Column
    task: Column
    event: Column


class Components(NamedTuple):
    """Scratch by component of the level solver."""

    queued: Column
    rose: Column
    dead: Column
    old_level: Column
    old_blame: Column
    pending: Column


class Accounts(NamedTuple):
    """Sums by service."""

    since: Column
    lost: Column
    worst: Column
    interruptions: Column
    first_drop: Column
    last_half: Column
    last_ninety: Column
    last_full: Column
    complaint_left: Column
    complaint_stamp: Column
    episode: Column


class Effects(NamedTuple):
    """Effects on nodes in the order in which they came: loss is charged to them."""

    node: Column
    attack: Column
    do: Column
    level: Column
    event: Column
    lost: Column
    live: Column


class Operations(NamedTuple):
    """State by operation of the attack."""

    state: Column
    attempt: Column
    failures: Column
    stamp: Column
    event: Column
    again: Column


class Tasks(NamedTuple):
    """Tasks of the response in the order in which they were requested."""

    step: Column
    node: Column
    unit: Column
    state: Column
    team: Column
    people: Column
    truth: Column
    sensor: Column
    which: Column
    key_lo: Column
    key_hi: Column
    event: Column
    asked: Column
    approved: Column
    queued: Column
    started: Column
    next: Column


class Crews(NamedTuple):
    """State by team: people at work, extra people, and the queue as linked lists by priority class."""

    busy: Column
    extra: Column
    out: Column
    waiting: Column
    awake: Column
    worked: Column
    head: Column
    tail: Column


class Cases(NamedTuple):
    """State by unit; `time` and `sum` are flat tables of CASE_TIMES and CASE_SUMS columns.

    The five counts are of assets: open (held, forced or flooded, and not isolated), hit, and hurt (any condition, or
    isolated) in truth, and the first two again among the assets that were found.
    """

    bits: Column
    begun: Column
    time: Column
    sum: Column
    knowledge: Column
    rounds: Column
    open: Column
    hit: Column
    hurt: Column
    open_found: Column
    hit_found: Column
    found_first: Column
    backups_spoilt: Column
    dead_component: Column


class Grants(NamedTuple):
    """Consents by unit and chain: when granted, until when valid, how often asked."""

    at: Column
    until: Column
    asked: Column


class Outbox(NamedTuple):
    """What a rule hands to the clock: events to come and lines of the log."""

    delay: Column
    kind: Column
    a: Column
    b: Column
    log_kind: Column
    log_a: Column
    log_b: Column
    log_x: Column
    log_cause: Column


class State(NamedTuple):
    """Everything that the rules write."""

    nodes: Nodes
    groups: Groups
    components: Components
    accounts: Accounts
    effects: Effects
    operations: Operations
    step_wins: Column
    tasks: Tasks
    crews: Crews
    cases: Cases
    helped: Column
    grants: Grants
    out: Outbox
    count: Column
    seed_key: Column
    records: Column
    touched: Column
    vendor_by: Column
    spread_tries: Column


def seed_key(seed: int, replicate: int) -> tuple[int, int]:
    """Return the key of all draws of one replicate."""
    first = threefry(seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, replicate & 0xFFFFFFFF, 0)
    return first[0], first[1]


def _columns(kind: Any, size: int, **fills: Any) -> Any:
    """Fill each column of a NamedTuple: 0 unless a fill is given."""
    return kind(*([fills.get(name, 0)] * size for name in kind._fields))


def fresh_state(p: Arrays, seed: int, replicate: int) -> State:
    """Return the state at hour 0 of one replicate: everything up, every store as full as given."""
    graph = p.graph
    n, g = len(graph.component), len(graph.group_node)
    components = len(graph.cyclic)
    services, units = len(p.services.node), p.settings.units
    teams, chains = len(p.teams.kind), len(p.approvals.valid)
    full = [hours * share for hours, share in zip(graph.cover_hours, graph.cover_full, strict=True)]
    slack = 4 * n + 2 * g + 1024
    nodes = _columns(
        Nodes, n, level=1.0, supply=1.0, blame=-1, event=-1, health=1.0, health_by=-1, load=0.0, load_by=-1,
        isolated_by=-1, trip_by=-1, trip_event=-1, found_next=-1,
    )  # fmt: skip
    groups = _columns(Groups, g, supply=1.0, since=0.0, task=-1, event=-1)._replace(store=full)
    accounts = _columns(
        Accounts, services, since=0.0, lost=0.0, worst=1.0, first_drop=NEVER, last_half=NEVER, last_ninety=NEVER,
        last_full=NEVER, complaint_left=0.0,
    )  # fmt: skip
    return State(
        nodes=nodes,
        groups=groups,
        components=Components(
            [0] * components, [0] * components, [0] * components, [1.0] * n, [-1] * n, [0] * n
        ),
        accounts=accounts,
        effects=_columns(Effects, slack, level=0.0, lost=0.0),
        operations=_columns(Operations, len(p.attack.op_step), event=-1),
        step_wins=[0] * max(1, p.settings.steps),
        tasks=_columns(Tasks, slack, asked=0.0, approved=0.0, queued=0.0, started=0.0, next=-1),
        crews=_columns(Crews, teams, worked=0.0)._replace(head=[-1] * (teams * PRIORITIES), tail=[-1] * (teams * PRIORITIES)),
        cases=_columns(Cases, units, knowledge=0.0, found_first=-1, dead_component=-1)._replace(
            time=[NEVER] * (units * CASE_TIMES), sum=[0.0] * (units * CASE_SUMS)
        ),
        helped=[0] * len(p.helps.unit),
        grants=_columns(Grants, units * max(1, chains), at=-1.0, until=-1.0),
        out=_columns(Outbox, slack + 4 * len(graph.reach), delay=0.0, log_x=0.0),
        count=[0] * COUNTERS,
        seed_key=list(seed_key(seed, replicate)),
        records=[0],
        touched=[0] * n,
        vendor_by=[-1] * (2 + max([-1, *p.assets.vendor])),
        spread_tries=[0] * len(graph.reach),
    )  # fmt: skip


GROWING = ("effects", "tasks")
"""Tables that the clocks lengthen between events, so that no rule ever runs out of room."""

