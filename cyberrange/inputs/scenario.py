"""The schema of a scenario: who attacks, step by step, what it does and what it may give away."""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cyberrange.inputs.city import AssetKind, Layer, Sector
from cyberrange.inputs.quantities import Hours, Id, Share, Text
from cyberrange.inputs.records import Duration, Record, Source


class Target(Record):
    """Which assets a step means: those that match every field given.

    A list means any of its values. Scenarios name systems by what they are, so that one scenario plays on many cities.
    """

    kind: tuple[AssetKind, ...] = ()
    sector: tuple[Sector, ...] = ()
    zone_kind: tuple[Literal["it", "ot", "dmz", "field", "vendor", "state", "cloud"], ...] = ()
    layer: tuple[Layer, ...] = ()
    exposed: bool | None = None
    holds_records: bool | None = None
    vendor: Literal["any", "none"] | None = None
    """Maintained by some vendor, or by the city itself."""
    asset: tuple[Id, ...] = ()
    """Assets by id, for scenarios written for one city."""
    of: Literal["any", "first", "largest", "shared"] = "any"
    """Assets of any city, of the first city, of the most populous city, or shared ones."""
    pick: Annotated[int, Field(ge=1)] | None = None
    """At most so many, in the file's order; all when absent."""
    needed: bool = True
    """Whether the scenario cannot play on a city that has none."""


class Sign(Record):
    """A signal that a step may leave for a sensor to see."""

    sensor: Id
    """Kind of sensor: `edr`, `siem`, `ids`, `ot_monitor`, `mail_filter`, `user`, `partner`, `audit`,
    `traffic_monitor`."""
    chance: Share
    """Chance that a fully covering, well-tuned sensor of this kind sees it."""
    at: Literal["start", "success", "failure"] = "success"


class Effect(Record):
    """What a step does to its targets when it succeeds."""

    do: Literal[
        "compromise", "impair", "encrypt", "force", "falsify", "exfiltrate", "flood", "withdraw", "worm",
        "spoil_backups",
    ]  # fmt: skip
    """`compromise`: a foothold; `impair`: health falls to `level`; `encrypt`: health 0 and data destroyed; `force`: a
    plant is driven to `level` by false commands; `falsify`: it no longer reports the truth; `exfiltrate`: records
    leave; `flood`: useless demand of `load` times the capacity; `withdraw`: a vendor's assets and people are withdrawn;
    `worm`: self-spreading compromise along access edges; `spoil_backups`: backups within reach are destroyed."""
    on: Id | None = None
    """Target other than the step's own."""
    level: Share = 0.0
    """Health left (`impair`, `force`, `worm`)."""
    load: Annotated[float, Field(ge=0)] = 0.0
    """Offered load as a multiple of capacity (`flood`)."""
    share: Share = 1.0
    """Share of the targets' records (`exfiltrate`), or chance that each target is hit (other effects)."""
    rate: Annotated[float, Field(ge=0)] = 0.0
    """Attempts per hour and access edge (`worm`)."""
    kinds: tuple[AssetKind, ...] = ()
    """Kinds of asset that a worm can take; every kind when empty."""
    lasts: Duration | None = None
    """After this the effect ends by itself (`impair`, `force`, `flood`, `falsify`, `withdraw`)."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.do == "flood" and self.load <= 0:
            raise ValueError("a flood needs a load above 0")
        if self.do == "worm" and self.rate <= 0:
            raise ValueError("a worm needs a rate above 0")
        return self


class Step(Record):
    """One attack activity."""

    name: Text
    technique: Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")]
    """ATT&CK id, enterprise or ICS."""
    target: Id
    """Name of a target of this scenario."""
    per_target: bool = False
    """Play the step for each target on its own, with its own luck; otherwise once for all of them."""
    after_all: tuple[Id, ...] = ()
    """Steps that must all have succeeded (each on some target) before this one starts."""
    after_any: tuple[Id, ...] = ()
    """Steps of which one must have succeeded before this one starts."""
    begins: Hours = 0.0
    """Time since the scenario's start before which it does not start, even if all else that it needs is there."""
    foothold: Literal["outside", "reach", "held"] = "reach"
    """`outside`: none needed; `reach`: an asset that reaches the target is held; `held`: the target itself is held."""
    duration: Duration
    chance: Share = 1.0
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    """Further attempts after a failure..."""
    retry_after: Duration = Duration(fixed=24.0)
    """...each after this pause."""
    again: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often it is played again on a target that the city has restored while the attacker still has a foothold."""
    effects: tuple[Effect, ...] = ()
    signs: tuple[Sign, ...] = ()
    sources: tuple[Source, ...] = ()


class Adversary(Record):
    """Who attacks and why."""

    name: Text
    aim: Text
    skill: Share = 0.5
    """0: opportunist, 1: state-grade; described to players, and the chances of the steps already reflect it."""


class Outage(Record):
    """A published outage, shown beside the simulated one."""

    service: Id
    """Sector whose services it is compared with."""
    what: Text
    days: Annotated[float, Field(ge=0)]
    source: Source


class Frequency(Record):
    """Incidents of this kind per city and year."""

    low: Annotated[float, Field(ge=0)]
    mode: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]
    source: Source

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise ValueError("a frequency needs low <= mode <= high")
        return self


class Scenario(Record):
    """An attack (or a calm day) that can be played on any city with the systems it needs."""

    id: Id
    name: Text
    story: Text
    """One paragraph, for people who will never read the steps."""
    attack_version: Text = "ATT&CK v17.1"
    """Version of the ATT&CK matrices that the technique ids are taken from."""
    start: dt.datetime
    """Local date and time at which hour 0 falls."""
    horizon: Annotated[Hours, Field(gt=0, le=20_000)]
    """How long the city is watched."""
    touches: tuple[Sector, ...] = ()
    """City systems that the scenario touches."""
    adversary: Adversary | None = None
    targets: dict[Id, Target] = {}
    steps: dict[Id, Step] = {}
    outages: tuple[Outage, ...] = ()
    frequency: Frequency | None = None
    sources: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _local_time(self) -> Self:
        if self.start.tzinfo is not None:
            raise ValueError("start is local time of the city, without a time zone")
        return self
