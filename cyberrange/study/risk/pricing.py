"""Prices of runs that are already there: what was not served, times what an hour of it is worth.

A table of runs holds the citizen-hours that each service did not serve and the cost of the response. All ledgers follow
from these, so other rupee values need no new run. The equations are those of `cyberrange.results.measures`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.inputs.city import City
from cyberrange.results.measures import Measure

LEDGER_MEASURES = (
    Measure("city", "Rs", "unserved x city value + response_cost + deferred - recovered: the city's budget"),
    Measure("citizens", "Rs", "unserved x citizens' value"),
    Measure("total", "Rs", "city + citizens"),
    Measure("deferred", "Rs", "unserved x deferred value: revenue put off, collected later or not"),
    Measure("recovered", "Rs", "the part of deferred that is collected later"),
    Measure("citizen_hours", "citizen-hours", "sum of unserved over services"),
    Measure("safety_minutes", "weighted minutes", "60 x unserved x safety weight"),
)
"""What each ledger means. Revenue that is never collected stands in `city`, so `total` counts it once."""

LEDGERS = tuple(m.name for m in LEDGER_MEASURES)
"""Names of the ledgers, in the order of the tables."""

_UNSERVED = "unserved."
_COST = "response_cost"


class ServiceValue(NamedTuple):
    """What a citizen-hour that a service does not serve is worth."""

    city: float
    """Extra cost to the city's budget, Rs."""
    citizens: float
    """Cost to citizens, Rs."""
    deferred: float
    """Revenue put off, Rs..."""
    recovered: float
    """...of which this share is collected later, 0 to 1."""
    safety: float
    """Safety weight."""


@dataclass(frozen=True)
class Values:
    """Values of all services of a city, as the planner sees them.

    Parameters
    ----------
    services
        Value by service id.

    Raises
    ------
    CyberrangeError
        When a value is negative or not a number, or a recovered share is above 1.

    Examples
    --------
    >>> values = Values({"water": ServiceValue(city=2.0, citizens=10.0, deferred=0.0, recovered=1.0, safety=0.5)})
    >>> dearer = values.scaled(citizens=1.3).replace("water", city=3.0)
    >>> dearer.services["water"].city, dearer.services["water"].citizens
    (3.0, 13.0)
    """

    services: Mapping[str, ServiceValue]

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for service, value in self.services.items():
            for field, number in value._asdict().items():
                most = 1.0 if field == "recovered" else math.inf
                if not (0 <= number <= most and math.isfinite(number)):
                    allowed = "a share from 0 to 1" if field == "recovered" else "a number of 0 or more"
                    raise CyberrangeError(f"service {quoted(service)}: {field} is {number}, but must be {allowed}")

    def scaled(self, **factors: float) -> Self:
        """Return values in which the named fields of every service are multiplied.

        Parameters
        ----------
        **factors
            Factor by field of `ServiceValue`, such as ``citizens=1.3``.

        Raises
        ------
        CyberrangeError
            For a field that does not exist, or a result that `Values` refuses.
        """
        _check_fields(factors)
        return type(self)(
            {
                service: value._replace(**{field: getattr(value, field) * by for field, by in factors.items()})
                for service, value in self.services.items()
            }
        )

    def replace(self, *services: str, **fields: float) -> Self:
        """Return values in which the named fields of the named services are others.

        Parameters
        ----------
        *services
            Service ids; ``values.replace(*values.services, recovered=1.0)`` changes all.
        **fields
            New number by field of `ServiceValue`.

        Raises
        ------
        CyberrangeError
            For a service or a field that does not exist, or a number that `Values` refuses.
        """
        _check_fields(fields)
        for service in services:
            if service not in self.services:
                hint = did_you_mean(service, self.services)
                raise CyberrangeError(f"there is no service {quoted(service)} to value.{hint}")
        changed = {service: self.services[service]._replace(**fields) for service in services}
        return type(self)({**self.services, **changed})


def values_of(city: City) -> Values:
    """Return the values that a city's own file gives its services.

    Examples
    --------
    >>> import cyberrange as cr
    >>> values_of(cr.load_city("kasba")).services["dispatch"]
    ServiceValue(city=50.0, citizens=0.0, deferred=0.0, recovered=1.0, safety=1.0)
    """
    return Values(
        {
            name: ServiceValue(s.value.city, s.value.citizens, s.value.deferred, s.value.recovered, s.safety)
            for name, s in city.services.items()
        }
    )


def price(runs: pd.DataFrame, values: Values) -> pd.DataFrame:
    """Return what every run costs in each ledger.

    Parameters
    ----------
    runs
        A row per run, as `cyberrange.replicate` returns it: `unserved.<service>` in citizen-hours for each service of
        the values, and `response_cost` in rupees.
    values
        What a citizen-hour is worth.

    Returns
    -------
    pandas.DataFrame
        The index of `runs`, a column for each of `LEDGERS`, in the units of `LEDGER_MEASURES`.

    Raises
    ------
    CyberrangeError
        When the runs and the values are not about the same services.

    Examples
    --------
    >>> runs = pd.DataFrame({"unserved.water": [10.0], "response_cost": [5.0]})
    >>> values = Values({"water": ServiceValue(city=2.0, citizens=3.0, deferred=4.0, recovered=0.75, safety=0.5)})
    >>> price(runs, values).loc[0].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'city': 35.0, 'citizens': 30.0, 'total': 65.0, 'deferred': 40.0, 'recovered': 30.0, 'citizen_hours': 10.0,
     'safety_minutes': 300.0}
    """
    _check_services(runs, values)
    unserved = runs[[_UNSERVED + service for service in values.services]].to_numpy(dtype=np.float64)
    ledgers = unserved @ _worth(values)
    city = ledgers[:, 0] + runs[_COST].to_numpy(dtype=np.float64)
    citizens = ledgers[:, 1]
    columns = np.column_stack([city, citizens, city + citizens, ledgers[:, 2:]])
    return pd.DataFrame(columns, index=runs.index, columns=list(LEDGERS))


def _worth(values: Values) -> npt.NDArray[np.float64]:
    """Rows of services; columns city, citizens, deferred, recovered, citizen-hours, safety minutes."""
    # Revenue lost is deferred x (1 - recovered), not a difference of two sums, which rounding could make negative.
    rows = [
        (v.city + v.deferred * (1 - v.recovered), v.citizens, v.deferred, v.deferred * v.recovered, 1.0, 60 * v.safety)
        for v in values.services.values()
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 6)


def _check_fields(named: Mapping[str, float]) -> None:
    for field in named:
        if field not in ServiceValue._fields:
            hint = did_you_mean(field, ServiceValue._fields)
            raise CyberrangeError(f"the value of a service has no field {quoted(field)}.{hint}")


def _check_services(runs: pd.DataFrame, values: Values) -> None:
    if _COST not in runs:
        raise CyberrangeError(f"the runs have no column {quoted(_COST)}; they must come from cyberrange.replicate")
    played = {str(c).removeprefix(_UNSERVED) for c in runs.columns if str(c).startswith(_UNSERVED)}
    for service in values.services:
        if service not in played:
            raise CyberrangeError(f"the runs do not tell what service {quoted(service)} lost: is it of another city?")
    for service in sorted(played - values.services.keys()):
        raise CyberrangeError(f"the runs have a service {quoted(service)} that has no value: is it of another city?")
