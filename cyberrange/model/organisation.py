"""The organisation as arrays: teams in each city, approval chains, the playbook, outside help, what it knows."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from cyberrange.inputs.city import SHARED, Asset, City
from cyberrange.inputs.decisions import Decisions
from cyberrange.inputs.posture import MAINTAINER, PlaybookStep, Posture, Team
from cyberrange.inputs.records import Duration
from cyberrange.model import codes
from cyberrange.model.graph import Nodes
from cyberrange.model.mechanisms import Mechanisms
from cyberrange.model.plan import table
from cyberrange.model.rows import (
    ApproverRow,
    ChainRow,
    DecisionRow,
    HelpRow,
    PostRow,
    ResponseRow,
    SensorRow,
    TeamRow,
    UnitRow,
)
from cyberrange.model.select import matches
from cyberrange.model.tables import CalendarTable, DurationTable, floats, ints, ragged

PLACES = (*codes.ZONES, SHARED, "case")
"""Places that may have an approval chain of their own."""

DEFAULT_REBUILD = Duration(lognormal={"median": "24 h", "p90": "72 h"})  # type: ignore[arg-type]
"""Work to rebuild an asset whose file gives none (assumption: one to three days of an engineer)."""


class Units(NamedTuple):
    """Cities with a case of their own, and the shared operator last where something is shared."""

    names: tuple[str, ...]
    index: dict[str, int]  # type: ignore[assignment]


def units_of(city: City) -> Units:
    """Number the cities of a region."""
    shared = any(asset.city == SHARED for asset in city.assets.values())
    names = (*city.city_ids, *((SHARED,) if shared else ()))
    return Units(names, {name: i for i, name in enumerate(names)})


class TeamRows:
    """Rows of the teams: one per team and city, one for a shared team."""

    def __init__(self, posture: Posture, units: Units) -> None:
        self.names: list[str] = []
        self.teams: list[Team] = []
        self.units: list[int] = []
        self._row: dict[tuple[str, int], int] = {}
        for name, team in posture.teams.items():
            for unit in range(len(units.names)):
                if team.scope == "city" or unit == 0:
                    self.names.append(name)
                    self.teams.append(team)
                    self.units.append(unit if team.scope == "city" else -1)
                self._row[name, unit] = len(self.names) - 1

    def row(self, name: str, unit: int) -> int:
        """Row of a team in a city."""
        return self._row[name, unit]


def build_teams(rows: TeamRows, m: Mechanisms, durations: DurationTable, calendars: CalendarTable) -> Any:
    """Compile teams into arrays."""
    kinds = {"own": codes.OWN, "vendor": codes.VENDOR, "outside": codes.OUTSIDE_HELP}
    return table(
        TeamRow,
        kind=ints(kinds[t.kind] for t in rows.teams),
        calendar=ints(
            calendars.add((s.hours, round(m.value("people", s.people, name=name))) for s in t.shifts)
            for name, t in zip(rows.names, rows.teams, strict=True)
        ),
        hand_off=ints(durations.add(t.hand_off) for t in rows.teams),
        scale=floats(m.value("hand_off", 1.0, name=name) for name in rows.names),
        stand_in=ints(
            rows.row(t.stand_in, max(0, unit)) if t.stand_in else -1
            for t, unit in zip(rows.teams, rows.units, strict=True)
        ),
    )


class Chains:
    """Collects approval chains: one row per power and variant."""

    def __init__(self, posture: Posture) -> None:
        self._posture = posture
        self._rows: dict[tuple[str, tuple[str, ...]], int] = {}
        self._valid: list[float] = []

    def row(self, power: str | None, place: str) -> int:
        """Row of the chain of a power for a kind of zone, for shared assets or for the case; -1 if delegated."""
        if power is None:
            return -1
        p = self._posture.powers[power]
        chain = p.in_zone.get(place, p.chain)  # type: ignore[call-overload]
        if place == SHARED and p.shared is not None:
            chain = p.shared
        if not chain:
            return -1
        if (power, chain) not in self._rows:
            self._valid.append(p.valid)
        return self._rows.setdefault((power, chain), len(self._rows))

    def table(self, m: Mechanisms, durations: DurationTable, calendars: CalendarTable, key: Any) -> dict[str, Any]:
        """Return the collected chains and their approvers as arrays."""
        approvers = self._posture.approvers
        index = {name: i for i, name in enumerate(approvers)}
        start, flat = ragged([[index[a] for a in chain] for _, chain in self._rows])
        keys = [key(f"approver/{name}") for name in approvers]
        chains = table(ChainRow, approver_start=start[:-1], approver_end=start[1:], valid=self._valid)
        people = table(
            ApproverRow,
            calendar=ints(calendars.add([(a.hours, 1)]) for a in approvers.values()),
            dur=ints(durations.add(a.delay) for a in approvers.values()),
            scale=floats(m.value("approval_delay", 1.0, name=name) for name in approvers),
            after_dur=ints(durations.add(a.after_hours) for a in approvers.values()),
            key_lo=ints(lo for lo, _ in keys),
            key_hi=ints(hi for _, hi in keys),
        )
        return {"chains": chains, "approvers": people, "approver_of": ints(flat)}


def condition_bits(posture: Posture) -> tuple[dict[str, int], dict[str, int]]:
    """Bits of the conditions of a case and of an asset, by name."""
    case = {name: 1 << i for i, name in enumerate(codes.CASE_BITS)}
    asset = {"found": codes.FOUND}
    for i, (name, step) in enumerate(posture.playbook.items()):
        (case if step.scope == "case" else asset)[name] = 1 << (codes.STEP_BIT + i)
    return case, asset


def build_playbook(
    city: City, posture: Posture, units: Units, rows: TeamRows, chains: Chains, m: Mechanisms,
    durations: DurationTable, nodes: Nodes, key: Any,
) -> dict[str, Any]:  # fmt: skip
    """Compile triage, manual take-over and the response steps into arrays."""
    steps: list[PlaybookStep | None] = [None, None, *posture.playbook.values()]
    names = ["triage", "take_over", *posture.playbook]
    case, asset = condition_bits(posture)
    triage = posture.triage
    every = range(len(units.names))
    where = [_where(city, step, unit, nodes) for step in steps for unit in units.names]
    where_start, where_flat = ragged(where)
    keys = [key(f"response/{name}") for name in names]
    scopes = {"case": codes.CASE, "asset": codes.ASSET}

    def team(step: PlaybookStep | None, unit: int, row: int) -> int:
        if step is None:
            return rows.row(triage.team, unit) if row == codes.TRIAGE else -1
        return codes.MAINTAINER if step.team == MAINTAINER else rows.row(step.team, unit)

    responses = table(
        ResponseRow,
        scope=ints([codes.ALERT, codes.NEED, *(scopes[s.scope] for s in steps if s)]),
        need_case=ints(_mask(s.on if s else (), case) for s in steps),
        need_asset=ints(_mask(s.on if s else (), asset) for s in steps),
        hit=ints(sum(1 << codes.CONDITIONS.index(c) for c in s.hit) if s else 0 for s in steps),
        people=ints(s.people if s else 1 for s in steps),
        priority=ints(s.priority if s else 2 for s in steps),
        dur=ints([durations.add(triage.duration), -1, *(durations.add(s.duration) for s in steps if s)]),
        scale=floats(
            m.value("triage_duration", 1.0) if s is None else m.value("step_duration", 1.0, name=name)
            for name, s in zip(names, steps, strict=True)
        ),
        chance=floats(
            m.value("step_chance", s.chance, name=name) if s else 1.0 for name, s in zip(names, steps, strict=True)
        ),
        effect=ints(
            codes.RESPONSE_EFFECTS.index(s.effect if s else name) for name, s in zip(names, steps, strict=True)
        ),
        finds=floats(m.value("finds", s.finds, name=name) if s else 0.0 for name, s in zip(names, steps, strict=True)),
        bit=ints([0, 0, *(1 << (codes.STEP_BIT + i) for i in range(len(posture.playbook)))]),
        key_lo=ints(lo for lo, _ in keys),
        key_hi=ints(hi for _, hi in keys),
    )
    posts = table(
        PostRow,
        team=[team(s, unit, i) for i, s in enumerate(steps) for unit in every],
        where_start=where_start[:-1],
        where_end=where_start[1:],
    )
    chain_at = [chains.row(s.power if s else None, place) for s in steps for _ in every for place in PLACES]
    return {"responses": responses, "posts": posts, "chain_at": ints(chain_at), "where": ints(where_flat)}


def _mask(conditions: Iterable[str], bits: dict[str, int]) -> int:
    return sum(bits[c] for c in dict.fromkeys(conditions) if c in bits)


def _where(city: City, step: PlaybookStep | None, unit: str, nodes: Nodes) -> list[int]:
    """Assets that a case step means when the given city acts; `protect` also means what is shared."""
    if step is None or step.where is None:
        return []
    owners = {unit, SHARED} if step.effect == "protect" else {unit}
    return [
        nodes.index[name]
        for name, asset in city.assets.items()
        if city.city_of(asset) in owners and matches(step.where, name, asset, city)
    ]


def build_helps(posture: Posture, units: Units, rows: TeamRows, durations: DurationTable, key: Any) -> Any:
    """Compile outside help into arrays: a row per help and city."""
    case, _ = condition_bits(posture)
    pairs = [(name, h, unit) for name, h in posture.help.items() for unit in range(len(units.names))]
    keys = [key(f"help/{name}") for name, _, _ in pairs]
    return table(
        HelpRow,
        unit=ints(unit for _, _, unit in pairs),
        need=ints(_mask(h.on, case) for _, h, _ in pairs),
        dur=ints(durations.add(h.delay) for _, h, _ in pairs),
        team=ints(rows.row(h.team, unit) if h.team else -1 for _, h, unit in pairs),
        people=ints(h.people for _, h, _ in pairs),
        stays=floats(h.stays for _, h, _ in pairs),
        knowledge=floats(h.knowledge for _, h, _ in pairs),
        key_lo=ints(lo for lo, _ in keys),
        key_hi=ints(hi for _, hi in keys),
    )


def build_decisions(decisions: Decisions | None, posture: Posture, units: Units, nodes: Nodes) -> Any:
    """Compile a log of decisions into arrays: a row each, in its order."""
    taken = decisions.decisions if decisions else ()
    steps = list(posture.playbook)
    return table(
        DecisionRow,
        hour=floats(d.at for d in taken),
        do=ints(codes.DECISIONS.index(d.do) for d in taken),
        step=ints(2 + steps.index(d.step) for d in taken),
        unit=ints(units.index[d.city] if d.city else 0 for d in taken),
        node=ints(nodes.index[d.asset] if d.asset else -1 for d in taken),
    )


def build_sensors(posture: Posture, m: Mechanisms, durations: DurationTable, key: Any) -> Any:
    """Compile sensors into arrays."""
    sensors = posture.sensors
    keys = [key(f"sensor/{name}") for name in sensors]
    return table(
        SensorRow,
        sees=floats(m.value("sensor_sees", s.sees, name=name) for name, s in sensors.items()),
        zones=ints(
            sum(1 << codes.ZONES.index(z) for z in dict.fromkeys(s.zones)) or (1 << len(codes.ZONES)) - 1
            for s in sensors.values()
        ),
        dur=ints(durations.add(s.delay) for s in sensors.values()),
        scale=floats(m.value("sensor_delay", 1.0, name=name) for name in sensors),
        false_rate=floats(m.value("sensor_false", s.false_per_day, name=name) / 24 for name, s in sensors.items()),
        key_lo=ints(lo for lo, _ in keys),
        key_hi=ints(hi for _, hi in keys),
    )


def team_of(posture: Posture, asset: Asset) -> str:
    """Name of the team that is responsible for an asset."""
    if asset.city == SHARED:
        return posture.shared_assets
    if asset.maintained_by is None:
        return posture.own_assets
    return posture.vendor_assets.get(asset.maintained_by) or posture.vendor_assets.get("any") or posture.uncovered


def build_assets(
    city: City, posture: Posture, units: Units, rows: TeamRows, m: Mechanisms, durations: DurationTable, nodes: Nodes,
    kinds: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    """Return the columns of the table of nodes that the response needs; of a service it needs only the city."""
    vendors = {name: i for i, name in enumerate(city.vendors)}
    unit = [units.index[city.city_of(thing)] for thing in nodes.things]
    assets = list(city.assets.values())
    zone = [codes.ZONES.index(city.zones[a.zone].kind) for a in assets]
    estate, backups = posture.estate, posture.backups
    learned = estate.documented + (1 - estate.documented) * _share_learned(estate.tenure, estate.learning)
    rest = len(nodes.things) - nodes.services

    def padded(values: Iterable[Any], filler: Any) -> list[Any]:
        return [*values, *[filler] * rest]

    def changed(change: Any, base: float) -> list[float]:
        return padded((m.value(change, base, assets=(name,)) for name in city.assets), 0.0)

    return {
        "unit": unit,
        "zone": padded(zone, 0),
        "place": padded((codes.SHARED_PLACE if a.city == SHARED else z for z, a in zip(zone, assets, strict=True)), 0),
        "kind": padded((kinds.index(a.kind) for a in assets), 0),
        "team": padded((rows.row(team_of(posture, a), unit[i]) for i, a in enumerate(assets)), -1),
        "vendor": padded((vendors.get(a.maintained_by or "", -1) for a in assets), -1),
        "records": padded((a.records for a in assets), 0),
        "documented": changed("documented", learned),
        "rebuild_dur": padded((durations.add(a.rebuild or DEFAULT_REBUILD) for a in assets), -1),
        "rebuild_scale": changed("rebuild", 1.0),
        "backup_good": changed("backup_good", backups.good),
        "backup_survives": changed("backup_survives", backups.survive),
        "bare_rebuild": changed("bare_rebuild", backups.bare_rebuild),
    }


def build_units(units: Units, nodes: Nodes, unit_of: list[int]) -> dict[str, Any]:
    """Compile the assets of each city into arrays."""
    members: list[list[int]] = [[] for _ in units.names]
    for i in range(nodes.services):
        members[unit_of[i]].append(i)
    start, flat = ragged(members)
    return {"units": table(UnitRow, node_start=start[:-1], node_end=start[1:]), "unit_node": ints(flat)}


def _share_learned(tenure: float, learning: float) -> float:
    """Share of the undocumented that people have learned: 1 - exp(-tenure / learning)."""
    return 1 - math.exp(-tenure / learning) if learning > 0 else 1.0
