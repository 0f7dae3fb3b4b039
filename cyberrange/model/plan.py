"""The plan: what the engines play, as tables of rows.

A table is a list of rows (fast in Python) or a NumPy structured array (compiled): the rules read `table[i].column`
either way. The row classes below name the columns; a column is a whole number or a real one. A pair of columns
`x_start`, `x_end` marks a row's part of a flat list. -1 means none. Times are hours. A `*_dur` is a row of `durations`;
the `*_scale` beside it multiplies what is drawn. `key_lo` and `key_hi` are two 32-bit words that name a thing to the
random draws (see `cyberrange.engine.draws`).
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

Ints = list[int]
Floats = list[float]


@dataclass(slots=True)
class DurationRow:
    """A distribution: kind and three parameters; empirical quantiles lie in `points`."""

    kind: int
    a: float
    b: float
    c: float


class Calendars(NamedTuple):
    """Weekly step functions: from `hour` of the week on, the value holds until the next hour."""

    start: Ints
    hour: Floats
    value: Ints
    at: Ints
    """Step that holds at the beginning of each of the 168 hours, by calendar."""


class Uses(NamedTuple):
    """Use over the week by profile: 168 hourly rates and their 169 running sums; profile 0 is constant."""

    rate: Floats
    total: Floats
    origin: Floats
    """One element: hour of the week at which the run starts."""


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


class Settings(NamedTuple):
    """Single numbers."""

    locate_dur: int
    confirms: float
    mistakes: float
    horizon: float


class Arrays(NamedTuple):
    """Everything that the rules read."""

    durations: list[DurationRow]
    points: Floats
    calendars: Calendars
    uses: Uses
    nodes: list[NodeRow]
    needs: list[NeedRow]
    suppliers: list[SupplierRow]
    components: list[ComponentRow]
    services: list[ServiceRow]
    units: list[UnitRow]
    steps: list[StepRow]
    operations: list[OperationRow]
    effects: list[EffectRow]
    signs: list[SignRow]
    sensors: list[SensorRow]
    teams: list[TeamRow]
    chains: list[ChainRow]
    approvers: list[ApproverRow]
    responses: list[ResponseRow]
    posts: list[PostRow]
    helps: list[HelpRow]
    dependent: Ints
    member: Ints
    reach: Ints
    reach_from: Ints
    unit_node: Ints
    target: Ints
    all_step: Ints
    any_step: Ints
    on: Ints
    follower: Ints
    ops_on: Ints
    approver_of: Ints
    chain_at: Ints
    """Chain by response step, city and place."""
    where: Ints
    settings: Settings


ROWS: dict[str, type] = {
    "durations": DurationRow, "nodes": NodeRow, "needs": NeedRow, "suppliers": SupplierRow,
    "components": ComponentRow, "services": ServiceRow, "units": UnitRow, "steps": StepRow, "operations": OperationRow,
    "effects": EffectRow, "signs": SignRow, "sensors": SensorRow, "teams": TeamRow, "chains": ChainRow,
    "approvers": ApproverRow, "responses": ResponseRow, "posts": PostRow, "helps": HelpRow,
}  # fmt: skip
"""Row class of each table of the plan."""


def dtype_of(row: type) -> np.dtype[Any]:
    """Return the structured type whose fields are the columns of a row class."""
    kinds = {int: "i8", float: "f8", "int": "i8", "float": "f8"}
    return np.dtype([(f.name, kinds[f.type]) for f in fields(row)])


def table(row: type, **columns: Any) -> Any:
    """Build a structured array from its columns; every column of the row class must be given.

    Examples
    --------
    >>> table(SupplierRow, node=[3, 4], weight=[0.5, 0.5])["node"].tolist()
    [3, 4]
    """
    size = len(next(iter(columns.values())))
    made = np.zeros(size, dtype=dtype_of(row))
    if set(columns) != set(made.dtype.names or ()):
        raise TypeError(f"{row.__name__}: columns differ: {set(columns) ^ set(made.dtype.names or ())}")
    for name, column in columns.items():
        made[name] = column
    return made


def as_lists(arrays: Arrays) -> Arrays:
    """Return the plan with every array turned into a list, and every table into a list of rows."""
    made: dict[str, Any] = {}
    for name, value in arrays._asdict().items():
        if name in ROWS:
            made[name] = [ROWS[name](*row) for row in value.tolist()]
        elif isinstance(value, (Calendars, Uses)):
            made[name] = type(value)(*(np.asarray(column).tolist() for column in value))
        else:
            made[name] = value.tolist() if hasattr(value, "tolist") else value
    return Arrays(**made)
