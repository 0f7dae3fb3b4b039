"""A town: its network zones, the platforms that all its districts share, and who can reach whom."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cyberrange.inputs.city import SHARED, Access, Asset, Need, Service, Ward, Zone
from cyberrange.inputs.synthetic.common import BATTERIES, REBUILD, all_of, fields, make, soft

PER_DISTRICT = 50
STATE_ASSETS = 2
"""What the cities of a region share."""
_PLATFORMS = 12


class Parts:
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
            names = fields(("source", "target", "via"))
            self.access.append(Access.model_construct(names, **ends))


def add_state(parts: Parts) -> None:
    """Add what the cities of a region share."""
    parts.zones["state"] = Zone(name="State network", kind="state")
    common = {"sector": "region", "zone": "state", "city": SHARED}
    parts.assets["state_link"] = make(Asset, name="State network", kind="link", layer="communication", **common)
    parts.assets["state_platform"] = make(
        Asset,
        name="State platform",
        kind="platform",
        layer="data",
        records=2_000_000,
        needs=(all_of("state_link"),),
        rebuild=REBUILD,
        **common,
    )


class Town:
    """One city: what it has once, and what its districts have told it of themselves."""

    def __init__(self, name: str, place: int, random: np.random.Generator, parts: Parts) -> None:
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
        self.parts.assets[key] = make(Asset, **values, **self.own)
        return key

    def build_platforms(self) -> None:
        """Add the zones and what all districts share. Nothing here needs a district."""
        self._zones()
        self._utilities()
        hall = {"zone": self.id("hall"), "layer": "data"}
        network = all_of(self.id("hall_network"))
        log_on = soft({self.id("identity"): 0.4}, hold=8.0, why="Log-on is remembered")
        named: dict[str, dict[str, Any]] = {
            "identity": {"kind": "identity", "sector": "identity", "needs": (network,)},
            "backup": {"kind": "backup", "sector": "administration", "needs": (network,)},
            "mail": {"kind": "server", "sector": "administration", "needs": (network, log_on)},
        }
        for name, values in named.items():
            self.add(self.id(name), name=f"Municipal {name}", rebuild=REBUILD, **hall, **values)
        self._register(network, log_on)
        self._command_centre(log_on)

    def district_sizes(self, assets: int) -> list[int]:
        """Return sizes of districts, about fifty each, that make so many assets with the platforms."""
        assets -= _PLATFORMS
        districts = max(1, round(assets / PER_DISTRICT))
        sizes = np.full(districts, assets // districts)
        sizes[: assets % districts] += 1
        pairs = districts // 2
        moved = self.random.integers(-8, 9, pairs)
        sizes[:pairs] += moved
        sizes[pairs : 2 * pairs] -= moved
        return [int(size) for size in sizes]

    def connect(self) -> None:
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

    def _zones(self) -> None:
        self.parts.zones |= {
            self.id("hall"): Zone(name="Town hall", kind="it"),
            self.id("front"): Zone(name="Internet-facing zone", kind="dmz"),
            self.id("plant"): Zone(name="Plant", kind="ot"),
            self.id("streets"): Zone(name="Streets", kind="field"),
            self.id("suppliers"): Zone(name="Suppliers", kind="vendor"),
        }

    def _command_centre(self, log_on: Need) -> None:
        room = {"zone": self.id("hall"), "layer": "application", "maintained_by": "msi"}
        power = all_of(self.id("grid"), buffer=BATTERIES[2])
        network = soft({self.id("hall_network"): 0.5}, hold=1.0, why="What it can see")
        self.add(
            self.id("iccc"),
            name="Command centre platform",
            kind="platform",
            sector="iccc",
            needs=(power, network, log_on),
            rebuild=REBUILD,
            **room,
        )
        self.add(
            self.id("iccc_consoles"),
            name="Operators' consoles",
            kind="console",
            sector="iccc",
            count=12,
            needs=(soft({self.id("iccc"): 0.8}),),
            **room,
        )
        self.add(
            self.id("dispatch"),
            name="Dispatch system",
            kind="server",
            sector="safety",
            needs=(power, network),
            rebuild=REBUILD,
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
        grid = all_of(self.id("grid"), buffer=BATTERIES[2], why="Batteries and a generator")
        exchange = {"kind": "exchange", "sector": "telecom", "maintained_by": "telecom"}
        self.add(self.id("core"), name="Core exchange", needs=(grid,), **exchange, **outside)
        self.add(
            self.id("supplier_gateway"),
            name="Suppliers' remote access",
            kind="gateway",
            sector="vendor",
            maintained_by="scada_vendor",
            exposed=True,
            needs=(all_of(self.id("core")),),
            **outside,
        )
        self.add(
            self.id("hall_network"),
            name="Network of the town hall",
            kind="network",
            sector="telecom",
            zone=self.id("hall"),
            layer="communication",
            needs=(grid, soft({self.id("core"): 0.3})),
        )

    def _register(self, network: Need, log_on: Need) -> None:
        state = soft({"state_platform": 0.3}, hold=4.0, why="Stamp duty is paid to the state")
        self.add(
            self.id("property_db"),
            name="Register of titles",
            kind="database",
            sector="property",
            zone=self.id("hall"),
            layer="data",
            records=int(self.random.integers(20_000, 900_000)),
            needs=(network, log_on, state) if self.regional else (network, log_on),
            rebuild=REBUILD,
        )
        self.add(
            self.id("portal"),
            name="Property portal",
            kind="portal",
            sector="property",
            zone=self.id("front"),
            layer="application",
            exposed=True,
            needs=(all_of(self.id("property_db"), self.id("core")),),
        )
