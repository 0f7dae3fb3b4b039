"""What EPANET leaves open about waterworks: power, telemetry, controllers, the control room and crews.

It is added in the smallest form that makes sense, with figures that are marked as assumptions.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from cyberrange.errors import printable
from cyberrange.inputs.city import Access, Asset, AssetKind, Buffer, Manual, Need
from cyberrange.inputs.records import Duration, Lognormal, Source, Triangular
from cyberrange.twin.naming import Ids, listed
from cyberrange.twin.network import Network, Rule, Station, Tank, Way

SCADA, TELEMETRY, POWER = "water_scada", "water_telemetry", "water_power"
"""Assets by which a town and its waterworks know each other: a town may bring its own."""
PLANT = "water_ot"
"""The network zone of everything that belongs to the waterworks."""
MOST_RULES = 8
"""So many of EPANET's controls are quoted for one controller."""


def _assumed(text: str) -> Source:
    return Source(text=text, confidence="assumption")


BY_HAND = Manual(
    level=0.85,
    after=Duration(triangular=Triangular(low=0.75, mode=1.5, high=4)),
    team="water_crew",
    people=2,
    endurance=72,
    source=_assumed("Two operators at the panel, pump log on paper."),
)
TANKERS = Manual(
    level=0.15,
    after=Duration(triangular=Triangular(low=4, mode=8, high=18)),
    team="water_crew",
    people=3,
    endurance=240,
    source=_assumed("Tankers give about 20 of 135 litres a head; hiring them takes a working day."),
)
LEFT_OPEN = _assumed(
    "EPANET does not know power, telemetry, controllers or crews. Added here: one supply for the"
    " waterworks with a feeder for each station, one radio, one controller for each station and"
    " each tank, hold times of 2 h (pump without controller) and 6 h (controller without control"
    " room or gauges), batteries of 2 to 8 h, pumps run by hand after about 90 min."
)


class Control:
    """Who feeds, sees and sets the plant of one network."""

    def __init__(self, network: Network, ids: Ids) -> None:
        self.network = network
        self.ids = ids
        self._quoted: set[Rule] = set()
        for tank in network.tanks:  # their numbers follow the file, whoever is named first here
            self._tank_ids(tank)

    def station_ids(self, station: Station) -> tuple[str, str]:
        """Return the ids of a station's feeder and controller."""
        return self.ids.of("power", station.name), self.ids.of("plc", station.name)

    def station(self, station: Station) -> Iterator[tuple[str, Asset]]:
        """Yield a station's feeder and controller, by id."""
        title = listed("pump", [pump.name for pump in station.pumps])
        power, plc = self.station_ids(station)
        feeder = Need(all_of=(POWER,), why="From the supply of the waterworks")
        yield power, asset(f"Feeder of {title}", "power", sector="power", needs=(feeder,), local_level=1.0)
        # EPANET often shuts a pump and opens a pipe past it: one controller does both.
        past = self.network.bypasses.get(station.name, ())
        bypass = f" and of {listed('bypass pipe', past)}" if past else ""
        needs = (*_controller(power), *self._logic(station))
        yield plc, asset(f"Controller of {title}{bypass}", "plc", needs=needs, local_level=0.95)

    def _logic(self, station: Station) -> Iterator[Need]:
        """Yield what a station's controller must know: the levels that EPANET's controls look at."""
        links = {pump.name for pump in station.pumps} | {*self.network.bypasses[station.name]}
        rules = [rule for rule in self.network.rules if rule.links & links]
        tanks = [tank for tank in self.network.tanks if any(tank.name in r.tanks for r in rules)]
        text = f"EPANET: {self._quote(rules)}"
        if tanks:
            loss = round(0.3 / len(tanks), 3)
            levels = {self.ids.of("level", tank.name): loss for tank in tanks}
            why = f"Started and stopped by level. {text}"
            yield Need(soft=levels, control=True, hold=6, why=why)
        elif rules:
            why = f"Started and stopped by the clock, which telemetry sets. {text}"
            yield Need(soft={TELEMETRY: 0.05}, control=True, hold=24, why=why)

    def setting(self, valve: Way) -> Iterator[Need]:
        """Yield what a valve needs of the control room, where EPANET's controls set it."""
        if rules := self._quote(rule for rule in self.network.rules if valve.name in rule.links):
            why = f"Set from the control room. EPANET: {rules}"
            yield Need(all_of=(SCADA,), control=True, hold=24, manual=BY_HAND, why=why)

    def tank(self, tank: Tank) -> Iterator[tuple[str, Asset]]:
        """Yield the controller and the level gauge at a tank, by id."""
        plc, level = self._tank_ids(tank)
        name = f"Controller at tank {tank.name}, {tank.usable:,.0f} m3"
        yield plc, asset(name, "plc", needs=_controller(POWER), local_level=0.95)
        read = Need(all_of=(plc,), why="Read and sent by the controller at the tank")
        yield level, asset(f"Level of tank {tank.name}", "sensor", needs=(read,))

    def room(self) -> Asset:
        """Return the control room; it quotes the controls that nobody before it has quoted."""
        rules = self._quote(rule for rule in self.network.rules if rule not in self._quoted)
        sees = "Sees and sets stations and tanks over it"
        ups = Buffer(lasts=2, refill=0.25, source=_assumed("UPS."))
        return asset(
            "Water control room",
            "scada",
            layer="application",
            watched_by=None,
            needs=(
                Need(all_of=(POWER,), buffer=ups, why="Power"),
                Need(soft={TELEMETRY: 0.7}, why=f"{sees}. EPANET: {rules}" if rules else sees),
            ),
            rebuild=Duration(lognormal=Lognormal(median=36, p90=120)),
        )

    def access(self) -> Iterator[Access]:
        """Yield who can reach whom: the control room its controllers, and they their plant."""
        stations = [self.ids.of("plc", station.name) for station in self.network.stations]
        plcs = (*stations, *(self._tank_ids(tank)[0] for tank in self.network.tanks))
        yield _reach(SCADA, (*plcs, TELEMETRY), "control network")
        if plcs:
            yield _reach(TELEMETRY, plcs, "modem at the station")
        for plc, station in zip(stations, self.network.stations, strict=True):
            pumps = tuple(self.ids.of("pump", pump.name) for pump in station.pumps)
            yield _reach(plc, pumps, "field bus")
        for plc, level in map(self._tank_ids, self.network.tanks):
            yield _reach(plc, (level,), "field bus")

    def _quote(self, rules: Iterable[Rule]) -> str:
        """Return EPANET's controls in its own words, the first few of many."""
        found = list(rules)
        self._quoted.update(found)
        texts = [rule.text for rule in found[:MOST_RULES]]
        more = len(found) - MOST_RULES
        return printable("; ".join([*texts, f"and {more} more"] if more > 0 else texts))[:3000]

    def _tank_ids(self, tank: Tank) -> tuple[str, str]:
        return self.ids.of("plc_tank", tank.name), self.ids.of("level", tank.name)


def power_supply() -> Asset:
    """Return the one supply from which all waterworks are fed."""
    return asset("Power supply of the waterworks", "power", sector="power", local_level=1.0)


def telemetry() -> Asset:
    """Return the radio between the control room and its stations and tanks."""
    battery = Buffer(lasts=8, refill=0.25, source=_assumed("Batteries at the masts."))
    power = Need(all_of=(POWER,), buffer=battery, why="Power")
    name = "Telemetry to stations and tanks"
    return asset(name, "radio", layer="communication", needs=(power,))


def _controller(power: str) -> tuple[Need, Need]:
    """Return what every controller needs: power, and someone who sets it now and then."""
    battery = Buffer(lasts=4, refill=0.25, source=_assumed("Battery in the cabinet."))
    why = "Set-points stay as they are until the day's draw has changed"
    return (
        Need(all_of=(power,), buffer=battery, why="Power"),
        Need(soft={SCADA: 0.15}, control=True, hold=6, why=why),
    )


def asset(name: str, kind: AssetKind, **others: Any) -> Asset:
    """Return an asset of the waterworks, watched by the control room."""
    usual = {"sector": "water", "zone": PLANT, "layer": "sensing", "watched_by": SCADA}
    return Asset(name=printable(name), kind=kind, **(usual | others))


def _reach(source: str, targets: tuple[str, ...], via: str) -> Access:
    return Access.model_validate({"from": (source,), "to": targets, "via": via})
