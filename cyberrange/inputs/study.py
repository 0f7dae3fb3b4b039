"""The schema of a study: what may happen and how often, what is on offer, and what may be spent on it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cyberrange.inputs.quantities import Id, Rupees, Text
from cyberrange.inputs.records import Record, Source

Name = Annotated[str, Field(min_length=1, max_length=4000)]
"""The name of something that ships, or the path of a file."""

Rate = Annotated[float, Field(ge=0, le=1000)]
"""Times a year."""

Replicates = Annotated[int, Field(ge=10, le=1_000_000)]
"""Runs of one design under one scenario."""


class PerYear(Record):
    """How often a scenario happens in a year, and how sure that is."""

    per_year: Rate
    """Times a year, on average over many years."""
    low: Rate
    """It may be as seldom as this..."""
    high: Rate
    """...or as frequent as this."""
    source: Source

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.per_year <= self.high:
            raise ValueError("a frequency needs low <= per_year <= high")
        return self


class EarmarkedGrant(Record):
    """Money from somebody else, for some purposes only."""

    money: Rupees
    purposes: Annotated[tuple[Literal["controls", "organisation"], ...], Field(min_length=1, alias="for")]
    """What it may be spent on: `controls`, or what another `organisation` costs more than today's."""


class Budget(Record):
    """What may be spent in all, over some years.

    Examples
    --------
    >>> Budget(own=5e7, years=5).for_controls
    50000000.0
    """

    own: Rupees
    """The city's own money, for any purpose."""
    grant: EarmarkedGrant | None = None
    years: Annotated[int, Field(ge=1, le=50)]
    """Over so many years it must pay capex, opex, and what the organisation costs more than today's."""

    @property
    def for_controls(self) -> float:
        """Rupees that may be spent on controls when nothing else is paid for."""
        grant = self.grant.money if self.grant and "controls" in self.grant.purposes else 0.0
        return self.own + grant


class Runs(Record):
    """How many replicates are played of each design under each scenario."""

    screening: Replicates = 60
    """Of every design, to drop those that are clearly worse."""
    final: Replicates = 400
    """Of those that are left, the runs of the screening included."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.final < self.screening:
            raise ValueError("`final` includes the runs of the screening, so it needs screening <= final")
        return self


class Factor(Record):
    """How far the true value may lie from the one in the files, as a multiple of it."""

    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(le=1000)]
    source: Source

    @model_validator(mode="after")
    def _around_one(self) -> Self:
        if not self.low <= 1 <= self.high:
            raise ValueError("a factor needs low <= 1 <= high: 1 is the value as it stands in the files")
        return self


class Values(Record):
    """How uncertain rupee values are; what is left out is taken as it stands."""

    citizens: Factor | None = None
    """What an hour without a service costs citizens."""
    city: Factor | None = None
    """What it costs the city's budget."""
    deferred: Factor | None = None
    """Revenue that comes late or never."""
    cost: Factor | None = None
    """Prices of controls."""


class StudySpec(Record):
    """A study: which organisation and controls are worth their money, under a budget.

    Examples
    --------
    >>> import cyberrange as cr
    >>> cr.load_study("city_five_crore").budget.own
    50000000.0
    """

    id: Id
    name: Text
    about: Text = ""
    city: Name
    """The city or region: a shipped name, or a path seen from the study's file."""
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    """Names the luck: the same seed gives the same result."""
    scenarios: Annotated[dict[Name, PerYear], Field(min_length=1)]
    """What may happen, by name or path, and how often it does in the whole city or region."""
    organisations: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Postures by name or path. The first is what the city has today, and the others are compared with it."""
    controls: tuple[Id, ...] = ()
    """Controls on offer, by id in the catalogue."""
    catalogue: Name = "controls"
    """The catalogue of controls: a shipped name, or a path seen from the study's file."""
    budget: Budget
    discount: Annotated[float, Field(ge=0, lt=1)]
    """Rate of interest a year at which capex is spread over a control's life."""
    worth: Annotated[Rupees, Field(gt=0)]
    """Rupees a year: a smaller difference is not worth paying for."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of intervals, and of having chosen well."""
    runs: Runs = Runs()
    values: Values = Values()
    threshold: Rupees
    """The study says how likely a year is that costs more than this."""
    sources: tuple[Source, ...] = ()
