"""Cities of any size that exist nowhere, for tests, benchmarks and studies of size.

A synthetic city has districts of about fifty assets, each with its own little loop of power,
telecom and control room, and a few platforms that all districts share. Records are built without
validation, and whatever can be shared is one object: a city of a million assets has to fit.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

from cyberrange.errors import CyberrangeError
from cyberrange.inputs.city import (
    SHARED,
    Access,
    Asset,
    Buffer,
    City,
    KOfN,
    Manual,
    Municipality,
    Need,
    Profile,
    Service,
    Trip,
    Value,
    Vendor,
    Ward,
    Zone,
)
from cyberrange.inputs.records import Duration, Lognormal, Record, Source, Triangular

FEWEST_PER_CITY = 20
MOST_ASSETS = 1_000_000
PER_DISTRICT = 50
_PLATFORMS = 12
_SHARED = 2
_CORE = 8
_PARTS = 64
"""Weights are so many parts of a power of two, so that they add up to 1 to the last bit."""

Made = TypeVar("Made", bound=Record)


def synthetic_city(assets: int, *, seed: int, cities: int = 1) -> City:
    """Return a made-up city, or a region of several, with exactly so many assets.

    Parameters
    ----------
    assets : int
        From 20 for each city (and 2 more for what the cities of a region share) to 1,000,000.
    seed : int
        The same seed gives the same city, to the byte.
    cities : int
        How many cities; more than one share a state platform and the link to it.

    Returns
    -------
    City
        When nothing is wrong with it, all its levels are 1.

    Raises
    ------
    CyberrangeError
        When the numbers are out of range.

    Examples
    --------
    >>> city = synthetic_city(1_000, seed=7)
    >>> len(city.assets), len(city.wards)
    (1000, 20)
    >>> city == synthetic_city(1_000, seed=7)
    True
    """
    _refuse_out_of_range(assets, seed, cities)
    random = np.random.default_rng(seed)
    shared = _SHARED if cities > 1 else 0
    sizes = [(assets - shared) // cities] * cities
    sizes[0] += (assets - shared) % cities
    names = [f"c{number}" for number in range(1, cities + 1)] if cities > 1 else [""]
    parts = _Parts()
    if shared:
        _add_state(parts)
    for place, (name, size) in enumerate(zip(names, sizes, strict=True)):
        _Town(name, place, random, parts).build(size)
    kind = f"{cities}_cities" if cities > 1 else "city"
    return _make(
        City,
        id=f"synthetic_{kind}_{assets}_{seed}"[:64],
        name=f"Synthetic {kind.replace('_', ' ')}, {assets:,} assets",
        about=f"Generated: {assets} assets, {cities} cities, seed {seed}. It exists nowhere.",
        cities={name: Municipality(name=name.upper()) for name in names if name},
        zones=parts.zones,
        wards=parts.wards,
        profiles=_profiles(),
        vendors=_vendors(),
        services=parts.services,
        assets=parts.assets,
        access=tuple(parts.access),
        sources=(Source(text="Every figure is invented.", confidence="assumption"),),
    )


def _refuse_out_of_range(assets: int, seed: int, cities: int) -> None:
    if cities < 1 or seed < 0:
        raise CyberrangeError(f"cities must be at least 1 and seed at least 0: {cities}, {seed}")
    least = FEWEST_PER_CITY * cities + (_SHARED if cities > 1 else 0)
    if not least <= assets <= MOST_ASSETS:
        allowed = f"from {least:,} to {MOST_ASSETS:,}"
        raise CyberrangeError(f"assets must be {allowed} for {cities:,} cities, found {assets:,}")


@cache
def _fields(names: tuple[str, ...]) -> set[str]:
    """Return the one set of field names that all records with these fields share."""
    return set(names)


def _make(model: type[Made], **values: Any) -> Made:
    """Return a record whose values are known to be valid."""
    return model.model_construct(_fields(tuple(values)), **values)


def _all_of(*of: str, **others: Any) -> Need:
    return _make(Need, all_of=of, **others)


def _soft(loss: dict[str, float], **others: Any) -> Need:
    return _make(Need, soft=loss, **others)


def _at_least(share: float, of: Sequence[str], **others: Any) -> Need:
    """Return a need of a share of several equal suppliers."""
    k = max(1, math.ceil(share * len(of)))
    return _make(Need, k_of_n=KOfN.model_construct(k=k, of=tuple(of)), **others)


# --- what all districts have in common -----------------------------------------------------------


def _hours(*by_block: float) -> tuple[float, ...]:
    """Return a day of 24 hours from values for blocks of equal length."""
    return tuple(value for value in by_block for _ in range(24 // len(by_block)))


@cache
def _profiles() -> dict[str, Profile]:
    office = _hours(0, 0, 0, 0.5, 1.5, 1.2, 0.3, 0)
    return {
        "taps": Profile(hours=_hours(0.3, 0.6, 2.2, 0.9, 0.7, 0.8, 1.7, 0.8)),
        "travel": Profile(hours=_hours(0.2, 0.3, 1.4, 1.6, 1.2, 1.8, 1.6, 0.6)),
        "office": Profile(hours=office, weekend=tuple(value / 4 for value in office)),
        "calls": Profile(hours=_hours(0.6, 0.6, 0.9, 1.1, 1.1, 1.2, 1.4, 1.1)),
        "dark": Profile(hours=_hours(1.0, 1.0, 0.2, 0, 0, 0.1, 2.5, 1.5)),
    }


@cache
def _vendors() -> dict[str, Vendor]:
    return {
        "msi": Vendor(name="Integrator"),
        "scada_vendor": Vendor(name="Automation supplier"),
        "telecom": Vendor(name="Telephone company"),
    }


_ASSUMED = Source(text="Invented for a synthetic city.", confidence="assumption")
_TANKS = tuple(
    Buffer(lasts=hours, refill=0.25, profile="taps", source=_ASSUMED)
    for hours in (4.5, 6.5, 8.0, 10.5, 12.0, 15.5, 23.0, 32.0)
)
_BATTERIES = tuple(Buffer(lasts=h, refill=0.25, source=_ASSUMED) for h in (4.0, 6.0, 8.0))
_UPS = Buffer(lasts=0.5, refill=0.25, source=_ASSUMED)
_CABINET = Buffer(lasts=2.0, refill=0.25, source=_ASSUMED)
_STARTS = Trip(below=0.2, restart_at=0.9, start_time=0.5, black_start=True)
_STAYS_OUT = Trip(below=0.2, restart_at=0.99, start_time=0.5)
_PUMP_TRIP = Trip(below=0.3, restart_at=0.5, start_time=0.25)
_REBUILD = Duration(lognormal=Lognormal(median=48, p90=168))


def _by_hand(level: float, hours: float, team: str, people: int, endurance: float) -> Manual:
    after = Duration(triangular=Triangular(low=hours / 2, mode=hours, high=3 * hours))
    return Manual(level=level, after=after, team=team, people=people, endurance=endurance, source=_ASSUMED)


_AT_THE_PANEL = _by_hand(0.85, 1.5, "water_crew", 2, 72)
_TANKERS = _by_hand(0.15, 8, "water_crew", 3, 240)
_CONSTABLES = _by_hand(0.5, 0.75, "traffic_crew", 4, 48)
_PAPER = _by_hand(0.35, 24, "counter_staff", 4, 2160)
_CARDS = _by_hand(0.75, 0.5, "dispatch_staff", 2, 72)
_PRIVATE_MAIL = _by_hand(0.5, 12, "it_ops", 1, 1440)


def _worth(**ledgers: float) -> Value:
    return Value(**ledgers, source=_ASSUMED)


_WORTH = {
    "water": _worth(city=0.46, citizens=0.67, deferred=0.05, recovered=0.0),
    "traffic": _worth(city=1, citizens=78),
    "dispatch": _worth(city=10),
    "property": _worth(citizens=65, deferred=1500, recovered=0.97),
    "certificates": _worth(citizens=65, deferred=60, recovered=0.95),
    "lighting": _worth(city=0.2, citizens=1),
    "cameras": _worth(city=0.5),
}


# --- a town --------------------------------------------------------------------------------------


class _Parts:
    """What has been built so far, of all towns."""

    def __init__(self) -> None:
        self.zones: dict[str, Zone] = {}
        self.wards: dict[str, Ward] = {}
        self.services: dict[str, Service] = {}
        self.assets: dict[str, Asset] = {}
        self.access: list[Access] = []

    def reach(self, sources: Sequence[str], targets: Sequence[str], via: str) -> None:
        """Let some assets reach others."""
        if sources and targets:
            ends = {"from": tuple(sources), "to": tuple(targets), "via": via}
            names = _fields(("source", "target", "via"))
            self.access.append(Access.model_construct(names, **ends))


def _add_state(parts: _Parts) -> None:
    """Add what the cities of a region share."""
    parts.zones["state"] = Zone(name="State network", kind="state")
    common = {"sector": "region", "zone": "state", "city": SHARED}
    parts.assets["state_link"] = _make(Asset, name="State network", kind="link", layer="communication", **common)
    parts.assets["state_platform"] = _make(
        Asset,
        name="State platform",
        kind="platform",
        layer="data",
        records=2_000_000,
        needs=(_all_of("state_link"),),
        rebuild=_REBUILD,
        **common,
    )


class _Town:
    """One city: its platforms, then its districts."""

    def __init__(self, name: str, place: int, random: np.random.Generator, parts: _Parts) -> None:
        self.prefix = f"{name}_" if name else ""
        self.own = {"city": name} if name else {}
        self.place = place
        self.random = random
        self.parts = parts
        self.regional = "state_platform" in parts.assets
        self.tanks: list[str] = []
        self.scadas: list[str] = []
        self.desks: list[str] = []
        self.signals: list[str] = []
        self.consoles: list[str] = []

    def id(self, name: str) -> str:
        """Return the id of something that the town has once."""
        return self.prefix + name

    def add(self, key: str, **values: Any) -> str:
        """Add an asset of this town."""
        self.parts.assets[key] = _make(Asset, **values, **self.own)
        return key

    def build(self, assets: int) -> None:
        """Build the town with so many assets."""
        self._zones()
        self._platforms()
        for number, size in enumerate(self._sizes(assets - _PLATFORMS)):
            _District(self, number).build(size)
        self._access()

    def _sizes(self, assets: int) -> list[int]:
        """Return sizes of districts, about fifty each, that add up to what there is."""
        districts = max(1, round(assets / PER_DISTRICT))
        sizes = np.full(districts, assets // districts)
        sizes[: assets % districts] += 1
        pairs = districts // 2
        moved = self.random.integers(-8, 9, pairs)
        sizes[:pairs] += moved
        sizes[pairs : 2 * pairs] -= moved
        return [int(size) for size in sizes]

    def _zones(self) -> None:
        self.parts.zones |= {
            self.id("hall"): Zone(name="Town hall", kind="it"),
            self.id("front"): Zone(name="Internet-facing zone", kind="dmz"),
            self.id("plant"): Zone(name="Plant", kind="ot"),
            self.id("streets"): Zone(name="Streets", kind="field"),
            self.id("suppliers"): Zone(name="Suppliers", kind="vendor"),
        }

    def _platforms(self) -> None:
        """Add what all districts share. Nothing here needs a district."""
        self._utilities()
        hall = {"zone": self.id("hall"), "layer": "data"}
        network = _all_of(self.id("hall_network"))
        log_on = _soft({self.id("identity"): 0.4}, hold=8.0, why="Log-on is remembered")
        named: dict[str, dict[str, Any]] = {
            "identity": {"kind": "identity", "sector": "identity", "needs": (network,)},
            "backup": {"kind": "backup", "sector": "administration", "needs": (network,)},
            "mail": {"kind": "server", "sector": "administration", "needs": (network, log_on)},
        }
        for name, values in named.items():
            self.add(self.id(name), name=f"Municipal {name}", rebuild=_REBUILD, **hall, **values)
        self._register(network, log_on)
        self._command_centre(log_on)

    def _command_centre(self, log_on: Need) -> None:
        room = {"zone": self.id("hall"), "layer": "application", "maintained_by": "msi"}
        power = _all_of(self.id("grid"), buffer=_BATTERIES[2])
        network = _soft({self.id("hall_network"): 0.5}, hold=1.0, why="What it can see")
        self.add(
            self.id("iccc"),
            name="Command centre platform",
            kind="platform",
            sector="iccc",
            needs=(power, network, log_on),
            rebuild=_REBUILD,
            **room,
        )
        self.add(
            self.id("iccc_consoles"),
            name="Operators' consoles",
            kind="console",
            sector="iccc",
            count=12,
            needs=(_soft({self.id("iccc"): 0.8}),),
            **room,
        )
        self.add(
            self.id("dispatch"),
            name="Dispatch system",
            kind="server",
            sector="safety",
            needs=(power, network),
            rebuild=_REBUILD,
            **room,
        )

    def _utilities(self) -> None:
        outside = {"zone": self.id("suppliers"), "layer": "communication"}
        self.add(
            self.id("grid"),
            name="Incoming feeders",
            kind="power",
            sector="power",
            zone=self.id("plant"),
            layer="sensing",
            local_level=1.0,
        )
        grid = _all_of(self.id("grid"), buffer=_BATTERIES[2], why="Batteries and a generator")
        exchange = {"kind": "exchange", "sector": "telecom", "maintained_by": "telecom"}
        self.add(self.id("core"), name="Core exchange", needs=(grid,), **exchange, **outside)
        self.add(
            self.id("supplier_gateway"),
            name="Suppliers' remote access",
            kind="gateway",
            sector="vendor",
            maintained_by="scada_vendor",
            exposed=True,
            needs=(_all_of(self.id("core")),),
            **outside,
        )
        self.add(
            self.id("hall_network"),
            name="Network of the town hall",
            kind="network",
            sector="telecom",
            zone=self.id("hall"),
            layer="communication",
            needs=(grid, _soft({self.id("core"): 0.3})),
        )

    def _register(self, network: Need, log_on: Need) -> None:
        state = _soft({"state_platform": 0.3}, hold=4.0, why="Stamp duty is paid to the state")
        self.add(
            self.id("property_db"),
            name="Register of titles",
            kind="database",
            sector="property",
            zone=self.id("hall"),
            layer="data",
            records=int(self.random.integers(20_000, 900_000)),
            needs=(network, log_on, state) if self.regional else (network, log_on),
            rebuild=_REBUILD,
        )
        self.add(
            self.id("portal"),
            name="Property portal",
            kind="portal",
            sector="property",
            zone=self.id("front"),
            layer="application",
            exposed=True,
            needs=(_all_of(self.id("property_db"), self.id("core")),),
        )

    def _access(self) -> None:
        """Let the platforms and the districts reach each other, one hop at a time."""
        reach, one = self.parts.reach, self.id
        reach([one("mail")], self.desks, "e-mail is read everywhere")
        reach(self.desks, [one("mail"), one("identity"), one("property_db")], "office network")
        reach([one("identity")], [one("backup"), one("mail"), one("property_db")], "domain policy")
        reach([one("portal")], [one("property_db")], "web application")
        reach([one("supplier_gateway")], [one("iccc"), *self.scadas], "support tunnel")
        reach([one("mail")], [one("iccc_consoles")], "e-mail is read everywhere")
        reach([one("iccc_consoles")], [one("iccc")], "operator's account")
        reach([one("iccc")], [one("dispatch"), *self.signals], "integration interface")
        reach([one("dispatch")], self.consoles, "dispatch interface")
        if self.regional:
            reach(["state_platform"], [one("property_db")], "state network")
            reach([one("property_db")], ["state_platform"], "state network")


# --- a district ----------------------------------------------------------------------------------

_FILLERS = {
    "gauge": 0.22, "camera": 0.2, "signal": 0.12, "desk": 0.12, "meter": 0.1, "lamp": 0.06,
    "valve": 0.05, "pump": 0.05, "console": 0.04, "siren": 0.02, "server": 0.02,
}  # fmt: skip
"""What a district has beside its core, by how often."""
_KINDS = tuple(_FILLERS)
_ODDS = np.cumsum(list(_FILLERS.values()))


class _District:
    """A district: feeder, exchange, control room, pumps and tank, and what else it has."""

    def __init__(self, town: _Town, number: int) -> None:
        self.town = town
        self.random = town.random
        self.ward = f"{town.prefix}d{number}"
        self.name = f"District {number + 1}"
        self.number = number
        self.plant = {"zone": town.id("plant"), "layer": "sensing", "ward": self.ward}
        self.street = {"zone": town.id("streets"), "layer": "sensing", "ward": self.ward}
        self.has: dict[str, list[str]] = {kind: [] for kind in _KINDS}

    def id(self, name: str) -> str:
        """Return the id of something that the district has once."""
        return f"{self.ward}_{name}"

    def build(self, assets: int) -> None:
        """Build the district with so many assets, its ward and its services."""
        drawn = np.searchsorted(_ODDS, self.random.random(assets - _CORE) * _ODDS[-1])
        counts = np.bincount(drawn, minlength=len(_KINDS))
        self._ward()
        self._loop()
        self._controller()
        for kind, count in zip(_KINDS, counts, strict=True):
            core = {"pump": 1, "signal": 1, "desk": 1}.get(kind, 0)
            if core + count:
                self._row(kind, core + int(count))
        self._tank()
        self._services()
        self._access()

    def _ward(self) -> None:
        x, y = self.random.random(2)
        self.town.parts.wards[self.ward] = Ward.model_construct(
            name=self.name,
            population=int(self.random.integers(2_000, 12_000)),
            x=round(self.number % 10 + float(x) + 12 * self.town.place, 2),
            y=round(self.number // 10 + float(y), 2),
            city=self.town.own.get("city"),
        )

    def _loop(self) -> None:
        """Add the oldest loop of any city: power, telecom and control room need each other."""
        feeder, exchange, scada = map(self.id, ("feeder", "exchange", "scada"))
        far = _soft({scada: 0.02, exchange: 0.02}, control=True, hold=6.0, why="Switched from afar")
        self.town.add(
            feeder,
            name=f"{self.name}, feeder",
            kind="power",
            sector="power",
            local_level=1.0,
            needs=(_all_of(self.town.id("grid")), far),
            trip=_STARTS if self.random.random() < 0.9 else _STAYS_OUT,
            watched_by=scada,
            **self.plant,
        )
        self.town.add(
            exchange,
            name=f"{self.name}, exchange",
            kind="exchange",
            sector="telecom",
            zone=self.town.id("suppliers"),
            layer="communication",
            ward=self.ward,
            maintained_by="telecom",
            needs=(
                _all_of(feeder, buffer=_BATTERIES[int(self.random.integers(len(_BATTERIES)))]),
                _soft({self.town.id("core"): 0.3}),
            ),
        )
        self._control_room(scada, feeder, exchange)

    def _control_room(self, scada: str, feeder: str, exchange: str) -> None:
        self.town.add(
            scada,
            name=f"{self.name}, control room",
            kind="scada",
            sector="water",
            zone=self.town.id("plant"),
            layer="application",
            ward=self.ward,
            maintained_by="scada_vendor",
            needs=(_all_of(feeder, buffer=_CABINET), _soft({exchange: 0.6})),
            rebuild=_REBUILD,
        )
        self.town.scadas.append(scada)

    def _controller(self) -> None:
        self.town.add(
            self.id("plc"),
            name=f"{self.name}, controller",
            kind="plc",
            sector="water",
            local_level=0.95,
            maintained_by="scada_vendor",
            needs=(
                _all_of(self.id("feeder"), buffer=_CABINET),
                _soft({self.id("scada"): 0.15}, control=True, hold=6.0),
            ),
            watched_by=self.id("scada"),
            **self.plant,
        )

    def _tank(self) -> None:
        """Add the tank: half of the pumps can fill it, and it lasts some hours without them."""
        pumps = self.has["pump"]
        buffer = _TANKS[int(self.random.integers(len(_TANKS)))]
        needs = [_at_least(0.5, pumps, buffer=buffer, why="Filled by the pumps")]
        if self.has["valve"]:
            loss = 0.2 / len(self.has["valve"])
            needs.append(_soft(dict.fromkeys(self.has["valve"], loss), hold=12.0))
        tank = {"kind": "tank", "sector": "water", "local_level": 1.0, "needs": tuple(needs)}
        name = f"{self.name}, tank"
        self.town.add(self.id("tank"), name=name, watched_by=self.id("scada"), **tank, **self.plant)
        self.town.tanks.append(self.id("tank"))

    def _row(self, kind: str, count: int) -> None:
        """Add assets of one kind: the same record under several ids, for they are all alike."""
        record = _make(Asset, **getattr(self, f"_{kind}")(), **self.town.own)
        ids = [f"{self.ward}_{kind}_{number}" for number in range(1, count + 1)]
        self.town.parts.assets.update(dict.fromkeys(ids, record))
        self.has[kind] = ids

    def _fed(self, buffer: Buffer | None = None) -> Need:
        return _all_of(self.id("feeder"), buffer=buffer) if buffer else _all_of(self.id("feeder"))

    def _pump(self) -> dict[str, Any]:
        control = _all_of(self.id("plc"), control=True, hold=2.0, manual=_AT_THE_PANEL)
        needs = [self._fed(), control]
        if self.town.tanks and self.random.random() < 0.3:
            # Lifted from a neighbour's tank. It was built earlier, so water never runs in a circle.
            neighbours = self.town.tanks[-10:]
            needs.append(_all_of(neighbours[int(self.random.integers(len(neighbours)))]))
        return {
            "name": f"{self.name}, pump",
            "kind": "pump",
            "sector": "water",
            "local_level": 0.9,
            "needs": tuple(needs),
            "trip": _PUMP_TRIP,
            "watched_by": self.id("scada"),
            **self.plant,
        }

    def _valve(self) -> dict[str, Any]:
        control = _all_of(self.id("plc"), control=True, hold=24.0)
        common = {"kind": "valve", "sector": "water", "local_level": 1.0}
        return {"name": f"{self.name}, valve", "needs": (control,), **common, **self.plant}

    def _gauge(self) -> dict[str, Any]:
        common = {"kind": "sensor", "sector": "water", "needs": (self._fed(_CABINET),)}
        return {"name": f"{self.name}, gauge", **common, **self.plant}

    def _camera(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, cameras",
            "kind": "camera",
            "sector": "safety",
            "count": int(self.random.integers(4, 40)),
            "maintained_by": "msi",
            "local_level": 0.2,
            "needs": (self._fed(_UPS), _all_of(self.id("exchange"))),
            "watched_by": self.town.id("iccc"),
            **self.street,
        }

    def _signal(self) -> dict[str, Any]:
        plan = _soft({self.town.id("iccc"): 0.35}, control=True, hold=0.5, why="The last plan")
        return {
            "name": f"{self.name}, signals",
            "kind": "signal",
            "sector": "traffic",
            "count": int(self.random.integers(1, 8)),
            "maintained_by": "msi",
            "local_level": 0.65,
            "needs": (self._fed(_CABINET), plan),
            "watched_by": self.town.id("iccc"),
            **self.street,
        }

    def _desk(self) -> dict[str, Any]:
        network = _soft({self.id("exchange"): 0.5, self.town.id("identity"): 0.3}, hold=8.0)
        return {
            "name": f"{self.name}, counter",
            "kind": "workstation",
            "sector": "property" if self.number % 2 else "administration",
            "zone": self.town.id("hall"),
            "layer": "application",
            "ward": self.ward,
            "count": int(self.random.integers(2, 30)),
            "needs": (network,),
        }

    def _meter(self) -> dict[str, Any]:
        common = {"kind": "sensor", "sector": "iot", "local_level": 0.5, "maintained_by": "msi"}
        count = int(self.random.integers(50, 900))
        needs = (_all_of(self.id("exchange")),)
        return {"name": f"{self.name}, meters", "count": count, "needs": needs} | common | self.street

    def _lamp(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, lamps",
            "kind": "gateway",
            "sector": "lighting",
            "local_level": 0.9,
            "needs": (self._fed(), _soft({self.id("exchange"): 0.15}, control=True, hold=48.0)),
            **self.street,
        }

    def _console(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, dispatchers",
            "kind": "console",
            "sector": "safety",
            "zone": self.town.id("hall"),
            "layer": "application",
            "ward": self.ward,
            "needs": (self._fed(_CABINET),),
        }

    def _siren(self) -> dict[str, Any]:
        order = _soft({self.town.id("iccc"): 0.7}, control=True)
        common = {"kind": "siren", "sector": "safety", "local_level": 0.3, "needs": (order,)}
        return {"name": f"{self.name}, siren", **common, **self.street}

    def _server(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, office server",
            "kind": "server",
            "sector": "citizen_data",
            "zone": self.town.id("hall"),
            "layer": "data",
            "ward": self.ward,
            "records": int(self.random.integers(500, 9_000)),
            "needs": (self._fed(_UPS), _soft({self.town.id("identity"): 0.3}, hold=12.0)),
            "rebuild": _REBUILD,
        }

    # --- what people use ---

    def _services(self) -> None:
        self._water()
        self._traffic()
        self._dispatch()
        self._offices()
        if self.has["lamp"]:
            lit = _make(Need, weighted=self._weights(self.has["lamp"]))
            self._service("lighting", (lit,), sector="lighting", reach=0.03, profile="dark")
        if self.has["camera"]:
            seen = _at_least(0.8, self.has["camera"], hold=1.0)
            self._service("cameras", (seen,), sector="safety", reach=0.002, safety=0.1)

    def _service(self, kind: str, needs: tuple[Need, ...], **values: Any) -> None:
        self.town.parts.services[self.id(kind)] = _make(
            Service,
            name=f"{self.name}, {kind}",
            wards=(self.ward,),
            needs=needs,
            value=_WORTH[kind],
            **values,
            **self.town.own,
        )

    def _water(self) -> None:
        needs = [_all_of(self.id("tank"), manual=_TANKERS)]
        if self.has["gauge"]:
            needs.append(_at_least(0.5, self.has["gauge"], hold=168.0, why="Leaks are found late"))
        if self.has["meter"]:
            lost = dict.fromkeys(self.has["meter"], 0.05 / len(self.has["meter"]))
            needs.append(_soft(lost, hold=720.0, why="Bills go out once a month"))
        water = {"sector": "water", "profile": "taps", "critical": 2, "complaints": 0.00001}
        self._service("water", tuple(needs), reach=0.9, safety=0.1, **water)

    def _traffic(self) -> None:
        self.town.signals += self.has["signal"]
        flow = _make(Need, weighted=self._weights(self.has["signal"]), manual=_CONSTABLES)
        traffic = {"sector": "traffic", "profile": "travel", "complaints": 0.0002}
        self._service("traffic", (flow,), reach=0.015, safety=0.15, **traffic)

    def _dispatch(self) -> None:
        helps = {self.town.id("dispatch"): 0.4, self.town.id("iccc_consoles"): 0.1}
        for kind, loss in (("console", 0.2), ("siren", 0.1)):
            helps |= dict.fromkeys(self.has[kind], loss / max(1, len(self.has[kind])))
        needs = (
            _all_of(self.id("exchange"), manual=_CARDS, why="Incoming calls"),
            _soft(helps, manual=_CARDS, why="The right car to the right place"),
        )
        calls = {"sector": "safety", "profile": "calls", "critical": 1, "complaints": 0.01}
        self._service("dispatch", needs, reach=0.0005, safety=1.0, **calls)

    def _offices(self) -> None:
        self.town.desks += self.has["desk"]
        half = {desk: 0.5 / len(self.has["desk"]) for desk in self.has["desk"]}
        needs = (
            _all_of(self.town.id("property_db"), manual=_PAPER),
            _soft({self.town.id("portal"): 0.4, **half}),
        )
        office = {"profile": "office", "critical": 4, "complaints": 0.02}
        self._service("property", needs, sector="property", reach=0.0001, **office)
        if self.has["server"]:
            papers = _at_least(1.0, self.has["server"], manual=_PRIVATE_MAIL)
            office["sector"] = "citizen_data"
            self._service("certificates", (papers,), reach=0.00015, **office)

    def _weights(self, of: Sequence[str]) -> dict[str, float]:
        return dict(zip(of, self._parts(len(of)), strict=True))

    def _parts(self, count: int) -> list[float]:
        """Return weights, none of them zero, that add up to 1 to the last bit."""
        parts = max(_PARTS, 1 << (2 * count - 1).bit_length())
        extra = self.random.multinomial(parts - count, [1 / count] * count)
        return [(1 + int(part)) / parts for part in extra]

    def _access(self) -> None:
        reach = self.town.parts.reach
        plant = [*self.has["pump"], *self.has["valve"], *self.has["gauge"]]
        reach([self.id("scada")], [self.id("plc")], "control network")
        self.town.consoles += [*self.has["console"], *self.has["siren"]]
        reach([self.id("plc")], plant, "field bus")
        reach(self.has["meter"], self.has["camera"], "common password")
        reach(self.has["desk"][:1], [self.id("scada")], "engineering software")
        reach(self.has["camera"][:1], [self.town.id("iccc")], "stream")
