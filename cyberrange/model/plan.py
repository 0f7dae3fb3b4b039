"""The plan: what the engines play, as NamedTuples of flat arrays.

Every array is one-dimensional. A ragged table is a pair `*_start` (one longer than its owner) and a flat list; row i
is `flat[start[i]:start[i + 1]]`. Index -1 means none. Times are hours. A `*_dur` is an index into `Durations`; the
`*_scale` beside it multiplies what is drawn. `key_lo`/`key_hi` are two 32-bit words that name a thing to the random
draws (see `cyberrange.engine.draws`).

The rules index these arrays one element at a time, so they run on lists (fast in Python) and on NumPy arrays
(compiled) alike; `as_lists` turns one into the other.
"""

from typing import Any, NamedTuple, TypeVar

Ints = Any
Floats = Any

T = TypeVar("T")


class Durations(NamedTuple):
    """Distributions: kind and three parameters; empirical quantiles lie in `point`."""

    kind: Ints
    a: Floats
    b: Floats
    c: Floats
    point: Floats


class Calendars(NamedTuple):
    """Weekly step functions: from `hour` of the week on, the value holds until the next hour."""

    start: Ints
    hour: Floats
    value: Ints


class Uses(NamedTuple):
    """Use over the week by profile: 168 hourly rates and their 169 running sums; profile 0 is constant."""

    rate: Floats
    total: Floats
    origin: Floats
    """One element: hour of the week at which the run starts."""


class Graph(NamedTuple):
    """Nodes (assets, then services), their needs, components in topological order, and access."""

    group_start: Ints
    group_node: Ints
    group_form: Ints
    group_k: Ints
    supplier_start: Ints
    supplier: Ints
    weight: Floats
    inside: Ints
    cover: Ints
    cover_hours: Floats
    cover_refill: Floats
    cover_full: Floats
    cover_use: Ints
    manual_level: Floats
    manual_dur: Ints
    manual_scale: Floats
    manual_team: Ints
    manual_people: Ints
    manual_endurance: Floats
    attended: Ints
    dependent_start: Ints
    dependent: Ints
    component: Ints
    member_start: Ints
    member: Ints
    cyclic: Ints
    trip_below: Floats
    trip_after: Floats
    restart_at: Floats
    start_time: Floats
    black_start: Ints
    local_level: Floats
    watch: Ints
    reach_start: Ints
    reach: Ints
    reach_from: Ints
    key_lo: Ints
    key_hi: Ints


class Assets(NamedTuple):
    """What the response needs to know of each node."""

    unit: Ints
    unit_start: Ints
    unit_node: Ints
    zone: Ints
    place: Ints
    kind: Ints
    team: Ints
    vendor: Ints
    records: Ints
    rank: Ints
    documented: Floats
    rebuild_dur: Ints
    rebuild_scale: Floats
    backup_good: Floats
    backup_survives: Floats
    bare_rebuild: Floats


class Services(NamedTuple):
    """Service s is node `node[s]`."""

    node: Ints
    of_node: Ints
    people: Floats
    use: Ints
    complaints: Floats


class Attack(NamedTuple):
    """Steps, the operations that play them, their effects and signs."""

    op_step: Ints
    op_chance: Floats
    op_scale: Floats
    op_key_lo: Ints
    op_key_hi: Ints
    target_start: Ints
    target: Ints
    foothold: Ints
    dur: Ints
    retries: Ints
    retry_dur: Ints
    again: Ints
    all_start: Ints
    all_step: Ints
    any_start: Ints
    any_step: Ints
    effect_start: Ints
    do: Ints
    level: Floats
    load: Floats
    share: Floats
    rate: Floats
    kinds: Ints
    lasts: Ints
    on_start: Ints
    on: Ints
    has_on: Ints
    sign_start: Ints
    sign_sensor: Ints
    sign_chance: Floats
    sign_at: Ints
    sign_tamed: Ints
    follower_start: Ints
    follower: Ints
    ops_on_start: Ints
    ops_on: Ints


class Watchers(NamedTuple):
    """Sensors, the same for each unit."""

    sees: Floats
    zones: Ints
    dur: Ints
    scale: Floats
    false_rate: Floats
    key_lo: Ints
    key_hi: Ints


class Teams(NamedTuple):
    """Teams as they stand in each unit."""

    kind: Ints
    calendar: Ints
    hand_off: Ints
    scale: Floats
    stand_in: Ints


class Approvals(NamedTuple):
    """Chains of approvers."""

    chain_start: Ints
    chain: Ints
    valid: Floats
    calendar: Ints
    dur: Ints
    scale: Floats
    after_dur: Ints
    key_lo: Ints
    key_hi: Ints


class Playbook(NamedTuple):
    """Triage (row 0), manual take-over (row 1) and the response steps."""

    scope: Ints
    need_case: Ints
    need_asset: Ints
    hit: Ints
    chain: Ints
    team: Ints
    people: Ints
    priority: Ints
    dur: Ints
    scale: Floats
    chance: Floats
    effect: Ints
    finds: Floats
    where_start: Ints
    where: Ints
    bit: Ints
    key_lo: Ints
    key_hi: Ints


class Helps(NamedTuple):
    """Outside help, row per help and unit."""

    unit: Ints
    need: Ints
    dur: Ints
    team: Ints
    people: Ints
    stays: Floats
    knowledge: Floats
    key_lo: Ints
    key_hi: Ints


class Settings(NamedTuple):
    """Single numbers."""

    units: int
    steps: int
    locate_dur: int
    confirms: float
    mistakes: float
    horizon: float


class Arrays(NamedTuple):
    """Everything that the rules read."""

    durations: Durations
    calendars: Calendars
    uses: Uses
    graph: Graph
    assets: Assets
    services: Services
    attack: Attack
    watchers: Watchers
    teams: Teams
    approvals: Approvals
    playbook: Playbook
    helps: Helps
    settings: Settings


def as_lists(table: T) -> T:
    """Return the same nested NamedTuple with every NumPy array turned into a list."""
    fields = [
        as_lists(value) if isinstance(value, tuple) else value.tolist() if hasattr(value, "tolist") else value
        for value in table  # type: ignore[attr-defined]
    ]
    return type(table)(*fields)
