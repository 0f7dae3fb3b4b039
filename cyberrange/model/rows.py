"""The rows of the plan's tables: their classes name the columns.

A column is a whole number or a real one. A pair of columns `x_start`, `x_end` marks a row's part of a flat list. -1
means none. Times are hours. A `*_dur` is a row of `durations`; the `*_scale` beside it multiplies what is drawn.
`key_lo` and `key_hi` are two 32-bit words that name a thing to the random draws (see `cyberrange.engine.draws`).
"""

from dataclasses import dataclass


@dataclass(slots=True)
class DurationRow:
    """A distribution: kind and three parameters; empirical quantiles lie in `points`."""

    kind: int
    a: float
    b: float
    c: float


@dataclass(slots=True)
class NodeRow:
    """An asset or a service: its place in the dependency graph, and what the response needs to know of it."""

    need_start: int
    need_end: int
    attended: int
    """Whether it has a cover, a manual take-over or a trip to look after."""
    dependent_start: int
    dependent_end: int
    component: int
    trip_below: float
    trip_after: float
    restart_at: float
    start_time: float
    black_start: int
    local_level: float
    watch: int
    reach_start: int
    reach_end: int
    ops_on_start: int
    ops_on_end: int
    service: int
    unit: int
    zone: int
    place: int
    """Zone, or the code of shared assets: where approval chains differ."""
    kind: int
    team: int
    vendor: int
    records: int
    rank: int
    documented: float
    rebuild_dur: int
    rebuild_scale: float
    backup_good: float
    backup_survives: float
    bare_rebuild: float
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class NeedRow:
    """A need of a node."""

    node: int
    form: int
    k: int
    supplier_start: int
    supplier_end: int
    inside: int
    """Whether one of its suppliers stands on a cycle with the node."""
    cover: int
    cover_hours: float
    cover_refill: float
    cover_full: float
    cover_use: int
    manual_level: float
    manual_dur: int
    manual_scale: float
    manual_team: int
    manual_people: int
    manual_endurance: float


@dataclass(slots=True)
class SupplierRow:
    """A supplier of a need."""

    node: int
    weight: float


@dataclass(slots=True)
class ComponentRow:
    """A strongly connected component; components stand in topological order."""

    member_start: int
    member_end: int
    cyclic: int


@dataclass(slots=True)
class ServiceRow:
    """A service: its node, its citizens, its use."""

    node: int
    people: float
    use: int
    complaints: float


@dataclass(slots=True)
class StepRow:
    """A step of the scenario."""

    begins: float
    foothold: int
    dur: int
    retries: int
    retry_dur: int
    again: int
    all_start: int
    all_end: int
    any_start: int
    any_end: int
    effect_start: int
    effect_end: int
    sign_start: int
    sign_end: int
    follower_start: int
    follower_end: int


@dataclass(slots=True)
class OperationRow:
    """A step as it is played on some targets."""

    step: int
    chance: float
    scale: float
    target_start: int
    target_end: int
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class EffectRow:
    """An effect of a step."""

    do: int
    level: float
    load: float
    share: float
    rate: float
    kinds: int
    lasts: int
    on_start: int
    on_end: int
    has_on: int


@dataclass(slots=True)
class SignRow:
    """A sign of a step."""

    sensor: int
    chance: float
    at: int
    tamed: int


@dataclass(slots=True)
class SensorRow:
    """A sensor, the same in each city."""

    sees: float
    zones: int
    dur: int
    scale: float
    false_rate: float
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class TeamRow:
    """A team of a city, or a shared one."""

    kind: int
    calendar: int
    hand_off: int
    scale: float
    stand_in: int


@dataclass(slots=True)
class ChainRow:
    """A chain of approvers."""

    approver_start: int
    approver_end: int
    valid: float


@dataclass(slots=True)
class ApproverRow:
    """Someone whose consent is needed."""

    calendar: int
    dur: int
    scale: float
    after_dur: int
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class ResponseRow:
    """Triage (row 0), manual take-over (row 1), then the steps of the playbook."""

    scope: int
    need_case: int
    need_asset: int
    hit: int
    people: int
    priority: int
    dur: int
    scale: float
    chance: float
    effect: int
    finds: float
    bit: int
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class PostRow:
    """A response step in a city (row step x units + unit): its team, and the assets that it means."""

    team: int
    where_start: int
    where_end: int


@dataclass(slots=True)
class DecisionRow:
    """What was decided when: a playbook step in a city, for one asset or (node -1) for the case or every asset."""

    hour: float
    do: int
    step: int
    unit: int
    node: int


@dataclass(slots=True)
class HelpRow:
    """An outside help for a city."""

    unit: int
    need: int
    dur: int
    team: int
    people: int
    stays: float
    knowledge: float
    key_lo: int
    key_hi: int


@dataclass(slots=True)
class UnitRow:
    """A city with a case of its own: its assets lie in `unit_node`."""

    node_start: int
    node_end: int
