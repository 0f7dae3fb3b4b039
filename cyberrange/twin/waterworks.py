"""A measured water network as records of a city: zones, tanks, pump stations and valves.

EPANET knows pipes and pumps, not power, telemetry or people: those come from `cyberrange.twin.control`.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from cyberrange.errors import printable
from cyberrange.inputs.city import (
    Asset,
    AssetKind,
    Buffer,
    City,
    KOfN,
    Need,
    Profile,
    Service,
    Trip,
    Value,
    Ward,
    Zone,
)
from cyberrange.inputs.records import Source
from cyberrange.twin.control import (
    BY_HAND,
    LEFT_OPEN,
    PLANT,
    POWER,
    SCADA,
    TANKERS,
    TELEMETRY,
    Control,
    asset,
    power_supply,
    telemetry,
)
from cyberrange.twin.naming import Ids, counted, listed, shares, slug
from cyberrange.twin.network import Hourly, Network, Station, Supply, Way

_VALUE = Value(
    city=0.46,
    citizens=0.67,
    deferred=0.05,
    recovered=0.0,
    source=Source(
        text="Tanker water costs Rs 140-300 a kilolitre, taken as Rs 200. City: 55 litres a head and"
        " day brought by tanker = Rs 0.46 an hour. Citizens: the other 80 of the 135-litre norm ="
        " Rs 0.67 an hour. Water charges of Rs 8 a kilolitre = Rs 0.05 an hour are not earned again.",
        confidence="low",
    ),
)


def city_of(network: Network, *, name: str, sources: tuple[Source, ...]) -> City:
    """Return the city that a network serves, with nothing in it but water.

    Parameters
    ----------
    network : Network
        What was measured.
    name : str
        Name of the city.
    sources : tuple of Source
        Where the network comes from.

    Returns
    -------
    City
        One ward and one water service for each zone.
    """
    works = _Waterworks(network)
    zones = [works.zone(number, zone) for number, zone in enumerate(network.zones, 1)]
    assets = dict(works.assets())
    return City(
        id=f"{slug(name)}" if slug(name)[0].isalpha() else f"net_{slug(name)}",
        name=printable(name),
        about=works.about(name),
        zones={PLANT: Zone(name="Water control and plant", kind="ot")},
        wards={key: ward for key, ward, _ in zones},
        profiles=works.profiles,
        services={f"water_{key}": service for key, _, service in zones},
        assets=assets,
        access=tuple(works.control.access()),
        sources=(*sources, LEFT_OPEN),
    )


class _Waterworks:
    """The records of one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.ids = Ids()
        self.control = Control(network, self.ids)
        self.numbers = {pool: number for number, pool in enumerate(network.pools, 1)}
        self.profiles: dict[str, Profile] = {}

    def about(self, name: str) -> str:
        """Return the network in a few sentences."""
        network = self.network
        stored = sum(tank.usable for tank in network.tanks)
        text = (
            f"The water network {name} as EPANET knows it: {counted(len(network.zones), 'zone')},"
            f" {counted(len(network.tanks), 'tank')} with {stored:,.0f} m3 of usable water,"
            f" {counted(len(network.stations), 'pump station')}, a mean draw of"
            f" {network.draw:,.0f} m3/h. Full tanks cover {network.autonomy:.1f} h of it."
        )
        if network.idle:
            idle = listed("pump", network.idle)
            text += f" Left out, for they only lift water within a zone or never run: {idle}."
        return printable(text)

    # --- zones -----------------------------------------------------------------------------------

    def zone(self, number: int, zone: Supply) -> tuple[str, Ward, Service]:
        """Return the id of a zone, its ward and its water service."""
        key = f"zone_{number}"
        where = f"around {listed('tank', zone.tanks)}" if zone.tanks else "without a tank"
        x, y = zone.place
        name = printable(f"Zone {number}, {where}")
        drawn = f"{counted(len(zone.junctions), 'junction')}, {zone.draw:,.0f} m3/h"
        service = Service(
            name=f"Drinking water, zone {number}",
            sector="water",
            wards=(key,),
            profile=self._profile(f"water_{key}", zone.use),
            needs=(
                _shared(
                    {self._pool_id(pool): draw for pool, draw in zone.share.items()},
                    why=f"{drawn}; tankers reach some streets when the mains are dry",
                    manual=TANKERS,
                ),
            ),
            value=_VALUE,
            safety=0.1,
            critical=2,
            complaints=0.00001,
        )
        return key, Ward(name=name, population=zone.people, x=x, y=y), service

    def _profile(self, key: str, use: Hourly) -> str:
        """Return the id of a profile; whoever draws alike shares one."""
        hours = tuple(round(max(0.0, float(hour / use.mean())), 3) for hour in use)
        for known, profile in self.profiles.items():
            if profile.hours == hours:
                return known
        self.profiles[key] = Profile(hours=hours)
        return key

    # --- assets ----------------------------------------------------------------------------------

    def assets(self) -> Iterator[tuple[str, Asset]]:
        """Yield everything that the waterworks own, by id."""
        yield POWER, power_supply()
        for name in self.network.reservoirs:
            yield self._source(name, f"Reservoir {name}, unlimited in EPANET")
        for way in self.network.ways:
            if way.kind == "inflow":
                yield self._source(way.name, f"Inflow at node {way.name}, {way.flow:,.0f} m3/h")
        for station in self.network.stations:
            yield from self._station(station)
        for way in self.network.ways:
            if way.kind in ("valve", "check valve"):
                yield self._way_id(way), self._valve(way)
        for tank in self.network.tanks:
            yield from self.control.tank(tank)
        for number in self.network.pools:
            yield self._pool_id(number), self._pool(number)
        yield TELEMETRY, telemetry()
        yield SCADA, self.control.room()

    def _source(self, name: str, text: str) -> tuple[str, Asset]:
        return self.ids.of("source", name), asset(text, "tank", local_level=1.0)

    def _station(self, station: Station) -> Iterator[tuple[str, Asset]]:
        yield from self.control.station(station)
        power, plc = self.control.station_ids(station)
        for pump in station.pumps:
            yield self.ids.of("pump", pump.name), self._pump(pump, power, plc)
        if len(station.pumps) > 1:
            main = f"Delivery valves and main of {listed('pump', [pump.name for pump in station.pumps])}"
            duty = (self._duty(station),)
            yield self._station_id(station), asset(main, "valve", needs=duty, local_level=1.0)

    def _pump(self, pump: Way, power: str, plc: str) -> Asset:
        standby = "" if pump.runs else ", standby"
        return asset(
            f"Pump {pump.name}, {pump.flow:,.0f} m3/h{standby}",
            "pump",
            needs=(
                Need(all_of=(power,), why="Motor"),
                Need(all_of=(plc,), control=True, hold=2, manual=BY_HAND, why="Runs on as it was"),
                *self._suction(pump),
            ),
            trip=Trip(below=0.3, restart_at=0.5, start_time=0.25),
            local_level=0.9,
        )

    def _duty(self, station: Station) -> Need:
        """Return how many pumps of a station, or what share of each, its mean draw takes."""
        running = {self.ids.of("pump", pump.name): pump.flow for pump in station.pumps if pump.runs}
        if max(running.values()) > 1.1 * min(running.values()):
            return _shared(running, why="Pumps by rated flow")
        into = station.pumps[0].into
        used = self.network.drawn[into] / sum(way.flow for way in self.network.coming(into))
        k = min(max(math.ceil(len(running) * used - 1e-9), 1), len(running))
        every = tuple(self.ids.of("pump", pump.name) for pump in station.pumps)
        why = f"{k} of {len(every)} pumps carry the mean draw"
        return Need(k_of_n=KOfN(k=k, of=every), why=why)

    def _valve(self, way: Way) -> Asset:
        needs = (*self._suction(way), *self.control.setting(way))
        name = f"{way.kind.capitalize()} {way.name}"
        return asset(name, "valve", needs=needs, local_level=1.0)

    def _pool(self, number: int) -> Asset:
        drawn = f"{self.network.drawn[number]:,.0f} m3/h drawn"
        tanks = [tank.name for tank in self.network.tanks if tank.pool == number]
        usable = f"{self.network.usable(number):,.0f} m3 usable"
        text = listed("tank", tanks) if tanks else "mains"
        name = f"{text[0].upper()}{text[1:]}: {usable}, {drawn}" if tanks else f"Mains, {drawn}"
        kind: AssetKind = "tank" if tanks else "valve"
        needs: tuple[Need, ...] = ()
        if coming := self._suppliers(self.network.coming(number)):
            needs = (_shared(coming, why="Filled by rated flow", buffer=self._buffer(number)),)
        return asset(name, kind, needs=needs, local_level=1.0, count=max(1, len(tanks)))

    def _buffer(self, number: int) -> Buffer | None:
        usable, drawn = self.network.usable(number), self.network.drawn[number]
        if usable <= 0:
            return None
        spare = sum(way.flow for way in self.network.coming(number)) / drawn - 1
        use = self.network.use[number]
        return Buffer(
            lasts=round(usable / drawn, 3),
            refill=round(min(max(spare, 0.1), 2.0), 3),
            profile=self._profile(self._pool_id(number), use) if use.mean() > 0 else None,
            source=Source(
                text=f"{usable:,.0f} m3 between lowest and highest level / {drawn:,.0f} m3/h mean"
                " draw. Refilled with what comes in at rated flow above it, between 0.1 and 2.",
                confidence="medium",
            ),
        )

    # --- who hangs on whom -----------------------------------------------------------------------

    def _suction(self, way: Way) -> Iterator[Need]:
        """Yield where a pump or valve takes its water from."""
        why = "Takes water from it"
        number = self.network.home.get(way.start or "")
        if number is None:
            yield Need(all_of=(self.ids.of("source", way.start or ""),), why=why)
        elif number in self.network.pools:
            yield Need(all_of=(self._pool_id(number),), why=why)
        elif coming := self._suppliers(self.network.upstream(way)):
            yield _shared(coming, why=why)

    def _suppliers(self, ways: Iterable[Way]) -> dict[str, float]:
        """Return what brings water, by rated flow; a station of several pumps is one supplier."""
        flows: dict[str, float] = {}
        for way in ways:
            key = self._way_id(way)
            flows[key] = flows.get(key, 0.0) + way.flow
        return flows

    def _way_id(self, way: Way) -> str:
        if way.kind in ("reservoir", "inflow"):
            return self.ids.of("source", way.name)
        if way.kind == "pump":
            return self._station_id(next(s for s in self.network.stations if way in s.pumps))
        return self.ids.of("valve", way.name)

    def _station_id(self, station: Station) -> str:
        return self.ids.of("pump" if len(station.pumps) == 1 else "station", station.name)

    def _pool_id(self, number: int) -> str:
        tanks = any(tank.pool == number for tank in self.network.tanks)
        return f"water_{'tanks' if tanks else 'mains'}_{self.numbers[number]}"


def _shared(amounts: dict[str, float], **others: Any) -> Need:
    """Return a need of suppliers by what each gives; one supplier alone needs no weight."""
    found = shares(amounts)
    if len(found) == 1:
        return Need(all_of=tuple(found), **others)
    return Need(weighted=found, **others)
