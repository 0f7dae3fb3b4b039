"""Annual risk of a city, in each ledger, from the runs of its scenarios: new rates and values need no new run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy.typing as npt
import pandas as pd

from cyberrange.errors import CyberrangeError, did_you_mean, quoted
from cyberrange.study.risk.band import band, tail_runs
from cyberrange.study.risk.curve import Annual, compose
from cyberrange.study.risk.grid import FloatArray
from cyberrange.study.risk.pricing import LEDGER_MEASURES, LEDGERS, Values, price


@dataclass(frozen=True, eq=False)
class AnnualRisk:
    """What cyber attacks cost a city in a year.

    Parameters
    ----------
    runs
        By scenario, a row per simulated incident, as `cyberrange.replicate` returns it.
    per_year
        By scenario, the mean number of incidents a year.
    values
        What a citizen-hour of each service is worth.

    Examples
    --------
    >>> from cyberrange.study.risk.pricing import ServiceValue
    >>> runs = {"flood": pd.DataFrame({"unserved.water": [10.0, 30.0], "response_cost": [5.0, 5.0]})}
    >>> water = ServiceValue(city=2.0, citizens=3.0, deferred=0.0, recovered=1.0, safety=0.0)
    >>> risk = AnnualRisk(runs, {"flood": 0.1}, Values({"water": water}))
    >>> round(risk.annual["total"].ale, 9), round(risk.repriced(per_year={"flood": 0.2}).annual["total"].ale, 9)
    (10.5, 21.0)
    """

    runs: Mapping[str, pd.DataFrame]
    per_year: Mapping[str, float]
    values: Values

    @cached_property
    def priced(self) -> dict[str, pd.DataFrame]:
        """By scenario, what each run costs in each ledger."""
        return {scenario: price(runs, self.values) for scenario, runs in self.runs.items()}

    @cached_property
    def annual(self) -> dict[str, Annual]:
        """By ledger, the distribution of a year's loss."""
        return {ledger: compose(self.losses(ledger), self.per_year) for ledger in LEDGERS}

    def losses(self, ledger: str) -> dict[str, FloatArray]:
        """Return by scenario what each run costs in one ledger.

        Raises
        ------
        CyberrangeError
            For a ledger that does not exist.
        """
        if ledger not in LEDGERS:
            raise CyberrangeError(f"there is no ledger {quoted(ledger)}.{did_you_mean(ledger, LEDGERS)}")
        return {scenario: costs[ledger].to_numpy() for scenario, costs in self.priced.items()}

    def table(self, threshold: float | Mapping[str, float]) -> pd.DataFrame:
        """Return the figures of every ledger.

        Parameters
        ----------
        threshold
            The loss whose chance of being exceeded is asked for: by ledger, or in rupees for every ledger in rupees.

        Returns
        -------
        pandas.DataFrame
            Index `ledger`; `unit`, `ale`, `var95`, `var99`, `cvar95`, `threshold` and `chance_above` of it in a year,
            not a number where no threshold is given. Only the means of ledgers add up; VaR and CVaR do not.
        """
        rows = [
            {
                "ledger": m.name,
                "unit": m.unit,
                "ale": annual.ale,
                "var95": annual.var(0.95),
                "var99": annual.var(0.99),
                "cvar95": annual.cvar(0.95),
                "threshold": at,
                "chance_above": math.nan if math.isnan(at) else annual.chance_above(at),
            }
            for m, annual, at in zip(LEDGER_MEASURES, self.annual.values(), _thresholds(threshold), strict=True)
        ]
        return pd.DataFrame(rows).set_index("ledger")

    def band(
        self,
        ledger: str,
        *,
        seed: int,
        resamples: int = 200,
        level: float = 0.90,
        points: int | npt.ArrayLike = 101,
    ) -> pd.DataFrame:
        """Return the loss exceedance curve of a ledger with its band, as `cyberrange.study.risk.band.band`."""
        return band(self.losses(ledger), self.per_year, seed=seed, resamples=resamples, level=level, points=points)

    def tail_runs(self, ledger: str, level: float) -> float:
        """Return on how many runs the tail of a ledger rests, as `cyberrange.study.risk.band.tail_runs`."""
        losses = self.losses(ledger)
        return tail_runs(self.annual[ledger], losses, self.per_year, level)

    def repriced(self, *, per_year: Mapping[str, float] | None = None, values: Values | None = None) -> "AnnualRisk":
        """Return the risk with other rates or other values, from the same runs.

        Parameters
        ----------
        per_year
            New rates of some scenarios; the others keep theirs.
        values
            New values.
        """
        return AnnualRisk(self.runs, {**self.per_year, **(per_year or {})}, values or self.values)


def _thresholds(threshold: float | Mapping[str, float]) -> list[float]:
    """Return the threshold of each ledger."""
    if not isinstance(threshold, Mapping):
        return [threshold if m.unit == "Rs" else math.nan for m in LEDGER_MEASURES]
    for ledger in threshold:
        if ledger not in LEDGERS:
            raise CyberrangeError(f"there is no ledger {quoted(ledger)}.{did_you_mean(ledger, LEDGERS)}")
    return [threshold.get(ledger, math.nan) for ledger in LEDGERS]


# --- what controls are worth --------------------------------------------------------------------------


class Benefit(NamedTuple):
    """What a set of controls brings in a year."""

    avoided: float
    """Mean loss avoided, Rs a year."""
    net: float
    """Avoided less cost, Rs a year."""
    rosi: float | None
    """Net benefit per rupee of cost (return on security investment); none where the cost is 0."""
    payback_years: float | None
    """Years until what is avoided has paid for the first outlay; none where it never does or none was given."""


def benefit(
    base_ale: float, ale: float, cost_per_year: float, *, capex: float | None = None, opex: float = 0.0
) -> Benefit:
    """Return what a set of controls brings for its cost.

    ROSI = (avoided - cost) / cost (Sonnenreich, Albanese and Stout 2006, "Return on security investment"); simple
    payback = capex / (avoided - opex). Lead with net benefit: ROSI favours tiny projects.

    Parameters
    ----------
    base_ale, ale
        Mean loss a year without and with the controls, Rs.
    cost_per_year
        Capex as `annualised` and opex of all of them, Rs a year.
    capex
        First outlay for all of them, Rs; without it, no payback is told.
    opex
        Running cost of all of them, Rs a year.

    Raises
    ------
    CyberrangeError
        For an amount that is negative or not a number.

    Examples
    --------
    >>> benefit(100.0, 40.0, 20.0, capex=50.0, opex=10.0)
    Benefit(avoided=60.0, net=40.0, rosi=2.0, payback_years=1.0)
    >>> benefit(100.0, 40.0, 0.0).rosi is None
    True
    """
    amounts = {"base_ale": base_ale, "ale": ale, "cost_per_year": cost_per_year, "capex": capex or 0.0, "opex": opex}
    _check_amounts(amounts)
    avoided = base_ale - ale
    net = avoided - cost_per_year
    return Benefit(
        avoided=avoided,
        net=net,
        rosi=net / cost_per_year if cost_per_year > 0 else None,
        payback_years=capex / (avoided - opex) if capex is not None and avoided > opex else None,
    )


def annualised(capex: float, life_years: float, rate: float) -> float:
    """Return the equal payment a year that pays for an outlay over its life with interest (capital recovery).

    capex x rate / (1 - (1 + rate)^-life); capex / life without interest.

    Parameters
    ----------
    capex
        Outlay at the start, Rs.
    life_years
        Years that it serves, above 0.
    rate
        Interest a year, such as 0.08.

    Raises
    ------
    CyberrangeError
        For a life of 0, or a number that is negative or not a number.

    Examples
    --------
    >>> annualised(100.0, 5.0, 0.0), round(annualised(100.0, 5.0, 0.1), 2)
    (20.0, 26.38)
    """
    _check_amounts({"capex": capex, "life_years": life_years, "rate": rate})
    if life_years == 0:
        raise CyberrangeError("life_years is 0, but what is bought must serve for some time")
    # Written with expm1 and log1p, so that a tiny rate keeps its digits.
    return capex / life_years if rate == 0 else capex * rate / -math.expm1(-life_years * math.log1p(rate))


def _check_amounts(amounts: Mapping[str, float]) -> None:
    for name, amount in amounts.items():
        if not (math.isfinite(amount) and amount >= 0):
            raise CyberrangeError(f"{name} is {amount}, but must be a number of 0 or more")
