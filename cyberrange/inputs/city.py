"""The schema of a city: zones, wards, assets, services, their needs and who can reach whom."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cyberrange.inputs.quantities import Hours, Id, Rupees, Share, Text
from cyberrange.inputs.records import Duration, Record, Source

Layer = Literal["sensing", "communication", "data", "application"]
"""The four layers of the MoHUA smart-city security framework (2016)."""

AssetKind = Literal[
    "server", "database", "workstation", "portal", "platform", "identity", "backup", "scada", "plc", "pump", "valve",
    "tank", "sensor", "camera", "signal", "siren", "radio", "gateway", "network", "link", "power", "exchange",
    "console",
]  # fmt: skip
"""What an asset is."""

Sector = Literal[
    "water", "sewage", "traffic", "property", "payments", "safety", "iccc", "citizen_data", "identity", "iot",
    "platform", "data_exchange", "power", "telecom", "health", "waste", "transport", "lighting", "administration",
    "vendor", "region",
]  # fmt: skip
"""Which of a city's systems something belongs to."""

SHARED = "shared"
"""The city of assets that several cities share; its organisation is the shared platform's operator."""


class Zone(Record):
    """A network zone: assets in one zone trust each other more than they trust other zones."""

    name: Text
    kind: Literal["it", "ot", "dmz", "field", "vendor", "state", "cloud"]
    """Powers and controls may differ by kind of zone."""


class Buffer(Record):
    """A store that bridges a missing supply: a tank, a battery, a stock of paper forms."""

    lasts: Hours
    """Hours of mean need that a full store covers."""
    refill: Annotated[float, Field(gt=0)] = 1.0
    """Hours of need refilled per hour once the supply is back in full."""
    full: Share = 1.0
    """How full it is at the start."""
    profile: Id | None = None
    """Hourly profile of the need it covers; without one the need is constant."""
    source: Source | None = None


class Manual(Record):
    """People who take over by hand what a missing supply did."""

    level: Share
    """Level that they reach."""
    after: Duration
    """Time to set it up, once the people are there."""
    team: Id
    """The team whose people it ties up while it runs."""
    people: Annotated[int, Field(ge=1)] = 1
    endurance: Hours = 1e9
    """How long they can keep it up before they tire."""
    source: Source | None = None


class KOfN(Record):
    """At least k suppliers of several: min(1, sum / k)."""

    k: Annotated[int, Field(ge=1)]
    of: Annotated[tuple[Id, ...], Field(min_length=1)]


class Need(Record):
    """A group of suppliers that yields a supply in [0, 1]; exactly one of the four forms is given."""

    all_of: Annotated[tuple[Id, ...], Field(min_length=1)] | None = None
    """The minimum of its suppliers."""
    k_of_n: KOfN | None = None
    """min(1, sum / k)."""
    weighted: dict[Id, Annotated[float, Field(gt=0, le=1)]] | None = None
    """Sum of weight times level; the weights add up to 1."""
    soft: dict[Id, Share] | None = None
    """1 - sum of loss times (1 - level), not below 0: a supplier whose absence costs at most its loss."""
    control: bool = False
    """A control need: while it is missing the last set-point holds (see `hold`)."""
    hold: Hours = 0.0
    """How long the last set-point, or a cached copy, serves once the supply is short."""
    buffer: Buffer | None = None
    manual: Manual | None = None
    why: Text = ""
    """What the need is, in plain words."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [f for f in ("all_of", "k_of_n", "weighted", "soft") if getattr(self, f) is not None]
        if len(given) != 1:
            raise ValueError(f"a need is exactly one of all_of, k_of_n, weighted, soft; found {given or 'none'}")
        if self.weighted is not None and abs(sum(self.weighted.values()) - 1) > 1e-9:
            raise ValueError(f"the weights must add up to 1, found {sum(self.weighted.values()):.6g}")
        if self.k_of_n is not None and self.k_of_n.k > len(self.k_of_n.of):
            raise ValueError(f"k = {self.k_of_n.k} of only {len(self.k_of_n.of)} suppliers")
        if self.buffer is not None and self.hold > 0:
            raise ValueError("a need has a buffer or a hold time, not both")
        return self

    @property
    def suppliers(self) -> dict[str, float]:
        """Supplier -> weight (1 where the form has no weights)."""
        if self.k_of_n is not None:
            return dict.fromkeys(self.k_of_n.of, 1.0)
        return dict(self.weighted or self.soft or dict.fromkeys(self.all_of or (), 1.0))


class Trip(Record):
    """Protection that takes a node out when its supply is too low, and the way back."""

    below: Annotated[float, Field(gt=0, le=1)] = 0.5
    """It trips when the smallest of its supplies stays below this..."""
    after: Hours = 0.0
    """...for this long."""
    restart_at: Annotated[float, Field(gt=0, le=1)] = 0.9
    """It may restart when every supply is at least this..."""
    start_time: Hours = 0.0
    """...and then takes this long."""
    black_start: bool = False
    """It can restart without the suppliers that stand on a cycle with it."""


class Asset(Record):
    """A system, device, network or plant of the city."""

    name: Text
    kind: AssetKind
    sector: Sector
    zone: Id
    layer: Layer
    city: Id | None = None
    """The city that owns it; `shared` for a platform of several cities; the only city where a file has just one."""
    count: Annotated[int, Field(ge=1)] = 1
    """How many devices it stands for (cameras of a ward)."""
    ward: Id | None = None
    """Where it stands."""
    maintained_by: Id | None = None
    """The vendor that looks after it; the city's own people when absent."""
    exposed: bool = False
    """Reachable from outside the city's networks."""
    records: Annotated[int, Field(ge=0)] = 0
    """Personal records that it holds."""
    needs: tuple[Need, ...] = ()
    trip: Trip | None = None
    local_level: Share = 0.0
    """What it still does while it is cut off from the network (a pump on local control)."""
    watched_by: Id | None = None
    """The asset that raises an alarm when this one's level drops below one half."""
    rebuild: Duration | None = None
    """Work to bring it back from a good backup after its data were destroyed; a default by kind when absent."""


class Access(Record):
    """Who can reach whom: the attack graph, kept apart from the needs."""

    source: Annotated[tuple[Id, ...], Field(min_length=1, alias="from")]
    target: Annotated[tuple[Id, ...], Field(min_length=1, alias="to")]
    via: Text = ""
    both_ways: bool = False


class Value(Record):
    """Rupees per citizen-hour that is not served, in three ledgers."""

    city: Rupees = 0.0
    """Extra cost to the city's budget."""
    citizens: Rupees = 0.0
    """Cost to citizens: time, tankers, fares."""
    deferred: Rupees = 0.0
    """Revenue put off..."""
    recovered: Share = 1.0
    """...of which this share is collected later."""
    source: Source | None = None


class Service(Record):
    """Something citizens use; the only place where loss is valued."""

    name: Text
    sector: Sector
    needs: Annotated[tuple[Need, ...], Field(min_length=1)]
    city: Id | None = None
    wards: tuple[Id, ...] = ()
    """The wards served; all wards of the city when empty."""
    reach: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the wards' citizens who use it in a mean hour."""
    profile: Id | None = None
    """Hourly profile of its use; constant when absent."""
    value: Value = Value()
    safety: Annotated[float, Field(ge=0)] = 0.0
    """Safety weight of a lost hour (1: an emergency service that everyone may need)."""
    critical: Annotated[int, Field(ge=1, le=5)] = 3
    """Restoration class: 1 first, 5 last."""
    complaints: Annotated[float, Field(ge=0)] = 0.0
    """Complaints per citizen-hour not served: a detection channel."""


class Ward(Record):
    """A ward and its citizens."""

    name: Text
    population: Annotated[int, Field(ge=0, le=100_000_000)]
    city: Id | None = None
    x: float = 0.0
    y: float = 0.0


class Profile(Record):
    """Relative use by hour of the day; scaled to a weekly mean of 1."""

    hours: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)]
    weekend: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)] | None = None

    @model_validator(mode="after")
    def _used(self) -> Self:
        if sum(self.hours) <= 0:
            raise ValueError("a profile needs at least one hour of use")
        return self


class Vendor(Record):
    """An outside company that the city depends on."""

    name: Text
    about: Text = ""


class Municipality(Record):
    """One city of a region."""

    name: Text
    about: Text = ""


class City(Record):
    """A city, or a region of several cities that share platforms, vendors or links.

    Examples
    --------
    >>> import cyberrange as cr
    >>> cr.load_city("kasba").name
    'Kasba'
    """

    id: Id
    name: Text
    about: Text = ""
    utc_offset: Hours = 5.5
    """Local time is this far ahead of UTC."""
    cities: dict[Id, Municipality] = {}
    """The cities of a region; empty for a single city."""
    zones: dict[Id, Zone]
    wards: dict[Id, Ward]
    profiles: dict[Id, Profile] = {}
    vendors: dict[Id, Vendor] = {}
    services: dict[Id, Service]
    assets: dict[Id, Asset]
    access: tuple[Access, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def city_ids(self) -> tuple[str, ...]:
        """Ids of the cities: the region's, or the file's own id."""
        return tuple(self.cities) or (self.id,)

    def city_of(self, thing: Asset | Service | Ward) -> str:
        """Id of the city that a ward, service or asset belongs to."""
        return thing.city or self.city_ids[0]
