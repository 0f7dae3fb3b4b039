"""What an EPANET network says in numbers: where water is stored, how it gets there, who draws it.

The network is cut where water can flow one way only or not at all: at pumps, at pressure and flow
valves, at check valves, at pipes that start closed. What still hangs together is a **pool**: its
tanks float on one pressure and empty as one, whichever of them stands nearest. A **zone** is what a
citizen sees: the junctions nearest to one tank. Only this file knows wntr's objects; flows are in
m3/h, volumes in m3, whatever units the network was written in.
"""

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from cyberrange.errors import CyberrangeError

Hourly = NDArray[np.float64]
"""A value for each hour of the day."""

PER_HOUR = 3600.0
DAY = 86_400
MOST_DAYS = 60
"""A pattern that does not fit into a day is averaged over so many days."""
LITRES_PER_PERSON = 0.00000876157 * DAY * 1000
"""What wntr's population metric (200 US gallons a day, after US EPA 2015) comes to in litres."""
LEAST_LIFT = 10.0
"""m; a pump given by its power alone is taken to lift at least so far."""
ONE_WAY_VALVES = frozenset({"PRV", "PSV", "FCV"})


@dataclass(frozen=True)
class Tank:
    """A tank, and the water in it between its lowest and highest level."""

    name: str
    pool: int
    usable: float


@dataclass(frozen=True)
class Way:
    """One way by which water comes into a pool."""

    name: str
    kind: Literal["pump", "valve", "check valve", "reservoir", "inflow"]
    into: int
    start: str | None = None
    """The node it draws from; none for a reservoir or an inflow."""
    flow: float = 0.0
    """Rated flow; 0 where the network gives none."""
    runs: bool = True
    """Whether it is open at the start or opened by a control."""


@dataclass(frozen=True)
class Station:
    """Pumps that lift water from the same place into the same pool."""

    pumps: tuple[Way, ...]

    @property
    def name(self) -> str:
        """The name of its first pump."""
        return self.pumps[0].name

    @property
    def flow(self) -> float:
        """Rated flow of the pumps that run."""
        return sum(pump.flow for pump in self.pumps if pump.runs)


@dataclass(frozen=True)
class Supply:
    """A zone: junctions whose customers share one water service."""

    junctions: tuple[str, ...]
    use: Hourly
    """Mean draw in each hour of the day."""
    people: int
    share: dict[int, float]
    """Pool -> draw from it."""
    tanks: tuple[str, ...] = ()
    """The tanks that stand in it."""
    place: tuple[float, float] = (0.0, 0.0)

    @property
    def draw(self) -> float:
        """Mean draw."""
        return float(self.use.mean())


@dataclass(frozen=True)
class Rule:
    """One of EPANET's controls or rules."""

    text: str
    links: frozenset[str]
    """What it opens, closes or sets."""
    tanks: frozenset[str]
    """Whose levels it looks at."""


@dataclass(frozen=True)
class Network:
    """An EPANET network in numbers."""

    zones: tuple[Supply, ...]
    tanks: tuple[Tank, ...]
    ways: tuple[Way, ...]
    rules: tuple[Rule, ...]
    home: dict[str, int]
    """Node -> number of its pool; a reservoir has none."""
    use: dict[int, Hourly]
    """Pool -> mean draw of its own customers in each hour of the day."""
    drawn: dict[int, float]
    """Pool -> mean draw in all: its own customers and what pumps and valves take onwards."""
    stations: tuple[Station, ...] = ()
    bypasses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Station -> pipes past it that start closed and that a control opens."""
    idle: tuple[str, ...] = ()
    """Pumps that bring nobody water from further away: shut for good, or within a pool."""

    @property
    def draw(self) -> float:
        """Mean draw of all customers."""
        return sum(zone.draw for zone in self.zones)

    @property
    def autonomy(self) -> float:
        """The hours for which all full tanks cover the mean draw of all customers."""
        return sum(tank.usable for tank in self.tanks) / self.draw

    @property
    def pools(self) -> tuple[int, ...]:
        """Pools in which water is drawn or stored; through the others it only passes."""
        stored = {tank.pool for tank in self.tanks}
        return tuple(n for n, use in self.use.items() if n in stored or use.mean() > 0)

    @property
    def reservoirs(self) -> tuple[str, ...]:
        """Reservoirs from which water comes, by gravity or by pump."""
        ends = [way.name if way.kind == "reservoir" else way.start for way in self.ways]
        return tuple(dict.fromkeys(end for end in ends if end and end not in self.home))

    def usable(self, pool: int) -> float:
        """Return the usable water of a full pool."""
        return sum(tank.usable for tank in self.tanks if tank.pool == pool)

    def coming(self, pool: int) -> tuple[Way, ...]:
        """Return the ways by which water comes into a pool, without pumps that stand by."""
        return tuple(way for way in self.ways if way.into == pool and way.runs)


def measure(wn: Any, *, zones: int | None, litres_per_person: float) -> Network:
    """Return what a wntr network model says in numbers.

    Parameters
    ----------
    wn : wntr.network.WaterNetworkModel
        The network as read.
    zones : int or None
        How many zones to make; one around each tank when None.
    litres_per_person : float
        Daily draw that stands for one citizen.

    Returns
    -------
    Network
        Pools, zones, stations, ways and rules, in the order of the file.

    Raises
    ------
    CyberrangeError
        When nobody draws water, or too few do for so many zones.
    """
    graph = _two_way_graph(wn)
    order = {name: place for place, name in enumerate(wn.node_name_list)}
    parts = [sorted(part, key=order.__getitem__) for part in nx.connected_components(graph)]
    parts.sort(key=lambda part: order[part[0]])
    home = {node: number for number, part in enumerate(parts) for node in part}
    uses = _uses(wn)
    draws = {name: use for name, use in uses.items() if use.mean() > 0}
    use = {i: _total(draws[n] for n in part if n in draws) for i, part in enumerate(parts)}
    rules = tuple(_rules(wn))
    ruled = {link for rule in rules for link in rule.links}
    ways = _outward(_rated(_ways(wn, home, uses, ruled)), home)
    _refuse_undividable(draws, zones)
    customers = _Customers(wn, home, draws, litres_per_person)
    cells = [cell for part in parts for cell in _cells(wn, graph.subgraph(part), draws)]
    network = Network(
        zones=tuple(customers.zone(cell) for cell in customers.divided(cells, zones)),
        tanks=tuple(_tanks(wn, home)),
        ways=ways,
        rules=rules,
        home=home,
        use=use,
        drawn=_drawn(ways, home, use),
    )
    return _with_stations(_needed(network), wn)


def _refuse_undividable(draws: dict[str, Hourly], zones: int | None) -> None:
    if not draws:
        raise CyberrangeError("nobody draws water from it")
    if zones is not None and not 1 <= zones <= len(draws):
        message = f"cannot be divided into {zones} zones: water is drawn at {len(draws)} junctions"
        raise CyberrangeError(message)


def upstream(network: Network, way: Way) -> tuple[Way, ...]:
    """Return what brings water to the start of a way, where it only passes through."""
    number = network.home.get(way.start or "")
    return () if number is None or number in network.pools else network.coming(number)


# --- how the network hangs together --------------------------------------------------------------


def _two_way_graph(wn: Any) -> "nx.Graph[str]":
    """Return junctions and tanks, joined where water flows either way from the start."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from([*wn.junction_name_list, *wn.tank_name_list])
    for _, link in _open_two_way_links(wn):
        ends = link.start_node_name, link.end_node_name
        if all(end in graph for end in ends):
            length = max(float(getattr(link, "length", 0.0)), 0.01)
            known = graph.get_edge_data(*ends, {"length": math.inf})["length"]
            graph.add_edge(*ends, length=min(length, known))
    return graph


def _open_two_way_links(wn: Any) -> Iterator[tuple[str, Any]]:
    for name, pipe in wn.pipes():
        if not pipe.check_valve and not _closed(pipe):
            yield name, pipe
    for name, valve in wn.valves():
        if valve.valve_type not in ONE_WAY_VALVES and not _closed(valve):
            yield name, valve


def _closed(link: Any) -> bool:
    return bool(link.initial_status.name == "Closed")


def _tanks(wn: Any, home: dict[str, int]) -> Iterator[Tank]:
    for name, tank in wn.tanks():
        usable = tank.get_volume(tank.max_level) - tank.get_volume(tank.min_level)
        yield Tank(name, home[name], max(0.0, float(usable)))


def _cells(wn: Any, part: "nx.Graph[str]", draws: dict[str, Hourly]) -> Iterator[list[str]]:
    """Yield the nodes nearest, by pipe, to each tank of a part, where anyone draws water."""
    tanks = [name for name in wn.tank_name_list if name in part]
    cells: Iterable[Collection[str]] = [part.nodes]
    if len(tanks) > 1:
        nearest = nx.voronoi_cells(part, set(tanks), weight="length")
        cells = [nearest[tank] for tank in tanks]
    for cell in cells:
        if any(node in draws for node in cell):
            yield [node for node in wn.node_name_list if node in cell]


# --- how much is drawn, hour by hour -------------------------------------------------------------


def _uses(wn: Any) -> dict[str, Hourly]:
    """Return the mean demand of each junction in each hour of the day."""
    hours = _Hours(wn)
    scale = float(wn.options.hydraulic.demand_multiplier) * PER_HOUR
    return {
        name: scale * _total(d.base_value * hours.of(d.pattern) for d in junction.demand_timeseries_list)
        for name, junction in wn.junctions()
    }


def _total(parts: Iterable[Hourly]) -> Hourly:
    return sum(parts, start=np.zeros(24))


class _Hours:
    """Patterns of any step and length, by hour of the day."""

    def __init__(self, wn: Any) -> None:
        time = wn.options.time
        self.step = max(1, int(time.pattern_timestep))
        # Clock time 0 is this far into the pattern.
        self.offset = int(time.pattern_start) - int(time.start_clocktime)
        self.known: dict[str, Hourly] = {}

    def of(self, pattern: Any) -> Hourly:
        """Return the mean multiplier of each hour, with the pattern's own mean."""
        if pattern is None or not len(pattern.multipliers):
            return np.ones(24)
        if pattern.name not in self.known:
            self.known[pattern.name] = self._hourly(np.asarray(pattern.multipliers, float))
        return self.known[pattern.name]

    def _hourly(self, multipliers: Hourly) -> Hourly:
        period = len(multipliers) * self.step
        days = min(MOST_DAYS, math.lcm(DAY, period) // DAY)
        tick = max(60, math.gcd(3600, self.step, self.offset))
        at = np.arange(0, days * DAY, tick) + self.offset
        hourly = multipliers[(at // self.step) % len(multipliers)].reshape(days, 24, -1).mean((0, 2))
        mean = float(hourly.mean())
        scale = float(multipliers.mean()) / mean if mean else 1.0
        return np.asarray(scale * hourly)


def _place(node: Any) -> tuple[float, float]:
    x, y = node.coordinates or (0.0, 0.0)
    return (float(x), float(y)) if math.isfinite(x) and math.isfinite(y) else (0.0, 0.0)


class _Customers:
    """Who lives where, and how they are divided into zones."""

    def __init__(self, wn: Any, home: dict[str, int], draws: dict[str, Hourly], litres: float) -> None:
        self.home, self.draws, self.litres = home, draws, litres
        self.places = {name: _place(node) for name, node in wn.nodes()}
        self.tanks = set(wn.tank_name_list)

    def zone(self, cell: list[str]) -> Supply:
        """Return the zone that some nodes make up."""
        junctions = tuple(node for node in cell if node in self.draws)
        share: defaultdict[int, float] = defaultdict(float)
        for node in junctions:
            share[self.home[node]] += self._draw(node)
        return Supply(
            junctions=junctions,
            use=_total(self.draws[node] for node in junctions),
            people=sum(round(self._draw(n) * 24_000 / self.litres) for n in junctions),
            share=dict(share),
            tanks=tuple(node for node in cell if node in self.tanks),
            place=self._centre(cell),
        )

    def divided(self, cells: list[list[str]], wanted: int | None) -> list[list[str]]:
        """Split the largest or merge the smallest cells until there are as many as wanted."""
        cells = list(cells)
        while wanted is not None and len(cells) > wanted:
            smallest = min(cells, key=self._size)
            cells.remove(smallest)
            nearest = min(cells, key=lambda cell: self._distance(cell, smallest))
            cells[cells.index(nearest)] = nearest + smallest
        while wanted is not None and len(cells) < wanted:
            largest = max((c for c in cells if self._customers(c) > 1), key=self._size)
            place = cells.index(largest)
            cells[place : place + 1] = self._halves(largest)
        return cells

    def _halves(self, cell: list[str]) -> tuple[list[str], list[str]]:
        """Cut a cell across its longer side into parts of about the same draw."""
        x, y = (np.ptp([self.places[node][axis] for node in cell]) for axis in (0, 1))
        ordered = sorted(cell, key=lambda node: self.places[node][int(y > x)])
        drawn = np.cumsum([self._draw(node) for node in ordered])
        cut = int(np.searchsorted(drawn, drawn[-1] / 2)) + 1
        customers = [place for place, node in enumerate(ordered) if node in self.draws]
        cut = min(max(cut, customers[0] + 1), customers[-1])  # someone lives on either side
        return ordered[:cut], ordered[cut:]

    def _draw(self, node: str) -> float:
        return float(self.draws[node].mean()) if node in self.draws else 0.0

    def _size(self, cell: list[str]) -> float:
        return sum(map(self._draw, cell))

    def _customers(self, cell: list[str]) -> int:
        return sum(node in self.draws for node in cell)

    def _centre(self, cell: list[str]) -> tuple[float, float]:
        weights = [self._draw(node) for node in cell]
        x, y = np.average([self.places[node] for node in cell], axis=0, weights=weights)
        return round(float(x), 2), round(float(y), 2)

    def _distance(self, cell: list[str], other: list[str]) -> tuple[bool, float]:
        """Return how far apart two cells are; those of one pool are nearer than any others."""
        pools = [{self.home[node] for node in nodes} for nodes in (cell, other)]
        return pools[0].isdisjoint(pools[1]), math.dist(self._centre(cell), self._centre(other))


# --- how water gets there ------------------------------------------------------------------------


def _ways(wn: Any, home: dict[str, int], uses: dict[str, Hourly], ruled: set[str]) -> Iterator[Way]:
    yield from _reservoir_ways(wn, home)
    for name, use in uses.items():
        if use.mean() < 0:
            yield Way(name, "inflow", home[name], flow=-float(use.mean()))
    for name, kind, link in _one_way_links(wn):
        start, end = link.start_node_name, link.end_node_name
        if end in home and home.get(start) != home[end]:
            flow = _pump_flow(wn, home, link) if kind == "pump" else 0.0
            yield Way(name, kind, home[end], start, flow, name in ruled or not _closed(link))


def _reservoir_ways(wn: Any, home: dict[str, int]) -> Iterator[Way]:
    """Yield the reservoirs that stand open to a pool, so that water comes by gravity."""
    seen = set()
    for _, link in _open_two_way_links(wn):
        ends = link.start_node_name, link.end_node_name
        for reservoir, node in (ends, ends[::-1]):
            if reservoir not in home and node in home and (reservoir, home[node]) not in seen:
                seen.add((reservoir, home[node]))
                yield Way(reservoir, "reservoir", home[node])


def _one_way_links(wn: Any) -> Iterator[tuple[str, Literal["pump", "valve", "check valve"], Any]]:
    for name, pump in wn.pumps():
        yield name, "pump", pump
    for name, valve in wn.valves():
        if valve.valve_type in ONE_WAY_VALVES:
            yield name, "valve", valve
    for name, pipe in wn.pipes():
        if pipe.check_valve:
            yield name, "check valve", pipe


def _pump_flow(wn: Any, home: dict[str, int], pump: Any) -> float:
    """Return a pump's largest flow: the end of its curve, or its power over the lift."""
    if pump.pump_type == "HEAD":
        return float(max(flow for flow, _ in pump.get_pump_curve().points)) * PER_HOUR
    lift = _head(wn, home, pump.end_node_name) - _head(wn, home, pump.start_node_name)
    return float(pump.power) / (9810 * max(lift, LEAST_LIFT)) * PER_HOUR


def _head(wn: Any, home: dict[str, int], name: str) -> float:
    """Return the water level that a node stands under: a reservoir's, the lowest full tank's."""
    if name not in home:
        return float(wn.get_node(name).base_head)
    tanks = [tank for other, tank in wn.tanks() if home[other] == home[name]]
    full = [float(tank.elevation + tank.max_level) for tank in tanks]
    return min(full) if full else float(wn.get_node(name).elevation)


def _rated(ways: Iterable[Way]) -> tuple[Way, ...]:
    """Give ways without a rated flow as much as the others into the same pool have on average."""
    listed = tuple(ways)
    rated: defaultdict[int, list[float]] = defaultdict(list)
    for way in listed:
        if way.flow > 0:
            rated[way.into].append(way.flow)
    usual = {into: sum(flows) / len(flows) for into, flows in rated.items()}
    return tuple(way if way.flow > 0 else replace(way, flow=usual.get(way.into, 1.0)) for way in listed)


def _outward(ways: tuple[Way, ...], home: dict[str, int]) -> tuple[Way, ...]:
    """Leave out ways that only lead water round in a circle, back to where it came from."""
    joined = nx.DiGraph([(home.get(way.start or "", way.name), way.into) for way in ways])
    circle = {n: i for i, part in enumerate(nx.strongly_connected_components(joined)) for n in part}
    origins = [node for node, before in joined.in_degree() if not before]
    steps = dict(nx.multi_source_dijkstra_path_length(joined, origins)) if origins else {}

    def outward(way: Way) -> bool:
        start = home.get(way.start or "", way.name)
        return circle[start] != circle[way.into] or _further(steps, start, way.into)

    return tuple(filter(outward, ways))


def _further(steps: dict[str | int, float], start: str | int, into: int) -> bool:
    """Return whether one pool lies further from where water comes from than another."""
    return steps.get(start, math.inf) < steps.get(into, math.inf)


def _drawn(ways: Iterable[Way], home: dict[str, int], use: dict[int, Hourly]) -> dict[int, float]:
    """Return the mean draw on each pool: its own and, by rated flow, that of the pools it feeds."""
    running = [way for way in ways if way.runs]
    onward: nx.DiGraph[int] = nx.DiGraph()
    onward.add_nodes_from(use)
    onward.add_edges_from((home[way.start], way.into) for way in running if way.start in home)
    drawn = {number: float(hours.mean()) for number, hours in use.items()}
    for number in reversed(list(nx.topological_sort(onward))):
        coming = [way for way in running if way.into == number]
        for way in coming:
            if way.start in home:
                share = way.flow / sum(other.flow for other in coming)
                drawn[home[way.start]] += drawn[number] * share
    return drawn


def _needed(network: Network) -> Network:
    """Leave out ways and tanks from which no water comes to anyone."""
    wanted = {pool for zone in network.zones for pool in zone.share}
    reached: set[int] = set()
    while wanted:
        reached |= wanted
        starts = [way.start for way in network.ways if way.into in wanted and way.runs]
        wanted = {network.home[start] for start in starts if start in network.home} - reached
    ways = tuple(way for way in network.ways if way.into in reached)
    tanks = tuple(tank for tank in network.tanks if tank.pool in reached)
    return replace(network, ways=ways, tanks=tanks)


def _with_stations(network: Network, wn: Any) -> Network:
    groups: defaultdict[tuple[object, int], list[Way]] = defaultdict(list)
    for way in network.ways:
        if way.kind == "pump":
            groups[_suction(network, way), way.into].append(way)
    stations = tuple(Station(tuple(g)) for g in groups.values() if any(way.runs for way in g))
    pumps = {pump for station in stations for pump in station.pumps}
    ways = tuple(way for way in network.ways if way in pumps or (way.kind != "pump" and way.runs))
    ruled = {link for rule in network.rules for link in rule.links}
    bypasses = {s.name: tuple(_bypasses(network, s, wn, ruled)) for s in stations}
    idle = set(wn.pump_name_list) - {pump.name for pump in pumps}
    return replace(network, ways=ways, stations=stations, bypasses=bypasses, idle=tuple(sorted(idle)))


def _suction(network: Network, pump: Way) -> object:
    """Return where a pump draws from: pumps on pipes of their own from one reservoir share it."""
    return frozenset(way.name for way in upstream(network, pump)) or pump.start


def _bypasses(network: Network, station: Station, wn: Any, ruled: set[str]) -> Iterator[str]:
    """Yield pipes that lead past a station, shut at the start and opened by a control."""
    pump = station.pumps[0]
    sides = {network.home.get(pump.start or "", pump.start), pump.into}
    for name, pipe in wn.pipes():
        ends = pipe.start_node_name, pipe.end_node_name
        if name in ruled and _closed(pipe) and {network.home.get(e, e) for e in ends} == sides:
            yield name


# --- what EPANET's controls say ------------------------------------------------------------------


def _rules(wn: Any) -> Iterator[Rule]:
    tanks = set(wn.tank_name_list)
    for _, control in wn.controls():
        links = frozenset(action.target()[0].name for action in control.actions())
        looks_at = frozenset(thing.name for thing in control.requires()) & tanks
        yield Rule(_plain(str(control)), links, looks_at)


def _plain(text: str) -> str:
    """Return a control without its priority and with its numbers rounded."""
    text = re.sub(r"\s+PRIORITY \d+", "", text)
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", text)
