"""The schema of the catalogue of controls: what each costs and which mechanism it changes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cyberrange.inputs.quantities import Hours, Id, Rupees, Text
from cyberrange.inputs.records import Record, Source
from cyberrange.inputs.scenario import Target

Quantity = Literal[
    "attack_chance", "attack_duration", "sign_chance", "sensor_sees", "sensor_delay", "sensor_false", "triage_duration",
    "triage_confirms", "step_duration", "step_chance", "finds", "approval_delay", "hand_off", "backup_good",
    "backup_survives", "bare_rebuild", "rebuild", "documented", "worm_rate", "flood_load", "records_share", "people",
    "manual_after", "manual_level", "hold", "access",
]  # fmt: skip
"""What a mechanism changes; see docs/model.md for each."""


class Mechanism(Record):
    """One quantity that a control changes, and where: value -> value * times, then + plus, then clipped."""

    change: Quantity
    times: Annotated[float, Field(ge=0, le=1000)] = 1.0
    plus: float = 0.0
    techniques: tuple[Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")], ...] = ()
    """Attack steps by technique (a technique covers its sub-techniques); all when empty."""
    target: Target | None = None
    """Assets it acts on; all when absent."""
    ids: tuple[Id, ...] = ()
    """Sensors, teams, playbook steps or approvers by id; all when empty."""
    low: Annotated[float, Field(ge=0, le=1000)] | None = None
    """Uncertainty of `times`: low..."""
    high: Annotated[float, Field(ge=0, le=1000)] | None = None
    """...and high."""
    source: Source

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.times == 1.0 and self.plus == 0.0:
            raise ValueError("a mechanism changes something: give `times` or `plus`")
        return self


class Control(Record):
    """A defence that a city can buy."""

    name: Text
    about: Text = ""
    capex: Rupees
    """Once."""
    opex: Rupees
    """A year."""
    life: Hours
    """Years over which the capex is written off."""
    shared: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the cost that is paid once when several cities of a region buy it."""
    requires: tuple[Id, ...] = ()
    excludes: tuple[Id, ...] = ()
    mechanisms: Annotated[tuple[Mechanism, ...], Field(min_length=1)]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    """Where the cost comes from."""


class Catalogue(Record):
    """The controls on offer."""

    id: Id
    name: Text
    controls: dict[Id, Control]
