"""The dependency graph as arrays: needs by node, dependents, components in topological order, access."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cyberrange.inputs.city import Asset, City, Need, Service
from cyberrange.model import codes
from cyberrange.model.mechanisms import Mechanisms
from cyberrange.model.plan import Graph
from cyberrange.model.tables import DurationTable, floats, ints, ragged

FORMS = {"all_of": codes.ALL_OF, "k_of_n": codes.K_OF_N, "weighted": codes.WEIGHTED, "soft": codes.SOFT}


class Nodes(NamedTuple):
    """Assets, then services, with their number as nodes."""

    names: tuple[str, ...]
    things: tuple[Asset | Service, ...]
    index: Mapping[str, int]
    services: int
    """Number of the first service."""


def nodes_of(city: City) -> Nodes:
    """Number the assets, then the services, of a city."""
    names = (*city.assets, *city.services)
    index = {name: i for i, name in enumerate(names)}
    return Nodes(names, (*city.assets.values(), *city.services.values()), index, len(city.assets))


class Components(NamedTuple):
    """Strongly connected components, numbered in topological order (suppliers before dependents)."""

    of: Any
    start: Any
    member: Any
    cyclic: Any


def components(n: int, supplier: Any, dependent: Any) -> Components:
    """Find the strongly connected components of a graph with edges supplier -> dependent."""
    matrix = csr_array((np.ones(len(supplier), dtype=np.int8), (supplier, dependent)), shape=(n, n))
    count, label = connected_components(matrix, directed=True, connection="strong")
    edges = np.unique(np.stack([label[supplier], label[dependent]], axis=1), axis=0) if len(supplier) else None
    order = _topological(count, edges)
    of = order[label]
    member = np.argsort(of, kind="stable")
    start = np.concatenate(([0], np.cumsum(np.bincount(of, minlength=count))))
    cyclic = (np.diff(start) > 1).astype(np.int64)
    for node in supplier[supplier == dependent] if len(supplier) else ():
        cyclic[of[node]] = 1
    return Components(of.astype(np.int64), start.astype(np.int64), member.astype(np.int64), cyclic)


def _topological(count: int, edges: Any) -> Any:
    """Place of each component in topological order (Kahn's algorithm)."""
    after: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    for a, b in () if edges is None else edges.tolist():
        if a != b:
            after[a].append(b)
            waits[b] += 1
    ready = deque(c for c in range(count) if waits[c] == 0)
    order = np.zeros(count, dtype=np.int64)
    for place in range(count):
        c = ready.popleft()
        order[c] = place
        for d in after[c]:
            waits[d] -= 1
            if waits[d] == 0:
                ready.append(d)
    return order


def _form(need: Need) -> int:
    return next(code for name, code in FORMS.items() if getattr(need, name) is not None)


def _cover(need: Need) -> int:
    return codes.BUFFER if need.buffer is not None else codes.HOLD if need.hold > 0 else codes.NO_COVER


class Drafts(NamedTuple):
    """What the graph needs from other parts of the plan."""

    durations: DurationTable
    mechanisms: Mechanisms
    profile_row: Mapping[str, int]
    team_row: Callable[[str, int], int]
    """Team id and node -> row of the team in the node's city."""


def build_graph(city: City, nodes: Nodes, drafts: Drafts, keys: Sequence[tuple[int, int]]) -> Graph:
    """Compile needs, trips and access into arrays."""
    needs = [(i, need) for i, thing in enumerate(nodes.things) for need in thing.needs]
    group_node = ints(i for i, _ in needs)
    supplier_start, pairs = ragged([list(need.suppliers.items()) for _, need in needs])
    supplier = ints(nodes.index[name] for name, _ in pairs)
    dependent = np.repeat(group_node, np.diff(supplier_start))
    parts = components(len(nodes.names), supplier, dependent)
    inside = (parts.of[supplier] == parts.of[dependent]).astype(np.int64)
    group_of_pair = np.repeat(np.arange(len(needs)), np.diff(supplier_start))
    group_inside = np.zeros(len(needs), dtype=np.int64)
    np.maximum.at(group_inside, group_of_pair, inside)
    dependents = _rows_by(supplier, dependent, len(nodes.names))
    attended = np.zeros(len(nodes.names), dtype=np.int64)
    for i, need in needs:
        if _cover(need) or need.manual is not None:
            attended[i] = 1
    trips = [getattr(thing, "trip", None) for thing in nodes.things]
    attended[[i for i, t in enumerate(trips) if t is not None]] = 1
    access = _access(city, nodes, drafts.mechanisms)
    return Graph(
        group_start=np.concatenate(([0], np.cumsum([len(thing.needs) for thing in nodes.things]))).astype(np.int64),
        group_node=group_node,
        group_form=ints(_form(need) for _, need in needs),
        group_k=ints(need.k_of_n.k if need.k_of_n else 1 for _, need in needs),
        supplier_start=supplier_start,
        supplier=supplier,
        weight=floats(weight for _, weight in pairs),
        inside=group_inside,
        **_covers(nodes, needs, drafts),
        attended=attended,
        dependent_start=dependents[0],
        dependent=dependents[1],
        component=parts.of,
        member_start=parts.start,
        member=parts.member,
        cyclic=parts.cyclic,
        trip_below=floats(t.below if t else 0.0 for t in trips),
        trip_after=floats(t.after if t else 0.0 for t in trips),
        restart_at=floats(t.restart_at if t else 0.0 for t in trips),
        start_time=floats(t.start_time if t else 0.0 for t in trips),
        black_start=ints(int(t.black_start) if t else 0 for t in trips),
        local_level=floats(getattr(thing, "local_level", 0.0) for thing in nodes.things),
        watch=ints(nodes.index.get(getattr(thing, "watched_by", None) or "", -1) for thing in nodes.things),
        reach_start=access[0],
        reach=access[1],
        reach_from=np.repeat(np.arange(len(nodes.names)), np.diff(access[0])),
        key_lo=ints(lo for lo, _ in keys),
        key_hi=ints(hi for _, hi in keys),
    )


def _covers(nodes: Nodes, needs: list[tuple[int, Need]], drafts: Drafts) -> dict[str, Any]:
    """Columns about buffers, holds and manual take-over."""
    value = drafts.mechanisms.value
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "cover", "cover_hours", "cover_refill", "cover_full", "cover_use", "manual_level", "manual_dur",
            "manual_scale", "manual_team", "manual_people", "manual_endurance",
        )
    }  # fmt: skip
    for i, need in needs:
        buffer, manual = need.buffer, need.manual
        asset = (nodes.names[i],) if i < nodes.services else ()
        rows["cover"].append(_cover(need))
        rows["cover_hours"].append(buffer.lasts if buffer else value("hold", need.hold, assets=asset))
        rows["cover_refill"].append(buffer.refill if buffer else 0.0)
        rows["cover_full"].append(buffer.full if buffer else 1.0)
        rows["cover_use"].append(drafts.profile_row[buffer.profile] if buffer and buffer.profile else 0)
        team = manual.team if manual else ""
        rows["manual_level"].append(value("manual_level", manual.level, assets=asset, name=team) if manual else 0.0)
        rows["manual_dur"].append(drafts.durations.add(manual.after) if manual else -1)
        rows["manual_scale"].append(value("manual_after", 1.0, assets=asset, name=team))
        rows["manual_team"].append(drafts.team_row(team, i) if manual else -1)
        rows["manual_people"].append(manual.people if manual else 0)
        rows["manual_endurance"].append(manual.endurance if manual else 0.0)
    real = {"cover_hours", "cover_refill", "cover_full", "manual_level", "manual_scale", "manual_endurance"}
    return {name: (floats if name in real else ints)(column) for name, column in rows.items()}


def _rows_by(key: Any, value: Any, n: int) -> tuple[Any, Any]:
    """Ragged table of the distinct values for each key in 0..n-1."""
    if len(key) == 0:
        return np.zeros(n + 1, dtype=np.int64), ints([])
    pairs = np.unique(np.stack([key, value], axis=1), axis=0)
    start = np.concatenate(([0], np.cumsum(np.bincount(pairs[:, 0], minlength=n))))
    return start.astype(np.int64), pairs[:, 1].astype(np.int64)


def access_edges(city: City) -> list[tuple[str, str]]:
    """Return every access edge of a city as (from, to), in the file's order."""
    edges = chain.from_iterable(
        ((a, b), (b, a)) if access.both_ways else ((a, b),)
        for access in city.access
        for a in access.source
        for b in access.target
        if a != b
    )
    return list(dict.fromkeys(edges))


def _access(city: City, nodes: Nodes, mechanisms: Mechanisms) -> tuple[Any, Any]:
    """Ragged table of the nodes that each node can reach."""
    edges = [(nodes.index[a], nodes.index[b]) for a, b in access_edges(city) if mechanisms.keeps_access(a, b)]
    return _rows_by(ints(a for a, _ in edges), ints(b for _, b in edges), len(nodes.names))
