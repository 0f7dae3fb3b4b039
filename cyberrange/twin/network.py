"""A water network in numbers: pools, zones, and the ways by which water comes.

A **pool** is what hangs together when the network is cut where water can flow one way only or not
at all. A **zone** is what a citizen sees. Flows are in m3/h and volumes in m3, whatever units the
network was written in.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Hourly = NDArray[np.float64]
"""A value for each hour of the day."""


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

    def upstream(self, way: Way) -> tuple[Way, ...]:
        """Return what brings water to the start of a way, where it only passes through."""
        number = self.home.get(way.start or "")
        return () if number is None or number in self.pools else self.coming(number)
