"""Who draws how much water, hour by hour, and how they are divided into zones."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from cyberrange.errors import CyberrangeError
from cyberrange.twin.network import Hourly, Supply

DAY = 86_400
MOST_DAYS = 60
"""A pattern that does not fit into a day is averaged over so many days."""
LITRES_PER_PERSON = 0.00000876157 * DAY * 1000
"""What wntr's population metric (200 US gallons a day, after US EPA 2015) comes to in litres."""
PER_HOUR = 3600.0


def uses(wn: Any) -> dict[str, Hourly]:
    """Return the mean demand of each junction in each hour of the day."""
    hours = _Hours(wn)
    scale = float(wn.options.hydraulic.demand_multiplier) * PER_HOUR
    return {
        name: scale * total(d.base_value * hours.of(d.pattern) for d in junction.demand_timeseries_list)
        for name, junction in wn.junctions()
    }


def total(parts: Iterable[Hourly]) -> Hourly:
    """Return the sum of draws, hour by hour."""
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


class Customers:
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
            use=total(self.draws[node] for node in junctions),
            people=sum(round(self._draw(n) * 24_000 / self.litres) for n in junctions),
            share=dict(share),
            tanks=tuple(node for node in cell if node in self.tanks),
            place=self._centre(cell),
        )

    def divided(self, cells: list[list[str]], wanted: int | None) -> list[list[str]]:
        """Split the largest or merge the smallest cells until there are as many as wanted."""
        self._refuse_undividable(wanted)
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

    def _refuse_undividable(self, wanted: int | None) -> None:
        found = len(self.draws)
        if not found:
            raise CyberrangeError("nobody draws water from it")
        if wanted is not None and not 1 <= wanted <= found:
            message = f"cannot be divided into {wanted} zones: water is drawn at {found} junctions"
            raise CyberrangeError(message)

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
