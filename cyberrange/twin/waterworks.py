"""A measured water network as records of a city: zones, tanks, stations, controllers, who reaches whom.

EPANET knows pipes and pumps, not power, telemetry or people. What it leaves open is added here in
the smallest form that makes sense, with figures that are marked as assumptions.
"""

import math
import re
from collections.abc import Iterable, Iterator

from cyberrange.errors import printable
from cyberrange.inputs.city import (
    Access,
    Asset,
    Buffer,
    City,
    KOfN,
    Manual,
    Need,
    Profile,
    Service,
    Trip,
    Value,
    Ward,
    Zone,
)
from cyberrange.inputs.records import Duration, Lognormal, Source, Triangular
from cyberrange.twin.hydraulics import Hourly, Network, Rule, Station, Tank, Way, upstream
from cyberrange.twin.hydraulics import Zone as Supply

SCADA, TELEMETRY, POWER = "water_scada", "water_telemetry", "water_power"
"""Assets by which a town and its waterworks know each other: a town may bring its own."""
CONTROL_ROOM, PLANT = "water_ot", "water_field"
MOST_RULES = 8
"""So many of EPANET's controls are quoted in full for one controller."""

_VALUE = Value(
    city=0.46,
    citizens=0.67,
    deferred=0.05,
    recovered=0.0,
    source=Source(
        text="Tanker water at about Rs 200 a kilolitre: 55 litres a head and day brought by the city,"
        " 80 bought by citizens; water charges of Rs 8 a kilolitre are not earned again.",
        confidence="low",
    ),
)
_TANKERS = Manual(
    level=0.15,
    after=Duration(triangular=Triangular(low=4, mode=8, high=18)),
    team="water_crew",
    people=3,
    endurance=240,
    source=Source(
        text="Tankers give about 20 of 135 litres a head; hiring them takes a working day.",
        confidence="assumption",
    ),
)
_BY_HAND = Manual(
    level=0.85,
    after=Duration(triangular=Triangular(low=0.75, mode=1.5, high=4)),
    team="water_crew",
    people=2,
    endurance=72,
    source=Source(text="Two operators at the panel.", confidence="assumption"),
)
_CABINET = Buffer(
    lasts=4, refill=0.25, source=Source(text="Battery in the cabinet.", confidence="assumption")
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
    return _Waterworks(network).city(name, sources)


class _Ids:
    """Ids made of EPANET's names, which may hold anything and differ only in signs or case."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, str], str] = {}
        self.taken: set[str] = set()

    def of(self, kind: str, name: str) -> str:
        """Return the one id of a thing."""
        if (kind, name) not in self.given:
            self.given[kind, name] = self._new(f"{kind}_{slug(name)}")
        return self.given[kind, name]

    def _new(self, wanted: str) -> str:
        found, number = wanted, 1
        while found in self.taken:
            number += 1
            found = f"{wanted}_{number}"
        self.taken.add(found)
        return found


class _Waterworks:
    """The records of one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.ids = _Ids()
        self.profiles: dict[str, Profile] = {}
        self.quoted: set[Rule] = set()

    def city(self, name: str, sources: tuple[Source, ...]) -> City:
        """Return everything as one city."""
        zones = [self._zone(number, zone) for number, zone in enumerate(self.network.zones, 1)]
        assets = dict(self._assets())
        return City(
            id=slug(name),
            name=name,
            about=self._about(name),
            zones={
                CONTROL_ROOM: Zone(name="Water control room", kind="ot"),
                PLANT: Zone(name="Pump stations and tanks", kind="field"),
            },
            wards={key: ward for key, ward, _ in zones},
            profiles=self.profiles,
            services={f"water_{key}": service for key, _, service in zones},
            assets=assets,
            access=tuple(self._access(assets)),
            sources=(*sources, *_assumptions()),
        )

    def _about(self, name: str) -> str:
        network = self.network
        stored = sum(tank.usable for tank in network.tanks)
        drawn = sum(zone.draw for zone in network.zones)
        return (
            f"The water network {name} as EPANET knows it: {_count(network.zones, 'zone')},"
            f" {_count(network.tanks, 'tank')} with {stored:,.0f} m3 of usable water,"
            f" {_count(network.stations, 'pump station')}, a mean draw of {drawn:,.0f} m3/h."
            f" Full tanks cover {network.autonomy():.1f} h of it." + _left_out(network.idle)
        )

    # --- zones ---

    def _zone(self, number: int, zone: Supply) -> tuple[str, Ward, Service]:
        key = f"zone_{number}"
        at = f"around {_listed('tank', zone.tanks)}" if zone.tanks else "without a tank"
        profile = self._profile(f"water_{key}", zone.use)
        ward = Ward(name=f"Zone {number}, {at}", population=zone.people, x=zone.place[0], y=zone.place[1])
        draws = {self._pool_id(pool): draw for pool, draw in zone.share.items()}
        why = f"{len(zone.junctions)} junctions drawing {zone.draw:,.0f} m3/h"
        service = Service(
            name=f"Drinking water, zone {number}",
            sector="water",
            wards=(key,),
            profile=profile,
            needs=(_weighted(draws, why, manual=_TANKERS),),
            value=_VALUE,
            safety=0.1,
            critical=2,
            complaints=0.00001,
        )
        return key, ward, service

    def _profile(self, key: str, use: Hourly) -> str:
        """Return the id of a profile; zones that draw alike share one."""
        hours = tuple(round(max(0.0, float(hour / use.mean())), 3) for hour in use)
        for known, profile in self.profiles.items():
            if profile.hours == hours:
                return known
        self.profiles[key] = Profile(hours=hours)
        return key

    # --- assets ---

    def _assets(self) -> Iterator[tuple[str, Asset]]:
        yield POWER, _asset("Power supply of the waterworks", "power", PLANT, sector="power")
        battery = Buffer(lasts=8, refill=0.25, source=_CABINET.source)
        needs: tuple[Need, ...] = (Need(all_of=(POWER,), buffer=battery, why="Power"),)
        yield TELEMETRY, _asset("Telemetry to stations and tanks", "radio", PLANT, needs=needs)
        for name in dict.fromkeys(w.name for w in self.network.ways if w.kind == "reservoir"):
            yield self._source(name, f"Reservoir {name}, unlimited in EPANET")
        for way in self.network.ways:
            if way.kind == "inflow":
                yield self._source(way.name, f"Inflow at node {way.name}, {way.flow:,.0f} m3/h")
        for tank in self.network.tanks:
            yield from self._tank(tank)
        for station in self.network.stations:
            yield from self._station(station)
        for way in self.network.ways:
            if way.kind in ("valve", "check valve"):
                yield self._valve(way)
        for number in sorted(self.network.use):
            if self.network.is_pool(number):
                yield self._pool_id(number), self._pool(number)
        yield SCADA, self._scada()

    def _source(self, name: str, text: str) -> tuple[str, Asset]:
        return self.ids.of("source", name), _asset(text, "tank", PLANT, local_level=1.0)

    def _tank(self, tank: Tank) -> Iterator[tuple[str, Asset]]:
        plc = self._plc_at(tank.name)
        gauge = f"Level of tank {tank.name}"
        rules = self._quote(rule for rule in self.network.rules if tank.name in rule.tanks)
        yield plc, _asset(
            f"Controller at tank {tank.name}", "plc", CONTROL_ROOM, needs=_controller(POWER), local_level=0.95
        )
        yield self.ids.of("level", tank.name), _asset(
            f"{gauge}; EPANET looks at it: {rules}" if rules else gauge,
            "sensor",
            PLANT,
            needs=(Need(all_of=(plc,), why="Read and sent by the controller at the tank"),),
        )

    def _station(self, station: Station) -> Iterator[tuple[str, Asset]]:
        name, number = station.name, len(station.pumps)
        title = f"{_listed('pump', [pump.name for pump in station.pumps])}"
        power, plc = self.ids.of("power", name), self.ids.of("plc", name)
        why = Need(all_of=(POWER,), why="Feeder from the supply of the waterworks")
        yield power, _asset(f"Feeder of {title}", "power", PLANT, sector="power", needs=(why,))
        yield plc, _asset(
            f"Controller of {title}{self._past(station)}",
            "plc",
            CONTROL_ROOM,
            needs=(*_controller(power), *self._logic(station)),
            local_level=0.95,
        )
        for pump in station.pumps:
            yield self.ids.of("pump", pump.name), self._pump(pump, power, plc)
        if number > 1:
            need = self._duty(station)
            yield self._station_id(station), _asset(
                f"Delivery main of {title}", "link", PLANT, needs=(need,), local_level=1.0
            )

    def _past(self, station: Station) -> str:
        """Return the gravity bypass of a station in words: EPANET opens it instead of the pump."""
        pipes = self.network.bypasses.get(station.name, ())
        return f" and of {_listed('bypass', pipes)}" if pipes else ""

    def _logic(self, station: Station) -> Iterator[Need]:
        """Yield what a station's controller must know: levels that EPANET's controls look at."""
        links = {*(p.name for p in station.pumps), *self.network.bypasses.get(station.name, ())}
        rules = [rule for rule in self.network.rules if rule.links & links]
        tanks = sorted({tank for rule in rules for tank in rule.tanks} & self._known_tanks())
        text = self._quote(rules)
        if tanks:
            loss = round(0.3 / len(tanks), 3)
            yield Need(
                soft={self.ids.of("level", tank): loss for tank in tanks},
                control=True,
                hold=6,
                why=f"Started and stopped by level. EPANET: {text}",
            )
        elif text:
            why = f"Started and stopped by the clock. EPANET: {text}"
            yield Need(soft={TELEMETRY: 0.05}, control=True, hold=24, why=why)

    def _known_tanks(self) -> set[str]:
        return {tank.name for tank in self.network.tanks}

    def _quote(self, rules: Iterable[Rule]) -> str:
        """Return EPANET's controls in words, the first few in full."""
        listed = list(rules)
        self.quoted.update(listed)
        more = len(listed) - MOST_RULES
        texts = [rule.text for rule in listed[:MOST_RULES]]
        return printable("; ".join([*texts, *([f"and {more} more"] if more > 0 else [])]))

    def _pump(self, pump: Way, power: str, plc: str) -> Asset:
        standby = "" if pump.runs else ", standby"
        assert pump.start is not None  # only reservoirs and inflows have no start
        return _asset(
            f"Pump {pump.name}, {pump.flow:,.0f} m3/h{standby}",
            "pump",
            PLANT,
            needs=(
                Need(all_of=(power,), why="Motor"),
                Need(all_of=(plc,), control=True, hold=2, manual=_BY_HAND, why="Runs on as it was"),
                *self._suction(pump.start),
            ),
            trip=Trip(below=0.3, restart_at=0.9, start_time=0.25),
            local_level=0.9,
        )

    def _duty(self, station: Station) -> Need:
        """Return how many pumps of a station, or what share of each, its mean draw takes."""
        running = {self.ids.of("pump", pump.name): pump.flow for pump in station.pumps if pump.runs}
        if max(running.values()) > 1.1 * min(running.values()):
            return _weighted(running, "Pumps by rated flow")
        into = station.pumps[0].into
        rated = sum(way.flow for way in self.network.ways if way.into == into and way.runs)
        k = math.ceil(len(running) * self.network.drawn[into] / rated - 1e-9)
        k = min(max(k, 1), len(running))
        every = tuple(self.ids.of("pump", pump.name) for pump in station.pumps)
        why = f"{k} of {len(every)} pumps carry the mean draw"
        return Need(k_of_n=KOfN(k=k, of=every), why=why)

    def _valve(self, way: Way) -> tuple[str, Asset]:
        rules = self._quote(rule for rule in self.network.rules if way.name in rule.links)
        assert way.start is not None  # only reservoirs and inflows have no start
        needs = tuple(self._suction(way.start))
        if rules:
            why = f"Set from the control room. EPANET: {rules}"
            needs = (*needs, Need(all_of=(SCADA,), control=True, hold=24, manual=_BY_HAND, why=why))
        name = f"{way.kind.capitalize()} {way.name}"
        return self._way_id(way), _asset(name, "valve", PLANT, needs=needs, local_level=1.0)

    def _suction(self, node: str) -> Iterator[Need]:
        """Yield where a pump or valve takes its water from."""
        number = self.network.home.get(node)
        if number is None:
            yield Need(all_of=(self.ids.of("source", node),), why="Takes water from it")
        elif self.network.is_pool(number):
            yield Need(all_of=(self._pool_id(number),), why="Takes water from it")
        elif ways := upstream(self.network, node):
            yield _weighted(self._coming(ways), "Takes water from what leads there, by rated flow")

    def _pool(self, number: int) -> Asset:
        tanks = [tank.name for tank in self.network.tanks if tank.pool == number]
        usable, drawn = self.network.usable(number), self.network.drawn[number]
        ways = [way for way in self.network.ways if way.into == number]
        needs: tuple[Need, ...] = ()
        if ways:
            buffer = self._buffer(number, ways) if usable > 0 else None
            needs = (_weighted(self._coming(ways), "Filled by rated flow", buffer=buffer),)
        name = f"Mains drawing {drawn:,.0f} m3/h"
        if tanks:
            holds = f"{usable:,.0f} m3 usable, {drawn:,.0f} m3/h drawn"
            name = f"{_listed('tank', tanks).capitalize()}: {holds}"
        kind = "tank" if tanks else "link"
        return _asset(name, kind, PLANT, needs=needs, local_level=1.0, count=max(1, len(tanks)))

    def _buffer(self, number: int, ways: list[Way]) -> Buffer:
        usable, drawn = self.network.usable(number), self.network.drawn[number]
        spare = sum(way.flow for way in ways if way.runs) / drawn - 1
        use = self.network.use[number]
        return Buffer(
            lasts=round(usable / drawn, 3),
            refill=round(min(max(spare, 0.1), 2.0), 3),
            profile=self._profile(f"water_tanks_{number + 1}", use) if use.mean() > 0 else None,
            source=Source(
                text=f"{usable:,.0f} m3 between lowest and highest level / {drawn:,.0f} m3/h mean draw;"
                " refilled with what pumps can give above it, kept within 0.1 and 2.",
                confidence="medium",
            ),
        )

    def _scada(self) -> Asset:
        ups = Buffer(lasts=2, refill=0.25, source=Source(text="UPS.", confidence="assumption"))
        rules = self._quote(rule for rule in self.network.rules if rule not in self.quoted)
        sees = "Sees and sets stations and tanks over it"
        return _asset(
            "Water control room",
            "scada",
            CONTROL_ROOM,
            layer="application",
            needs=(
                Need(all_of=(POWER,), buffer=ups, why="Power"),
                Need(soft={TELEMETRY: 0.7}, why=f"{sees}. EPANET also: {rules}" if rules else sees),
            ),
            watched_by=None,
            rebuild=Duration(lognormal=Lognormal(median=36, p90=120)),
        )

    # --- who is who ---

    def _coming(self, ways: Iterable[Way]) -> dict[str, float]:
        """Return what supplies a pool, by rated flow; a station of several pumps is one supplier."""
        coming: dict[str, float] = {}
        for way in ways:
            if way.runs:
                key = self._way_id(way)
                coming[key] = coming.get(key, 0.0) + way.flow
        return coming

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
        return f"water_{'tanks' if tanks else 'mains'}_{number + 1}"

    def _plc_at(self, tank: str) -> str:
        return self.ids.of("plc_tank", tank)

    def _access(self, assets: dict[str, Asset]) -> Iterator[Access]:
        """Yield who can reach whom: the control room its controllers, and they their plant."""
        plcs = tuple(key for key, asset in assets.items() if asset.kind == "plc")
        ruled = tuple(key for key, a in assets.items() if a.kind == "valve" and _asks_scada(a))
        yield _access(SCADA, (TELEMETRY, *plcs, *ruled), "control network")
        if plcs:
            yield _access(TELEMETRY, plcs, "modem at the station")
        for station in self.network.stations:
            pumps = tuple(self.ids.of("pump", pump.name) for pump in station.pumps)
            yield _access(self.ids.of("plc", station.name), pumps, "field bus")
        for tank in self.network.tanks:
            yield _access(self._plc_at(tank.name), (self.ids.of("level", tank.name),), "field bus")


def slug(name: str) -> str:
    """Return a name as part of an id.

    Examples
    --------
    >>> slug("~@Pump-1")
    'pump_1'
    """
    found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_")
    return found if found[:1].isalpha() else f"n{found}"


def shares(amounts: dict[str, float]) -> dict[str, float]:
    """Return amounts as shares with few digits that add up to 1 to the last bit.

    Examples
    --------
    >>> shares({"lake": 908.5, "river": 3179.7})
    {'lake': 0.222, 'river': 0.778}
    """
    for parts in (1000, 1024):  # sums of powers of two are exact
        whole = _rounded(amounts, parts)
        found = {key: number / parts for key, number in whole.items() if number}
        if sum(found.values()) == 1:
            break
    return found


def _rounded(amounts: dict[str, float], parts: int) -> dict[str, int]:
    """Return whole numbers in proportion that add up to so many parts (largest remainders)."""
    total = sum(amounts.values())
    exact = {key: parts * amount / total for key, amount in amounts.items()}
    whole = {key: math.floor(number) for key, number in exact.items()}
    left = parts - sum(whole.values())
    for key in sorted(exact, key=lambda key: whole[key] - exact[key])[:left]:
        whole[key] += 1
    return whole


def _weighted(
    amounts: dict[str, float],
    why: str,
    *,
    buffer: Buffer | None = None,
    manual: Manual | None = None,
) -> Need:
    found = shares(amounts)
    if len(found) == 1:
        return Need(all_of=tuple(found), why=why, buffer=buffer, manual=manual)
    return Need(weighted=found, why=why, buffer=buffer, manual=manual)
