"""A district: its loop of power, telecom and control room, its rows of assets, and its services."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cyberrange.inputs.city import Asset, Buffer, Need, Service, Ward
from cyberrange.inputs.synthetic.common import (
    AT_THE_PANEL,
    BATTERIES,
    CABINET,
    CARDS,
    CONSTABLES,
    PAPER,
    PRIVATE_MAIL,
    PUMP_TRIP,
    REBUILD,
    STARTS,
    STAYS_OUT,
    TANKERS,
    TANKS,
    UPS,
    WORTH,
    all_of,
    at_least,
    make,
    soft,
)
from cyberrange.inputs.synthetic.town import Town

_CORE = 8
_PARTS = 64
"""Weights are so many parts of a power of two, so that they add up to 1 to the last bit."""
_FILLERS = {
    "gauge": 0.22, "camera": 0.2, "signal": 0.12, "desk": 0.12, "meter": 0.1, "lamp": 0.06,
    "valve": 0.05, "pump": 0.05, "console": 0.04, "siren": 0.02, "server": 0.02,
}  # fmt: skip
"""What a district has beside its core, by how often."""
_KINDS = tuple(_FILLERS)
_ODDS = np.cumsum(list(_FILLERS.values()))


class District:
    """A district: feeder, exchange, control room, pumps and tank, and what else it has."""

    def __init__(self, town: Town, number: int) -> None:
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
        far = soft({scada: 0.02, exchange: 0.02}, control=True, hold=6.0, why="Switched from afar")
        self.town.add(
            feeder,
            name=f"{self.name}, feeder",
            kind="power",
            sector="power",
            local_level=1.0,
            needs=(all_of(self.town.id("grid")), far),
            trip=STARTS if self.random.random() < 0.9 else STAYS_OUT,
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
                all_of(feeder, buffer=BATTERIES[int(self.random.integers(len(BATTERIES)))]),
                soft({self.town.id("core"): 0.3}),
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
            needs=(all_of(feeder, buffer=CABINET), soft({exchange: 0.6})),
            rebuild=REBUILD,
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
                all_of(self.id("feeder"), buffer=CABINET),
                soft({self.id("scada"): 0.15}, control=True, hold=6.0),
            ),
            watched_by=self.id("scada"),
            **self.plant,
        )

    def _tank(self) -> None:
        """Add the tank: half of the pumps can fill it, and it lasts some hours without them."""
        pumps = self.has["pump"]
        buffer = TANKS[int(self.random.integers(len(TANKS)))]
        needs = [at_least(0.5, pumps, buffer=buffer, why="Filled by the pumps")]
        if self.has["valve"]:
            loss = 0.2 / len(self.has["valve"])
            needs.append(soft(dict.fromkeys(self.has["valve"], loss), hold=12.0))
        tank = {"kind": "tank", "sector": "water", "local_level": 1.0, "needs": tuple(needs)}
        name = f"{self.name}, tank"
        self.town.add(self.id("tank"), name=name, watched_by=self.id("scada"), **tank, **self.plant)
        self.town.tanks.append(self.id("tank"))

    def _row(self, kind: str, count: int) -> None:
        """Add assets of one kind: the same record under several ids, for they are all alike."""
        record = make(Asset, **getattr(self, f"_{kind}")(), **self.town.own)
        ids = [f"{self.ward}_{kind}_{number}" for number in range(1, count + 1)]
        self.town.parts.assets.update(dict.fromkeys(ids, record))
        self.has[kind] = ids

    def _fed(self, buffer: Buffer | None = None) -> Need:
        return all_of(self.id("feeder"), buffer=buffer) if buffer else all_of(self.id("feeder"))

    def _pump(self) -> dict[str, Any]:
        control = all_of(self.id("plc"), control=True, hold=2.0, manual=AT_THE_PANEL)
        needs = [self._fed(), control]
        if self.town.tanks and self.random.random() < 0.3:
            # Lifted from a neighbour's tank. It was built earlier, so water never runs in a circle.
            neighbours = self.town.tanks[-10:]
            needs.append(all_of(neighbours[int(self.random.integers(len(neighbours)))]))
        return {
            "name": f"{self.name}, pump",
            "kind": "pump",
            "sector": "water",
            "local_level": 0.9,
            "needs": tuple(needs),
            "trip": PUMP_TRIP,
            "watched_by": self.id("scada"),
            **self.plant,
        }

    def _valve(self) -> dict[str, Any]:
        control = all_of(self.id("plc"), control=True, hold=24.0)
        common = {"kind": "valve", "sector": "water", "local_level": 1.0}
        return {"name": f"{self.name}, valve", "needs": (control,), **common, **self.plant}

    def _gauge(self) -> dict[str, Any]:
        common = {"kind": "sensor", "sector": "water", "needs": (self._fed(CABINET),)}
        return {"name": f"{self.name}, gauge", **common, **self.plant}

    def _camera(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, cameras",
            "kind": "camera",
            "sector": "safety",
            "count": int(self.random.integers(4, 40)),
            "maintained_by": "msi",
            "local_level": 0.2,
            "needs": (self._fed(UPS), all_of(self.id("exchange"))),
            "watched_by": self.town.id("iccc"),
            **self.street,
        }

    def _signal(self) -> dict[str, Any]:
        plan = soft({self.town.id("iccc"): 0.35}, control=True, hold=0.5, why="The last plan")
        return {
            "name": f"{self.name}, signals",
            "kind": "signal",
            "sector": "traffic",
            "count": int(self.random.integers(1, 8)),
            "maintained_by": "msi",
            "local_level": 0.65,
            "needs": (self._fed(CABINET), plan),
            "watched_by": self.town.id("iccc"),
            **self.street,
        }

    def _desk(self) -> dict[str, Any]:
        network = soft({self.id("exchange"): 0.5, self.town.id("identity"): 0.3}, hold=8.0)
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
        needs = (all_of(self.id("exchange")),)
        return {"name": f"{self.name}, meters", "count": count, "needs": needs} | common | self.street

    def _lamp(self) -> dict[str, Any]:
        return {
            "name": f"{self.name}, lamps",
            "kind": "gateway",
            "sector": "lighting",
            "local_level": 0.9,
            "needs": (self._fed(), soft({self.id("exchange"): 0.15}, control=True, hold=48.0)),
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
            "needs": (self._fed(CABINET),),
        }

    def _siren(self) -> dict[str, Any]:
        order = soft({self.town.id("iccc"): 0.7}, control=True)
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
            "needs": (self._fed(UPS), soft({self.town.id("identity"): 0.3}, hold=12.0)),
            "rebuild": REBUILD,
        }

    # --- what people use ---

    def _services(self) -> None:
        self._water()
        self._traffic()
        self._dispatch()
        self._offices()
        if self.has["lamp"]:
            lit = make(Need, weighted=self._weights(self.has["lamp"]))
            self._service("lighting", (lit,), sector="lighting", reach=0.03, profile="dark")
        if self.has["camera"]:
            seen = at_least(0.8, self.has["camera"], hold=1.0)
            self._service("cameras", (seen,), sector="safety", reach=0.002, safety=0.1)

    def _service(self, kind: str, needs: tuple[Need, ...], **values: Any) -> None:
        self.town.parts.services[self.id(kind)] = make(
            Service,
            name=f"{self.name}, {kind}",
            wards=(self.ward,),
            needs=needs,
            value=WORTH[kind],
            **values,
            **self.town.own,
        )

    def _water(self) -> None:
        needs = [all_of(self.id("tank"), manual=TANKERS)]
        if self.has["gauge"]:
            needs.append(at_least(0.5, self.has["gauge"], hold=168.0, why="Leaks are found late"))
        if self.has["meter"]:
            lost = dict.fromkeys(self.has["meter"], 0.05 / len(self.has["meter"]))
            needs.append(soft(lost, hold=720.0, why="Bills go out once a month"))
        water = {"sector": "water", "profile": "taps", "critical": 2, "complaints": 0.00001}
        self._service("water", tuple(needs), reach=0.9, safety=0.1, **water)

    def _traffic(self) -> None:
        self.town.signals += self.has["signal"]
        flow = make(Need, weighted=self._weights(self.has["signal"]), manual=CONSTABLES)
        traffic = {"sector": "traffic", "profile": "travel", "complaints": 0.0002}
        self._service("traffic", (flow,), reach=0.015, safety=0.15, **traffic)

    def _dispatch(self) -> None:
        helps = {self.town.id("dispatch"): 0.4, self.town.id("iccc_consoles"): 0.1}
        for kind, loss in (("console", 0.2), ("siren", 0.1)):
            helps |= dict.fromkeys(self.has[kind], loss / max(1, len(self.has[kind])))
        needs = (
            all_of(self.id("exchange"), manual=CARDS, why="Incoming calls"),
            soft(helps, manual=CARDS, why="The right car to the right place"),
        )
        calls = {"sector": "safety", "profile": "calls", "critical": 1, "complaints": 0.01}
        self._service("dispatch", needs, reach=0.0005, safety=1.0, **calls)

    def _offices(self) -> None:
        self.town.desks += self.has["desk"]
        half = {desk: 0.5 / len(self.has["desk"]) for desk in self.has["desk"]}
        needs = (
            all_of(self.town.id("property_db"), manual=PAPER),
            soft({self.town.id("portal"): 0.4, **half}),
        )
        office = {"profile": "office", "critical": 4, "complaints": 0.02}
        self._service("property", needs, sector="property", reach=0.0001, **office)
        if self.has["server"]:
            papers = at_least(1.0, self.has["server"], manual=PRIVATE_MAIL)
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
