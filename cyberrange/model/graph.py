"""The dependency graph as arrays: needs by node, dependents, components in topological order, access."""

from collections import deque
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cyberrange.inputs.city import Asset, City, Need, Service
from cyberrange.model import codes
from cyberrange.model.mechanisms import Mechanisms
from cyberrange.model.plan import table
from cyberrange.model.rows import ComponentRow, NeedRow, SupplierRow
from cyberrange.model.tables import DurationTable, floats, ints, ragged

FORMS = {"all_of": codes.ALL_OF, "k_of_n": codes.K_OF_N, "weighted": codes.WEIGHTED, "soft": codes.SOFT}


class Nodes(NamedTuple):
    """Assets, then services, with their number as nodes."""

    names: tuple[str, ...]
    things: tuple[Asset | Service, ...]
    index: Mapping[str, int]  # type: ignore[assignment]
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


class Graph(NamedTuple):
    """The dependency and access graph: tables of the plan, and columns for its table of nodes."""

    tables: dict[str, Any]
    node_columns: dict[str, Any]


def build_graph(city: City, nodes: Nodes, drafts: Drafts) -> Graph:
    """Compile needs, trips and access into arrays."""
    n = len(nodes.names)
    needs = [(i, need) for i, thing in enumerate(nodes.things) for need in thing.needs]
    need_node = ints(i for i, _ in needs)
    supplier_start, pairs = ragged([list(need.suppliers.items()) for _, need in needs])
    supplier = ints(nodes.index[name] for name, _ in pairs)
    dependent = np.repeat(need_node, np.diff(supplier_start))
    parts = components(n, supplier, dependent)
    inside = np.zeros(len(needs), dtype=np.int64)
    of_pair = np.repeat(np.arange(len(needs)), np.diff(supplier_start))
    np.maximum.at(inside, of_pair, (parts.of[supplier] == parts.of[dependent]).astype(np.int64))
    dependent_start, dependents = _rows_by(supplier, dependent, n)
    reach_start, reach = _access(city, nodes, drafts.mechanisms)
    tables = {
        "needs": table(
            NeedRow,
            node=need_node,
            form=[_form(need) for _, need in needs],
            k=[need.k_of_n.k if need.k_of_n else 1 for _, need in needs],
            supplier_start=supplier_start[:-1],
            supplier_end=supplier_start[1:],
            inside=inside,
            **_covers(nodes, needs, drafts),
        ),
        "suppliers": table(SupplierRow, node=supplier, weight=floats(weight for _, weight in pairs)),
        "components": table(
            ComponentRow, member_start=parts.start[:-1], member_end=parts.start[1:], cyclic=parts.cyclic
        ),
        "dependent": dependents,
        "member": parts.member,
        "reach": reach,
        "reach_from": np.repeat(np.arange(n), np.diff(reach_start)),
    }
    need_start = np.concatenate(([0], np.cumsum([len(thing.needs) for thing in nodes.things])))
    columns = {
        "need_start": need_start[:-1],
        "need_end": need_start[1:],
        "attended": _attended(nodes),
        "dependent_start": dependent_start[:-1],
        "dependent_end": dependent_start[1:],
        "component": parts.of,
        "reach_start": reach_start[:-1],
        "reach_end": reach_start[1:],
        **_trips(nodes),
    }
    return Graph(tables, columns)


def _attended(nodes: Nodes) -> list[int]:
    """Whether each node has a cover, a manual take-over or a trip."""
    return [
        int(getattr(thing, "trip", None) is not None or any(_cover(need) or need.manual for need in thing.needs))
        for thing in nodes.things
    ]


def _trips(nodes: Nodes) -> dict[str, Any]:
    """Columns about trips, local operation and watching."""
    trips = [getattr(thing, "trip", None) for thing in nodes.things]
    return {
        "trip_below": [t.below if t else 0.0 for t in trips],
        "trip_after": [t.after if t else 0.0 for t in trips],
        "restart_at": [t.restart_at if t else 0.0 for t in trips],
        "start_time": [t.start_time if t else 0.0 for t in trips],
        "black_start": [int(t.black_start) if t else 0 for t in trips],
        "local_level": [getattr(thing, "local_level", 0.0) for thing in nodes.things],
        "watch": [nodes.index.get(getattr(thing, "watched_by", None) or "", -1) for thing in nodes.things],
    }


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
    return dict(rows)


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
