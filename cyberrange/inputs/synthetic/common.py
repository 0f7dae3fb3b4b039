"""What all districts have in common: how their records are made, and the objects that they share."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from cyberrange.inputs.city import Buffer, KOfN, Manual, Need, Profile, Trip, Value, Vendor
from cyberrange.inputs.records import Duration, Lognormal, Record, Source, Triangular

Made = TypeVar("Made", bound=Record)


# --- records without validation ------------------------------------------------------------------


@cache
def fields(names: tuple[str, ...]) -> set[str]:
    """Return the one set of field names that all records with these fields share."""
    return set(names)


def make(model: type[Made], **values: Any) -> Made:
    """Return a record whose values are known to be valid."""
    return model.model_construct(fields(tuple(values)), **values)


def all_of(*of: str, **others: Any) -> Need:
    """Return a need of all of some suppliers."""
    return make(Need, all_of=of, **others)


def soft(loss: dict[str, float], **others: Any) -> Need:
    """Return a need of suppliers without each of which a part of the level is lost."""
    return make(Need, soft=loss, **others)


def at_least(share: float, of: Sequence[str], **others: Any) -> Need:
    """Return a need of a share of several equal suppliers."""
    k = max(1, math.ceil(share * len(of)))
    return make(Need, k_of_n=KOfN.model_construct(k=k, of=tuple(of)), **others)


# --- one object for all --------------------------------------------------------------------------


def _hours(*by_block: float) -> tuple[float, ...]:
    """Return a day of 24 hours from values for blocks of equal length."""
    return tuple(value for value in by_block for _ in range(24 // len(by_block)))


@cache
def profiles() -> dict[str, Profile]:
    """Return the profiles of use."""
    office = _hours(0, 0, 0, 0.5, 1.5, 1.2, 0.3, 0)
    return {
        "taps": Profile(hours=_hours(0.3, 0.6, 2.2, 0.9, 0.7, 0.8, 1.7, 0.8)),
        "travel": Profile(hours=_hours(0.2, 0.3, 1.4, 1.6, 1.2, 1.8, 1.6, 0.6)),
        "office": Profile(hours=office, weekend=tuple(value / 4 for value in office)),
        "calls": Profile(hours=_hours(0.6, 0.6, 0.9, 1.1, 1.1, 1.2, 1.4, 1.1)),
        "dark": Profile(hours=_hours(1.0, 1.0, 0.2, 0, 0, 0.1, 2.5, 1.5)),
    }


@cache
def vendors() -> dict[str, Vendor]:
    """Return the suppliers who maintain assets."""
    return {
        "msi": Vendor(name="Integrator"),
        "scada_vendor": Vendor(name="Automation supplier"),
        "telecom": Vendor(name="Telephone company"),
    }


_ASSUMED = Source(text="Invented for a synthetic city.", confidence="assumption")
TANKS = tuple(
    Buffer(lasts=hours, refill=0.25, profile="taps", source=_ASSUMED)
    for hours in (4.5, 6.5, 8.0, 10.5, 12.0, 15.5, 23.0, 32.0)
)
BATTERIES = tuple(Buffer(lasts=h, refill=0.25, source=_ASSUMED) for h in (4.0, 6.0, 8.0))
UPS = Buffer(lasts=0.5, refill=0.25, source=_ASSUMED)
CABINET = Buffer(lasts=2.0, refill=0.25, source=_ASSUMED)
STARTS = Trip(below=0.2, restart_at=0.9, start_time=0.5, black_start=True)
STAYS_OUT = Trip(below=0.2, restart_at=0.99, start_time=0.5)
PUMP_TRIP = Trip(below=0.3, restart_at=0.5, start_time=0.25)
REBUILD = Duration(lognormal=Lognormal(median=48, p90=168))


def _by_hand(level: float, hours: float, team: str, people: int, endurance: float) -> Manual:
    after = Duration(triangular=Triangular(low=hours / 2, mode=hours, high=3 * hours))
    return Manual(level=level, after=after, team=team, people=people, endurance=endurance, source=_ASSUMED)


AT_THE_PANEL = _by_hand(0.85, 1.5, "water_crew", 2, 72)
TANKERS = _by_hand(0.15, 8, "water_crew", 3, 240)
CONSTABLES = _by_hand(0.5, 0.75, "traffic_crew", 4, 48)
PAPER = _by_hand(0.35, 24, "counter_staff", 4, 2160)
CARDS = _by_hand(0.75, 0.5, "dispatch_staff", 2, 72)
PRIVATE_MAIL = _by_hand(0.5, 12, "it_ops", 1, 1440)


def _worth(**ledgers: float) -> Value:
    return Value(**ledgers, source=_ASSUMED)


WORTH = {
    "water": _worth(city=0.46, citizens=0.67, deferred=0.05, recovered=0.0),
    "traffic": _worth(city=1, citizens=78),
    "dispatch": _worth(city=10),
    "property": _worth(citizens=65, deferred=1500, recovered=0.97),
    "certificates": _worth(citizens=65, deferred=60, recovered=0.95),
    "lighting": _worth(city=0.2, citizens=1),
    "cameras": _worth(city=0.5),
}
